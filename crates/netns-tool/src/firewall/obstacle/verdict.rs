//! The walk of a packet through chains, in the logic of yes, no and unknown.

use std::collections::HashMap;
use std::ops::Not;

/// How deep jumps are followed; the kernel lets nft's be 16 deep.
const DEPTH_MAX: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    No,
    Unknown,
    Yes,
}

impl Truth {
    pub fn of(is: Option<bool>) -> Self {
        is.map_or(Self::Unknown, Self::from)
    }

    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Unknown,
        }
    }

    pub fn or(self, other: Self) -> Self {
        !(!self).and(!other)
    }

    pub fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        truths.into_iter().fold(Self::Yes, Self::and)
    }

    pub fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        truths.into_iter().fold(Self::No, Self::or)
    }
}

impl From<bool> for Truth {
    fn from(is: bool) -> Self {
        if is { Self::Yes } else { Self::No }
    }
}

impl Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
            Self::Yes => Self::No,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Let through, or handed to somebody who may let it through.
    Accept,
    /// Dropped or rejected.
    Drop,
    Return,
    Continue,
    Jump(String),
    Goto(String),
}

/// A rule, as far as the packet is concerned.
#[derive(Clone, Debug)]
pub struct Rule<T> {
    pub applies: Truth,
    pub verdict: Verdict,
    /// The rule as it was found.
    pub text: T,
}

pub type Chains<T> = HashMap<String, Vec<Rule<T>>>;

/// The chains that a packet may come to from this one, each read once. `None` is what there is no such chain for.
pub fn reachable<T>(from: &str, read: impl Fn(&str) -> Option<Vec<Rule<T>>>) -> Chains<T> {
    let mut chains = Chains::new();
    let mut ahead = vec![from.to_owned()];
    while let Some(name) = ahead.pop() {
        if chains.contains_key(&name) {
            continue;
        }
        let Some(rules) = read(&name) else { continue };
        let to = rules.iter().filter(|rule| rule.applies != Truth::No);
        ahead.extend(to.filter_map(|rule| match &rule.verdict {
            Verdict::Jump(to) | Verdict::Goto(to) => Some(to.clone()),
            _ => None,
        }));
        chains.insert(name, rules);
    }
    chains
}

/// What becomes of a packet that has come into a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate<'c, T> {
    /// It is not certain that it is dropped.
    MayPass,
    /// It comes out at the end, unless it was dropped.
    ComesOut,
    /// It is dropped: by this rule of this chain, if it gets that far.
    IsDropped { chain: &'c str, rule: T },
}

/// A walk through chains; what becomes of the packet in each is worked out once.
pub struct Walk<'c, T> {
    chains: &'c Chains<T>,
    fates: HashMap<&'c str, Fate<'c, T>>,
}

impl<'c, T: Copy> Walk<'c, T> {
    pub fn new(chains: &'c Chains<T>) -> Self {
        Self { chains, fates: HashMap::new() }
    }

    pub fn fate(&mut self, chain: &str) -> Fate<'c, T> {
        self.fate_at(chain, 0)
    }

    fn fate_at(&mut self, chain: &str, depth: usize) -> Fate<'c, T> {
        // A chain that is not there is a target that we know nothing of.
        let Some((name, rules)) = self.chains.get_key_value(chain) else { return Fate::MayPass };
        if let Some(known) = self.fates.get(name.as_str()) {
            return *known;
        }
        if depth == DEPTH_MAX {
            return Fate::MayPass;
        }
        // What a loop comes to, of which the kernel lets none be made.
        self.fates.insert(name, Fate::MayPass);
        let fate = self.run(name, rules, depth);
        self.fates.insert(name, fate);
        fate
    }

    fn run(&mut self, chain: &'c str, rules: &'c [Rule<T>], depth: usize) -> Fate<'c, T> {
        let mut may_have_come_out = false;
        for rule in rules.iter().filter(|rule| rule.applies != Truth::No) {
            let fate = match &rule.verdict {
                Verdict::Accept => Fate::MayPass,
                Verdict::Drop => Fate::IsDropped { chain, rule: rule.text },
                Verdict::Return => Fate::ComesOut,
                Verdict::Continue => continue,
                Verdict::Jump(to) => match self.fate_at(to, depth + 1) {
                    Fate::ComesOut => continue,
                    fate => fate,
                },
                Verdict::Goto(to) => self.fate_at(to, depth + 1),
            };
            match (fate, rule.applies) {
                (Fate::MayPass, _) => return Fate::MayPass,
                (_, Truth::Yes) if may_have_come_out => return Fate::ComesOut,
                (fate, Truth::Yes) => return fate,
                // Dropped, or it goes on.
                (Fate::IsDropped { .. }, _) => {}
                (Fate::ComesOut, _) => may_have_come_out = true,
            }
        }
        Fate::ComesOut
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Truth::{No, Unknown, Yes};
    use Verdict::{Accept, Continue, Drop, Goto, Jump, Return};

    /// What becomes of a packet in `base`; the numbers are those of the rules.
    fn fate(chains: &[(&str, &[(Truth, Verdict)])]) -> Fate<'static, usize> {
        let chains: Chains<usize> = chains
            .iter()
            .map(|(name, rules)| {
                let rule = |(text, (applies, verdict)): (usize, &(Truth, Verdict))| Rule {
                    applies: *applies,
                    verdict: verdict.clone(),
                    text,
                };
                ((*name).to_owned(), rules.iter().enumerate().map(rule).collect())
            })
            .collect();
        match Walk::new(&chains).fate("base") {
            Fate::IsDropped { rule, .. } => Fate::IsDropped { chain: "", rule },
            Fate::MayPass => Fate::MayPass,
            Fate::ComesOut => Fate::ComesOut,
        }
    }

    fn dropped(rule: usize) -> Fate<'static, usize> {
        Fate::IsDropped { chain: "", rule }
    }

    #[test]
    fn the_first_certain_verdict_counts() {
        assert_eq!(fate(&[("base", &[(Yes, Drop), (Yes, Accept)])]), dropped(0));
        assert_eq!(fate(&[("base", &[(Yes, Accept), (Yes, Drop)])]), Fate::MayPass);
        assert_eq!(fate(&[("base", &[(No, Accept), (Yes, Continue), (Yes, Drop)])]), dropped(2));
        assert_eq!(fate(&[("base", &[(Unknown, Accept), (Yes, Drop)])]), Fate::MayPass);
        assert_eq!(fate(&[("base", &[(Unknown, Drop), (Yes, Drop)])]), dropped(1));
        assert_eq!(fate(&[("base", &[(Unknown, Drop)])]), Fate::ComesOut);
        assert_eq!(fate(&[("base", &[(Unknown, Drop), (Yes, Accept)])]), Fate::MayPass);
    }

    #[test]
    fn jumps_come_back_and_gotos_do_not() {
        let jump = || Jump("sub".to_owned());
        let goto = || Goto("sub".to_owned());
        let of = |first: (Truth, Verdict), sub: &[(Truth, Verdict)]| {
            fate(&[("base", &[first, (Yes, Drop)]), ("sub", sub)])
        };
        assert_eq!(of((Yes, jump()), &[]), dropped(1));
        assert_eq!(of((Yes, jump()), &[(Yes, Return), (Yes, Accept)]), dropped(1));
        assert_eq!(of((Yes, jump()), &[(Unknown, Return), (Yes, Accept)]), Fate::MayPass);
        assert_eq!(of((Yes, goto()), &[]), Fate::ComesOut);
        assert_eq!(of((Yes, goto()), &[(Yes, Drop)]), dropped(0));
        assert_eq!(of((Unknown, goto()), &[]), Fate::ComesOut, "it may have come out before");
        assert_eq!(of((Unknown, goto()), &[(Yes, Drop)]), dropped(1));
        assert_eq!(of((Unknown, goto()), &[(Yes, Accept)]), Fate::MayPass);
        assert_eq!(of((Unknown, Return), &[]), Fate::ComesOut);
        assert_eq!(of((Yes, Jump("nowhere".to_owned())), &[]), Fate::MayPass);
    }

    #[test]
    fn loops_and_depths_end() {
        assert_eq!(
            fate(&[("base", &[(Yes, Jump("base".to_owned())), (Yes, Drop)])]),
            Fate::MayPass
        );
        let names: Vec<String> = (0..10_000).map(|number| format!("c{number}")).collect();
        let chains: Chains<usize> = (0..10_000)
            .map(|number| {
                let verdict = Jump(format!("c{}", number + 1));
                (names[number].clone(), vec![Rule { applies: Yes, verdict, text: number }])
            })
            .collect();
        assert_eq!(Walk::new(&chains).fate("c0"), Fate::MayPass);
    }
}
