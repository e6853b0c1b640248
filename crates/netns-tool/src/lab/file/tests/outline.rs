//! A lab as lines that a person can check.

use crate::lab::model::{End, Lab};
use crate::plan::Place;
use std::fmt::{Display, Write};

/// A line for each thing of the lab, in its order.
pub fn outline(lab: &Lab) -> String {
    let mut lines = format!("lab {} {}\n", lab.name, lab.file.display());
    for netns in &lab.namespaces {
        let hosts = netns.hosts.iter().map(|(ip, name)| format!("{name}={ip}"));
        let sysctls = netns.sysctls.iter().map(|(path, value)| format!("{path}={value}"));
        let words = [
            all("lo", &netns.addresses),
            all("dns", &netns.name_servers),
            all("hosts", &hosts.collect::<Vec<_>>()),
            all("sysctl", &sysctls.collect::<Vec<_>>()),
        ];
        line(&mut lines, format!("namespace {}", netns.name), &words);
    }
    for bridge in &lab.bridges {
        let stp = if bridge.stp { " stp" } else { "" };
        let vlans = if bridge.vlan_filtering { " vlan_filtering" } else { "" };
        let words = [
            all("", &bridge.addresses),
            all("mtu", &bridge.mtu),
            all("mac", &bridge.mac),
            stp.to_owned(),
            vlans.to_owned(),
        ];
        line(&mut lines, format!("bridge {}{}", bridge.name, place(&bridge.at)), &words);
    }
    for link in &lab.links {
        let [one, other] = link.ends.each_ref().map(end);
        line(&mut lines, format!("link {one} <->{other}"), &[all("mtu", &link.mtu)]);
    }
    for route in &lab.routes {
        let words = [all("via", &route.via), all("dev", &route.device)];
        line(&mut lines, format!("route{} {}", place(&route.at), route.to), &words);
    }
    for nat in &lab.nats {
        let words = [
            all("->", &nat.uplink),
            all("publish", &nat.publications),
            all("allow", &nat.allowed),
            if nat.no_masquerade { " no_masquerade".to_owned() } else { String::new() },
            all("forwarding", &nat.scope),
        ];
        line(&mut lines, format!("nat {}", nat.bridge), &words);
    }
    for process in &lab.processes {
        let ready = process.ready.iter().map(|ready| format!("{ready:?}"));
        let words = [all("ready", &ready.collect::<Vec<_>>())];
        line(
            &mut lines,
            format!("process {} @{} {:?}", process.name, process.at, process.command),
            &words,
        );
    }
    lines
}

fn line(lines: &mut String, first: String, words: &[String]) {
    writeln!(lines, "{first}{}", words.concat()).unwrap();
}

fn all<'a, T: Display + 'a>(word: &str, values: impl IntoIterator<Item = &'a T>) -> String {
    let values: Vec<String> = values.into_iter().map(ToString::to_string).collect();
    match (values.is_empty(), word) {
        (true, _) => String::new(),
        (false, "") => format!(" {}", values.join(" ")),
        (false, word) => format!(" {word} {}", values.join(" ")),
    }
}

fn place(at: &Place) -> String {
    at.as_ref().map(|netns| format!(" @{netns}")).unwrap_or_default()
}

fn end(end: &End) -> String {
    format!(
        " {}{}{}{}{}",
        end.name,
        place(&end.at),
        all("", &end.addresses),
        all("mac", &end.mac),
        all("port of", &end.bridge)
    )
}
