//! Whether programs have taken datagrams that came to their place, by what the kernel counts there.

use crate::kernel::ground::Arrivals;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    All,
    /// All, but others sent some in the quiet moment, or what others sent may make up for what of several was lost.
    Likely,
    /// Of several questions, those of one were taken and those of another were not, or nobody can tell.
    Some,
    /// Others sent too many.
    Unclear,
    No,
}

/// What came to the programs at a port.
#[derive(Clone, Copy, Debug, Default)]
pub struct Growth {
    /// In a moment when nothing was sent.
    noise: Arrivals,
    /// When the datagrams were.
    burst: Arrivals,
    /// What the program took then had waited before, at least some of it.
    is_drained: bool,
}

impl Growth {
    /// Before the quiet moment, after it, and after the datagrams.
    pub fn new(before: Arrivals, then: Arrivals, after: Arrivals) -> Self {
        let is_drained = after.waiting < then.waiting;
        Self { noise: then.since(before), burst: after.since(then), is_drained }
    }

    fn is_waiting(&self) -> bool {
        stands_out(self.burst.waiting, self.noise.waiting)
    }

    fn is_refused(&self) -> bool {
        stands_out(self.burst.refused, self.noise.refused)
    }
}

fn stands_out(growth: u64, noise: u64) -> bool {
    growth > 2 * noise
}

/// Whether so many datagrams of each question that have come to a place were taken by the programs at their ports. What
/// happens to one of a question happens to all of it.
pub fn is_taken(come: &[usize], ports: &[Growth]) -> Taken {
    let come: Vec<u64> = come.iter().map(|come| *come as u64).filter(|come| *come > 0).collect();
    let (Some(least), Some(any)) = (come.iter().min().copied(), ports.first()) else {
        return Taken::No;
    };
    let all: u64 = come.iter().sum();
    if come.len() == 1 {
        let is_of_port =
            |port: &Growth| port.is_waiting() || (port.is_refused() && port.burst.refused >= all);
        if ports.iter().any(is_of_port) {
            return Taken::All;
        }
    } else if ports.iter().any(|port| port.is_waiting() || port.is_refused()) {
        return Taken::Some;
    }
    // Of these the counter is that of the whole place.
    let (noise, growth) = (any.noise.taken, any.burst.taken);
    if 2 * noise >= least || ports.iter().any(|port| port.is_drained) {
        return Taken::Unclear;
    }
    match growth {
        growth if growth < least => Taken::No,
        growth if growth < all => Taken::Some,
        growth if growth >= all + least / 2 + 2 * noise => Taken::Unclear,
        _ if noise == 0 && come.len() == 1 => Taken::All,
        _ => Taken::Likely,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(taken: u64, waiting: u64, refused: u64) -> Arrivals {
        Arrivals { taken, waiting, refused }
    }

    #[test]
    fn datagrams_of_others_are_not_taken_for_ours() {
        for (noise, burst, expected) in [
            (of(0, 0, 0), of(8, 0, 0), Taken::All),
            (of(0, 0, 0), of(7, 0, 0), Taken::No),
            (of(0, 0, 0), of(20, 0, 0), Taken::Unclear),
            (of(2, 0, 0), of(10, 0, 0), Taken::Likely),
            (of(2, 0, 0), of(2, 0, 0), Taken::No),
            (of(4, 0, 0), of(12, 0, 0), Taken::Unclear),
            (of(4, 0, 0), of(4, 6144, 0), Taken::All),
            (of(0, 768, 0), of(0, 768, 0), Taken::No),
            (of(0, 0, 0), of(0, 0, 8), Taken::All),
            (of(0, 0, 1), of(0, 0, 1), Taken::No),
        ] {
            let growth = Growth { noise, burst, is_drained: false };
            assert_eq!(is_taken(&[8], &[growth]), expected, "{noise:?} {burst:?}");
            assert_eq!(is_taken(&[0], &[growth]), Taken::No);
            assert_eq!(is_taken(&[0, 8], &[growth]), expected, "one alone has come");
        }
    }

    #[test]
    fn of_several_questions_all_are_taken_or_none_or_it_is_not_known_which() {
        for (burst, expected) in [
            (of(24, 0, 0), Taken::Likely),
            (of(16, 0, 0), Taken::Some),
            (of(8, 0, 0), Taken::Some),
            (of(7, 0, 0), Taken::No),
            (of(0, 0, 0), Taken::No),
            (of(28, 0, 0), Taken::Unclear),
            (of(0, 18432, 0), Taken::Some),
            (of(0, 0, 24), Taken::Some),
        ] {
            let growth = Growth { noise: of(0, 0, 0), burst, is_drained: false };
            assert_eq!(is_taken(&[8, 0, 8, 8], &[growth, growth]), expected, "{burst:?}");
        }
    }

    #[test]
    fn what_has_waited_is_not_taken_for_what_was_sent() {
        let (before, after) = (of(0, 6144, 0), of(8, 0, 0));
        assert_eq!(is_taken(&[8], &[Growth::new(before, before, after)]), Taken::Unclear);
    }
}
