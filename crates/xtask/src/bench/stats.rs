//! Medians, and the table.

/// The times of one pair, in milliseconds; `bare` is missing where there is nothing to compare with.
#[derive(Clone, Copy)]
pub struct Pair {
    pub tool: f64,
    pub bare: Option<f64>,
}

/// What a row has to reach.
#[derive(Clone, Copy)]
pub enum Goal {
    /// At most so many times the bare commands, as the median of the pairwise ratios.
    Ratio(f64),
    /// Under so many milliseconds.
    Under(f64),
}

pub struct Row {
    pub name: &'static str,
    pub goal: Goal,
    pub pairs: Vec<Pair>,
}

impl Row {
    fn tool(&self) -> f64 {
        median(self.pairs.iter().map(|pair| pair.tool).collect())
    }

    fn bare(&self) -> Option<f64> {
        let times: Vec<f64> = self.pairs.iter().filter_map(|pair| pair.bare).collect();
        (!times.is_empty()).then(|| median(times))
    }

    fn pairwise(&self) -> Option<f64> {
        let ratio = |pair: &Pair| pair.bare.map(|bare| pair.tool / bare);
        let ratios: Vec<f64> = self.pairs.iter().filter_map(ratio).collect();
        (!ratios.is_empty()).then(|| median(ratios))
    }

    pub fn reached(&self) -> bool {
        match self.goal {
            Goal::Ratio(most) => self.pairwise().is_some_and(|ratio| ratio <= most),
            Goal::Under(most) => self.tool() < most,
        }
    }

    fn goal(&self) -> String {
        match self.goal {
            Goal::Ratio(most) => format!("<= {most:.1}x"),
            Goal::Under(most) => format!("< {most} ms"),
        }
    }
}

pub fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<9} {:>13} {:>13} {:>8} {:>9}  {:<8}\n",
        "", "netns-tool ms", "ip in sh ms", "ratio", "pairwise", "goal"
    );
    for row in rows {
        let number =
            |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2}"));
        let bare = row.bare();
        text += &format!(
            "{:<9} {:>13.2} {:>13} {:>8} {:>9}  {:<8} {}\n",
            row.name,
            row.tool(),
            number(bare),
            number(bare.map(|bare| row.tool() / bare)),
            number(row.pairwise()),
            row.goal(),
            if row.reached() { "ok" } else { "MISSED" }
        );
    }
    text
}

/// The middle value; of an even number, the mean of the two in the middle. NaN of nothing: it reaches no goal.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match (values.len() / 2, values.len() % 2) {
        (0, 0) => f64::NAN,
        (half, 1) => values[half],
        (half, _) => f64::midpoint(values[half - 1], values[half]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(goal: Goal, pairs: &[(f64, Option<f64>)]) -> Row {
        let pairs = pairs.iter().map(|&(tool, bare)| Pair { tool, bare }).collect();
        Row { name: "create", goal, pairs }
    }

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(vec![]).is_nan());
    }

    #[test]
    fn a_goal_is_judged_by_the_pairs() {
        let pairs = [(3.0, Some(2.0)), (3.2, Some(2.0)), (30.0, Some(25.0))];
        assert!(row(Goal::Ratio(1.5), &pairs).reached());
        assert!(!row(Goal::Ratio(1.4), &pairs).reached());
        assert!(row(Goal::Under(5.0), &[(1.0, None)]).reached());
        assert!(!row(Goal::Under(5.0), &[(5.0, None)]).reached());
        assert!(!row(Goal::Ratio(1.5), &[]).reached());
    }

    #[test]
    fn the_table_says_what_was_missed() {
        let rows =
            [row(Goal::Ratio(1.5), &[(3.0, Some(2.0))]), row(Goal::Under(5.0), &[(9.0, None)])];
        let table = table(&rows);
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[1].contains("1.50") && lines[1].ends_with("ok"), "{table}");
        assert!(lines[2].contains(" - ") && lines[2].ends_with("MISSED"), "{table}");
    }
}
