//! The routes of a lab: in its namespaces and on the host, known by their protocol number.

use super::course::Course;
use super::model;
use super::way_back;
use crate::failure::Failure;
use crate::ip;
use crate::kernel::state::Route;
use crate::mark::PROTOCOL;
use crate::noun::where_is;
use crate::plan::{self, Place};

impl Course<'_> {
    /// As a plan makes it.
    fn planned(&self, wanted: &model::Route) -> plan::Route {
        // Those of the host are told from those of other labs by their metric.
        let metric = wanted.at.is_none().then(|| self.lab.name.metric());
        plan::Route { to: wanted.to, via: wanted.via, device: wanted.device.clone(), metric }
    }

    /// Takes away the routes of the lab that the file does not know.
    pub fn clear_routes(&mut self) {
        let places = self.lab.namespaces.iter().map(|netns| Some(netns.name.clone()));
        for at in places.chain([None]).collect::<Vec<Place>>() {
            let state = self.facts.state(&at);
            if !state.routes.iter().any(|found| self.is_of_lab(&at, found)) {
                continue;
            }
            let wanted = self.lab.routes.iter().filter(|route| route.at == at);
            let wanted: Vec<plan::Route> = wanted.map(|route| self.planned(route)).collect();
            let is_wanted = |found: &Route| {
                wanted
                    .iter()
                    .any(|route| state.is_route(found, route) || is_in_its_place(found, route))
            };
            let doomed: Vec<plan::Route> = state
                .routes
                .iter()
                .filter(|found| self.is_of_lab(&at, found) && !is_wanted(found))
                .map(|found| way_back::planned(found, state))
                .collect();
            for route in doomed {
                self.differs(object(&route, &at), "is not in the file");
                let undo = ip::put_back_route(&at, (route.clone(), PROTOCOL));
                let why = format!("take the route {route} away");
                self.step(ip::delete_route(&at, route, why).undo([undo]));
            }
        }
    }

    fn is_of_lab(&self, at: &Place, route: &Route) -> bool {
        route.protocol == PROTOCOL && (at.is_some() || route.metric == self.lab.name.metric())
    }

    pub fn route(&mut self, wanted: &model::Route) -> Result<(), Failure> {
        let at = &wanted.at;
        let route = self.planned(wanted);
        let state = self.facts.state(at);
        if state.has_route(&route) {
            return Ok(());
        }
        let old = state.routes.iter().find(|found| is_in_its_place(found, &route));
        let old = old.map(|old| (way_back::planned(old, state), old.protocol));
        let why = match wanted.to.prefix_len() {
            0 => format!("send what is for other networks to {}", target(&route)),
            _ => format!("send what is for {} to {}", wanted.to, target(&route)),
        };
        let after = Vec::from_iter(self.opened.get(at).cloned());
        let Some(old) = old else {
            self.differs(object(&route, at), "is missing");
            let step = ip::add_route(at, route.clone(), why).after(after);
            self.step_on(at, wanted.device.as_ref(), step, || ip::undo_route(at, route));
            return Ok(());
        };
        self.differs(object(&route, at), format!("is `{}`", old.0));
        self.step(ip::replace_route(at, old, route, why).after(after));
        Ok(())
    }
}

/// Whether the kernel would not add the other beside it: it has the same target and metric.
fn is_in_its_place(found: &Route, wanted: &plan::Route) -> bool {
    // Of IPv6 the kernel would make one route over several gateways of the two.
    found.to == wanted.to && found.metric == wanted.metric()
}

fn object(route: &plan::Route, at: &Place) -> String {
    format!("route `{route}`{}", where_is(at))
}

fn target(route: &plan::Route) -> String {
    match (&route.via, &route.device) {
        (Some(via), _) => via.to_string(),
        (None, Some(device)) => format!("whoever is on {device}"),
        (None, None) => "nobody".to_owned(),
    }
}
