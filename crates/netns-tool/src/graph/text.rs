//! The picture in characters: a paragraph for each box, a line for each wire, each of them told once.

use super::model::{End, Graph, Node, NodeKind, Part, PartKind, Wire, WireKind};

/// A line: what is near, and where its wire leads, if it has one.
#[derive(Default)]
struct Row {
    name: String,
    addresses: String,
    wire: Option<Line>,
    far: String,
    far_addresses: String,
    flags: Vec<String>,
    /// The port of which switch the far end is.
    far_port: Option<String>,
}

#[derive(Clone, Copy)]
enum Line {
    Whole,
    Dashed,
    Arrow,
}

/// A head, and what hangs below it.
struct Branch {
    row: Row,
    below: Vec<Row>,
}

/// What is told of one box.
struct Paragraph<'a> {
    node: &'a Node,
    branches: Vec<Branch>,
}

pub fn print(graph: &Graph) -> String {
    let mut text = String::new();
    let mut lines: Vec<Row> = Vec::new();
    let told: Vec<Paragraph> =
        (0..graph.nodes.len()).filter_map(|node| tell(graph, node)).collect();
    for paragraph in told {
        match paragraph.into_line() {
            Ok(row) => lines.push(row),
            Err(paragraph) => {
                append(&mut text, &table(&std::mem::take(&mut lines), &[]));
                append(&mut text, &paragraph.print());
            }
        }
    }
    append(&mut text, &table(&lines, &[]));
    text
}

/// One more paragraph, if there is anything in it.
fn append(text: &mut String, paragraph: &[String]) {
    if !(text.is_empty() || paragraph.is_empty()) {
        text.push('\n');
    }
    paragraph.iter().for_each(|line| text.push_str(&format!("{line}\n")));
}

/// None where all of it is told elsewhere.
fn tell(graph: &Graph, number: usize) -> Option<Paragraph<'_>> {
    let node = &graph.nodes[number];
    let parts = node.parts.iter().enumerate();
    let mut branches: Vec<Branch> = Vec::new();
    for (part, switch) in parts.clone().filter(|(_, part)| part.kind == PartKind::Switch) {
        branches.push(Branch { row: head(switch), below: ports(graph, number, part) });
    }
    let own = graph.wires.iter().filter_map(|wire| Some((wire, teller(graph, wire)?)));
    let own = own.filter(|(_, (end, _))| end.node == number && !is_port(graph, end));
    let rows = own.map(|(wire, (end, far))| wire_row(graph, wire, end, far));
    branches.extend(rows.map(|row| Branch { row, below: Vec::new() }));
    let is_alone = |part: usize| {
        let ends = graph.wires.iter().flat_map(|wire| &wire.ends);
        !ends.into_iter().any(|end| (end.node, end.part) == (number, Some(part)))
    };
    let alone = parts.filter(|(part, one)| one.kind == PartKind::Interface && is_alone(*part));
    branches.extend(alone.map(|(_, part)| Branch { row: head(part), below: Vec::new() }));
    let is_told = !branches.is_empty() || !node.notes.is_empty();
    let is_lone = || !graph.wires.iter().flat_map(|wire| &wire.ends).any(|end| end.node == number);
    let is_place = matches!(node.kind, NodeKind::Host | NodeKind::Namespace);
    (is_place && (is_told || is_lone())).then_some(Paragraph { node, branches })
}

fn is_port(graph: &Graph, end: &End) -> bool {
    graph.part(end).is_some_and(|part| part.kind == PartKind::Switch)
}

/// The end at which a wire is told, and the other one: a switch tells all of its own, else the box that comes first.
fn teller<'a>(graph: &Graph, wire: &'a Wire) -> Option<(&'a End, &'a End)> {
    let rank = |end: &End| (!is_port(graph, end), end.node, end.part);
    wire.both_ways().into_iter().min_by_key(|(near, _)| rank(near))
}

fn head(part: &Part) -> Row {
    let mut flags = Vec::new();
    // Those of a switch are told below it.
    flags.extend(part.notes.iter().filter(|_| part.kind == PartKind::Interface).cloned());
    flags.extend(part.is_foreign.then(|| "foreign".to_owned()));
    flags.extend(part.is_down.then(|| "down".to_owned()));
    let (name, addresses) = (part.name.clone(), part.addresses.join(", "));
    Row { name, addresses, flags, ..Row::default() }
}

/// What hangs on a switch: its ports, its way out, and what is published there.
fn ports(graph: &Graph, node: usize, part: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    for kind in [WireKind::Cable, WireKind::Plain, WireKind::Nat] {
        for wire in graph.wires.iter().filter(|wire| wire.kind == kind) {
            let Some((end, far)) = teller(graph, wire) else { continue };
            if (end.node, end.part) == (node, Some(part)) {
                rows.push(wire_row(graph, wire, end, far));
            }
        }
    }
    let notes = &graph.nodes[node].parts[part].notes;
    rows.extend(notes.iter().map(|note| Row { name: note.clone(), ..Row::default() }));
    rows
}

fn wire_row(graph: &Graph, wire: &Wire, end: &End, far: &End) -> Row {
    let is_hardware = wire.kind == WireKind::Plain && wire.is_inner();
    if is_hardware {
        return graph.part(far).map(head).unwrap_or_default();
    }
    let far_node = &graph.nodes[far.node];
    let mut flags = Vec::new();
    flags.extend((wire.is_foreign || far_node.is_foreign).then(|| "foreign".to_owned()));
    flags.extend(wire.is_down.then(|| "down".to_owned()));
    let far_port = is_port(graph, far) && wire.kind == WireKind::Cable;
    let far_port =
        graph.part(far).filter(|_| far_port).map(|part| format!("port of {}", part.name));
    let is_nat = wire.kind == WireKind::Nat;
    Row {
        name: if is_nat { "NAT".to_owned() } else { graph.name(end).to_owned() },
        addresses: if is_nat { String::new() } else { graph.addresses(end).join(", ") },
        wire: Some(match wire.is_down {
            _ if is_nat => Line::Arrow,
            true => Line::Dashed,
            false => Line::Whole,
        }),
        far: if is_nat && far_node.kind == NodeKind::Host {
            graph.name(far).to_owned()
        } else {
            far_name(far_node, graph.name(far))
        },
        far_addresses: if is_nat { String::new() } else { graph.addresses(far).join(", ") },
        flags,
        far_port,
    }
}

fn far_name(node: &Node, interface: &str) -> String {
    match node.kind {
        NodeKind::Host | NodeKind::Namespace => format!("{}:{interface}", node.name),
        NodeKind::Unnamed => "a namespace without a name".to_owned(),
        NodeKind::Unseen => "a namespace that could not be looked into".to_owned(),
        NodeKind::Internet => node.name.clone(),
    }
}

impl Paragraph<'_> {
    /// All of it in one line, if it is as short as that.
    fn into_line(mut self) -> Result<Row, Self> {
        let is_short = self.node.notes.is_empty() && !self.node.is_foreign;
        match self.branches.as_mut_slice() {
            [] => Ok(self.head()),
            [Branch { row, below }] if is_short && below.is_empty() && row.wire.is_some() => {
                let row = std::mem::take(row);
                let name = match self.node.kind {
                    NodeKind::Host => format!("host:{}", row.name),
                    _ => format!("{}:{}", self.node.name, row.name),
                };
                Ok(Row { name, ..row })
            }
            _ => Err(self),
        }
    }

    fn head(&self) -> Row {
        let mut flags = Vec::new();
        flags.extend(self.node.is_foreign.then(|| "foreign".to_owned()));
        let addresses = self.node.notes.join(", ");
        Row { name: self.node.name.clone(), addresses, flags, ..Row::default() }
    }

    fn print(&self) -> Vec<String> {
        let mut lines = table(&[self.head()], &[]);
        // The wires of a box are one table; a switch stands between them with its own.
        let mut rows: Vec<&Row> = Vec::new();
        for (number, branch) in self.branches.iter().enumerate() {
            rows.push(&branch.row);
            let is_last = number + 1 == self.branches.len();
            let is_table = branch.below.is_empty() && !is_last;
            if is_table && self.branches[number + 1].below.is_empty() {
                continue;
            }
            let (leads, last) = (rows.len() - 1, if is_last { "└── " } else { "├── " });
            let mut marks = vec!["├── "; leads];
            marks.push(last);
            lines.extend(table_of(&std::mem::take(&mut rows), &marks));
            let trunk = if is_last { "    " } else { "│   " };
            let marks: Vec<&str> = marks_of(branch.below.len());
            let below = table(&branch.below, &marks);
            lines.extend(below.iter().map(|line| format!("{trunk}{line}")));
        }
        lines
    }
}

fn marks_of(count: usize) -> Vec<&'static str> {
    (1..=count).map(|number| if number == count { "└── " } else { "├── " }).collect()
}

fn table(rows: &[Row], marks: &[&str]) -> Vec<String> {
    table_of(&rows.iter().collect::<Vec<_>>(), marks)
}

/// The rows below each other, each behind its mark; the names and addresses of each side in columns.
fn table_of(rows: &[&Row], marks: &[&str]) -> Vec<String> {
    let width = |cell: fn(&Row) -> &str, is_meant: fn(&Row) -> bool| {
        let rows = rows.iter().filter(|row| is_meant(row));
        rows.map(|row| cell(row).chars().count()).max().unwrap_or(0)
    };
    let has_addresses = |row: &Row| !row.addresses.is_empty();
    let name_width = width(|row| &row.name, has_addresses);
    let near = |row: &Row| match has_addresses(row) {
        true => format!("{:name_width$}  {}", row.name, row.addresses),
        false => row.name.clone(),
    };
    let wired = rows.iter().filter(|row| row.wire.is_some());
    let near_width = wired.map(|row| near(row).chars().count()).max().unwrap_or(0);
    let far_width = width(|row| &row.far, |row| !row.far_addresses.is_empty());
    let line = |(number, row): (usize, &&Row)| {
        let mark = marks.get(number).copied().unwrap_or_default();
        format!("{mark}{}", row.print(&near(row), near_width, far_width))
    };
    rows.iter().enumerate().map(line).collect()
}

impl Row {
    fn print(&self, near: &str, near_width: usize, far_width: usize) -> String {
        let mut text = near.to_owned();
        if let Some(wire) = self.wire {
            let length = 2 + near_width - near.chars().count();
            let line = match wire {
                Line::Whole => "─".repeat(length),
                Line::Dashed => "╌".repeat(length),
                Line::Arrow => "─".repeat(length - 1) + "▶",
            };
            text += &format!(" {line} {}", self.far);
        }
        if !self.far_addresses.is_empty() {
            let padding = far_width - self.far.chars().count();
            text += &format!("{}  {}", " ".repeat(padding), self.far_addresses);
        }
        let mut flags: Vec<&str> = self.far_port.iter().map(String::as_str).collect();
        flags.extend(self.flags.iter().map(String::as_str));
        if !flags.is_empty() {
            text += &format!("  ({})", flags.join(", "));
        }
        text
    }
}
