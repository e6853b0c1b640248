//! What is so at this moment: the answers that the engine wants while it works.

mod gather;

use super::namespaces::{self, Processes, Seen};
use super::state::{Link, State};
use super::{etc, firewall, netlink, read_all, read_in, read_state, told};
use crate::name::{InterfaceName, NamespaceName};
use crate::plan::{Fact, Place};
use anyhow::{Context, Result};
use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

/// How many links are read one by one before all of their place are.
const FEW: usize = 4;

/// Answers whether facts hold, reading each place at most once; made anew for each look.
pub struct Look {
    limit: Duration,
    places: BTreeMap<Place, Known>,
    values: HashMap<(Place, String), Option<String>>,
    /// How many links were read one by one.
    links: usize,
    rules: firewall::Rules,
    files: Option<HashMap<OsString, u64>>,
    processes: Option<Processes>,
}

/// What is known of a place.
struct Known {
    state: State,
    /// The routes were read as well.
    has_routes: bool,
    /// Where each link is among those of the state.
    links: HashMap<InterfaceName, usize>,
}

impl Known {
    fn new(state: State, has_routes: bool) -> Self {
        let names = state.links.iter().map(|link| link.name.clone());
        let links = names.enumerate().map(|(index, name)| (name, index)).collect();
        Self { state, has_routes, links }
    }

    fn link(&self, name: &InterfaceName) -> Option<&Link> {
        self.links.get(name).and_then(|index| self.state.links.get(*index))
    }
}

impl Look {
    pub fn new(limit: Duration) -> Self {
        Self {
            limit,
            places: BTreeMap::new(),
            values: HashMap::new(),
            links: 0,
            rules: firewall::Rules::default(),
            files: None,
            processes: None,
        }
    }

    /// Whether the fact is so at this moment.
    pub fn holds(&mut self, fact: &Fact) -> Result<bool> {
        Ok(match fact {
            Fact::Not(fact) => match &**fact {
                Fact::Item(item) => etc::is_gone(item)?,
                fact => !self.holds(fact)?,
            },
            Fact::Item(item) => etc::stands(item)?,
            Fact::Namespace(name) => namespaces::seen(name)? != Seen::Absent,
            Fact::Empty(name) => self.is_empty(name)?,
            Fact::Process { netns, mark } => {
                let bearing = self.processes()?.bearing(netns, mark);
                let bearing = bearing.map_or_else(|| namespaces::bearing(netns, mark), Ok)?;
                !bearing.is_empty()
            }
            Fact::Value { at, path, value } => {
                let found = self.value(at, path)?;
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
                let known = self.known(at, false)?;
                known.link(name).is_some_and(|link| {
                    known.state.addresses_of(link).any(|found| found == *address)
                })
            }
            Fact::DefaultRoute { at, gateway } => {
                let routes = self.known(at, true)?.state.default_routes(gateway.is_ipv4());
                routes.iter().any(|route| route.via == Some(*gateway))
            }
            Fact::Route { at, route } => self.known(at, true)?.state.has_route(route),
            Fact::Bridge { at, name } => {
                self.link(at, name)?.is_some_and(|link| link.is_kind("bridge"))
            }
            Fact::Set { at, name, setting } => {
                self.link(at, name)?.is_some_and(|link| link.is_set(*setting))
            }
        })
    }

    /// Whether what a step of ours gave is there now, to be taken back: a link with our group, not any of that name.
    pub fn remains(&mut self, fact: &Fact) -> Result<bool> {
        Ok(match fact {
            Fact::Link { at, name } => self.link(at, name)?.is_some_and(|link| link.is_ours()),
            Fact::Namespace(name) => match namespaces::seen(name)? {
                Seen::Absent | Seen::Strange(_) => false,
                Seen::Broken => true,
                // Its mark comes a moment after it. Without one it can be ours only as long as it is untouched.
                Seen::Sound => {
                    let state = &self.known(&Some(name.clone()), false)?.state;
                    let lo = state.links.iter().find(|link| link.name.as_str() == "lo");
                    let alias = lo.and_then(|link| link.alias.as_deref());
                    let is_untouched = alias.is_none()
                        && state.addresses.is_empty()
                        && !state.links.iter().any(|link| link.up);
                    crate::mark::is_ours(alias) || (is_untouched && self.is_empty(name)?)
                }
            },
            Fact::Item(item) => etc::remains(item)?,
            Fact::Not(gone) if matches!(&**gone, Fact::Item(_)) => !self.holds(gone)?,
            Fact::Not(before) => match &**before {
                // The switch of an interface that is gone has nothing to be put back.
                Fact::Value { at, path, value } => {
                    self.value(at, path)?.is_some_and(|found| found != *value)
                }
                _ => self.holds(fact)?,
            },
            fact => self.holds(fact)?,
        })
    }

    /// Whether the fact is about a setting of an interface that is gone.
    pub fn is_setting_of_nothing(&mut self, fact: &Fact) -> bool {
        let Fact::Value { at, path, .. } = fact else { return false };
        path.contains("/conf/") && matches!(self.value(at, path), Ok(None))
    }

    /// What tells the thing that the fact is about from another of the same name, made later: interface indices and
    /// the numbers of files are not used again (those of files, on a tmpfs). `None` where there is no such thing.
    pub fn number(&mut self, fact: &Fact) -> Option<u64> {
        match fact {
            Fact::Not(fact) => self.number(fact),
            Fact::Link { at, name } => self.link(at, name).ok()?.map(|link| link.index.into()),
            Fact::Namespace(name) => {
                let files = self.files.get_or_insert_with(namespaces::file_numbers);
                files.get(OsStr::new(name.as_str())).copied()
            }
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
        if !self.places.contains_key(at) && self.links < FEW {
            self.links += 1;
            return read_in(at, || netlink::link_named(name));
        }
        Ok(self.known(at, false)?.link(name).cloned())
    }

    /// What stands at the place, read now if it has not been yet.
    fn known(&mut self, at: &Place, routes: bool) -> Result<&Known> {
        let is_known = self.places.get(at).is_some_and(|known| known.has_routes || !routes);
        if !is_known {
            let state = read_in(at, if routes { read_all } else { read_state })?;
            self.places.insert(at.clone(), Known::new(state, routes));
        }
        self.places.get(at).context("a place that was just read is known")
    }

    /// What a file of /proc/sys holds, as it is seen from the place; `None`: there is no such file.
    fn value(&mut self, at: &Place, path: &str) -> Result<Option<String>> {
        match self.values.get(&(at.clone(), path.to_owned())) {
            Some(value) => Ok(value.clone()),
            None => read_in(at, || read_value(path)),
        }
    }

    /// Whether no process is inside the namespace.
    fn is_empty(&mut self, name: &NamespaceName) -> Result<bool> {
        Ok(self.processes()?.inside(name).is_empty())
    }

    fn processes(&mut self) -> Result<&Processes> {
        if self.processes.is_none() {
            self.processes = Some(Processes::read()?);
        }
        self.processes.as_ref().context("what was just read is known")
    }
}

fn read_value(path: &str) -> Result<Option<String>> {
    if let Some(value) = told(path) {
        return Ok(Some(value));
    }
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {path}")),
    }
}
