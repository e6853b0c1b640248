//! The ground: signals, the system's tools, and the one place that starts a process.

pub mod child;
pub mod crowd;
pub mod foreground;
pub mod limits;
pub mod ourselves;
pub mod pipe;
pub mod rights;
pub mod signals;
pub mod stack;
pub mod tether;
pub mod tools;
