//! What is in one place besides its links and addresses: who looks into it wants to see it all.

use super::netlink::Reader;
pub use super::netlink::ground::{Condition, Neighbour};
use super::read_in;
use super::sockets::{self, Listener};
use super::state::{Refusal, Route};
use crate::plan::Place;
use anyhow::Result;

#[derive(Clone, Debug, Default)]
pub struct Around {
    pub conditions: Vec<Condition>,
    /// Of the main tables.
    pub routes: Vec<Route>,
    pub refusals: Vec<Refusal>,
    pub neighbours: Vec<Neighbour>,
    pub listeners: Vec<Listener>,
}

/// What is around somebody in the place.
///
/// # Errors
/// It cannot be entered.
pub fn around(at: &Place) -> Result<Around> {
    read_in(at, || {
        let reader = Reader::open()?;
        let (routes, refusals) = reader.routes_of_all_kinds()?;
        Ok(Around {
            conditions: reader.conditions()?,
            routes,
            refusals,
            neighbours: reader.neighbours()?,
            listeners: sockets::listeners()?,
        })
    })
}
