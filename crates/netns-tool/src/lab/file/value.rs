//! Reading values: each with its place in the text, and with a problem where it is not what it has to be.

use super::problem::{At, Problem, Problems, Span, meant, shown};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value with the key that it belongs to.
#[derive(Clone, Debug)]
pub struct Value<'a> {
    pub key: At<&'a str>,
    pub span: Span,
    value: &'a DeValue<'a>,
}

/// A table of which each key is asked for; what was not asked for is unknown.
#[derive(Debug)]
pub struct Table<'a> {
    /// What it describes, with an article.
    what: &'static str,
    values: BTreeMap<&'a str, Value<'a>>,
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    pub fn new(what: &'static str, table: &'a Spanned<DeTable<'a>>) -> Self {
        Self::of(what, table.get_ref())
    }

    fn of(what: &'static str, table: &'a DeTable<'a>) -> Self {
        let values = table.iter().map(|(key, value)| {
            let name: &str = key.get_ref();
            let key = At { value: name, span: key.span() };
            (name, Value { key, span: value.span(), value: value.get_ref() })
        });
        Self { what, values: values.collect(), known: Vec::new() }
    }

    pub fn take(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.known.push(key);
        self.values.remove(key)
    }

    /// Whether all that it has was asked for.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// All values, in the order of the file, of a table whose keys are names.
    pub fn entries(self) -> Vec<Value<'a>> {
        let mut values: Vec<_> = self.values.into_values().collect();
        values.sort_by_key(|value| value.key.span.start);
        values
    }

    /// Complains about the keys that nobody has asked for.
    pub fn finish(self, problems: &mut Problems) {
        let (what, known) = (self.what, self.known.clone());
        for value in self.entries() {
            let key = value.key.value;
            let label = meant(key, known.iter().copied(), "", problems);
            problems.add(
                Problem::new(&value.key.span, format!("{what} has no `{}`", shown(key)))
                    .label(label),
            );
        }
    }
}

impl<'a> Value<'a> {
    /// The value has the wrong type.
    pub fn is_not(&self, wanted: &str, problems: &mut Problems) {
        let is = match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a number with a point",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or a time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        problems.add(
            Problem::new(&self.span, format!("`{}` has to be {wanted}", shown(self.key.value)))
                .label(format!("this is {is}")),
        );
    }

    /// The value has the right type, and is wrong.
    pub fn is_wrong(&self, text: &str, why: &str, problems: &mut Problems) {
        let message = format!("`{}` cannot be `{}`", shown(self.key.value), shown(text));
        problems.add(Problem::new(&self.span, message).label(why));
    }

    pub fn text(&self, problems: &mut Problems) -> Option<At<&'a str>> {
        match self.as_text() {
            Some(text) => Some(At::new(text, &self.span)),
            None => {
                self.is_not("a string", problems);
                None
            }
        }
    }

    pub fn as_text(&self) -> Option<&'a str> {
        match self.value {
            DeValue::String(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_flag(&self) -> Option<bool> {
        self.value.as_bool()
    }

    pub fn as_integer(&self) -> Option<i64> {
        let integer = self.value.as_integer()?;
        i64::from_str_radix(integer.as_str(), integer.radix()).ok()
    }

    pub fn owned(&self, problems: &mut Problems) -> Option<At<String>> {
        self.text(problems).map(|text| At::new(text.value.to_owned(), &text.span))
    }

    pub fn parsed<T>(
        &self,
        parse: impl Fn(&str) -> Result<T, String>,
        problems: &mut Problems,
    ) -> Option<At<T>> {
        let text = self.text(problems)?;
        match parse(text.value) {
            Ok(value) => Some(At::new(value, &text.span)),
            Err(why) => {
                self.is_wrong(text.value, &why, problems);
                None
            }
        }
    }

    pub fn flag(&self, problems: &mut Problems) -> Option<bool> {
        if self.as_flag().is_none() {
            self.is_not("true or false", problems);
        }
        self.as_flag()
    }

    pub fn number(
        &self,
        range: RangeInclusive<u32>,
        unit: &str,
        problems: &mut Problems,
    ) -> Option<At<u32>> {
        let Some(integer) = self.value.as_integer() else {
            self.is_not("an integer", problems);
            return None;
        };
        let number = self.as_integer().and_then(|number| u32::try_from(number).ok());
        match number.filter(|number| range.contains(number)) {
            Some(number) => Some(At::new(number, &self.span)),
            None => {
                let why = format!("it has to be {} to {}{unit}", range.start(), range.end());
                self.is_wrong(&integer.to_string(), &why, problems);
                None
            }
        }
    }

    /// The values of a list, or this one alone.
    pub fn one_or_more(&self) -> Vec<Self> {
        self.as_list().unwrap_or_else(|| vec![self.clone()])
    }

    pub fn list(&self, problems: &mut Problems) -> Vec<Self> {
        self.as_list().unwrap_or_else(|| {
            self.is_not("a list", problems);
            Vec::new()
        })
    }

    fn as_list(&self) -> Option<Vec<Self>> {
        let values = self.value.as_array()?.iter().map(|value| Value {
            key: self.key.clone(),
            span: value.span(),
            value: value.get_ref(),
        });
        Some(values.collect())
    }

    pub fn as_table(&self, what: &'static str) -> Option<Table<'a>> {
        self.value.as_table().map(|table| Table::of(what, table))
    }

    pub fn table(&self, what: &'static str, problems: &mut Problems) -> Option<Table<'a>> {
        let table = self.as_table(what);
        if table.is_none() {
            self.is_not("a table", problems);
        }
        table
    }

    /// The tables in the table, in the order of the file; the key of each is a name.
    pub fn entries(&self, problems: &mut Problems) -> Vec<Self> {
        self.table("", problems).map(Table::entries).unwrap_or_default()
    }
}
