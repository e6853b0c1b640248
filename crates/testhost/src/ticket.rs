//! What a test tells the run of itself that is in the private host.

use std::fs;
use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

/// Set for the inner run of a test.
pub(crate) const TICKET: &str = "TESTHOST_TICKET";

/// What the inner run must know of the outer one.
pub(crate) struct Ticket {
    /// Makes the marker lines of this run unlike anything a test might print.
    token: String,
    pub(crate) net: String,
    pub(crate) mount: String,
    /// Which of several hosts this is; empty where there is one.
    pub(crate) variant: String,
}

impl Ticket {
    pub(crate) fn new(variant: &str) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let token = format!("{}-{}", process::id(), now.as_nanos());
        let [net, mount] = ["net", "mnt"].map(namespace_of_self);
        Self { token, net, mount, variant: variant.to_owned() }
    }

    pub(crate) fn parse(text: &str) -> Self {
        let fields: Vec<&str> = text.split(' ').collect();
        let [token, net, mount, variant] = fields[..] else {
            panic!("`{TICKET}` is garbled: {text}")
        };
        Self { token: token.into(), net: net.into(), mount: mount.into(), variant: variant.into() }
    }

    pub(crate) fn text(&self) -> String {
        format!("{} {} {} {}", self.token, self.net, self.mount, self.variant)
    }

    pub(crate) fn marker(&self, what: &str) -> String {
        format!("testhost-{what}-{}", self.token)
    }
}

pub(crate) fn namespace_of_self(kind: &str) -> String {
    let link = fs::read_link(format!("/proc/self/ns/{kind}")).unwrap_or_else(|error| {
        panic!("cannot read the {kind} namespace of this process: {error}")
    });
    link.to_string_lossy().into_owned()
}
