//! Networks of the host that a lab would take the place of.

use super::model::Lab;
use super::way_back;
use crate::address::is_link_local;
use crate::failure::{Failure, failed};
use crate::kernel::state::{Route, State};
use crate::mark::PROTOCOL;
use ipnet::IpNet;

/// # Errors
/// The host reaches networks of the lab already, by routes that are not the lab's.
pub fn check(lab: &Lab, host: &State) -> Result<(), Failure> {
    all(lab, host).into_iter().next().map_or(Ok(()), Err)
}

/// Each network of the lab that the host reaches already.
pub fn all(lab: &Lab, host: &State) -> Vec<Failure> {
    let is_of_lab = |route: &Route| {
        let over = route.device.and_then(|index| host.by_index(index));
        let is_its = route.protocol == PROTOCOL && route.metric == lab.name.metric();
        is_its || over.is_some_and(|link| link.lab().as_ref() == Some(&lab.name))
    };
    let foreign = |route: &&Route| {
        route.to.prefix_len() > 0 && !is_link_local(&route.to) && !is_of_lab(route)
    };
    let routes: Vec<&Route> = host.routes.iter().filter(foreign).collect();
    let shown = |route: &Route| way_back::planned(route, host).to_string();
    let of_subnets = subnets(lab).filter_map(|(what, net)| {
        let overlaps = |route: &&&Route| route.to.contains(&net) || net.contains(&route.to);
        let found = shown(routes.iter().find(overlaps)?);
        let what = format!(
            "the subnet {net} of {what} is in the way of a network of the host, whose route is `{found}`"
        );
        Some(failed(what).hint("another subnet in the lab's file"))
    });
    let wanted = lab.routes.iter().filter(|route| route.at.is_none());
    let of_routes = wanted.filter_map(|wanted| {
        let found = shown(routes.iter().find(|found| found.to == wanted.to)?);
        let what = format!("the host reaches {} already: its route is `{found}`", wanted.to);
        let hint = format!("take it away, or that of lab `{}` out of its file", lab.name);
        Some(failed(what).hint(hint))
    });
    of_subnets.chain(of_routes).collect()
}

/// The subnets that the lab gives to the host, with whose they are.
fn subnets(lab: &Lab) -> impl Iterator<Item = (String, IpNet)> + '_ {
    let bridges = lab.bridges.iter().filter(|bridge| bridge.at.is_none());
    let bridges = bridges.flat_map(|bridge| {
        let name = format!("bridge `{}`", bridge.name);
        bridge.addresses.iter().map(move |net| (name.clone(), *net))
    });
    let ends = lab.links.iter().flat_map(|link| &link.ends).filter(|end| end.at.is_none());
    let ends = ends.flat_map(|end| {
        let name = format!("interface `{}`", end.name);
        end.addresses.iter().map(move |net| (name.clone(), *net))
    });
    let is_subnet =
        |(_, net): &(String, IpNet)| net.prefix_len() < net.max_prefix_len() && !is_link_local(net);
    bridges.chain(ends).filter(is_subnet).map(|(name, net)| (name, net.trunc()))
}
