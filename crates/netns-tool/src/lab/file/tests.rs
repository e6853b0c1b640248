//! What the format of the lab file promises: what each word of it makes, and what is said of what is wrong.

mod addresses;
mod expect;
mod keys;
mod links;
mod model;
mod names;
mod outline;
mod property;
mod reading;
mod references;
mod together;
mod values;

use super::*;
use crate::lab::model::Lab;
pub use outline::outline;
use snapbox::Assert;
use snapbox::data::Inline;

/// Reads the text as the file `shop.toml`.
fn read(text: &str) -> Result<Lab, Problems> {
    parse(text, "shop.toml", PathBuf::from("/labs/shop.toml"), None)
}

/// What the text makes, a line for each thing.
fn made(text: &str) -> String {
    match read(text) {
        Ok(lab) => outline(&lab),
        Err(problems) => panic!("{problems}"),
    }
}

/// All that is wrong in the text, as it is shown.
fn wrong(text: &str) -> String {
    match read(text) {
        Ok(lab) => panic!("nothing is wrong:\n{}", outline(&lab)),
        Err(problems) => format!("{problems}\n"),
    }
}

/// Compares to the letter: a backslash is no other way to write a slash. `SNAPSHOTS=overwrite` takes over what is.
#[track_caller]
fn same(actual: String, expected: Inline) {
    Assert::new().action_env("SNAPSHOTS").normalize_paths(false).eq(actual, expected);
}
