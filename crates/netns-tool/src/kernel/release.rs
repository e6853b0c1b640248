//! Which Linux this is.

use std::fs;

/// Such as 6.1.0-18-amd64; empty where it is not told.
pub fn read() -> String {
    let text = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    text.trim().to_owned()
}

/// Whether a release is of this version of Linux or a later one; one that cannot be read is taken for an old one.
pub fn is_since(release: &str, (major, minor): (u32, u32)) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(its_major)), Some(Ok(its_minor))) => (its_major, its_minor) >= (major, minor),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_as_numbers() {
        for new in ["6.8.0-41-generic", "6.18.44", "7.0-rc1", "10.0"] {
            assert!(is_since(new, (6, 8)), "{new}");
        }
        for old in ["6.1.0-18-amd64", "5.15", "6.7.12", "", "linux", "6"] {
            assert!(!is_since(old, (6, 8)), "{old}");
        }
    }
}
