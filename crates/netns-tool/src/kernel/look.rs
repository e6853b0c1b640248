//! What is so at this moment: the answers that the engine wants while it works.

use super::namespaces::{self, Entry};
use super::state::{Link, State};
use super::{etc, firewall, netlink, read_all, read_in, read_state};
use crate::name::InterfaceName;
use crate::plan::{Fact, Place};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

/// How many links are read one by one before all of their place are.
const FEW: usize = 4;

/// Answers whether facts hold, reading each place at most once; made anew for each look.
pub struct Look {
    limit: Duration,
    states: BTreeMap<Place, State>,
    /// How many links were read one by one.
    links: usize,
    rules: firewall::Rules,
}

impl Look {
    pub fn new(limit: Duration) -> Self {
        Self { limit, states: BTreeMap::new(), links: 0, rules: firewall::Rules::default() }
    }

    /// Whether the fact is so at this moment.
    pub fn holds(&mut self, fact: &Fact) -> Result<bool> {
        Ok(match fact {
            Fact::Not(fact) => match &**fact {
                Fact::Item(item) => etc::is_gone(item)?,
                fact => !self.holds(fact)?,
            },
            Fact::Item(item) => etc::stands(item)?,
            Fact::Namespace(name) => namespaces::entry(name)? != Entry::Absent,
            Fact::Empty(name) => namespaces::processes(name)?.is_empty(),
            Fact::Value { at, path, value } => {
                let found = value_at(at, path)?;
                found.with_context(|| format!("cannot read {path}: it is not there"))? == *value
            }
            Fact::Rule { backend, rule } => self.rules.has(*backend, rule, self.limit)?,
            Fact::Chain { family, table } => self.rules.has_chain(*family, *table, self.limit)?,
            Fact::Frame(line) => self.rules.has_line(line, self.limit)?,
            Fact::Link { at, name } => self.link(at, name)?.is_some(),
            Fact::Up { at, name } => self.link(at, name)?.is_some_and(|link| link.up),
            Fact::Alias { at, name, alias } => {
                self.link(at, name)?.is_some_and(|link| link.alias.as_deref() == Some(alias))
            }
            Fact::Port { at, name, bridge } => {
                let master = self.link(at, name)?.and_then(|link| link.master);
                master.is_some() && master == self.link(at, bridge)?.map(|bridge| bridge.index)
            }
            Fact::Address { at, name, address } => {
                let state = self.state(at)?;
                state
                    .link(name)
                    .is_some_and(|link| state.addresses_of(link).any(|net| net == *address))
            }
            Fact::Bridge { at, name } => {
                self.link(at, name)?.is_some_and(|link| link.is_kind("bridge"))
            }
            Fact::Set { at, name, setting } => {
                self.link(at, name)?.is_some_and(|link| link.is_set(*setting))
            }
            Fact::Route { at, route } => read_in(at, read_all)?.has_route(route),
            Fact::DefaultRoute { at, gateway } => read_in(at, read_all)?
                .default_routes(gateway.is_ipv4())
                .iter()
                .any(|route| route.via == Some(*gateway)),
        })
    }

    /// Whether what a step of ours gave is there now, to be taken back: a link with our group, not any of that name.
    pub fn remains(&mut self, fact: &Fact) -> Result<bool> {
        Ok(match fact {
            Fact::Link { at, name } => self.link(at, name)?.is_some_and(|link| link.is_ours()),
            Fact::Namespace(name) => match namespaces::entry(name)? {
                Entry::Absent => false,
                Entry::Broken => true,
                // Its mark comes a moment after it. Without one it can be ours only as long as it is untouched.
                Entry::Sound { .. } => {
                    let state = self.state(&Some(name.clone()))?;
                    let lo = state.links.iter().find(|link| link.name.as_str() == "lo");
                    let alias = lo.and_then(|link| link.alias.as_deref());
                    let is_untouched = alias.is_none()
                        && state.addresses.is_empty()
                        && !state.links.iter().any(|link| link.up);
                    crate::mark::is_ours(alias)
                        || (is_untouched && namespaces::processes(name)?.is_empty())
                }
                Entry::Strange(_) => false,
            },
            Fact::Item(item) => etc::remains(item)?,
            Fact::Not(gone) if matches!(&**gone, Fact::Item(_)) => !self.holds(gone)?,
            Fact::Not(before) => match &**before {
                // The switch of an interface that is gone has nothing to be put back.
                Fact::Value { at, path, value } => {
                    value_at(at, path)?.is_some_and(|found| found != *value)
                }
                _ => self.holds(fact)?,
            },
            fact => self.holds(fact)?,
        })
    }

    /// What tells the thing that the fact is about from another of the same name, made later: interface indices and
    /// the numbers of files are not used again (those of files, on a tmpfs). `None` where there is no such thing.
    pub fn number(&mut self, fact: &Fact) -> Option<u64> {
        match fact {
            Fact::Not(fact) => self.number(fact),
            Fact::Link { at, name } => self.link(at, name).ok()?.map(|link| link.index.into()),
            Fact::Namespace(name) => namespaces::file_number(name),
            _ => None,
        }
    }

    /// The first of the facts that does not hold.
    pub fn first_missing<'a>(
        &mut self,
        facts: impl IntoIterator<Item = &'a Fact>,
    ) -> Result<Option<&'a Fact>> {
        for fact in facts {
            if !self.holds(fact)? {
                return Ok(Some(fact));
            }
        }
        Ok(None)
    }

    /// The link. A few are read alone: where there are thousands, reading all of them after each step of a long plan
    /// takes longer than the steps.
    fn link(&mut self, at: &Place, name: &InterfaceName) -> Result<Option<Link>> {
        if !self.states.contains_key(at) && self.links < FEW {
            self.links += 1;
            return read_in(at, || netlink::link_named(name));
        }
        Ok(self.state(at)?.link(name).cloned())
    }

    /// The state but for the routes.
    fn state(&mut self, at: &Place) -> Result<&State> {
        if !self.states.contains_key(at) {
            self.states.insert(at.clone(), read_in(at, read_state)?);
        }
        self.states.get(at).context("a state that was just read is there")
    }
}

/// What a file of /proc/sys holds, as it is seen from the place; `None`: there is no such file.
fn value_at(at: &Place, path: &str) -> Result<Option<String>> {
    read_in(at, || match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {path}")),
    })
}
