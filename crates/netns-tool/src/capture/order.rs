//! What was seen in several places, in the order of time.

use anyhow::Result;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How long a packet waits for one of another place that was seen before it.
const PATIENCE: Duration = Duration::from_millis(200);

/// Something that was seen.
pub struct Seen<T> {
    /// Since 1970.
    pub time: Duration,
    /// In which of the places.
    pub place: usize,
    pub what: T,
}

/// Gives all that is received in the order of time, until nobody sends any more.
///
/// # Errors
/// Those of `give`; what comes after that is thrown away.
pub fn in_order<T>(
    from: &Receiver<Seen<T>>,
    mut give: impl FnMut(Seen<T>) -> Result<()>,
) -> Result<()> {
    let mut waiting: BTreeMap<(Duration, u64), (Instant, Seen<T>)> = BTreeMap::new();
    let mut number = 0;
    loop {
        let is_over = match from.recv_timeout(PATIENCE / 4) {
            Ok(seen) => {
                number += 1;
                waiting.insert((seen.time, number), (Instant::now(), seen));
                false
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        };
        while let Some(first) = waiting.first_entry()
            && (is_over || first.get().0.elapsed() >= PATIENCE)
        {
            give(first.remove().1)?;
        }
        if is_over {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn what_arrives_later_and_was_seen_before_comes_first() {
        let (sender, receiver) = channel();
        for time in [5, 3, 4, 3] {
            let seen = Seen { time: Duration::from_secs(time), place: 0, what: time };
            sender.send(seen).unwrap();
        }
        drop(sender);
        let mut given = Vec::new();
        in_order(&receiver, |seen| {
            given.push(seen.what);
            Ok(())
        })
        .unwrap();
        assert_eq!(given, [3, 3, 4, 5]);
    }
}
