//! The doc runner: reads a page, runs it, compares, rewrites.

pub mod labs;
pub mod page;
mod scrub;
pub mod session;
