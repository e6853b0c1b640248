//! `show`: the routes of a place, of whatever kind.

mod support;

use predicates::str::contains;
use serde_json::Value;
use support::labs::file;
use support::{done, private_host, sh, tool};

const LAB: &str = "[bridge.br0]\naddress = [\"10.0.0.1/24\", \"fd00::1/64\"]\n\
    [namespace.web]\nbridge = \"br0\"\n[namespace.db]\nbridge = \"br0\"\n";

#[test]
fn routes_of_all_kinds_are_shown_and_no_plan_takes_them_for_others() {
    private_host(|| {
        done(&format!("up -q {}", file(LAB)));
        let refused = [
            ("unreachable", "10.66.0.0/16"),
            ("blackhole", "10.67.0.0/16"),
            ("prohibit", "10.68.0.0/16"),
            ("throw", "10.69.0.0/16"),
            ("unreachable", "fd66::/64"),
            ("blackhole", "fd67::/64"),
        ];
        for (kind, to) in refused {
            sh(&format!("ip -n web route add {kind} {to} metric 77"));
        }
        let shown = done("show web");
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<String> = shown.lines().map(words).collect();
        let all: Value = serde_json::from_str(&done("show web --json")).expect("JSON");
        let routes = all["routes"].as_array().expect("routes");
        for (kind, to) in refused {
            assert!(lines.contains(&format!("{to} {kind}")), "{shown}");
            let route = serde_json::json!({"kind": kind, "to": to, "via": null, "device": null, "metric": 77});
            assert!(routes.contains(&route), "{routes:#?}");
        }
        assert!(routes.iter().any(|route| route["kind"] == "unicast" && route["device"] == "eth0"));
        sh("ip -n web route add 10.70.0.0/16 nexthop via 10.0.0.1 dev eth0 nexthop via 10.0.0.3 dev eth0
            ip -n web route add 10.71.0.0/16 via inet6 fd00::1 dev eth0
            ip -n web route add fd70::/64 nexthop via fd00::1 dev eth0 nexthop via fd00::3 dev eth0");
        let shown = done("show web:eth0");
        let lines: Vec<String> = shown.lines().map(words).collect();
        for line in [
            "10.70.0.0/16 via 10.0.0.1 dev eth0",
            "10.70.0.0/16 via 10.0.0.3 dev eth0",
            "10.71.0.0/16 via fd00::1 dev eth0",
            "fd70::/64 via fd00::3 dev eth0",
        ] {
            assert!(lines.iter().any(|one| one == line), "{line}: {shown}");
        }
        // The lab is as its file says, and one that wants such a route makes it.
        done(&format!("diff {}", file(LAB)));
        let lab = LAB.replace(
            "[namespace.db]",
            "routes = [{ to = \"10.66.0.0/16\", via = \"10.0.0.1\" }]\n[namespace.db]",
        );
        let differs = tool(&format!("diff {}", file(&lab))).code(1);
        differs.stdout(contains("10.66.0.0/16 via 10.0.0.1 dev eth0"));
    });
}
