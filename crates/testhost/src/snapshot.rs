//! A host's network as text.
//!
//! "Nothing is left" is a claim about everything that a network tool could have touched, so the
//! snapshot reads all of it: links, addresses, routes, rules, permanent neighbours, the firewall in
//! each of its forms, every file below /run and /etc/netns, every mount, some 900 settings of the kernel, and all of
//! that again inside every named namespace. What moves by itself (counters, timers, lifetimes, interface
//! numbers) is left out, so that an idle host gives the same bytes each time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::read::{self, Raw};
use crate::{diff, macs, render};

/// A link's carrier and state follow up to a second behind (the kernel's linkwatch), and so do its
/// IPv6 addresses.
const QUIET: Duration = Duration::from_millis(1300);
const POLL: Duration = Duration::from_millis(10);

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
        let names = read::namespace_names();
        let (host, inside) = thread::scope(|scope| {
            let inside: Vec<_> = names
                .iter()
                .map(|name| {
                    let path = Path::new("/run/netns").join(name);
                    scope.spawn(move || read::namespace_at(&path))
                })
                .collect();
            let host = read::namespace(true);
            let inside: Vec<Raw> =
                inside.into_iter().map(|t| t.join().expect("read a namespace")).collect();
            (host, inside)
        });
        let mut sections = BTreeMap::new();
        sections.insert("mounts".to_owned(), read::mounts());
        sections.insert("files in /run".to_owned(), read::run_tree());
        sections.insert("files in /etc/netns".to_owned(), read::etc_netns_tree());
        let namespaces: Vec<(&str, &Raw)> = std::iter::once(("", &host))
            .chain(names.iter().map(String::as_str).zip(&inside))
            .collect();
        render::namespaces(&namespaces, &mut sections);
        Self { sections }
    }

    /// Reads until nothing has changed for 1.3 seconds (at most 20 seconds): for states to compare with.
    pub fn settled() -> Self {
        let limit = Instant::now() + Duration::from_secs(20);
        let (mut last, mut since) = (Self::take(), Instant::now());
        while since.elapsed() < QUIET && Instant::now() < limit {
            thread::sleep(10 * POLL);
            let next = Self::take();
            if next != last {
                (last, since) = (next, Instant::now());
            }
        }
        last
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
    /// What is still different after `timeout`.
    pub fn wait_equal(&self, timeout: Duration) -> Result<(), String> {
        wait(timeout, || self.diff(&Self::take()))
    }

    /// As [`wait_equal`](Self::wait_equal), by [`diff_but_random_macs`](Self::diff_but_random_macs).
    ///
    /// # Errors
    ///
    /// What is still different after `timeout`.
    pub fn wait_equal_but_random_macs(&self, timeout: Duration) -> Result<(), String> {
        wait(timeout, || self.diff_but_random_macs(&Self::take()))
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
            .chain(forwarding.then(|| "ip_forward".to_owned()))
            .collect()
    }

    /// The names of the sections.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.sections.keys().map(String::as_str)
    }
}

fn wait(timeout: Duration, differs: impl Fn() -> Option<String>) -> Result<(), String> {
    let limit = Instant::now() + timeout;
    loop {
        match differs() {
            None => return Ok(()),
            Some(diff) if Instant::now() >= limit => return Err(diff),
            Some(_) => thread::sleep(POLL),
        }
    }
}
