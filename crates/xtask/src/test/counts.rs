//! What the tests say of themselves, added up.

use std::fmt;

#[derive(Clone, Copy, Default, Debug, PartialEq)]
pub struct Counts {
    passed: u64,
    ignored: u64,
    /// Faults injected by the sweeps, at so many points.
    faults: u64,
    points: u64,
}

impl Counts {
    /// Of all that a test program has printed.
    pub fn of(output: &str) -> Self {
        let mut counts = Self::default();
        output.lines().for_each(|line| counts.read(line));
        counts
    }

    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.ignored += other.ignored;
        self.faults += other.faults;
        self.points += other.points;
    }

    /// Takes in a line such as `test result: ok. 12 passed; 0 failed; 1 ignored; ...`, or such as
    /// `nat: 4 fault points, 64 runs, 8 survived, ...`.
    fn read(&mut self, line: &str) {
        if let Some((points, rest)) = line.split_once(" fault points, ") {
            let number = |text: Option<&str>| text.and_then(|text| text.parse().ok()).unwrap_or(0);
            self.points += number(points.rsplit(' ').next());
            self.faults += number(rest.split(' ').next());
        }
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let of = |word: &str| {
            let part = result.split([';', '.']).map(str::trim).find(|part| part.ends_with(word));
            part.and_then(|part| part.split(' ').next()).and_then(|n| n.parse().ok()).unwrap_or(0)
        };
        self.passed += of(" passed");
        self.ignored += of(" ignored");
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.passed)?;
        if self.ignored > 0 {
            write!(f, " ({} ignored)", self.ignored)?;
        }
        if self.faults > 0 {
            write!(f, " ({} faults injected at {} points)", self.faults, self.points)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_add_up() {
        let output = "running 2 tests\n\
            test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s\n\
            nat, twice: 4 fault points, 64 runs, 8 survived, 0 broke a promise\n\
            test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 4 filtered out; finished in 0.1s";
        let counts = Counts::of(output);
        assert_eq!(counts, Counts { passed: 15, ignored: 1, faults: 64, points: 4 });
        assert_eq!(counts.to_string(), "15 (1 ignored) (64 faults injected at 4 points)");
        let mut both = counts;
        both.add(counts);
        assert_eq!(both.to_string(), "30 (2 ignored) (128 faults injected at 8 points)");
    }
}
