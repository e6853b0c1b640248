//! What has dropped a packet, as far as the counters tell.

use super::Reason;
use super::loss::{Kind, Loss, Uncounted};
use super::words::{in_place, run};
use crate::firewall::obstacle::suspects::Suspect;

/// What may drop a packet, read at four times.
pub struct Moves {
    /// Twice while nothing was asked.
    pub quiet: [Vec<Suspect>; 2],
    /// Before and after the packet was sent again; `None`: it was not.
    pub before: Option<Vec<Suspect>>,
    pub after: Vec<Suspect>,
    /// How often it was sent.
    pub copies: u64,
}

impl Moves {
    /// By how much a counter has grown: in the quiet moment, and with the packets.
    fn growth(&self, index: usize, now: &Suspect, kind: Kind) -> Option<(u64, u64)> {
        let before = self.before.as_ref()?;
        let [first, second] = &self.quiet;
        // Somebody may have changed the rules meanwhile.
        let packets = |then: &[Suspect]| {
            let same = then.get(index).filter(|then| then.what == now.what);
            same.filter(|_| then.len() == self.after.len())?.packets
        };
        let noise = packets(second)?.saturating_sub(packets(first)?);
        let growth = now.packets?.saturating_sub(packets(before)?);
        // A neighbour that was asked for before is still asked for by and by.
        let is_ours = matches!(kind, Kind::Neighbour | Kind::Crossing);
        Some(if is_ours { (0, noise + growth) } else { (noise, growth) })
    }
}

/// How sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    /// The counter has counted each packet, and stands still or all but still else.
    Counted,
    /// It has moved.
    Moved,
    /// There is none.
    None,
}

/// Something that may have dropped the packet.
struct Charge<'m> {
    loss: &'m Loss,
    suspect: &'m Suspect,
    proof: Proof,
}

/// Who is to blame that a packet, one of these, was lost; `None`: nobody that is known.
pub fn blame(losses: &[(Loss, Moves)]) -> Option<Reason> {
    let charges: Vec<Charge> =
        losses.iter().flat_map(|(loss, moves)| charges(loss, moves)).collect();
    // What was dropped before is not dropped after.
    let is_counted = |loss: &Loss| {
        let its = charges.iter().filter(|one| std::ptr::eq(one.loss, loss));
        its.filter(|one| one.proof == Proof::Counted).collect::<Vec<_>>()
    };
    let counted = losses.iter().map(|(loss, _)| is_counted(loss)).find(|its| !its.is_empty());
    if let Some(counted) = counted {
        return Some(match counted[..] {
            [only] => only.told(" by", "(its counter moved)"),
            _ => several(&counted, " by one of these, whose counters moved"),
        });
    }
    let has_moved = charges.iter().any(|one| one.proof == Proof::Moved);
    let open: Vec<&Charge> = charges
        .iter()
        .filter(|one| one.proof == Proof::Moved || one.loss.uncounted != Uncounted::PassedOver)
        .collect();
    let is_sure = !has_moved && open.iter().all(|one| one.loss.uncounted == Uncounted::Blamed);
    match open[..] {
        [] => None,
        [only] if has_moved => Some(
            only.told(", as it seems by", "(its counter moved, but not by these packets alone)"),
        ),
        [only] if is_sure => Some(only.told(", and only", "can have done it (it has no counter)")),
        [only] => Some(only.told(", as it seems by", "(it has no counter)")),
        _ if has_moved => Some(several(&open, ", as it seems by one of these")),
        _ => Some(several(&open, " by one of these, which have no counters")),
    }
}

/// All that may have dropped the packet, but for what counts and has not moved.
fn charges<'m>(loss: &'m Loss, moves: &'m Moves) -> Vec<Charge<'m>> {
    let is_there = |suspect: &Suspect| {
        let is_asked = suspect.hooks.iter().any(|hook| loss.hooks.contains(&hook.as_str()));
        let is_crossing = loss.kind == Kind::Crossing;
        is_asked
            && (suspect.answer.is_some() || !loss.is_refused)
            && (suspect.is_of_frames || !is_crossing)
    };
    // A kernel says only now and then that nobody listens.
    let wanted = if loss.kind == Kind::Refusal { 1 } else { moves.copies };
    let charge = |(index, suspect): (usize, &'m Suspect)| {
        let proof = match (suspect.packets, moves.growth(index, suspect, loss.kind)) {
            (None, _) => Proof::None,
            (_, Some((noise, growth))) if growth >= wanted && growth > 2 * noise => Proof::Counted,
            (_, Some((noise, growth))) if growth > noise => Proof::Moved,
            _ => return None,
        };
        Some(Charge { loss, suspect, proof })
    };
    let all = moves.after.iter().enumerate().filter(|(_, suspect)| is_there(suspect));
    all.filter_map(charge).collect()
}

impl Charge<'_> {
    fn told(&self, link: &str, proof: &str) -> Reason {
        let Self { loss, suspect, .. } = self;
        let how = match &suspect.answer {
            Some(answer) => format!("rejected {} with {answer}", in_place(&loss.at)),
            None => format!("dropped {}", in_place(&loss.at)),
        };
        let what = format!("{}{how}{link} {} {proof}", loss.lead, suspect.what);
        // What the kernel says where nobody listens need not come through.
        let cure = suspect.cure.as_ref().filter(|_| loss.kind != Kind::Refusal);
        Reason { what, hint: cure.map(|cure| run(&loss.at, cure)) }
    }
}

fn several(charges: &[&Charge], link: &str) -> Reason {
    let (first, all) = (charges[0].loss, || charges.iter());
    let lead = if all().all(|one| one.loss.lead == first.lead) { &first.lead } else { "" };
    let is_one_place = all().all(|one| one.loss.at == first.at);
    let suspects = all().map(|one| match is_one_place {
        true => one.suspect.what.clone(),
        false => format!("{} {}", one.suspect.what, in_place(&one.loss.at)),
    });
    let suspects = suspects.collect::<Vec<_>>().join("; ");
    let at = if is_one_place { format!(" {}", in_place(&first.at)) } else { String::new() };
    Reason::new(format!("{lead}dropped{at}{link}: {suspects}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::loss::INWARD;

    /// A rule of the host's input, with its counter.
    fn rule(name: &str, packets: Option<u64>) -> Suspect {
        let hooks = ["input".to_owned()].into();
        let what = format!("the rule `{name}`");
        let cure = Some(format!("undo {name}"));
        Suspect { what, answer: None, packets, hooks, is_of_frames: false, cure }
    }

    /// What is said when the counters of rules stand so: twice in a quiet moment, and after four packets more.
    fn told(counters: &[(&str, [u64; 3])], uncounted: &[&str]) -> Option<String> {
        let at = |time: usize| -> Vec<Suspect> {
            let counted = counters.iter().map(|(name, packets)| rule(name, Some(packets[time])));
            counted.chain(uncounted.iter().map(|name| rule(name, None))).collect()
        };
        let quiet = [at(0), at(1)];
        let moves = Moves { quiet, before: Some(at(1)), after: at(2), copies: 4 };
        let loss = Loss::new(&None, Kind::Question, INWARD);
        Some(blame(&[(loss, moves)])?.what)
    }

    #[test]
    fn only_a_counter_that_counts_each_packet_proves_it() {
        let said = |text: &str| Some(format!("dropped on the host{text}"));
        assert_eq!(told(&[("a", [7, 7, 7])], &[]), None);
        let a = said(" by the rule `a` (its counter moved)");
        assert_eq!(told(&[("a", [7, 7, 11]), ("b", [0, 3, 6])], &["c"]), a);
        assert_eq!(told(&[("a", [7, 8, 13])], &[]), a);
        let not_alone = "(its counter moved, but not by these packets alone)";
        assert_eq!(
            told(&[("a", [0, 10, 24])], &[]),
            said(&format!(", as it seems by the rule `a` {not_alone}"))
        );
        assert_eq!(
            told(&[("a", [0, 0, 1])], &["c"]),
            said(", as it seems by one of these: the rule `a`; the rule `c`")
        );
        assert_eq!(
            told(&[("a", [0, 0, 4]), ("b", [0, 0, 4])], &["c"]),
            said(" by one of these, whose counters moved: the rule `a`; the rule `b`")
        );
        let only = said(", and only the rule `c` can have done it (it has no counter)");
        assert_eq!(told(&[("a", [0, 9, 18])], &["c"]), only, "it moves by itself");
    }

    #[test]
    fn who_is_refused_has_not_been_dropped() {
        let reject = Suspect { answer: Some("tcp-reset".to_owned()), ..rule("a", None) };
        let suspects = || vec![rule("b", None), reject.clone()];
        let moves = || Moves {
            quiet: [suspects(), suspects()],
            before: None,
            after: suspects(),
            copies: 4,
        };
        let loss = Loss::new(&None, Kind::Question, INWARD);
        let reason = |loss: Loss| blame(&[(loss, moves())]).unwrap();
        assert_eq!(
            reason(loss.clone()).what,
            "dropped on the host by one of these, which have no counters: the rule `b`; the rule `a`"
        );
        let refused = reason(loss.refused());
        assert_eq!(
            refused.what,
            "rejected on the host with tcp-reset, and only the rule `a` can have done it (it has no counter)"
        );
        assert_eq!(refused.hint.as_deref(), Some("undo a"));
    }
}
