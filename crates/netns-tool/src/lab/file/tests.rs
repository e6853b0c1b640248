//! What the format of the lab file promises: what each word of it makes, and what is said of what is wrong.

mod addresses;
mod model;
mod names;
mod outline;
mod problems;
mod property;
mod references;

use super::*;
use crate::lab::model::Lab;
pub use outline::outline;

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
