//! The picture for Graphviz. What ends at a box is a field of it: there, other than beside the wire, it takes its room.

use super::model::{End, Graph, Node, NodeKind, Part, PartKind, Wire, WireKind};
use std::fmt::Write;

const HEAD: &str = "    \
    graph [rankdir=LR, ranksep=1.2, nodesep=0.3, fontname=\"sans-serif\", bgcolor=white]\n    \
    node [shape=Mrecord, style=filled, fillcolor=white, color=\"#5b6b7b\", fontname=\"sans-serif\", fontsize=11]\n    \
    edge [fontname=\"sans-serif\", fontsize=10, color=\"#5b6b7b\"]\n";

const FOREIGN: &str =
    ", style=\"filled,dotted\", fillcolor=\"#ededee\", color=\"#999999\", fontcolor=\"#666666\"";

pub fn print(graph: &Graph) -> String {
    let mut text = format!("graph {} {{\n{HEAD}", quote(&graph.title));
    for (number, node) in graph.nodes.iter().enumerate() {
        push_node(&mut text, graph, number, node);
    }
    for (number, wire) in graph.wires.iter().enumerate() {
        let _ = writeln!(text, "    {}", edge(number, wire));
    }
    text + "}\n"
}

fn push_node(text: &mut String, graph: &Graph, number: usize, node: &Node) {
    let look = match node.kind {
        _ if node.is_foreign => FOREIGN,
        NodeKind::Internet => ", fillcolor=\"#fdf3dc\", color=\"#b0842b\"",
        NodeKind::Host => ", fillcolor=\"#e6eff9\", color=\"#31639c\"",
        _ => "",
    };
    let own = fields(graph, number, None);
    if node.parts.is_empty() {
        let label = record(&lines(&node.name, &node.notes, &[]), &own);
        let _ = writeln!(text, "    n{number} [label={label}{look}]");
        return;
    }
    let label = quote(
        &std::iter::once(&node.name).chain(&node.notes).cloned().collect::<Vec<_>>().join("\n"),
    );
    let fill = if node.kind == NodeKind::Host { "#e6eff9" } else { "#f7f8f9" };
    let style = if node.is_foreign { "rounded,dotted" } else { "rounded,filled" };
    let _ = writeln!(text, "    subgraph cluster_n{number} {{");
    let _ = writeln!(
        text,
        "        label={label}; style=\"{style}\"; color=\"#5b6b7b\"; fillcolor=\"{fill}\""
    );
    // Graphviz has no wires to clusters: what ends at the box itself gets a box in it.
    if !own.is_empty() {
        let _ = writeln!(text, "        n{number} [label={}{look}]", record("", &own));
    }
    for (part, one) in node.parts.iter().enumerate() {
        let _ = writeln!(text, "        n{number}p{part} {}", part_box(graph, number, part, one));
    }
    text.push_str("    }\n");
}

fn part_box(graph: &Graph, node: usize, number: usize, part: &Part) -> String {
    let name = lines(&part.name, &part.addresses, &part.notes);
    let label = record(&name, &fields(graph, node, Some(number)));
    let look = match part.kind {
        _ if part.is_foreign => FOREIGN,
        PartKind::Switch => ", fillcolor=\"#dcefdc\", color=\"#3d7a3d\"",
        PartKind::Interface => ", fillcolor=\"#f6f8fa\"",
    };
    let down = if part.is_down { ", style=\"filled,dashed\"" } else { "" };
    format!("[label={label}{look}{down}]")
}

/// The ends of wires that are to be told there, each under the name that [`id`] gives it.
fn fields(graph: &Graph, node: usize, part: Option<usize>) -> Vec<String> {
    let mut fields = Vec::new();
    for (number, wire) in graph.wires.iter().enumerate() {
        for (index, end) in wire.ends.iter().enumerate() {
            if (end.node, end.part) == (node, part) && !end.name.is_empty() {
                let words = lines(&end.name, &end.addresses, &[]);
                fields.push(format!("<w{number}e{index}> {words}"));
            }
        }
    }
    fields
}

/// A label with fields below each other.
fn record(head: &str, fields: &[String]) -> String {
    let head = (!head.is_empty()).then_some(head);
    let all: Vec<&str> = head.into_iter().chain(fields.iter().map(String::as_str)).collect();
    format!("\"{}\"", all.join("|"))
}

fn edge(number: usize, wire: &Wire) -> String {
    let mut traits: Vec<&str> = Vec::new();
    if wire.kind == WireKind::Nat {
        traits.push("label=\"NAT\", dir=forward, color=\"#b0842b\"");
    }
    if wire.is_foreign {
        traits.push("color=\"#999999\"");
    }
    if wire.is_down {
        traits.push("style=dashed");
    }
    let traits =
        if traits.is_empty() { String::new() } else { format!(" [{}]", traits.join(", ")) };
    let [one, other] = &wire.ends;
    format!("{} -- {}{traits}", id(one, number, 0), id(other, number, 1))
}

fn id(end: &End, wire: usize, index: usize) -> String {
    let part = end.part.map_or(String::new(), |part| format!("p{part}"));
    let field = if end.name.is_empty() { String::new() } else { format!(":w{wire}e{index}") };
    format!("n{}{part}{field}", end.node)
}

fn lines(name: &str, more: &[String], notes: &[String]) -> String {
    let all = std::iter::once(name).chain(more.iter().chain(notes).map(String::as_str));
    all.map(escape).collect::<Vec<_>>().join("\\n")
}

/// Text within a label: braces, bars and angle brackets make fields, a backslash begins an escape (`\N` is the name of
/// the node), and an ampersand a character by its name.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\\' => safe.push_str("\\\\"),
            '{' | '}' | '|' | '<' | '>' | ' ' => safe.extend(['\\', character]),
            c => safe.push(c),
        }
    }
    safe
}

/// A string that is no label of fields.
fn quote(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;");
    format!("\"{}\"", text.replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_name_means_anything() {
        assert_eq!(lines("br0", &["10.0.0.1/24".to_owned()], &[]), "br0\\n10.0.0.1/24");
        assert_eq!(escape("a\"b\\N<p>|{}&lt;"), "a&quot;b\\\\N\\<p\\>\\|\\{\\}&amp;lt;");
        assert_eq!(quote("a\"b\\N&lt;"), "\"a\\\"b\\\\N&amp;lt;\"");
    }
}
