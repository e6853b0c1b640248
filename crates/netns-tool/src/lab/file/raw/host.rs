//! `[host]`.

use super::Route;
use crate::lab::file::problem::Problems;
use crate::lab::file::value::Value;

pub fn routes(value: &Value, problems: &mut Problems) -> Vec<Route> {
    let Some(mut table) = value.table("the host", problems) else { return Vec::new() };
    let routes = Route::list(table.take("routes"), problems);
    table.finish(problems);
    routes
}
