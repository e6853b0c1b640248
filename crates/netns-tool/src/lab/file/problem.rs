//! What is wrong in a lab file: every problem with the place in the text that it is about.

use crate::failure::{Failure, usage};
pub use crate::suggest::shown;
use crate::suggest::{self, cut, one_line};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

/// A part of the text, in bytes.
pub type Span = Range<usize>;

/// Something with its place in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    pub value: T,
    pub span: Span,
}

impl<T> At<T> {
    pub fn new(value: T, span: &Span) -> Self {
        Self { value, span: span.clone() }
    }
}

/// How many problems are shown; more of them at once help nobody.
const SHOWN_MAX: usize = 20;
/// How long a message is, in characters, whatever it repeats.
const MESSAGE_SHOWN: usize = 400;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub message: String,
    pub span: Span,
    /// Stands at the caret.
    pub label: String,
    /// Other places that have to do with it.
    pub beside: Vec<At<String>>,
}

impl Problem {
    pub fn new(span: &Span, message: impl AsRef<str>) -> Self {
        let message = cut(message.as_ref(), MESSAGE_SHOWN);
        Self { message, span: span.clone(), label: String::new(), beside: Vec::new() }
    }

    pub fn label(self, label: impl AsRef<str>) -> Self {
        Self { label: cut(label.as_ref(), MESSAGE_SHOWN), ..self }
    }

    pub fn beside(mut self, span: &Span, label: impl AsRef<str>) -> Self {
        self.beside.push(At::new(one_line(label.as_ref()), span));
        self
    }
}

/// All that is wrong in a file.
#[derive(Clone, Debug)]
pub struct Problems {
    /// The file, as it was typed.
    path: String,
    text: String,
    list: Vec<Problem>,
    places: HashSet<Span>,
}

impl Problems {
    pub fn new(path: &str, text: &str) -> Self {
        let (path, text) = (one_line(path), text.to_owned());
        Self { path, text, list: Vec::new(), places: HashSet::new() }
    }

    /// One problem for each place: what was written once and stands for many is wrong once.
    pub fn add(&mut self, problem: Problem) {
        if self.places.insert(problem.span.clone()) {
            self.list.push(problem);
        }
    }

    /// Whether there is a problem at the place already: another would not be shown.
    pub fn is_told(&self, span: &Span) -> bool {
        self.places.contains(span)
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether no more are shown, so that nothing needs to be found out about them.
    pub fn is_full(&self) -> bool {
        self.list.len() > SHOWN_MAX
    }

    /// The line, counted from 1, on which the place begins.
    pub fn line(&self, span: &Span) -> usize {
        1 + self.text[..span.start].matches('\n').count()
    }

    /// In the order of the file.
    pub fn sorted(&self) -> Vec<&Problem> {
        let mut list: Vec<&Problem> = self.list.iter().collect();
        list.sort_by_key(|problem| problem.span.start);
        list
    }

    pub fn into_failure(self) -> Failure {
        usage(self.to_string())
    }

    fn render(&self, problem: &Problem) -> String {
        let spans = || problem.beside.iter().map(|at| &at.span).chain([&problem.span]);
        let first = spans().map(|span| span.start).min().unwrap_or_default();
        let last = spans().map(|span| span.start).max().unwrap_or_default();
        let start = self.text[..first].rfind('\n').map_or(0, |newline| newline + 1);
        let end = self.text[last..].find('\n').map_or(self.text.len(), |length| last + length);
        let place = |span: &Span| {
            let line_end = self.text[span.start..].find('\n').map_or(end, |n| span.start + n);
            span.start - start..span.end.min(line_end) - start
        };
        let label = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let primary =
            AnnotationKind::Primary.span(place(&problem.span)).label(label(&problem.label));
        let beside = problem
            .beside
            .iter()
            .map(|at| AnnotationKind::Context.span(place(&at.span)).label(label(&at.value)));
        let snippet = Snippet::source(&self.text[start..end])
            .line_start(1 + self.text[..start].matches('\n').count())
            .path(self.path.as_str())
            .annotation(primary)
            .annotations(beside);
        let title = Level::ERROR.no_name().primary_title(problem.message.as_str());
        Renderer::plain().render(&[title.element(snippet)])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problems = self.sorted();
        if problems.len() > 1 {
            writeln!(f, "{} problems in {}\n", problems.len(), self.path)?;
        }
        let shown = problems.iter().take(SHOWN_MAX).map(|problem| self.render(problem));
        f.write_str(&shown.collect::<Vec<_>>().join("\n\n"))?;
        match problems.len().saturating_sub(SHOWN_MAX) {
            0 => Ok(()),
            more => write!(f, "\n\nand {more} more, which are shown when these are solved"),
        }
    }
}

/// The label that helps to find what was meant by a name that is not there.
pub fn meant<'a>(
    name: &str,
    known: impl Iterator<Item = &'a str>,
    if_none: &str,
    problems: &Problems,
) -> String {
    if problems.is_full() || name.len() > suggest::SHOWN {
        return String::new();
    }
    suggest::meant(name, known).unwrap_or_else(|| if_none.to_owned())
}
