//! The picture for Graphviz.

use super::model::{End, Graph, Node, NodeKind, Part, PartKind, Wire, WireKind};
use std::fmt::Write;

const FOREIGN: &str = ", style=\"rounded,filled,dotted\", fillcolor=\"#eeeeee\", color=\"#999999\", \
                       fontcolor=\"#666666\"";

pub fn print(graph: &Graph) -> String {
    let mut text = format!("graph {} {{\n", quote(&[&graph.title]));
    text += "    graph [rankdir=LR, ranksep=2.4, nodesep=0.3, fontname=\"sans-serif\", bgcolor=white]\n";
    text += "    node [shape=box, style=\"rounded,filled\", fillcolor=white, color=\"#4a5a6a\", \
             fontname=\"sans-serif\"]\n";
    text += "    edge [fontname=\"sans-serif\", fontsize=10, color=\"#4a5a6a\"]\n";
    for (number, node) in graph.nodes.iter().enumerate() {
        push_node(&mut text, graph, number, node);
    }
    for wire in &graph.wires {
        let _ = writeln!(text, "    {}", edge(wire));
    }
    text + "}\n"
}

fn id(end: &End) -> String {
    match end.part {
        Some(part) => format!("n{}p{part}", end.node),
        None => format!("n{}", end.node),
    }
}

fn push_node(text: &mut String, graph: &Graph, number: usize, node: &Node) {
    let label = label(&node.name, &node.notes, &[]);
    let look = match node.kind {
        _ if node.is_foreign => FOREIGN,
        NodeKind::Internet => ", shape=ellipse, style=filled, fillcolor=\"#fdf3dc\"",
        NodeKind::Host => ", fillcolor=\"#eef4fb\"",
        _ => "",
    };
    if node.parts.is_empty() {
        let _ = writeln!(text, "    n{number} [label={label}{look}]");
        return;
    }
    let _ = writeln!(text, "    subgraph cluster_n{number} {{");
    let fill = if node.kind == NodeKind::Host { "#eef4fb" } else { "#f7f7f7" };
    let style = if node.is_foreign { "rounded,dotted" } else { "rounded,filled" };
    let _ = writeln!(
        text,
        "        label={label}; style=\"{style}\"; color=\"#4a5a6a\"; fillcolor=\"{fill}\""
    );
    // Graphviz has no wires to clusters: what ends at the box itself gets a point in it.
    let mut ends = graph.wires.iter().flat_map(|wire| &wire.ends);
    if ends.any(|end| end.node == number && end.part.is_none()) {
        let _ = writeln!(text, "        n{number} [label={}]", quote(&[&node.name]));
    }
    for (part, one) in node.parts.iter().enumerate() {
        let _ = writeln!(text, "        n{number}p{part} {}", part_box(one));
    }
    text.push_str("    }\n");
}

fn part_box(part: &Part) -> String {
    let label = label(&part.name, &part.addresses, &part.notes);
    let look = match part.kind {
        _ if part.is_foreign => FOREIGN,
        PartKind::Switch => ", style=filled, fillcolor=\"#dcebdc\"",
        PartKind::Interface => ", fillcolor=\"#f4f4f4\"",
    };
    format!("[label={label}{look}]")
}

fn edge(wire: &Wire) -> String {
    let [one, other] = &wire.ends;
    let mut traits = Vec::new();
    let is_nat = wire.kind == WireKind::Nat;
    traits.extend(is_nat.then(|| "label=\"NAT\", dir=forward".to_owned()));
    for (end, key) in [(one, "taillabel"), (other, "headlabel")] {
        if !end.name.is_empty() {
            traits.push(format!("{key}={}", label(&end.name, &end.addresses, &[])));
        }
    }
    traits.extend(wire.is_down.then(|| "style=dashed".to_owned()));
    let grey = "color=\"#999999\", fontcolor=\"#666666\"";
    traits.extend(wire.is_foreign.then(|| grey.to_owned()));
    let traits =
        if traits.is_empty() { String::new() } else { format!(" [{}]", traits.join(", ")) };
    format!("{} -- {}{traits}", id(one), id(other))
}

fn label(name: &str, more: &[String], notes: &[String]) -> String {
    let all: Vec<&str> =
        std::iter::once(name).chain(more.iter().chain(notes).map(String::as_str)).collect();
    quote(&all)
}

/// Lines as a string of DOT. A backslash begins an escape in labels (`\N` is the node's name), also after another one.
fn quote(lines: &[&str]) -> String {
    let line = |line: &&str| line.replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;");
    format!("\"{}\"", lines.iter().map(line).collect::<Vec<_>>().join("\\n"))
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn nothing_of_a_name_means_anything() {
        assert_eq!(quote(&["br0", "10.0.0.1/24"]), "\"br0\\n10.0.0.1/24\"");
        assert_eq!(quote(&["a\"b\\N&lt;"]), "\"a\\\"b\\\\N&amp;lt;\"");
    }
}
