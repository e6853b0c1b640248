//! What the file format promises.

use super::*;

/// Reads the text as the file `shop.toml`.
fn read(text: &str) -> Result<Lab, Problems> {
    parse(text, "shop.toml", PathBuf::from("/labs/shop.toml"), None)
}

/// All that is wrong in the text, as it is shown.
fn wrong(text: &str) -> String {
    match read(text) {
        Ok(lab) => panic!("nothing is wrong: {lab:#?}"),
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn peek() {
    let good = r#"
[bridge.br0]
address = "10.0.0.1/24"
nat = true

[namespace.web]
bridge = "br0"

[namespace.db]
bridge = "br0"
"#;
    println!("{:#?}", read(good).map_err(|p| p.to_string()));
    for bad in [
        "[bridge.br0]\naddress = \"10.0.0.1/24\"\n[namespace.web]\nbridge = \"br9\"\n",
        "a = = 3\nb = \"\n[bridge.x\n",
        "",
        "[bridge.br0]\naddress = [\"10.0.0.1/24\", \"x\"]\nmtu = 3\nadress = 3\n[bridge.br1]\naddress = \"10.0.0.2/16\"\nnat = { uplink = \"eth\\n0\", publish = \"80:wb:80\" }\n[namespace.web]\ncount = 300\nbridge = \"br0\"\n\n\n\n\n\n\n[[link]]\nfrom = { bridge = \"br0\", address = \"10.0.0.4/24\" }\nto = { namespace = \"web\" }\n[namespaces]",
        "[bridge.br0]\naddress = \"10.0.0.1/29\"\n[namespace.web]\ncount = 300\nbridge = \"br0\"\n",
    ] {
        println!("error: {}", wrong(bad));
    }
}
