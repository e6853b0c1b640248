//! Forwarding of IPv4 packets: the switches in /proc/sys, and what they were before netns-tool turned them.
//!
//! Turning `ip_forward` on sets the switch of every interface and clears `all/accept_redirects`; turning it off
//! does the reverse, also for interfaces on which the administrator had forwarding on by itself (`inet_forward_change`
//! in net/ipv4/devinet.c). So the way back needs more than the one value.

use crate::failure::{Failure, failed};
use crate::kernel::state::State;
use crate::plan::{Cmd, Fact, Step, Undo};

/// Where the switches are.
pub const IPV4: &str = "/proc/sys/net/ipv4";

/// The room for the record in a rule's comment, in bytes: 255 less the longest lead.
const RECORD_MAX: usize = 180;

/// The switches of IPv4 forwarding, as they are or as they were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwarding {
    /// `ip_forward`: for the whole host.
    pub on: bool,
    /// `conf/all/accept_redirects`
    pub accept_redirects: bool,
    /// `conf/default/forwarding`: for interfaces to come.
    pub default: bool,
    /// The indices of the interfaces whose own switch is on, in order.
    pub interfaces: Vec<u32>,
}

impl Forwarding {
    /// What has to be remembered to come back to this, as words for a comment.
    ///
    /// # Errors
    /// Too many interfaces forward by themselves to be remembered in one comment.
    pub fn record(&self) -> Result<String, Failure> {
        if self.on {
            return Ok("ip_forward=1".to_owned());
        }
        let mut record = "ip_forward=0".to_owned();
        // Turning forwarding off sets accept_redirects, so only the other value needs to be noted.
        if !self.accept_redirects {
            record.push_str(" accept_redirects=0");
        }
        if self.default {
            record.push_str(" default=1");
        }
        if !self.interfaces.is_empty() {
            let indices: Vec<_> = self.interfaces.iter().map(u32::to_string).collect();
            record.push_str(&format!(" on={}", indices.join(",")));
        }
        if record.len() > RECORD_MAX {
            return Err(failed(format!(
                "{} interfaces forward by themselves while ip_forward is 0: too many to remember for the way back",
                self.interfaces.len()
            ))
            .hint("turn forwarding on for the whole host yourself: sysctl -w net.ipv4.ip_forward=1"));
        }
        Ok(record)
    }

    /// Reads a record back; `None` where it is not one that [`Forwarding::record`] has written, whole.
    pub fn from_record(words: &str) -> Option<Self> {
        let mut before = Self { accept_redirects: true, ..Self::default() };
        for word in words.split(' ') {
            match word.split_once('=')? {
                ("ip_forward", value) => before.on = value == "1",
                ("accept_redirects", value) => before.accept_redirects = value == "1",
                ("default", value) => before.default = value == "1",
                ("on", value) => {
                    let indices: Result<_, _> = value.split(',').map(str::parse).collect();
                    before.interfaces = indices.ok()?;
                }
                _ => return None,
            }
        }
        (before.record().ok()? == words).then_some(before)
    }

    /// Turns forwarding on for the whole host; undone, every switch is what it is now.
    pub fn turn_on(&self, host: &State) -> Step {
        let run = write("ip_forward", true);
        let after = Self::default_after_off();
        let mut undo = vec![put_back("ip_forward", false)];
        undo.extend(self.differences(&after, host).iter().map(|(path, on)| put_back(path, *on)));
        Step {
            why: "let the host forward IPv4 packets".to_owned(),
            gives: vec![fact("ip_forward", true)],
            run,
            undo,
        }
    }

    /// The steps from `now` back to this.
    pub fn restore(&self, now: &Self, host: &State) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut now = now.clone();
        if now.on && !self.on {
            steps.push(set("ip_forward", false, "stop forwarding, as it was before"));
            now = Self::default_after_off();
        }
        let differences = self.differences(&now, host);
        steps.extend(
            differences
                .into_iter()
                .map(|(path, value)| set(&path, value, "put back what turning it off changed")),
        );
        steps
    }

    /// The switches right after `ip_forward` was turned off.
    fn default_after_off() -> Self {
        Self { accept_redirects: true, ..Self::default() }
    }

    /// The switches besides `ip_forward` that have to be set to come from `now` to this. An interface that is
    /// gone needs none.
    fn differences(&self, now: &Self, host: &State) -> Vec<(String, bool)> {
        let mut differences = Vec::new();
        if self.accept_redirects != now.accept_redirects {
            differences.push(("conf/all/accept_redirects".to_owned(), self.accept_redirects));
        }
        if self.default != now.default {
            differences.push(("conf/default/forwarding".to_owned(), self.default));
        }
        let missing = self.interfaces.iter().filter(|index| !now.interfaces.contains(index));
        let names = missing.filter_map(|index| host.by_index(*index)).map(|link| &link.name);
        differences.extend(names.map(|name| (format!("conf/{name}/forwarding"), true)));
        differences
    }
}

fn digit(on: bool) -> String {
    u8::from(on).to_string()
}

fn write(path: &str, on: bool) -> Cmd {
    Cmd::Write { path: format!("{IPV4}/{path}"), value: digit(on) }
}

fn put_back(path: &str, on: bool) -> Undo {
    Undo::write(format!("{IPV4}/{path}"), digit(on))
}

fn fact(path: &str, on: bool) -> Fact {
    Fact::Value { path: format!("{IPV4}/{path}"), value: digit(on) }
}

fn set(path: &str, on: bool, why: &str) -> Step {
    Step { why: why.to_owned(), run: write(path, on), gives: vec![fact(path, on)], undo: vec![] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::state::Link;
    use crate::name::InterfaceName;

    fn host() -> State {
        let link = |index, name: &str| Link {
            index,
            name: InterfaceName::reported(name.to_owned()),
            ..Link::default()
        };
        State { links: vec![link(2, "eth0"), link(7, "wg.1")], ..State::default() }
    }

    #[test]
    fn a_record_reads_back() {
        for before in [
            Forwarding { accept_redirects: true, ..Forwarding::default() },
            Forwarding { default: true, interfaces: vec![2, 7], ..Forwarding::default() },
        ] {
            assert_eq!(Forwarding::from_record(&before.record().unwrap()), Some(before));
        }
        for crafted in [
            "no record",
            "on=1,2",
            "ip_forward=0 x=1",
            "ip_forward=0 on=3,x",
            "ip_forward=0 \"",
            "ip_forward=2",
        ] {
            assert_eq!(Forwarding::from_record(crafted), None, "{crafted}");
        }
        let many = Forwarding { interfaces: (1000..1100).collect(), ..Forwarding::default() };
        assert!(many.record().is_err());
    }

    #[test]
    fn the_way_back_sets_what_turning_it_off_changes() {
        let before = Forwarding { interfaces: vec![7, 99], ..Forwarding::default() };
        let lines: Vec<_> =
            before.turn_on(&host()).undo.iter().map(|undo| undo.run.to_string()).collect();
        assert_eq!(
            lines,
            [
                "echo 0 > /proc/sys/net/ipv4/ip_forward",
                "echo 0 > /proc/sys/net/ipv4/conf/all/accept_redirects",
                "echo 1 > /proc/sys/net/ipv4/conf/wg.1/forwarding",
            ]
        );
        let now =
            Forwarding { on: true, default: true, interfaces: vec![2, 7], accept_redirects: false };
        assert_eq!(before.restore(&now, &host()).len(), 3);
        let halfway = Forwarding { accept_redirects: true, ..Forwarding::default() };
        assert_eq!(
            before.restore(&halfway, &host()).len(),
            2,
            "an interrupted way back is finished"
        );
        assert_eq!(before.restore(&before, &host()).len(), 0);
    }
}
