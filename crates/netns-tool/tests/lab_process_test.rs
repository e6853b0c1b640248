//! The programs of a lab: started, waited for, mended, replaced, and gone with it; and what they must not keep.

mod support;

use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use std::fs;
use std::thread;
use std::time::Duration;
use support::labs::{FILE, differences, file, internet, is_as_its_file_says, up};
use support::{assert_is, done, lived_in, private_host, refused, sh, succeeds, tool};
use testhost::{Faults, Mode, Snapshot, binary, warm_up};

const LAB: &str = "[bridge.br0]\naddress = \"10.0.0.1/24\"\n[namespace.web]\nbridge = \"br0\"\n";

/// A server that answers everybody with its words, once its port is open.
fn server(words: &str, port: u16) -> String {
    let script = format!(
        "my $s = IO::Socket::INET->new(LocalPort => {port}, Listen => 5, ReuseAddr => 1) or die; \
         print qq(open\\\\n); while (my $c = $s->accept) {{ print $c qq({words}\\\\n) }}"
    );
    format!(
        "{LAB}[namespace.web.process.server]\ncommand = [\"perl\", \"-MIO::Socket::INET\", \"-e\", \"$| = 1; {script}\"]\n\
         ready = {{ tcp = {port} }}\n"
    )
}

/// A program that does nothing else, with more words for its table.
fn program(command: &str, more: &str) -> String {
    format!("{LAB}[namespace.web.process.p]\ncommand = {command}\n{more}")
}

fn ask(port: u16) -> String {
    sh(&format!("ip netns exec web bash -c 'cat < /dev/tcp/10.0.0.2/{port}'"))
}

#[test]
fn a_program_runs_for_as_long_as_its_lab_is_up() {
    private_host(|| {
        warm_up();
        let before = lived_in();
        let report = up(&server("hello", 80));
        assert!(report.contains("1 process"), "{report}");
        assert_eq!(ask(80), "hello\n");
        is_as_its_file_says();
        let log = "/run/netns-tool-labs/lab/web.server.log";
        assert_eq!(fs::read_to_string(log).expect("its output"), "open\n");
        sh("pkill -f IO::Socke[t]");
        assert_eq!(differences(), ["process `server` in network namespace `web` does not run"]);
        done(&format!("up {FILE}"));
        assert_eq!(ask(80), "hello\n");
        file(&server("good bye", 81));
        let told = "process `server` in network namespace `web` runs with another command";
        assert_eq!(differences(), [told]);
        done(&format!("up {FILE}"));
        assert_eq!(ask(81), "good bye\n");
        assert!(!succeeds("ip netns exec web bash -c 'cat < /dev/tcp/10.0.0.2/80' 2>/dev/null"));
        up(LAB);
        assert!(!succeeds("pgrep -f IO::Socke[t]"));
        assert!(fs::metadata("/run/netns-tool-labs").is_err());
        done(&format!("down {FILE}"));
        assert_is(&before);
    });
}

#[test]
fn a_program_that_fails_takes_everything_back() {
    private_host(|| {
        warm_up();
        let before = lived_in();
        let words = r#"["sh", "-c", "echo no luck; exit 3"]"#;
        for (text, said) in [
            (program("[\"nosuchprogram\"]", ""), "there is no program `nosuchprogram`"),
            (program("[\"false\"]", ""), "it has ended; it printed nothing"),
            (program(words, ""), "no luck"),
            (
                program("[\"sleep\", \"4242\"]", "ready = { tcp = 80 }"),
                "nothing listens at TCP port 80",
            ),
            (
                program("[\"sleep\", \"4242\"]", "ready = { command = [\"false\"] }"),
                "does not succeed",
            ),
        ] {
            let refusal = refused(&format!("up --timeout 1 {}", file(&text)));
            refusal.stderr(contains(said).and(contains("the host is as it was")));
            assert_is(&before);
            assert!(!succeeds("pgrep -f 'sleep 424[2]'"));
        }
    });
}

#[test]
fn a_program_keeps_nothing_of_those_who_started_it() {
    private_host(|| {
        warm_up();
        let before = lived_in();
        let tool = binary("netns-tool").display().to_string();
        file(&program("[\"sleep\", \"4242\"]", ""));
        // A lock, and the end of a pipe that somebody reads to its end.
        sh(&format!(
            "cd /run/tmp; exec 9>held; flock 9; x=$(exec 3>&1; {tool} up -q {FILE}); exec 9>&-
             flock -n held true; rm held"
        ));
        done(&format!("down {FILE}"));
        assert_is(&before);
        // Killed while it waits, it leaves no lock behind with the program.
        file(&program("[\"sleep\", \"4242\"]", "ready = { tcp = 80 }"));
        sh(&format!(
            "{tool} up -q {FILE} & tool=$!; until pgrep -f 'sleep 424[2]' >/dev/null; do sleep 0.05; done
             sleep 0.5; kill -9 $tool; wait $tool || true"
        ));
        done(&format!("down --wait 2 {FILE}"));
        assert!(!succeeds("pgrep -f 'sleep 424[2]'"));
        assert_is(&before);
    });
}

#[test]
fn a_program_that_a_killed_up_was_starting_is_gone_after_recover() {
    private_host(|| {
        warm_up();
        lived_in();
        up(LAB);
        let faults = Faults::install();
        let before = Snapshot::settled();
        let up = format!("up {}", file(&program("[\"sleep\", \"4242\"]", "")));
        done(&up);
        let start = faults.calls().iter().position(|call| call.ends_with("sleep 4242"));
        let start = start.expect("the call that starts it") + 1;
        sh("pkill -f 'sleep 424[2]'; rm -r /run/netns-tool-labs");
        assert_is(&before);
        // It has no lock that would be waited for; so it is found on its way into the namespace, or inside, whatever
        // it is at that moment.
        for after in [0, 1, 2, 5, 10, 15, 20, 30, 50, 200, 500] {
            faults.reset();
            faults.arm(start, Mode::KillToolEarly(after));
            sh(&format!("{} {up} > /dev/null 2>&1 || true", binary("netns-tool").display()));
            assert_eq!(faults.fired(), 1);
            faults.reset();
            tool("recover").success().stderr(contains("the host is as it was"));
            assert!(!succeeds("pgrep -f 'sleep 424[2]'"), "after {after} ms");
            thread::sleep(Duration::from_millis(u64::from(after) + 100));
            assert_is(&before);
        }
    });
}

#[test]
fn an_undo_puts_back_the_nat_that_a_new_one_was_to_replace() {
    const NEVER: &str =
        "[namespace.web.process.p]\ncommand = [\"sleep\", \"9\"]\nready = { tcp = 80 }\n";
    let lab = |address: &str, nat: &str, more: &str| {
        format!(
            "[bridge.br0]\naddress = \"{address}\"\nnat = {nat}\n[bridge.br1]\naddress = \"10.7.0.1/24\"\n[namespace.web]\nbridge = \"br0\"\n{more}"
        )
    };
    private_host(|| {
        warm_up();
        internet();
        for (old, new) in [
            ("{ allow = \"br1\" }", "true"),
            ("{ publish = \"8080:web:80\" }", "{ publish = \"8081:web:80\" }"),
            ("true", "{ forwarding = \"interface\" }"),
            ("{ forwarding = \"interface\" }", "true"),
        ] {
            up(&lab("10.0.0.1/24", old, ""));
            let before = Snapshot::settled();
            let text = lab("10.0.0.1/16", new, NEVER);
            let refusal = refused(&format!("up --timeout 1 {}", file(&text)));
            refusal.stderr(contains("the host is as it was"));
            assert_is(&before);
            // Without what fails it becomes what the file says.
            up(&lab("10.0.0.1/16", new, ""));
            is_as_its_file_says();
            done(&format!("down {FILE}"));
        }
    });
}
