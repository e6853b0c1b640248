//! A host that others live on.

use testhost::{Snapshot, foreign_objects, warm_up};

pub fn host() -> Snapshot {
    warm_up();
    foreign_objects();
    Snapshot::settled()
}
