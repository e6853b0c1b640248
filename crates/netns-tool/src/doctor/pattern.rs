//! Patterns as systemd and udev write them: `*`, `?`, and `[a-z]`.

/// Whether the name is one of the pattern's.
pub fn is_match(pattern: &str, name: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => name.is_empty(),
        Some('*') => {
            let rest = rest.as_str();
            let ends = name.char_indices().map(|(index, _)| index).chain([name.len()]);
            ends.into_iter().any(|index| is_match(rest, &name[index..]))
        }
        Some('[') => match rest.as_str().split_once(']') {
            Some((set, rest)) => {
                let mut name = name.chars();
                name.next().is_some_and(|letter| is_in(set, letter))
                    && is_match(rest, name.as_str())
            }
            None => false,
        },
        Some(wanted) => {
            let mut name = name.chars();
            name.next().is_some_and(|letter| wanted == '?' || wanted == letter)
                && is_match(rest.as_str(), name.as_str())
        }
    }
}

fn is_in(set: &str, letter: char) -> bool {
    let (is_negated, set) = match set.strip_prefix(['!', '^']) {
        Some(set) => (true, set),
        None => (false, set),
    };
    let letters: Vec<char> = set.chars().collect();
    let is_range = |range: &[char]| range[1] == '-' && (range[0]..=range[2]).contains(&letter);
    let is_in = set.contains(letter) || letters.windows(3).any(is_range);
    is_in != is_negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_a_shell() {
        for (pattern, name) in [
            ("*", ""),
            ("*", "veth0"),
            ("veth*", "veth0"),
            ("e?h[0-9]", "eth7"),
            ("[!l]*", "eth0"),
            ("*0", "veth00"),
        ] {
            assert!(is_match(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("", "x"), ("ve-*", "veth0"), ("eth[0-9]", "ethx"), ("[x", "x"), ("eth", "eth0")]
        {
            assert!(!is_match(pattern, name), "{pattern} {name}");
        }
    }
}
