//! What a bridge remembers of its ports.

use crate::failure::{Failure, failed};
use crate::kernel::state::Link;
use crate::mark::{ALIAS_MAX, Mark};

/// What a bridge has to remember of its ports until they are taken off: it is part of the mark, in the bridge's alias.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Memory(pub Vec<Port>);

#[derive(Debug, PartialEq, Eq)]
pub struct Port {
    /// Of the interface. Indices are not used again: that of a port that is gone is nobody else's.
    pub index: u32,
    /// It was down before it became a port.
    pub was_down: bool,
    /// It became a port of a bridge that was there before.
    pub joined: bool,
}

/// The mark that the bridge bears, to be kept.
pub fn mark_of(bridge: &Link) -> Mark {
    bridge.alias.as_deref().and_then(Mark::read).map(|(mark, _)| mark).unwrap_or_default()
}

impl Memory {
    /// What the alias of the bridge says.
    pub fn of(bridge: &Link) -> Self {
        let words = bridge
            .alias
            .as_deref()
            .and_then(|alias| alias.split_once(" ports "))
            .map_or("", |(_, words)| words);
        let port = |word: &str| {
            let index = word.trim_end_matches(['d', 'j']).parse().ok()?;
            Some(Port { index, was_down: word.contains('d'), joined: word.contains('j') })
        };
        Self(words.split(' ').filter_map(port).collect())
    }

    /// The alias that says it.
    ///
    /// # Errors
    /// There is more to remember than an alias can hold.
    pub fn alias(&self, mark: &Mark) -> Result<String, Failure> {
        let mut alias = mark.to_string();
        let mut fitting = 0;
        for (number, port) in self.0.iter().enumerate() {
            let (down, joined) =
                (if port.was_down { "d" } else { "" }, if port.joined { "j" } else { "" });
            alias.push_str(&format!(
                "{} {}{down}{joined}",
                if number == 0 { " ports" } else { "" },
                port.index
            ));
            fitting += usize::from(alias.len() <= ALIAS_MAX);
        }
        if alias.len() > ALIAS_MAX {
            return Err(failed(format!(
                "{} ports would have to be noted on the bridge for the way back, and there is room for {fitting}",
                self.0.len()
            ))
            .note("reason", "one that is down, or that joins a bridge that exists, is noted; it has to be as it was again")
            .hint("attach them in the call that makes the bridge, and bring them up before: ip link set dev IF up"));
        }
        Ok(alias)
    }

    pub fn was_down(&self, port: &Link) -> bool {
        self.0.iter().any(|entry| entry.index == port.index && entry.was_down)
    }

    pub fn has_joined(&self, port: &Link) -> bool {
        self.0.iter().any(|entry| entry.index == port.index && entry.joined)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alias_reads_back() {
        let port = |index, was_down, joined| Port { index, was_down, joined };
        for (ports, alias) in [
            (vec![], "netns-tool"),
            (
                vec![port(3, true, false), port(12, true, true), port(7, false, true)],
                "netns-tool ports 3d 12dj 7j",
            ),
        ] {
            let memory = Memory(ports);
            assert_eq!(memory.alias(&Mark::default()).unwrap(), alias);
            assert_eq!(
                Memory::of(&Link { alias: Some(alias.to_owned()), ..Link::default() }),
                memory
            );
        }
        let many = Memory((1000..1100).map(|index| port(index, true, false)).collect());
        let refusal = many.alias(&Mark::default()).unwrap_err().to_string();
        assert!(refusal.contains("100 ports") && refusal.contains("room for 39"), "{refusal}");
    }
}
