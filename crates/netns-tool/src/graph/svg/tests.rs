//! However a network is wired, nothing in its image lies upon anything else.

use super::print;
use super::scene::{Anchor, Label, Scene, Shape};
use super::size::{NAME, SMALL, bold_width, width};
use crate::graph::model::{End, Graph, Node, NodeKind, Part, PartKind, Wire, WireKind};
use proptest::prelude::*;

/// From the left, from the top, to the right, to the bottom.
type Rect = [f64; 4];

fn rect(shape: &Shape) -> Rect {
    [shape.x, shape.y, shape.x + shape.width, shape.y + shape.height]
}

fn rect_of(label: &Label) -> Rect {
    let width =
        if label.is_name { bold_width(&label.text, NAME) } else { width(&label.text, SMALL) };
    let left = match label.anchor {
        Anchor::Start => label.x,
        Anchor::Middle => label.x - width / 2.0,
        Anchor::End => label.x - width,
    };
    [left, label.y - 9.0, left + width, label.y + 2.0]
}

fn overlap(one: &Rect, other: &Rect) -> bool {
    one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3]
}

fn is_within(one: &Rect, other: &Rect) -> bool {
    one[0] >= other[0] && one[1] >= other[1] && one[2] <= other[2] && one[3] <= other[3]
}

/// Fails where anything lies upon anything else, or leaves the image or its box.
fn check(graph: &Graph) -> Result<(), TestCaseError> {
    let scene = Scene::of(graph);
    let paper = [0.0, 0.0, scene.width, scene.height];
    let outer: Vec<&Shape> = scene.boxes.iter().filter(|shape| !shape.is_part).collect();
    prop_assert_eq!(outer.len(), graph.nodes.len());
    let mut solid: Vec<(String, Rect)> = Vec::new();
    let mut home = paper;
    for shape in &scene.boxes {
        let own = rect(shape);
        home = if shape.is_part { home } else { paper };
        prop_assert!(is_within(&own, &home), "{} leaves its box: {own:?} {home:?}", shape.tip);
        for text in &shape.texts {
            let text_rect = rect_of(text);
            prop_assert!(is_within(&text_rect, &own), "{} leaves its box", text.text);
            solid.push((text.text.clone(), text_rect));
        }
        home = if shape.is_part { home } else { own };
    }
    let parts: Vec<&Shape> = scene.boxes.iter().filter(|shape| shape.is_part).collect();
    for shapes in [&outer, &parts] {
        for (number, one) in shapes.iter().enumerate() {
            for other in &shapes[..number] {
                let is_apart = !overlap(&rect(one), &rect(other));
                prop_assert!(is_apart, "{} lies upon {}", one.tip, other.tip);
            }
        }
    }
    for label in &scene.labels {
        let own = rect_of(label);
        prop_assert!(is_within(&own, &paper), "{} leaves the image", label.text);
        for shape in &scene.boxes {
            let is_inside = !shape.is_part && is_within(&own, &rect(shape));
            let is_apart = is_inside || !overlap(&own, &rect(shape));
            prop_assert!(is_apart, "{} lies upon {}", label.text, shape.tip);
        }
        for (text, other) in &solid {
            prop_assert!(!overlap(&own, other), "{} lies upon {text}", label.text);
        }
        solid.push((label.text.clone(), own));
    }
    Ok(())
}

fn node(kind: NodeKind, name: &str) -> Node {
    Node {
        kind,
        name: name.to_owned(),
        notes: Vec::new(),
        is_foreign: false,
        owner: "lab x".to_owned(),
        parts: Vec::new(),
    }
}

fn part(kind: PartKind, name: &str) -> Part {
    Part {
        kind,
        name: name.to_owned(),
        addresses: vec!["10.0.0.1/24".to_owned(), "fd00:0:0:1::1/64".to_owned()],
        notes: Vec::new(),
        is_foreign: false,
        is_down: false,
    }
}

fn end(node: usize, part: Option<usize>, name: &str) -> End {
    let addresses = if part.is_some() { 0 } else { 1 + name.len() % 3 };
    let addresses = (0..addresses).map(|number| format!("10.200.{number}.100/24")).collect();
    End { node, part, name: name.to_owned(), addresses }
}

fn wire(kind: WireKind, one: End, other: End) -> Wire {
    Wire { ends: [one, other], kind, is_down: false, is_foreign: false }
}

fn cable(one: usize, other: usize) -> Wire {
    wire(WireKind::Cable, end(one, None, &format!("to-{other}")), end(other, None, "eth0"))
}

/// So many namespaces that are not wired yet.
fn lone(count: usize) -> Graph {
    let nodes = (0..count).map(|number| node(NodeKind::Namespace, &format!("n{number}")));
    Graph { title: "lab".to_owned(), nodes: nodes.collect(), wires: Vec::new() }
}

/// A bridge of the host with a NAT and so many namespaces.
fn star(count: usize) -> Graph {
    let mut graph = lone(count + 1);
    graph.nodes[0] = node(NodeKind::Host, "host");
    graph.nodes[0].parts = vec![part(PartKind::Switch, "br0"), part(PartKind::Interface, "eth0")];
    graph.nodes.push(node(NodeKind::Internet, "the internet"));
    let port = |number| end(0, Some(0), &format!("n{number}-eth0"));
    let cable = |number| wire(WireKind::Cable, port(number), end(number, None, "eth0"));
    graph.wires = (1..=count).map(cable).collect();
    graph.wires.push(wire(WireKind::Nat, end(0, Some(0), ""), end(0, Some(1), "")));
    let out = wire(WireKind::Plain, end(0, Some(1), ""), end(count + 1, None, ""));
    graph.wires.push(out);
    graph
}

fn chain(count: usize) -> Graph {
    let mut graph = lone(count);
    graph.wires = (1..count).map(|number| cable(number - 1, number)).collect();
    graph
}

/// Each leaf wired to each spine, with servers on a switch of its own.
fn fabric(spines: usize, leaves: usize, servers: usize) -> Graph {
    let mut graph = lone(spines + leaves + leaves * servers);
    for leaf in spines..spines + leaves {
        graph.nodes[leaf].parts.push(part(PartKind::Switch, "rack"));
        graph.wires.extend((0..spines).map(|spine| cable(spine, leaf)));
        for server in 0..servers {
            let node = spines + leaves + (leaf - spines) * servers + server;
            let port = end(leaf, Some(0), &format!("n{node}-eth0"));
            graph.wires.push(wire(WireKind::Cable, port, end(node, None, "eth0")));
        }
    }
    graph
}

#[test]
fn nothing_lies_upon_anything_else_in_stars_and_chains_and_fabrics() {
    let graphs = (1..=60).map(star).chain((1..=40).map(chain)).chain((1..=30).map(lone));
    let fabrics = (1..=4).flat_map(|spines| (1..=6).map(move |leaves| fabric(spines, leaves, 2)));
    for graph in graphs.chain(fabrics) {
        check(&graph).unwrap();
    }
}

/// Any boxes, some with parts, and any wires between boxes, or parts, or both within one box.
fn any_graph() -> impl Strategy<Value = Graph> {
    let ends = (0..12_usize, 0..4_usize, 0..12_usize, 0..4_usize);
    let parts = prop::collection::vec(0..4_usize, 1..12);
    (any::<bool>(), parts, prop::collection::vec(ends, 0..24)).prop_map(
        |(has_host, parts, ends)| {
            let mut graph = lone(parts.len());
            if has_host {
                graph.nodes[0] = node(NodeKind::Host, "host");
            }
            for (node, count) in parts.iter().enumerate() {
                for number in 0..*count {
                    let kind = if number == 3 { PartKind::Interface } else { PartKind::Switch };
                    graph.nodes[node].parts.push(part(kind, &format!("br{number}")));
                }
            }
            for (one, part, other, far_part) in ends {
                let (one, other) = (one % parts.len(), other % parts.len());
                let at = |node: usize, part: usize| (part < parts[node]).then_some(part);
                let (part, far_part) = (at(one, part), at(other, far_part));
                // Within one box there are wires between two of its parts only, and an uplink is the host's.
                let is_inner = one == other;
                let is_uplink = |node: usize, part: Option<usize>| part == Some(3) && node > 0;
                let is_drawn =
                    !is_inner || (part.is_some() && far_part.is_some() && part != far_part);
                if is_drawn && (is_inner || !(is_uplink(one, part) || is_uplink(other, far_part))) {
                    let ends = [end(one, part, "veth1"), end(other, far_part, "some-interface")];
                    graph.wires.push(Wire { ends, ..cable(0, 0) });
                }
            }
            graph
        },
    )
}

proptest! {
    #[test]
    fn nothing_lies_upon_anything_else_whatever_is_wired(graph in any_graph()) {
        check(&graph)?;
    }
}

#[test]
fn names_of_strangers_are_no_markup() {
    let mut graph = lone(1);
    graph.nodes[0].name = "</text><script>\"&'".to_owned();
    graph.title = "<lab>".to_owned();
    let text = print(&graph);
    assert!(!text.contains("<script>") && !text.contains("<lab>"), "{text}");
    assert!(text.contains("&lt;/text&gt;&lt;script&gt;&quot;&amp;&apos;"), "{text}");
}
