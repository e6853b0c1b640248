//! Who reaches whom by ping.

use super::judge::UNWANTED;
use super::missing::Missing;
use super::name;
use crate::color::{Color, paint};
use crate::lab::model::{Lab, Question};
use crate::path::Reason;
use crate::plan::Place;
use crate::probe::{Outcome, Probe};
use std::net::IpAddr;

/// The mark where a place meets itself.
const SELF: &str = ".";

/// What stands in a cell, and what it means.
const MARKS: [(&str, Option<Color>, &str); 6] = [
    (SELF, None, "itself"),
    (REACHED, Some(Color::Green), "reached"),
    (LOST, Some(Color::Red), "not reached"),
    (IPV4_ALONE, Some(Color::Yellow), "reached over IPv4 alone, not over IPv6"),
    (IPV6_ALONE, Some(Color::Yellow), "reached over IPv6 alone, not over IPv4"),
    (NOT_ASKED, Some(Color::Red), "could not be asked"),
];

const REACHED: &str = "ok";
const LOST: &str = "--";
const IPV4_ALONE: &str = "4";
const IPV6_ALONE: &str = "6";
const NOT_ASKED: &str = "?";

/// A way, of one family.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The numbers of the places.
    pub from: usize,
    pub to: usize,
    ends: [Place; 2],
    pub ip: IpAddr,
}

pub struct Matrix {
    /// Those that have an address.
    pub names: Vec<String>,
    pub nameless: Vec<String>,
    /// Those that should be there and are not, and what to type to have them.
    missing: (Vec<String>, String),
    pub pairs: Vec<(Pair, Outcome)>,
}

fn places(lab: &Lab) -> (Vec<Place>, Vec<Place>) {
    let all =
        std::iter::once(None).chain(lab.namespaces.iter().map(|netns| Some(netns.name.clone())));
    let has_address =
        |at: &Place| [true, false].iter().any(|of| lab.whereabouts.has_family(at, *of));
    let (with, without): (Vec<_>, Vec<_>) = all.partition(has_address);
    // A host that the lab does not touch is not missed in it.
    (with, without.into_iter().filter(Option::is_some).collect())
}

/// All ways from each place to each other, by the families that both have.
pub fn pairs(lab: &Lab) -> Vec<Pair> {
    let (places, _) = places(lab);
    let mut pairs = Vec::new();
    for (from, place) in places.iter().enumerate() {
        for (to, other) in places.iter().enumerate().filter(|(to, _)| *to != from) {
            let ips = lab.whereabouts.meant(place, other);
            let common = ips.filter(|ip| lab.whereabouts.has_family(place, ip.is_ipv4()));
            let ends = [place.clone(), other.clone()];
            pairs.extend(common.map(|ip| Pair { from, to, ends: ends.clone(), ip }));
        }
    }
    pairs
}

impl Pair {
    /// What is to be asked.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn question(&self, missing: &Missing) -> Result<Probe, Reason> {
        let [from, to] = &self.ends;
        if let Some(reason) = missing.between(from, Some(to)) {
            return Err(reason);
        }
        let (from, to, question) = (from.clone(), self.ip, Question::Ping);
        Ok(Probe { from, to, question, patience: UNWANTED })
    }
}

impl Matrix {
    pub fn new(lab: &Lab, pairs: Vec<Pair>, outcomes: Vec<Outcome>, missing: &Missing) -> Self {
        let (with, without) = places(lab);
        let names = |places: Vec<Place>| places.iter().map(|at| name(at).to_owned()).collect();
        let pairs = pairs.into_iter().zip(outcomes).collect();
        let missing = (missing.names(), missing.cure());
        Self { names: names(with), nameless: names(without), missing, pairs }
    }

    /// As a table whose columns have the numbers of its rows: names of any length fit.
    pub fn table(&self, is_colored: bool) -> String {
        let count = self.names.len();
        let mut cells = vec![vec![Cell::default(); count]; count];
        for (pair, outcome) in &self.pairs {
            cells[pair.from][pair.to].note(pair.ip.is_ipv4(), outcome);
        }
        let digits = count.to_string().len();
        let head = "from \\ to";
        let widths = self.names.iter().map(|name| name.chars().count());
        let width = widths.max().unwrap_or_default().max(head.len());
        let column = digits.max(2);
        let heads: String = (1..=count).map(|number| format!(" {number:>column$}")).collect();
        let mut text = format!("{:>digits$}  {head:width$} {heads}\n", "");
        for (from, name) in self.names.iter().enumerate() {
            let row = (0..count).map(|to| {
                let mark = if from == to { SELF } else { cells[from][to].mark() };
                let color = MARKS.iter().find_map(|(of, color, _)| color.filter(|_| *of == mark));
                paint(&format!(" {mark:>column$}"), color, is_colored)
            });
            let row: String = row.collect();
            let line = format!("{:>digits$}  {name:width$} {row}", from + 1);
            text += line.trim_end();
            text.push('\n');
        }
        text + &self.legend(&cells) + &summary(&cells)
    }

    fn legend(&self, cells: &[Vec<Cell>]) -> String {
        let marks: Vec<&str> = cells.iter().flatten().map(Cell::mark).chain([SELF]).collect();
        let known = MARKS.iter().filter(|(mark, ..)| marks.contains(mark));
        let known: Vec<String> =
            known.map(|(mark, _, meaning)| format!("{mark} {meaning}")).collect();
        let mut text = format!("{}\n", known.join("; "));
        if !self.nameless.is_empty() {
            text += &format!("without an address: {}\n", self.nameless.join(", "));
        }
        let (missing, cure) = &self.missing;
        if !missing.is_empty() {
            text += &format!("missing: {} ({cure})\n", missing.join(", "));
        }
        text
    }
}

/// How many get through.
fn summary(cells: &[Vec<Cell>]) -> String {
    let count = |is_it: fn(&str) -> bool| {
        cells.iter().flatten().map(Cell::mark).filter(|mark| is_it(mark)).count()
    };
    let all = count(|mark| !mark.is_empty());
    let half = count(|mark| [IPV4_ALONE, IPV6_ALONE].contains(&mark));
    let mut rest = String::new();
    if half > 0 {
        rest += &format!(", {half} over one family alone");
    }
    let not_asked = count(|mark| mark == NOT_ASKED);
    if not_asked > 0 {
        rest += &format!(", {not_asked} could not be asked");
    }
    match count(|mark| mark == REACHED) {
        whole if whole == all => format!("All {all} ways get through\n"),
        whole => format!("{} of {all} ways get through{rest}\n", whole + half),
    }
}

/// Which families were tried, and which reached the other.
#[derive(Clone, Copy, Default)]
struct Cell {
    ipv4: Option<bool>,
    ipv6: Option<bool>,
    is_impossible: bool,
}

impl Cell {
    fn note(&mut self, is_ipv4: bool, outcome: &Outcome) {
        let family = if is_ipv4 { &mut self.ipv4 } else { &mut self.ipv6 };
        *family = Some(outcome.is_answer());
        self.is_impossible |= matches!(outcome, Outcome::NotAsked(_));
    }

    fn mark(&self) -> &'static str {
        match (self.ipv4, self.ipv6) {
            (Some(true), Some(false)) => IPV4_ALONE,
            (Some(false), Some(true)) => IPV6_ALONE,
            (Some(true), _) | (_, Some(true)) => REACHED,
            _ if self.is_impossible => NOT_ASKED,
            (Some(false), _) | (_, Some(false)) => LOST,
            (None, None) => "",
        }
    }
}
