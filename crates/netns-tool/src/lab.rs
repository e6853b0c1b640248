//! Labs: a whole network from one file. It is made of nothing but the plans of the nouns.

mod course;
mod down;
mod links;
#[allow(dead_code, reason = "the parts of labs come one after the other")]
pub mod file;
#[allow(dead_code, reason = "the parts of labs come one after the other")]
pub mod model;
mod nats;
mod obsolete;
mod record;
mod routes;
mod up;
mod way_back;
