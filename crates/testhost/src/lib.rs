//! Private hosts, snapshots and faults.
