//! What is expected: names looked up, and each way written out that a name stands for.

use super::draft::{Draft, Spot};
use super::problem::{At, Problem, Problems, meant, shown};
use super::raw::{Expect, HOST};
use crate::lab::model::{Expectation, Target};
use crate::lab::whereabouts::Whereabouts;
use std::net::IpAddr;

/// How many ways all expectations of a lab can have together.
const WAYS_MAX: usize = 20_000;

struct Reader<'d> {
    draft: &'d Draft<'d>,
    all: &'d Whereabouts<Spot>,
}

/// Who is meant by a word.
enum Meant {
    Place(Spot),
    Address(IpAddr),
}

pub fn expectations(
    draft: &Draft,
    all: &Whereabouts<Spot>,
    problems: &mut Problems,
) -> Vec<Expectation> {
    let reader = Reader { draft, all };
    let mut found = Vec::new();
    for expect in &draft.file.expects {
        let from = reader.find_all(&expect.from, problems);
        let to = reader.find_all(&expect.to, problems);
        if found.len() + from.len() * to.len() > WAYS_MAX {
            let message = format!("{} ways are too many", from.len() * to.len());
            let label = format!("a lab can have {WAYS_MAX} expectations");
            problems.add(Problem::new(&expect.span, message).label(label));
            break;
        }
        let is_one = from.len() == 1 && to.len() == 1;
        for (at, from) in &from {
            let Meant::Place(from) = from else {
                let message = format!("nobody can ask from the address `{}`", shown(&at.value));
                let label = "name the namespace that has it, or \"host\"";
                problems.add(Problem::new(&at.span, message).label(label));
                continue;
            };
            for (name, to) in &to {
                found.extend(reader.ways(expect, *from, (name, to), is_one, problems));
            }
        }
    }
    found
}

impl<'d> Reader<'d> {
    fn find_all<'n>(
        &self,
        names: &'n [At<String>],
        problems: &mut Problems,
    ) -> Vec<(&'n At<String>, Meant)> {
        names.iter().flat_map(|name| self.find(name, problems)).collect()
    }

    fn find<'n>(
        &self,
        name: &'n At<String>,
        problems: &mut Problems,
    ) -> Vec<(&'n At<String>, Meant)> {
        if let Ok(ip) = name.value.parse() {
            return vec![(name, Meant::Address(ip))];
        }
        if name.value != HOST {
            if self.draft.names_nobody(&name.value) && !problems.is_told(&name.span) {
                let known = self.draft.namespaces.iter().map(|netns| netns.given.as_str());
                let known = known.chain([HOST]);
                let message = format!("there is no namespace `{}`", shown(&name.value));
                let label = meant(&name.value, known, "", problems);
                problems.add(Problem::new(&name.span, message).label(label));
                return Vec::new();
            }
            let found = self.draft.find_namespaces(name, problems).into_iter();
            return found.map(|index| (name, Meant::Place(Some(index)))).collect();
        }
        vec![(name, Meant::Place(None))]
    }

    /// One for each family.
    fn ways(
        &self,
        expect: &Expect,
        from: Spot,
        (name, to): (&At<String>, &Meant),
        is_one: bool,
        problems: &mut Problems,
    ) -> Vec<Expectation> {
        let is_wanted = |ip: &IpAddr| {
            expect.is_ipv4.as_ref().is_none_or(|is_ipv4| ip.is_ipv4() == is_ipv4.value)
        };
        let addresses: Vec<IpAddr> = match to {
            Meant::Address(ip) => vec![*ip],
            // Of a group each asks all others.
            Meant::Place(to) if *to == from && !is_one => return Vec::new(),
            Meant::Place(to) if *to == from => {
                let label = "its own address says so: to = \"127.0.0.1\"";
                let message = format!("`{}` cannot ask itself by its name", shown(&name.value));
                problems.add(Problem::new(&name.span, message).label(label));
                return Vec::new();
            }
            Meant::Place(to) => {
                let is_common = |ip: &IpAddr| {
                    expect.is_ipv4.is_some() || self.all.has_family(&from, ip.is_ipv4())
                };
                self.all.meant(&from, to).filter(is_common).collect()
            }
        };
        let ips: Vec<IpAddr> = addresses.into_iter().filter(is_wanted).collect();
        if ips.is_empty() {
            self.add_no_address(expect, from, (name, to), problems);
        }
        check_source(expect, &ips, problems);
        ips.into_iter().map(|ip| self.way(expect, from, to, ip, problems)).collect()
    }

    fn way(
        &self,
        expect: &Expect,
        from: Spot,
        to: &Meant,
        ip: IpAddr,
        problems: &Problems,
    ) -> Expectation {
        let owner = match to {
            Meant::Place(to) => Some(*to),
            Meant::Address(_) if ip.is_loopback() => Some(from),
            Meant::Address(_) => self.all.owner(ip).copied(),
        };
        Expectation {
            line: problems.line(&expect.span),
            from: self.draft.place(from),
            to: Target { ip, at: owner.map(|at| self.draft.place(at)) },
            question: expect.question.clone(),
            is_reachable: expect.is_reachable,
            max_rtt: expect.max_rtt,
            source: expect.source.as_ref().map(|source| source.value),
        }
    }

    fn add_no_address(
        &self,
        expect: &Expect,
        from: Spot,
        (name, to): (&At<String>, &Meant),
        problems: &mut Problems,
    ) {
        let shown = shown(&name.value);
        let is_faulty = |at: Spot| {
            at.map_or(self.draft.file.has_faulty_links, |index| self.draft.is_faulty(index))
        };
        match (to, &expect.is_ipv4) {
            (Meant::Place(to), _) if is_faulty(*to) || is_faulty(from) => {}
            (Meant::Address(_), Some(family)) => {
                let message = format!("`{shown}` is not {}", family_name(family.value));
                problems.add(Problem::new(&family.span, message).beside(&name.span, ""));
            }
            (Meant::Place(_), Some(family)) => {
                let message = format!("`{shown}` has no {} address", family_name(family.value));
                problems.add(Problem::new(&family.span, message).beside(&name.span, ""));
            }
            (Meant::Place(to), None) => {
                let has = |at: &Spot| [true, false].iter().any(|of| self.all.has_family(at, *of));
                let message = if has(to) && has(&from) {
                    format!("`{shown}` has no address of a family that who asks has too")
                } else if has(to) {
                    "who asks has no address".to_owned()
                } else {
                    format!("`{shown}` has no address in this file")
                };
                let label = "an address says which: to = \"10.0.0.9\"";
                problems.add(Problem::new(&name.span, message).label(label));
            }
            (Meant::Address(_), None) => {}
        }
    }
}

fn family_name(is_ipv4: bool) -> &'static str {
    if is_ipv4 { "IPv4" } else { "IPv6" }
}

/// Who asks over a family is seen with an address of the same.
fn check_source(expect: &Expect, ips: &[IpAddr], problems: &mut Problems) {
    let Some(source) = &expect.source else { return };
    if ips.iter().any(|ip| ip.is_ipv4() != source.value.is_ipv4()) {
        let family = if source.value.is_ipv4() { 4 } else { 6 };
        let message = format!("`{}` cannot be who asks over the other family", source.value);
        let label = format!("with `family = {family}` only that one is asked");
        problems.add(Problem::new(&source.span, message).label(label));
    }
}
