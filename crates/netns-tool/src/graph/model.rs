//! What a picture is made of, whatever its form: boxes, the switches in them, and the wires between.

/// The host, if anything of it is drawn, comes first.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    pub title: String,
    pub nodes: Vec<Node>,
    pub wires: Vec<Wire>,
}

/// A box. All text in it is printable and on one line, but not yet escaped for a form.
#[derive(Clone, Debug)]
pub struct Node {
    pub kind: NodeKind,
    pub name: String,
    /// Addresses of its loopback; why nothing is known of it.
    pub notes: Vec<String>,
    pub is_foreign: bool,
    /// Whose it is, in words.
    pub owner: String,
    pub parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    Host,
    Namespace,
    /// A namespace that has no name in /run/netns.
    Unnamed,
    /// A namespace into which nobody could look.
    Unseen,
    Internet,
}

/// What is drawn inside a box.
#[derive(Clone, Debug)]
pub struct Part {
    pub kind: PartKind,
    pub name: String,
    pub addresses: Vec<String>,
    /// What a NAT publishes and allows.
    pub notes: Vec<String>,
    pub is_foreign: bool,
    pub is_down: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    Switch,
    /// An interface that has to be seen by itself: the uplink of a NAT, one wired to its own place, hardware.
    Interface,
}

#[derive(Clone, Debug)]
pub struct Wire {
    pub ends: [End; 2],
    pub kind: WireKind,
    pub is_down: bool,
    pub is_foreign: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireKind {
    Cable,
    /// From a bridge to its uplink, or to the internet where the file names none.
    Nat,
    /// Within a place, or out of it to the internet: an interface that is no end of a pair.
    Plain,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    pub node: usize,
    pub part: Option<usize>,
    /// Empty where the part says it.
    pub name: String,
    pub addresses: Vec<String>,
}

impl Graph {
    pub fn part(&self, end: &End) -> Option<&Part> {
        self.nodes[end.node].parts.get(end.part?)
    }

    /// Of its own, or of the interface that it is.
    pub fn name<'a>(&'a self, end: &'a End) -> &'a str {
        match self.part(end) {
            Some(part) if end.name.is_empty() => &part.name,
            _ => &end.name,
        }
    }

    /// In the same way.
    pub fn addresses<'a>(&'a self, end: &'a End) -> &'a [String] {
        match self.part(end) {
            Some(part) if end.name.is_empty() => &part.addresses,
            _ => &end.addresses,
        }
    }
}

impl Wire {
    /// Both ends are in one box.
    pub fn is_inner(&self) -> bool {
        self.ends[0].node == self.ends[1].node
    }

    /// Each end with the other one.
    pub fn both_ways(&self) -> [(&End, &End); 2] {
        let [one, other] = &self.ends;
        [(one, other), (other, one)]
    }
}
