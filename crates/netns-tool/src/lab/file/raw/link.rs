//! `[[link]]`.

use super::{Addresses, lacks, mac, mtu};
use crate::address::Mac;
use crate::lab::file::problem::{At, Problem, Problems, Span};
use crate::lab::file::value::Value;

#[derive(Debug)]
pub struct Link {
    pub ends: [End; 2],
    pub mtu: Option<At<u32>>,
}

#[derive(Debug)]
pub struct End {
    pub span: Span,
    pub namespace: Option<At<String>>,
    pub interface: Option<At<String>>,
    pub bridge: Option<At<String>>,
    pub addresses: Addresses,
    pub mac: Option<At<Mac>>,
}

impl Link {
    pub fn read(value: &Value, problems: &mut Problems) -> Option<Self> {
        let mut table = value.table("a link", problems)?;
        let mut end = |key: &'static str| {
            let Some(end) = table.take(key) else {
                let example = "such as { namespace = \"web\", interface = \"eth0\" }";
                lacks(&value.span, &format!("a link needs `{key}`"), example, problems);
                return None;
            };
            End::read(&end, problems)
        };
        let ends = (end("from"), end("to"));
        let mtu = mtu(table.take("mtu"), problems);
        table.finish(problems);
        match ends {
            (Some(from), Some(to)) => Some(Self { ends: [from, to], mtu }),
            _ => None,
        }
    }
}

impl End {
    fn read(value: &Value, problems: &mut Problems) -> Option<Self> {
        let mut table = value.table("the end of a link", problems)?;
        let mut text = |key| table.take(key).and_then(|value| value.owned(problems));
        let (namespace, interface, bridge) = (text("namespace"), text("interface"), text("bridge"));
        let end = Self {
            span: value.span.clone(),
            namespace,
            interface,
            bridge,
            addresses: Addresses::read(table.take("address"), problems),
            mac: mac(table.take("mac"), problems),
        };
        table.finish(problems);
        end.is_whole(problems).then_some(end)
    }

    /// Whether it has what it needs, and nothing that it cannot have.
    fn is_whole(&self, problems: &mut Problems) -> bool {
        if let (Some(bridge), Some(address)) = (&self.bridge, self.addresses.list.first()) {
            let message = format!("a port of a bridge cannot have the address `{}`", address.value);
            let label = format!("it belongs to the bridge: [bridge.{}]", bridge.value);
            problems.add(Problem::new(&address.span, message).label(label));
        }
        let is_nameless = self.interface.is_none() && self.bridge.is_none();
        if let (Some(namespace), true) = (&self.namespace, is_nameless) {
            let message = format!("the end in `{}` needs `interface`", namespace.value);
            lacks(&self.span, &message, "such as interface = \"eth0\"", problems);
            return false;
        }
        true
    }
}
