//! From the draft to the lab. The names have been checked by then: where one was wrong there is a problem, and no lab.

use super::{Bridge, Draft, End, Spot, Wire};
use crate::lab::model::{self, Process};
use crate::name::{InterfaceName, NamespaceName};
use crate::plan::Place;

impl Draft<'_> {
    pub fn place(&self, at: Spot) -> Place {
        at.and_then(|index| NamespaceName::new(&self.namespaces[index].name).ok())
    }

    pub fn bridge_name(&self, bridge: usize) -> InterfaceName {
        InterfaceName::reported(self.bridges[bridge].name.clone())
    }

    pub fn processes(&self) -> Vec<Process> {
        let processes = self.namespaces.iter().flat_map(|netns| {
            netns.raw.processes.iter().filter_map(|process| {
                Some(Process {
                    at: NamespaceName::new(&netns.name).ok()?,
                    name: process.name.clone(),
                    command: process.command.clone(),
                    ready: process.ready.clone(),
                })
            })
        });
        processes.collect()
    }
}

impl Bridge<'_> {
    pub fn finished(&self, draft: &Draft) -> model::Bridge {
        model::Bridge {
            at: draft.place(self.at),
            name: InterfaceName::reported(self.name.clone()),
            addresses: self.raw.addresses.list.iter().map(|address| address.value).collect(),
            mtu: self.raw.mtu.as_ref().map(|mtu| mtu.value),
            mac: self.raw.mac.as_ref().map(|mac| mac.value),
            stp: self.raw.stp,
            vlan_filtering: self.raw.vlan_filtering,
        }
    }
}

impl Wire<'_> {
    pub fn finished(&self, draft: &Draft) -> model::Link {
        let end = |end: &End| model::End {
            at: draft.place(end.at),
            name: InterfaceName::reported(end.name.clone()),
            addresses: end.addresses.iter().map(|address| address.value).collect(),
            mac: end.mac.map(|mac| mac.value),
            bridge: end.bridge.map(|bridge| draft.bridge_name(bridge)),
        };
        let [one, other] = &self.ends;
        model::Link { ends: [end(one), end(other)], mtu: self.mtu.map(|mtu| mtu.value) }
    }
}
