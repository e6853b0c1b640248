//! A host's network as text.
//!
//! "Nothing is left" is a claim about everything that a network tool could have touched, so the
//! snapshot reads all of it: links, addresses, routes, rules, permanent neighbours, the firewall in
//! each of its forms, every file below /run and /etc/netns, every mount, the programs of labs, some 900 settings of the kernel, and all of
//! that again inside every named namespace. What moves by itself (counters, timers, lifetimes, interface
//! numbers) is left out, so that an idle host gives the same bytes each time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::read::{self, Raw};
use crate::{diff, macs, memo, programs, render, settings};

/// A link's carrier and state follow up to a second behind (the kernel's linkwatch), and so do its
/// IPv6 addresses.
const QUIET: Duration = Duration::from_millis(1300);
/// Looked at so often while that goes on: a look costs as much as a command of the tool.
const LOOKS: u32 = 4;
/// How long the kernel may take to make a host what it is to be: links go away, carriers follow and addresses come a little
/// after the command, and where many hosts are busy at once, their links wait for one another.
const PATIENCE: Duration = Duration::from_secs(20);
/// For so many looks something is waited for at least, however long each of them takes on a busy machine.
const LOOKS_AT_LEAST: u32 = 40;
/// What is awaited comes within milliseconds (a link goes away) or seconds (an IPv6 address is proved to be unique).
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(160);

/// Everything about a host's network that a tool could change, as text in named sections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    sections: BTreeMap<String, Vec<String>>,
}

impl Snapshot {
    /// Reads the host. It is the host this thread is in: call it in a private host.
    ///
    /// # Panics
    ///
    /// If the system's tools cannot be started.
    pub fn take() -> Self {
        Self::read(true)
    }

    /// Without the settings of the kernel, most of the work, it is no snapshot, but tells whether it is time for one.
    fn read(with_settings: bool) -> Self {
        let names = read::namespace_names();
        let (host, inside) = thread::scope(|scope| {
            let inside: Vec<_> = names
                .iter()
                .map(|name| {
                    let path = Path::new("/run/netns").join(name);
                    let names = &names;
                    scope.spawn(move || read::namespace_at(&path, names, with_settings))
                })
                .collect();
            let host = read::namespace(true, &names, with_settings);
            let inside: Vec<Raw> =
                inside.into_iter().map(|t| t.join().expect("read a namespace")).collect();
            (host, inside)
        });
        let mut sections = BTreeMap::new();
        sections.insert("mounts".to_owned(), read::mounts());
        sections.insert("files in /run".to_owned(), read::run_tree());
        sections.insert("files in /etc/netns".to_owned(), read::etc_netns_tree());
        sections.insert("programs".to_owned(), programs::lines(&names));
        let namespaces: Vec<(&str, &Raw)> = std::iter::once(("", &host))
            .chain(names.iter().map(String::as_str).zip(&inside))
            .collect();
        render::namespaces(&namespaces, &mut sections);
        Self { sections }
    }

    /// The same with nothing taken from what an earlier reading of the same state gave.
    ///
    /// # Panics
    ///
    /// As [`take`](Self::take).
    pub fn take_anew() -> Self {
        Self::forget();
        Self::take()
    }

    /// From now on nothing is taken from earlier readings.
    pub(crate) fn forget() {
        memo::forget();
        settings::forget();
    }

    /// Reads until nothing has changed for 1.3 seconds (at most 20 seconds), and no link's state is behind its carrier:
    /// for states to compare with. On a machine that is busy with the networks of others, for longer: there reading takes
    /// longer, and so does the kernel. It looks at all but the settings, which are most of the work and follow at once;
    /// they are read with the last look.
    pub fn settled() -> Self {
        let limit = Instant::now() + PATIENCE;
        let (mut last, mut same, mut took) = (Self::read(false), 0, Duration::ZERO);
        loop {
            thread::sleep((QUIET / LOOKS).max(3 * took));
            let start = Instant::now();
            let is_last = same + 1 >= LOOKS || start >= limit;
            let next = Self::read(is_last);
            took = start.elapsed();
            let looks = next.without_settings();
            same = if looks == last && !looks.is_behind() { same + 1 } else { 0 };
            if is_last && (same >= LOOKS || start >= limit) {
                return next;
            }
            last = looks;
        }
    }

    /// What is different in `other`, `-` for this one's lines and `+` for the other's; `None` if
    /// nothing is.
    pub fn diff(&self, other: &Self) -> Option<String> {
        let names: BTreeSet<&String> = self.sections.keys().chain(other.sections.keys()).collect();
        let mut text = String::new();
        for name in names {
            let [old, new] = [self, other].map(|s| s.section(name));
            if let Some(lines) = diff::lines(old, new) {
                text.push_str(&format!("@@ {name}\n{lines}"));
            }
        }
        (!text.is_empty()).then_some(text)
    }

    /// As [`diff`](Self::diff), for two runs of one command: hardware addresses that only one of the
    /// two has count as equal (the kernel makes new links random ones), and so do the IPv6 link-local
    /// addresses made of them.
    pub fn diff_but_random_macs(&self, other: &Self) -> Option<String> {
        let (mine, theirs) = (macs::all(&self.sections), macs::all(&other.sections));
        let hide = |snapshot: &Self, macs: BTreeSet<&String>| Self {
            sections: macs::hidden(&snapshot.sections, &macs),
        };
        hide(self, mine.difference(&theirs).collect())
            .diff(&hide(other, theirs.difference(&mine).collect()))
    }

    /// Waits until the host is as this snapshot says: links go away, and states follow, a little
    /// later than commands end.
    ///
    /// # Errors
    ///
    /// What is still different after 20 seconds.
    pub fn wait_equal(&self) -> Result<(), String> {
        self.wait(Self::diff).map(|_| ())
    }

    /// As [`wait_equal`](Self::wait_equal), by [`diff_but_random_macs`](Self::diff_but_random_macs).
    ///
    /// # Errors
    ///
    /// What is still different after 20 seconds.
    pub fn wait_equal_but_random_macs(&self) -> Result<(), String> {
        self.wait_same_but_random_macs().map(|_| ())
    }

    /// The same, and gives the snapshot that was found to be equal.
    pub(crate) fn wait_same_but_random_macs(&self) -> Result<Self, String> {
        self.wait(Self::diff_but_random_macs)
    }

    /// Waits until `compare` finds no difference, and gives the snapshot in which it found none. Until then it
    /// looks at all but the settings, which are most of the work.
    fn wait(&self, compare: impl Fn(&Self, &Self) -> Option<String>) -> Result<Self, String> {
        let start = Instant::now();
        let (mut limit, mut pause) = (start + PATIENCE, FIRST_PAUSE);
        let expected = self.without_settings();
        loop {
            let before = Instant::now();
            let is_time = compare(&expected, &Self::read(false)).is_none();
            // Where a look takes long, what is waited for does so as well.
            limit = limit.max(start + LOOKS_AT_LEAST * before.elapsed());
            let is_last = Instant::now() >= limit;
            if is_time || is_last {
                let now = Self::take();
                let Some(diff) = compare(self, &now) else { return Ok(now) };
                if is_last {
                    return Err(diff);
                }
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Whether the kernel has yet to tell some link of its carrier, whereupon it gets its IPv6 address or loses routes.
    fn is_behind(&self) -> bool {
        let links =
            self.sections.iter().filter(|(name, _)| *name == "link" || name.ends_with(": link"));
        let mut flags =
            links.flat_map(|(_, lines)| lines).filter_map(|line| line.split_once(" flags = "));
        flags.any(|(_, flags)| {
            let has = |flag| flags.trim_matches(['[', ']']).split(',').any(|found| found == flag);
            // `ip` says NO-CARRIER where a link is up and its state is not.
            has("UP") && has("LOWER_UP") == has("NO-CARRIER")
        })
    }

    fn without_settings(&self) -> Self {
        let is_other = |name: &str| name != "sysctl" && !name.ends_with(": sysctl");
        let sections = self.sections.iter().filter(|(name, _)| is_other(name));
        Self { sections: sections.map(|(name, lines)| (name.clone(), lines.clone())).collect() }
    }

    /// The lines of a section (`link`, `addr`, `route`, `iptables-save`, `sysctl`…; in a namespace
    /// `NAME: link`), for tests that ask about one thing. Empty where there is none.
    pub fn section(&self, name: &str) -> &[String] {
        self.sections.get(name).map_or(&[][..], Vec::as_slice)
    }

    /// The names of links, namespaces, files and settings that are here but not, or not so, in `other`: what
    /// a message about leftovers must name.
    pub(crate) fn objects_not_in(&self, other: &Self) -> Vec<String> {
        self.objects().difference(&other.objects()).cloned().collect()
    }

    /// The other end of a veth pair that is on the host with both ends.
    pub(crate) fn peer_of(&self, link: &str) -> Option<&str> {
        let start = format!("{link} link = ");
        self.section("link").iter().find_map(|line| line.strip_prefix(&start))
    }

    fn objects(&self) -> BTreeSet<String> {
        let first = |line: &String| line.split(' ').next().unwrap_or_default().to_owned();
        // Of a mark such as `LAB/NAMESPACE/NAME/HASH`, what a user knows.
        let program = |line: &String| Some(line.split(['/', ' ']).nth(3)?.to_owned());
        let namespaces = self
            .section("files in /run")
            .iter()
            .filter_map(|line| line.strip_prefix("/run/netns/")?.split(' ').next());
        let forwarding = self.section("sysctl").iter().any(|l| l == "net/ipv4/ip_forward = 1");
        self.section("link")
            .iter()
            .map(first)
            .chain(namespaces.map(str::to_owned))
            .chain(self.section("files in /etc/netns").iter().map(first))
            .chain(self.section("programs").iter().filter_map(program))
            .chain(forwarding.then(|| "ip_forward".to_owned()))
            .collect()
    }

    /// The names of the sections.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.sections.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::Snapshot;

    #[test]
    fn a_state_is_behind_while_it_is_not_that_of_the_carrier() {
        let is_behind = |flags: &str| {
            let lines = vec!["v0 alias = x".to_owned(), format!("v0 flags = [{flags}]")];
            Snapshot { sections: [("a: link".to_owned(), lines)].into() }.is_behind()
        };
        for (flags, expected) in [
            ("BROADCAST", false),
            ("BROADCAST,LOWER_UP,UP", false),
            ("BROADCAST,NO-CARRIER,UP", false),
            ("BROADCAST,UP", true),
            ("LOWER_UP,NO-CARRIER,UP", true),
        ] {
            assert_eq!(is_behind(flags), expected, "{flags}");
        }
    }
}
