//! Private hosts, snapshots and faults: what the tests of netns-tool stand on.
//!
//! A test of a tool that changes a machine's network needs three things: a machine of its own,
//! a way to see *everything* that changed on it, and a way to make any step go wrong.
//!
//! * [`private_host`] gives a test a machine of its own (new network, mount and pid namespaces, its
//!   own `/run` and `/etc`), so tests need no unique names and no cleaning up, run side by side, and never touch
//!   the real machine. It fails where it cannot work; it never skips.
//!   [`private_hosts`] runs one test on several kinds of host, each in a machine of its own.
//! * [`Snapshot`] is that machine's network as text, read independently of the tool, equal byte for
//!   byte while nothing happens.
//! * [`Faults`] stands in front of `ip` and `iptables` and misbehaves at call k; [`sweep`] does that
//!   for every k of a [`Scenario`] and compares snapshots.
//!
//! ```no_run
//! use std::time::Duration;
//! use testhost::{Mode, Scenario, Snapshot, private_host, sweep};
//!
//! #[test]
//! fn deleting_leaves_nothing() {
//!     private_host(|| {
//!         testhost::warm_up();
//!         testhost::foreign_objects();
//!         let before = Snapshot::settled();
//!         testhost::sh("ip netns add n1; ip netns del n1");
//!         before.wait_equal(Duration::from_secs(1)).unwrap();
//!     });
//! }
//!
//! #[test]
//! fn a_failing_create_leaves_nothing() {
//!     private_host(|| {
//!         testhost::warm_up();
//!         let scenario = Scenario::build("create", &["create", "n1"]).reset(&["$TOOL delete n1"]);
//!         sweep(&testhost::binary("netns-tool"), &scenario, &Mode::ALL).assert_clean();
//!     });
//! }
//! ```
//!
//! Run a test program as an ordinary user (in a user namespace) with `NETNS_TOOL_TEST_AS=user`.

#![expect(
    clippy::disallowed_methods,
    reason = "the lint guards the tool's architecture; a harness is there to start processes"
)]

mod diff;
mod etc;
mod fault;
mod host;
mod judge;
mod macs;
mod memo;
mod netlink;
mod programs;
mod read;
mod render;
mod report;
mod run;
mod scenario;
mod settings;
mod share;
mod snapshot;
mod state;
mod sweep;
mod ticket;
mod watch;
mod why_not;
mod world;

pub use fault::{Faults, Mode, Sig};
pub use host::{binary, enter, is_private, private_host, private_hosts, probe};
pub use report::{Failure, Report};
pub use scenario::{Kind, Scenario};
pub use snapshot::Snapshot;
pub use sweep::{UNDO_FAULTS, sweep, sweep_undo};
pub use world::{foreign_objects, ip_batch, sh, warm_up};
