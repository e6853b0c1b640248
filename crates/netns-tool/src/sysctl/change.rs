//! The steps that turn forwarding on for a NAT, and those that take it back.

use super::{Forwarding, Need, Scope, Standing};
use crate::failure::{Failure, failed, missing};
use crate::family::Family;
use crate::kernel::state::State;
use crate::plan::{Cmd, Fact, Step, Undo};
use std::collections::BTreeSet;

impl Forwarding {
    /// Turns on what the need names; undone, every switch is what it is now. `before` is what the NAT remembers.
    ///
    /// # Errors
    /// This kernel has no switch for it, or what is now could not be put back.
    pub fn turn_on(&self, need: &Need, before: &Self, host: &State) -> Result<Vec<Step>, Failure> {
        // A whole host that forwards because of another NAT will not do so for ever.
        if need.scope == Scope::Interface
            && !before.on
            && self.family == Family::V6
            && !self.can_force
        {
            return Err(missing(
                "this kernel forwards IPv6 for the whole host or not at all: `force_forwarding` came with Linux 6.17",
            )
            .hint("--forwarding host"));
        }
        if self.on {
            return Ok(vec![]);
        }
        match need.scope {
            Scope::Interface => {
                let off = &need.indices(host) - self.one_by_one();
                let switches = off.iter().filter_map(|index| self.switch(*index, host));
                Ok(switches.map(|(name, path)| self.turn(&name, &path)).collect())
            }
            Scope::Host if self.is_nameless => Err(self.nameless()),
            Scope::Host => {
                let deafened = self.deafened(need, host);
                let links = deafened.iter().filter_map(|index| host.by_index(*index));
                let keep = links.map(|link| keep_hearing(link.name.as_str()));
                Ok(keep.chain([self.turn_host_on(host)]).collect())
            }
        }
    }

    /// Takes back what the NATs that go have turned on and those that remain do not need. What somebody else has
    /// turned meanwhile stays, where it can be told apart. Begun and cut short, it can be finished.
    pub fn turn_off(&self, going: &[Standing], remaining: &[Standing], host: &State) -> Vec<Step> {
        let before = self.before(going.iter().chain(remaining), host);
        let is_end = going.iter().any(|nat| nat.is_host() && nat.turned().is_some())
            && !remaining.iter().any(Standing::is_host);
        let (mut now, mut steps) = (self.clone(), Vec::new());
        if is_end && self.on {
            let why = "stop forwarding, as it was before";
            steps.push(set(self.family, host_switch(self.family), false, why));
            now = Self::off(self.family);
        }
        // While the whole host forwards IPv4 nobody can tell whose an interface's switch is, and it is to be on.
        if !now.on || self.family == Family::V6 {
            let turned = going.iter().filter(|nat| nat.turned().is_some());
            let doomed = &one_by_one(turned, host) - &one_by_one(remaining, host);
            let mut wanted = now.clone();
            if is_end {
                wanted.add(&self.reset(&before));
                wanted.one_by_one_mut().extend(self.needed(remaining, host));
            }
            let kept = before.one_by_one();
            wanted.one_by_one_mut().retain(|index| !doomed.contains(index) || kept.contains(index));
            steps.extend(now.steps_to(&wanted, host));
        }
        if is_end {
            // Last: a 1 written to the switch of any interface takes away the routes over those that have 1 here, if
            // one was learned since the last such time (`RT6_TABLE_HAS_DFLT_ROUTER`).
            let deaf = &before.hearing & &self.always_hearing;
            let links = deaf.iter().filter_map(|index| host.by_index(*index));
            steps.extend(links.map(|link| hear_as_before(link.name.as_str())));
        }
        steps
    }

    /// The steps from this to what is wanted, the whole host's switch being as it shall be.
    fn steps_to(&self, wanted: &Self, host: &State) -> Vec<Step> {
        let why = "put back what turning it off changed";
        let on = wanted.differences(self, host);
        let on = on.iter().map(|(path, value)| set(self.family, path, *value, why));
        let off = self.one_by_one() - wanted.one_by_one();
        let off = off.iter().filter_map(|index| self.switch(*index, host)).map(|(name, path)| {
            let why = format!("stop forwarding for {name}, as it was before");
            set(self.family, &path, false, &why)
        });
        on.chain(off).collect()
    }

    /// What turning the whole host's switch off resets though it was on before, and nobody has turned it off since.
    fn reset(&self, before: &Self) -> Self {
        let mut reset = before.clone();
        if self.on {
            // While the whole host forwards, every switch is on that nobody has turned off.
            reset.default &= self.default;
            reset.accept_redirects |= self.accept_redirects;
            reset.interfaces = &before.interfaces & &self.interfaces;
            // `force_forwarding` does not change with it: what is on is somebody's wish.
            reset.forced = self.forced.clone();
        }
        reset
    }

    /// The interfaces for which the NATs need it one by one when the whole host stops to forward.
    fn needed(&self, remaining: &[Standing], host: &State) -> BTreeSet<u32> {
        let needed = one_by_one(remaining, host);
        match self.family {
            Family::V4 if self.on => &needed & &self.interfaces,
            Family::V6 if !self.can_force => BTreeSet::new(),
            _ => needed,
        }
    }

    fn add(&mut self, reset: &Self) {
        self.accept_redirects &= reset.accept_redirects;
        self.default |= reset.default;
        self.interfaces.extend(&reset.interfaces);
        self.forced.extend(&reset.forced);
    }

    /// Turns forwarding on for the whole host; undone, every switch is what it is now.
    fn turn_host_on(&self, host: &State) -> Step {
        let (family, switch) = (self.family, host_switch(self.family));
        Step::new(format!("let the host forward {family} packets"), write(family, switch, true))
            .gives([fact(family, switch, true)])
            .undo(self.way_back_of_host(host))
    }

    /// Turns forwarding on for one interface.
    fn turn(&self, name: &str, path: &str) -> Step {
        Step::new(
            format!("forward the {} packets that come in over {name}", self.family),
            write(self.family, path, true),
        )
        .gives([fact(self.family, path, true)])
        .undo([put_back(self.family, path, false)])
    }

    /// The switches that have to be set to come from `now`, where they are as turning the whole host's off leaves
    /// them or as this has them. An interface that is gone needs none.
    fn differences(&self, now: &Self, host: &State) -> Vec<(String, bool)> {
        let mut differences = Vec::new();
        if !self.accept_redirects && now.accept_redirects {
            differences.push(("conf/all/accept_redirects".to_owned(), false));
        }
        if self.default && !now.default {
            differences.push(("conf/default/forwarding".to_owned(), true));
        }
        for (switch, wanted, found) in [
            ("forwarding", &self.interfaces, &now.interfaces),
            ("force_forwarding", &self.forced, &now.forced),
        ] {
            let links = (wanted - found).into_iter().filter_map(|index| host.by_index(index));
            differences.extend(links.map(|link| (format!("conf/{}/{switch}", link.name), true)));
        }
        differences
    }

    /// The name of the interface, and its own switch that makes packets be forwarded.
    fn switch(&self, index: u32, host: &State) -> Option<(String, String)> {
        let switch = match self.family {
            Family::V4 => "forwarding",
            Family::V6 => "force_forwarding",
        };
        let name = host.by_index(index)?.name.to_string();
        Some((name.clone(), format!("conf/{name}/{switch}")))
    }

    /// The writes that make every switch what it is here after one, named from the folder on, was written.
    pub(super) fn way_back(&self, file: &str, host: &State) -> Vec<Undo> {
        let mut parts = file.split('/').skip(1);
        let index = parts.next().and_then(|name| host.index_of(name));
        let has = |numbers: &BTreeSet<u32>| index.is_some_and(|index| numbers.contains(&index));
        let was = match (file, parts.next()) {
            _ if file == host_switch(self.family) => return self.way_back_of_host(host),
            ("conf/all/accept_redirects", _) => self.accept_redirects,
            ("conf/default/forwarding", _) => self.default,
            (_, Some("forwarding")) => has(&self.interfaces),
            (_, Some("force_forwarding")) => has(&self.forced),
            (_, Some("accept_ra")) => {
                let value =
                    if has(&self.always_hearing) { 2 } else { u8::from(has(&self.hearing)) };
                let path = format!("{}/{file}", folder(self.family));
                return vec![Undo::write(&None, path, value.to_string())];
            }
            _ => return Vec::new(),
        };
        vec![put_back(self.family, file, was)]
    }

    /// The same for the whole host's switch, which turns others along with itself.
    fn way_back_of_host(&self, host: &State) -> Vec<Undo> {
        let switch = host_switch(self.family);
        let mut undo = vec![put_back(self.family, switch, self.on)];
        if !self.on {
            let others = self.differences(&Self::off(self.family), host).into_iter();
            undo.extend(others.map(|(path, on)| put_back(self.family, &path, on)));
            return undo;
        }
        if self.accept_redirects {
            undo.push(put_back(self.family, "conf/all/accept_redirects", true));
        }
        if !self.default {
            undo.push(put_back(self.family, "conf/default/forwarding", false));
        }
        let closed = host.links.iter().filter(|link| !self.interfaces.contains(&link.index));
        undo.extend(
            closed.map(|link| {
                put_back(self.family, &format!("conf/{}/forwarding", link.name), false)
            }),
        );
        undo
    }

    fn nameless(&self) -> Failure {
        let switch = match self.family {
            Family::V4 => "net.ipv4.ip_forward",
            Family::V6 => "net.ipv6.conf.all.forwarding",
        };
        failed(format!(
            "an interface whose name is not text forwards {} by itself, which cannot be remembered for the way back",
            self.family
        ))
        .hint(format!(
            "give it another name, or turn forwarding on for the whole host: sysctl -w {switch}=1"
        ))
    }
}

/// The interfaces that the NATs which do not need the whole host name.
fn one_by_one<'a>(nats: impl IntoIterator<Item = &'a Standing>, host: &State) -> BTreeSet<u32> {
    let nats = nats.into_iter().filter(|nat| !nat.is_host());
    nats.flat_map(|nat| nat.need.indices(host)).collect()
}

/// The folder of a family's switches.
pub fn folder(family: Family) -> &'static str {
    match family {
        Family::V4 => "/proc/sys/net/ipv4",
        Family::V6 => "/proc/sys/net/ipv6",
    }
}

/// The whole host's switch, from the folder on.
pub fn host_switch(family: Family) -> &'static str {
    match family {
        Family::V4 => "ip_forward",
        Family::V6 => "conf/all/forwarding",
    }
}

/// The whole host's switch that turns the switch of this path along with itself.
pub fn switch_over(path: &str) -> Option<String> {
    let turned = ["/forwarding", "/force_forwarding", "/all/accept_redirects"];
    let family = Family::BOTH.into_iter().find(|family| path.starts_with(folder(*family)))?;
    let over = format!("{}/{}", folder(family), host_switch(family));
    (turned.iter().any(|end| path.ends_with(end)) && path != over).then_some(over)
}

/// `accept_ra` 2: routers are heard also while the interface forwards (`ipv6_accept_ra` in include/net/ipv6.h), and
/// what they said is kept when forwarding is turned on (`rt6_purge_dflt_routers` in net/ipv6/route.c).
fn keep_hearing(name: &str) -> Step {
    let path = format!("{}/conf/{name}/accept_ra", folder(Family::V6));
    Step::new(
        format!("keep the routes that routers advertise on {name} while the host forwards"),
        Cmd::Write { netns: None, path: path.clone(), value: "2".to_owned() },
    )
    .gives([Fact::Value { at: None, path: path.clone(), value: "2".to_owned() }])
    .undo([Undo::write(&None, path, "1".to_owned())])
}

fn hear_as_before(name: &str) -> Step {
    let why = format!("hear the routers on {name} as before");
    set(Family::V6, &format!("conf/{name}/accept_ra"), true, &why)
}

fn digit(on: bool) -> String {
    u8::from(on).to_string()
}

pub(super) fn write(family: Family, path: &str, on: bool) -> Cmd {
    Cmd::Write { netns: None, path: format!("{}/{path}", folder(family)), value: digit(on) }
}

pub(super) fn put_back(family: Family, path: &str, on: bool) -> Undo {
    Undo::write(&None, format!("{}/{path}", folder(family)), digit(on))
}

pub(super) fn fact(family: Family, path: &str, on: bool) -> Fact {
    Fact::Value { at: None, path: format!("{}/{path}", folder(family)), value: digit(on) }
}

fn set(family: Family, path: &str, on: bool, why: &str) -> Step {
    Step::new(why.to_owned(), write(family, path, on)).gives([fact(family, path, on)])
}
