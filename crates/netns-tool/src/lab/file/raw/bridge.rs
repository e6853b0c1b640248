//! `[bridge.NAME]`.

use super::{Addresses, flag, mac, mtu};
use crate::address::Mac;
use crate::lab::file::problem::{At, Problems, Span};
use crate::lab::file::value::Value;
use crate::sysctl::Scope;

#[derive(Debug)]
pub struct Bridge {
    /// What the rest of the file calls it.
    pub key: At<String>,
    pub name: Option<At<String>>,
    pub namespace: Option<At<String>>,
    pub addresses: Addresses,
    pub mtu: Option<At<u32>>,
    pub mac: Option<At<Mac>>,
    pub stp: bool,
    pub vlan_filtering: bool,
    pub nat: Option<Nat>,
}

#[derive(Debug)]
pub struct Nat {
    pub span: Span,
    pub uplink: Uplink,
    pub publish: Vec<At<String>>,
    pub allow: Vec<At<String>>,
    pub masquerade_ipv6: bool,
    pub scope: Option<Scope>,
}

#[derive(Debug)]
pub enum Uplink {
    /// The interface of the default route.
    Default,
    Named(At<String>),
}

impl Bridge {
    pub fn read(value: &Value, problems: &mut Problems) -> Option<Self> {
        let mut table = value.table("a bridge", problems)?;
        let mut text = |key| table.take(key).and_then(|value| value.owned(problems));
        let (name, namespace) = (text("name"), text("namespace"));
        let bridge = Self {
            key: At::new(value.key.value.to_owned(), &value.key.span),
            name,
            namespace,
            addresses: Addresses::read(table.take("address"), problems),
            mtu: mtu(table.take("mtu"), problems),
            mac: mac(table.take("mac"), problems),
            stp: flag(table.take("stp"), problems),
            vlan_filtering: flag(table.take("vlan_filtering"), problems),
            nat: table.take("nat").and_then(|value| Nat::read(&value, problems)),
        };
        table.finish(problems);
        Some(bridge)
    }

    /// The name of its interface.
    pub fn interface(&self) -> &At<String> {
        self.name.as_ref().unwrap_or(&self.key)
    }
}

impl Nat {
    fn read(value: &Value, problems: &mut Problems) -> Option<Self> {
        if value.as_flag() == Some(false) {
            return None;
        }
        let mut nat = Self {
            span: value.span.clone(),
            uplink: Uplink::Default,
            publish: Vec::new(),
            allow: Vec::new(),
            masquerade_ipv6: true,
            scope: None,
        };
        if let Some(uplink) = value.as_text() {
            nat.uplink = Uplink::Named(At::new(uplink.to_owned(), &value.span));
        } else if value.as_flag().is_none() {
            nat.read_table(value, problems)?;
        }
        Some(nat)
    }

    fn read_table(&mut self, value: &Value, problems: &mut Problems) -> Option<()> {
        let Some(mut table) = value.as_table("a NAT") else {
            value.is_not("true, the name of the uplink, or a table", problems);
            return None;
        };
        let uplink = table.take("uplink").and_then(|value| value.owned(problems));
        self.uplink = uplink.map_or(Uplink::Default, Uplink::Named);
        let mut texts = |key| {
            let values = table.take(key).map(|value| value.one_or_more()).unwrap_or_default();
            values.iter().filter_map(|value| value.owned(problems)).collect()
        };
        (self.publish, self.allow) = (texts("publish"), texts("allow"));
        let masquerade = table.take("masquerade_ipv6");
        self.masquerade_ipv6 = masquerade.and_then(|value| value.flag(problems)).unwrap_or(true);
        let scope = table.take("forwarding").and_then(|value| value.parsed(scope, problems));
        self.scope = scope.map(|scope| scope.value);
        table.finish(problems);
        Some(())
    }
}

fn scope(text: &str) -> Result<Scope, String> {
    match text {
        "host" => Ok(Scope::Host),
        "interface" => Ok(Scope::Interface),
        _ => Err("it is \"host\" (the default) or \"interface\"".to_owned()),
    }
}
