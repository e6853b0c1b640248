//! The rows of the labs, what they have to reach, and the table.

use std::collections::BTreeMap;

use super::super::stats::median;
use super::form::{Form, Work};

/// What a row has to reach.
#[derive(Clone, Copy)]
pub enum Goal {
    /// At most so many times the other form, as the median of the pairwise ratios.
    Times(f64, Form),
    /// At most so many milliseconds.
    Within(f64),
}

/// The times of a lab in milliseconds, of each round one; a form that was left out has none.
#[derive(Default)]
pub struct Times(BTreeMap<(Form, Work), Vec<f64>>);

impl Times {
    pub fn add(&mut self, form: Form, work: Work, time: f64) {
        self.0.entry((form, work)).or_default().push(time);
    }

    pub fn median(&self, form: Form, work: Work) -> Option<f64> {
        self.0.get(&(form, work)).map(|times| median(times.clone()))
    }

    /// The median of the ratios within the rounds: of the tool to another form.
    pub fn ratio(&self, form: Form, work: Work) -> Option<f64> {
        let (ours, others) = (self.0.get(&(Form::Tool, work))?, self.0.get(&(form, work))?);
        Some(median(ours.iter().zip(others).map(|(ours, other)| ours / other).collect()))
    }
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// The table, and whether a goal is missed.
pub struct Rows {
    pub text: String,
    pub is_missed: bool,
    others: Vec<Form>,
}

impl Rows {
    /// The head of the table, with columns for these others too.
    pub fn new(peers: &[Form]) -> Self {
        let others: Vec<Form> = [Form::Floor, Form::Batches, Form::Script, Form::Short]
            .iter()
            .chain(peers)
            .copied()
            .collect();
        let mut text = format!("{:<20} {:>10}", "", Form::Tool.name());
        for form in &others {
            text += &format!(" {:>10} {:>6}", form.name(), "ratio");
        }
        Self { text: text + "  goals\n", is_missed: false, others }
    }

    /// A row for each work of the lab that was measured.
    pub fn add(&mut self, lab: &str, times: &Times, goals: &[(Work, Goal)]) {
        for work in [Work::Up, Work::Again, Work::Diff, Work::Down] {
            let Some(ours) = times.median(Form::Tool, work) else { continue };
            let mut line = format!("{:<20} {ours:>10.1}", format!("{lab}: {}", work.name()));
            for form in &self.others {
                let (other, ratio) = (times.median(*form, work), times.ratio(*form, work));
                line += &format!(" {:>10} {:>6}", number(other, 1), number(ratio, 2));
            }
            let mut words = Vec::new();
            for (_, goal) in goals.iter().filter(|(of, _)| *of == work) {
                if self.applies(*goal) {
                    words.push(self.judge_times(times, work, *goal));
                }
            }
            self.text += format!("{line}  {}", words.join(", ")).trim_end();
            self.text.push('\n');
        }
    }

    /// A goal beside a peer that is not here is none.
    fn applies(&self, goal: Goal) -> bool {
        !matches!(goal, Goal::Times(_, form) if !self.others.contains(&form))
    }

    fn judge_times(&mut self, times: &Times, work: Work, goal: Goal) -> String {
        let (words, value, most) = match goal {
            Goal::Times(most, form) => {
                (format!("<= {most:.2} x {}", form.name()), times.ratio(form, work), most)
            }
            Goal::Within(most) => (format!("<= {most} ms"), times.median(Form::Tool, work), most),
        };
        format!("{words}: {}", self.judge(value.unwrap_or(f64::NAN), most))
    }

    /// A line of its own about one number.
    pub fn tell(&mut self, what: &str, value: f64, unit: &str, most: f64) {
        let verdict = self.judge(value, most);
        self.text += &format!("{what}: {value:.2}{unit}; goal <= {most}{unit}: {verdict}\n");
    }

    fn judge(&mut self, value: f64, most: f64) -> &'static str {
        let is_reached = value <= most;
        self.is_missed |= !is_reached;
        if is_reached { "reached" } else { "MISSED" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(pairs: &[(f64, f64)]) -> Times {
        let mut times = Times::default();
        for (ours, other) in pairs {
            times.add(Form::Tool, Work::Up, *ours);
            times.add(Form::Floor, Work::Up, *other);
        }
        times
    }

    fn judged(times: &Times, goal: Goal) -> Rows {
        let mut rows = Rows::new(&[]);
        rows.add("star 3", times, &[(Work::Up, goal)]);
        rows
    }

    #[test]
    fn ratios_are_those_of_the_rounds() {
        let times = times(&[(2.0, 1.0), (3.0, 1.0), (90.0, 10.0)]);
        assert_eq!(times.ratio(Form::Floor, Work::Up), Some(3.0));
        assert_eq!(times.ratio(Form::Script, Work::Up), None);
        let rows = judged(&times, Goal::Times(3.0, Form::Floor));
        assert!(!rows.is_missed && rows.text.ends_with("reached\n"), "{}", rows.text);
        let rows = judged(&times, Goal::Within(2.9));
        assert!(rows.is_missed && rows.text.ends_with("MISSED\n"), "{}", rows.text);
    }

    #[test]
    fn what_was_not_measured_misses_its_goal_unless_it_is_a_peer() {
        let times = times(&[(1.0, 1.0)]);
        assert!(judged(&times, Goal::Times(3.0, Form::Script)).is_missed);
        assert!(!judged(&times, Goal::Times(3.0, Form::Mininet)).is_missed);
    }
}
