//! Labs keep every promise when something goes wrong: each call of `up`, of `down`, and of an `up` that changes what
//! stands goes wrong in every way, and the host is as promised.

mod support;

use std::fs;
use support::faults::{kinds, slow_here, tried_here, undone_here};
use support::labs::{EVERYTHING, FILE, TEN_LINES, crowd, file, internet, quiet};
use support::{done, private_host, sh};
use testhost::{Mode, Scenario, Snapshot, binary, foreign_objects, warm_up};

/// Where the file stands that describes the lab as it was before.
const OLD: &str = "/run/tmp/old/lab.toml";

/// A lab that is too small to be done in batches.
const SMALL: &str = "[bridge.br0]\naddress = \"10.0.0.1/24\"\n[namespace.web]\nbridge = \"br0\"\n";

/// Programs: one that is waited for, one that is watched for a moment. Both bear marks, by which a snapshot has them.
const PROGRAMS: &str = r#"
[namespace.web]
[namespace.web.process.server]
command = ["perl", "-MIO::Socket::INET", "-e", "my $s = IO::Socket::INET->new(LocalPort => 80, Listen => 5); sleep"]
ready = { tcp = 80 }
[namespace.web.process.sleeper]
command = ["sleep", "4242"]
"#;

/// What becomes of [`TEN_LINES`]: something goes, something is new, something is replaced, something is set otherwise.
const CHANGED: &str = r#"
[bridge.br0]
address = "10.0.0.1/24"
nat = { publish = "8080:10.0.0.2:80" }

[bridge.br1]
address = "10.1.0.1/24"

[namespace.web]
bridge = "br0"
address = "10.0.0.2/25"
gateway = "10.0.0.3"

[namespace.cache]
bridge = "br1"

[[link]]
from = { namespace = "web", interface = "back", address = "10.2.0.1/30" }
to = { namespace = "cache", interface = "front", address = "10.2.0.2/30" }
"#;

/// A host that others live on, with an uplink.
fn on_a_host(act: impl FnOnce()) {
    private_host(|| {
        warm_up();
        foreign_objects();
        internet();
        act();
    });
}

fn up() -> Scenario {
    Scenario::build("up", &["up", FILE]).reset(&["$TOOL down lab"])
}

fn down() -> Scenario {
    let up = format!("$TOOL up {FILE}");
    Scenario::remove("down", &["down", FILE]).setup(&[&up]).reset(&["$TOOL down lab", &up])
}

/// From the old file to the new one: once all that is new stands, it goes forward like a removal.
fn change(old: &str, new: &str) -> Scenario {
    sh("mkdir -p /run/tmp/old");
    fs::write(OLD, old).expect("write the old file");
    file(new);
    let old = format!("$TOOL up {OLD}");
    let scenario = Scenario::remove("up that changes a lab", &["up", FILE]);
    scenario.setup(&[&old]).reset(&["$TOOL down lab", &old])
}

#[test]
fn up_of_a_small_lab() {
    on_a_host(|| {
        file(SMALL);
        tried_here(&up(), kinds());
    });
}

#[test]
fn up_of_ten_lines() {
    on_a_host(|| {
        file(TEN_LINES);
        tried_here(&up(), kinds());
    });
}

#[test]
fn up_of_programs() {
    on_a_host(|| {
        file(PROGRAMS);
        tried_here(&up(), kinds());
    });
}

#[test]
fn up_of_everything() {
    on_a_host(|| {
        file(EVERYTHING);
        slow_here(&up(), Mode::FailAfter);
    });
}

/// Its bridge comes up last. All links go with the namespace of their other ends.
#[test]
fn up_of_a_crowd() {
    private_host(|| {
        warm_up();
        quiet();
        file(&crowd());
        slow_here(&up(), Mode::FailAfter);
    });
}

#[test]
fn down_of_a_small_lab() {
    on_a_host(|| {
        file(SMALL);
        slow_here(&down(), Mode::FailAfter);
    });
}

#[test]
fn down_of_everything() {
    on_a_host(|| {
        file(EVERYTHING);
        slow_here(&down(), Mode::KillToolDuring);
    });
}

#[test]
fn up_that_changes_a_lab() {
    on_a_host(|| slow_here(&change(TEN_LINES, CHANGED), Mode::FailAfter));
}

#[test]
fn up_that_changes_it_back() {
    on_a_host(|| slow_here(&change(CHANGED, TEN_LINES), Mode::KillToolDuring));
}

#[test]
fn the_undo_fails() {
    on_a_host(|| {
        // Each call of each way back fails, which soon is much.
        file(
            "[namespace.a]\n[[link]]\nfrom = { namespace = \"a\", interface = \"x\" }\nto = { interface = \"y\" }\n",
        );
        undone_here(&up());
    });
}

#[test]
fn killed_at_any_call_it_goes_without_a_trace() {
    on_a_host(|| {
        file(EVERYTHING);
        let mut scenario = up();
        scenario.recover = ["down", FILE].map(str::to_owned).to_vec();
        tried_here(&scenario, &Mode::KILL[1..2]);
    });
}

#[test]
fn killed_at_any_moment_it_goes_without_a_trace() {
    on_a_host(|| {
        let before = Snapshot::settled();
        let path = file(TEN_LINES);
        let tool = binary("netns-tool");
        let (step, most) = if kinds().len() > 2 { (1, 80) } else { (6, 60) };
        for milliseconds in (1..most).step_by(step) {
            sh(&format!(
                "timeout -s KILL 0.0{milliseconds:02} {} up {path} >/dev/null 2>&1 || true",
                tool.display()
            ));
            done(&format!("down {path}"));
            if let Err(diff) = before.wait_equal() {
                panic!("killed after {milliseconds} ms:\n{diff}");
            }
        }
    });
}
