//! The picture as an image. It is laid out here, so that nothing but a browser is needed: the host in the middle, what is
//! wired to it in columns on both sides.

mod block;
mod fold;
mod inside;
mod layers;
mod order;
mod scene;
mod size;
#[cfg(test)]
mod tests;
mod wire;

use super::model::Graph;
use quick_xml::escape::escape;
use scene::{Anchor, Label, Path, Scene, Shape};
use size::{MARGIN, NAME, SMALL};
use std::fmt::Write;

/// It has its own background, so that it can be read on a dark page too.
const STYLE: &str = "\
text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;fill:#1c2733}\
.name{font-weight:600}\
.paper{fill:#fbfcfd;stroke:#d5dce3}\
.host{fill:#e6eff9;stroke:#31639c;stroke-width:1.5}\
.namespace{fill:#fff;stroke:#5b6b7b;stroke-width:1.3}\
.internet{fill:#fdf3dc;stroke:#b0842b;stroke-width:1.3}\
.switch{fill:#dcefdc;stroke:#3d7a3d;stroke-width:1.3}\
.interface{fill:#f6f8fa;stroke:#5b6b7b}\
.wire{fill:none;stroke:#5b6b7b;stroke-width:1.5}\
.nat{stroke:#b0842b}\
.foreign{stroke:#a3a9af;stroke-dasharray:1.5 3;stroke-linecap:round}\
rect.foreign{fill:#ededee}\
.down{stroke-dasharray:7 5;stroke:#c0392b}\
.unnamed{stroke-dasharray:1.5 3}";

pub fn print(graph: &Graph) -> String {
    let scene = Scene::of(graph);
    let (width, height) = (scene.width, scene.height);
    let title = escape(graph.title.as_str());
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" \
         markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8Z\" fill=\"#b0842b\"/></marker></defs>\n\
         <rect class=\"paper\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n\
         <text class=\"name\" x=\"{MARGIN}\" y=\"{}\" font-size=\"16\">{title}</text>\n",
        width - 1.0,
        height - 1.0,
        MARGIN + 10.0,
    );
    scene.boxes.iter().for_each(|shape| push_box(&mut text, shape));
    scene.wires.iter().for_each(|path| push_wire(&mut text, path));
    scene.labels.iter().for_each(|label| push_label(&mut text, label));
    text + "</svg>\n"
}

fn push_box(text: &mut String, shape: &Shape) {
    let Shape { x, y, width, height, look, tip, .. } = shape;
    let radius = match look.as_str() {
        "internet" => height / 2.0,
        _ if shape.is_part => 3.0,
        _ => 7.0,
    };
    let _ = write!(
        text,
        "<g><title>{}</title><rect class=\"{look}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" \
         height=\"{height}\" rx=\"{radius}\"/>",
        escape(tip.as_str())
    );
    text.push('\n');
    shape.texts.iter().for_each(|label| push_label(text, label));
    text.push_str("</g>\n");
}

fn push_wire(text: &mut String, path: &Path) {
    let Path { way, look, tip } = path;
    let arrow = if look.contains("nat") { " marker-end=\"url(#arrow)\"" } else { "" };
    let tip = escape(tip.as_str());
    let _ = writeln!(text, "<path class=\"{look}\" d=\"{way}\"{arrow}><title>{tip}</title></path>");
}

fn push_label(text: &mut String, label: &Label) {
    let Label { x, y, text: words, anchor, is_name } = label;
    let anchor = match anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let (class, size) = if *is_name { (" class=\"name\"", NAME) } else { ("", SMALL) };
    let words = escape(words.as_str());
    let _ = writeln!(
        text,
        "<text{class} x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{anchor}>{words}</text>"
    );
}
