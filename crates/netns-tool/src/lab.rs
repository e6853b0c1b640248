//! Labs: a whole network from one file. It is made of nothing but the plans of the nouns.

#[allow(dead_code, reason = "the parts of labs come one after the other")]
pub mod file;
#[allow(dead_code, reason = "the parts of labs come one after the other")]
pub mod model;
