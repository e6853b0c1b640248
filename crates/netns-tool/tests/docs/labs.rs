//! The labs of docs/labs, read when the test is compiled: an ordinary user need not be able to read the work tree.

macro_rules! labs {
    ($($name:literal,)*) => {
        /// Each with its text.
        pub const LABS: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../../../docs/labs/", $name)))),*];
    };
}

labs! {
    "containers-nat.toml",
    "dual-stack.toml",
    "one-container.toml",
    "router.toml",
    "routers.toml",
    "same-subnet.toml",
    "shop.toml",
    "spine-leaf.toml",
    "two-containers.toml",
    "two-namespaces.toml",
    "two-sites.toml",
    "veth-pair.toml",
}
