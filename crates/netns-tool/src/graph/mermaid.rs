//! The picture for Markdown: a flowchart of Mermaid, as GitHub draws it.

use super::model::{End, Graph, Node, NodeKind, Part, PartKind, Wire, WireKind};
use std::fmt::Write;

const CLASSES: &str = "\
    classDef host fill:#eef4fb,stroke:#31639c,color:#1c2733\n    \
    classDef namespace fill:#ffffff,stroke:#4a5a6a,color:#1c2733\n    \
    classDef switch fill:#dcebdc,stroke:#3d7a3d,color:#1c2733\n    \
    classDef interface fill:#f4f4f4,stroke:#4a5a6a,color:#1c2733\n    \
    classDef internet fill:#fdf3dc,stroke:#a87a1a,color:#1c2733\n    \
    classDef foreign fill:#eeeeee,stroke:#999999,color:#666666,stroke-dasharray:2 3\n";

pub fn print(graph: &Graph) -> String {
    let mut text = format!(
        "---\ntitle: \"{}\"\n---\nflowchart LR\n",
        // YAML reads it first; what is escaped for Mermaid has neither quotes nor backslashes.
        escape(&graph.title)
    );
    for (number, node) in graph.nodes.iter().enumerate() {
        push_node(&mut text, number, node);
    }
    for wire in &graph.wires {
        let [one, other] = &wire.ends;
        let line = match wire.kind {
            WireKind::Nat => "-->",
            _ if wire.is_down => "-.-",
            _ => "---",
        };
        let label = label(graph, wire);
        let label = if label.is_empty() { label } else { format!("|\"{label}\"|") };
        let _ = writeln!(text, "    {} {line}{label} {}", id(one), id(other));
    }
    let foreign = graph.wires.iter().enumerate().filter(|(_, wire)| wire.is_foreign);
    for (number, _) in foreign {
        let _ = writeln!(text, "    linkStyle {number} stroke:#999999,color:#666666");
    }
    format!("{text}    {CLASSES}")
}

fn id(end: &End) -> String {
    match end.part {
        Some(part) => format!("n{}p{part}", end.node),
        None => format!("n{}", end.node),
    }
}

fn push_node(text: &mut String, number: usize, node: &Node) {
    let class = match node.kind {
        _ if node.is_foreign => "foreign",
        NodeKind::Host => "host",
        NodeKind::Namespace | NodeKind::Unnamed | NodeKind::Unseen => "namespace",
        NodeKind::Internet => "internet",
    };
    let label = lines(&node.name, &node.notes, &[]);
    if node.parts.is_empty() {
        let (left, right) = if node.kind == NodeKind::Internet { ("([", "])") } else { ("[", "]") };
        let _ = writeln!(text, "    n{number}{left}\"{label}\"{right}:::{class}");
        return;
    }
    let _ = writeln!(text, "    subgraph n{number}[\"{label}\"]");
    for (part, one) in node.parts.iter().enumerate() {
        let _ = writeln!(text, "        n{number}p{part}{}", part_box(one));
    }
    let _ = writeln!(text, "    end\n    class n{number} {class}");
}

fn part_box(part: &Part) -> String {
    let label = lines(&part.name, &part.addresses, &part.notes);
    let (left, right, class) = match part.kind {
        PartKind::Switch => ("[[", "]]", "switch"),
        PartKind::Interface => ("(", ")", "interface"),
    };
    let down = if part.is_down { "<br/>down" } else { "" };
    let class = if part.is_foreign { "foreign" } else { class };
    format!("{left}\"{label}{down}\"{right}:::{class}")
}

fn lines(name: &str, more: &[String], notes: &[String]) -> String {
    let all = std::iter::once(name).chain(more.iter().chain(notes).map(String::as_str));
    all.map(escape).collect::<Vec<_>>().join("<br/>")
}

/// The ends below each other: Mermaid has one label for both, so that each says whose it is.
fn label(graph: &Graph, wire: &Wire) -> String {
    if wire.kind == WireKind::Nat {
        return "NAT".to_owned();
    }
    let end = |end: &End| {
        let node = &graph.nodes[end.node];
        let name = match node.kind {
            NodeKind::Namespace => format!("{}:{}", node.name, end.name),
            _ => end.name.clone(),
        };
        let words = std::iter::once(&name).chain(&end.addresses).map(|word| escape(word));
        words.collect::<Vec<_>>().join(" ")
    };
    let told = wire.ends.iter().filter(|one| !one.name.is_empty());
    told.map(end).collect::<Vec<_>>().join("<br/>")
}

/// Text as it can stand between quotes: whatever could mean something is written by its number. A space behind a dot or
/// a dash would make a list of it.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        let is_in_sentence = safe.ends_with(|before: char| before.is_alphanumeric());
        match character {
            c if c.is_alphanumeric() || "-_./:,()".contains(c) => safe.push(c),
            ' ' if is_in_sentence => safe.push(' '),
            c => safe.push_str(&format!("#{};", u32::from(c))),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn nothing_of_a_name_means_anything() {
        assert_eq!(escape("web-1.a:10.0.0.2/24"), "web-1.a:10.0.0.2/24");
        assert_eq!(escape("\"]<b>`#&\\"), "#34;#93;#60;b#62;#96;#35;#38;#92;");
        assert_eq!(escape("1. a b"), "1.#32;a b");
    }
}
