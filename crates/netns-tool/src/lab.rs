//! Labs: a whole network from one file. It is made of nothing but the plans of the nouns.

mod clash;
mod course;
mod down;
mod file;
mod fit;
mod interfaces;
mod links;
mod list;
mod marks;
pub mod model;
mod namespaces;
mod nats;
mod obsolete;
mod processes;
mod record;
mod routes;
mod standing;
mod tell;
mod up;
mod way_back;
pub mod whereabouts;

pub use down::Down;
pub use file::read;
pub use fit::LIMIT;
pub use list::{Listed, list, table, up_for, wanted};
pub use obsolete::stands;
pub use processes::{FOLDER, folder};
pub use standing::require_up;
pub use tell::{differences, json, steps};
pub use up::Up;
