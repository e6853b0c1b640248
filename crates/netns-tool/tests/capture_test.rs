//! `capture`: tcpdump in the right place, or in several at once.

#![expect(clippy::disallowed_methods, reason = "a command that runs until it is interrupted")]

mod support;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionOption;
use pcap_file::pcapng::{Block, PcapNgReader};
use predicates::str::contains;
use support::labs::file;
use support::typed::said;
use support::{
    done, has_users, ping, private_host, refused, refused_with, sh, unchanged, uninstall,
};
use testhost::binary;

const LAB: &str = "[bridge.br0]\naddress = \"10.0.0.1/24\"\nnat = true\n[namespace.web]\nbridge = \"br0\"\n\
    [namespace.db]\nbridge = \"br0\"\n";
const SERVER: &str = "192.0.2.1";

/// A lab with a way out to a namespace that answers; whether tcpdump runs there.
fn stage() -> bool {
    sh("ip netns add inet; ip link add up0 type veth peer name eth0 netns inet
        ip addr add 192.0.2.2/24 dev up0; ip link set up0 up
        ip -n inet addr add 192.0.2.1/24 dev eth0; ip -n inet link set eth0 up; ip -n inet link set lo up
        ip route add default via 192.0.2.1");
    done(&format!("up -q {}", file(LAB)));
    ping("web", SERVER);
    if !has_users() {
        for words in ["web", "--all-of lab", "br0 -w /run/tmp/x"] {
            refused_with(3, &format!("capture {words}"))
                .stderr(contains("tcpdump cannot run here"));
        }
    }
    has_users()
}

struct Capture {
    child: Child,
    errors: BufReader<std::process::ChildStderr>,
}

impl Capture {
    /// Starts it, and waits until it sees.
    fn start(words: &str) -> Self {
        let mut command = Command::new(binary("netns-tool"));
        command.arg("capture").args(words.split(' ')).current_dir("/run/tmp");
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start netns-tool");
        // What waits for lines that never come does not wait for ever.
        let pid = Pid::from_raw(child.id().cast_signed());
        thread::spawn(move || {
            thread::sleep(Duration::from_secs(60));
            let _ = kill(pid, Signal::SIGKILL);
        });
        let mut errors = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        while !(line.contains("capturing in") || line.contains("listening on")) {
            line.clear();
            assert!(errors.read_line(&mut line).expect("read it") > 0, "it has ended");
        }
        Self { child, errors }
    }

    /// Interrupts it after so many lines; what it said on stdout, and after its start on stderr.
    fn end(mut self, lines: usize) -> (Vec<String>, String) {
        let mut out = BufReader::new(self.child.stdout.take().expect("a pipe")).lines();
        let seen: Vec<String> =
            out.by_ref().take(lines).map(|line| line.expect("a line")).collect();
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGINT).expect("send it");
        // tcpdump itself ends with an empty line.
        let more = out.map_while(Result::ok).filter(|line| !line.is_empty());
        assert_eq!(more.count(), 0, "more than expected after {seen:#?}");
        let mut errors = String::new();
        self.errors.read_to_string(&mut errors).expect("read it");
        let status = self.child.wait().expect("its end");
        assert!(status.success(), "{status}: {errors}");
        (seen, errors)
    }
}

#[test]
fn a_ping_is_watched_as_it_crosses_a_nat() {
    private_host(|| {
        if !stage() {
            return;
        }
        let capture = Capture::start("--all-of lab icmp");
        ping("web", SERVER);
        let (lines, errors) = capture.end(6);
        assert_eq!(errors, "");
        let expected = [
            ("web | ", "10.0.0.2 > 192.0.2.1: ICMP echo request"),
            ("br0 | ", "10.0.0.2 > 192.0.2.1: ICMP echo request"),
            ("up0 | ", "192.0.2.2 > 192.0.2.1: ICMP echo request"),
            ("up0 | ", "192.0.2.1 > 192.0.2.2: ICMP echo reply"),
            ("br0 | ", "192.0.2.1 > 10.0.0.2: ICMP echo reply"),
            ("web | ", "192.0.2.1 > 10.0.0.2: ICMP echo reply"),
        ];
        for (line, (place, what)) in lines.iter().zip(expected) {
            assert!(line.contains(place) && line.contains(what), "{lines:#?}");
        }
        assert!(lines[0].starts_with("  0.000000  "), "{lines:#?}");
    });
}

#[test]
fn a_link_is_watched_on_both_ends_and_a_place_alone_becomes_tcpdump() {
    private_host(|| {
        if !stage() {
            return;
        }
        let capture = Capture::start("web-eth0 icmp");
        ping("web", "10.0.0.1");
        let (lines, _) = capture.end(4);
        let ends =
            |end: &str| lines.iter().filter(|line| line.contains(&format!("  {end} | "))).count();
        assert_eq!((ends("web-eth0"), ends("web:eth0")), (2, 2), "{lines:#?}");
        for words in ["web:eth0 icmp", "web icmp", "web:eth0 -- icmp and host 10.0.0.1"] {
            let capture = Capture::start(words);
            let comm =
                fs::read_to_string(format!("/proc/{}/comm", capture.child.id())).expect("its name");
            assert_eq!(comm, "tcpdump\n", "{words}");
            ping("web", "10.0.0.1");
            let (lines, errors) = capture.end(2);
            assert!(
                !lines[0].contains(" | ") && errors.contains("2 packets captured"),
                "{lines:#?} {errors}"
            );
        }
    });
}

#[test]
fn a_file_has_an_interface_for_each_place() {
    private_host(|| {
        if !stage() {
            return;
        }
        let capture = Capture::start("--all-of lab -w all.pcapng icmp");
        ping("web", SERVER);
        // Until the last packet is there.
        support::internet::wait_until("six packets are written", || {
            said("tcpdump -n -r all.pcapng 2>/dev/null | wc -l") == "6\n"
        });
        capture.end(0);
        let (names, packets) = blocks("all.pcapng");
        let seen: Vec<&str> = packets.iter().map(|(id, _)| names[*id as usize].as_str()).collect();
        assert_eq!(seen, ["web:eth0", "br0", "up0", "up0", "br0", "web:eth0"]);
        assert!(packets.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{packets:?}");
        let mut names = names;
        names.sort();
        assert_eq!(names, ["br0", "db:eth0", "up0", "web:eth0"]);
        // Whoever has his answer interrupts it: nothing of what has crossed by then is lost.
        let capture = Capture::start("db:eth0 -w one.pcap icmp");
        ping("db", "10.0.0.1");
        // It may have to wait for a processor, but no second for the kernel.
        thread::sleep(Duration::from_millis(200));
        capture.end(0);
        assert_eq!(said("tcpdump -n -r one.pcap 2>/dev/null | wc -l"), "2\n");
    });
}

/// The interfaces of a file, and its packets: the number of the interface, and the time.
fn blocks(file: &str) -> (Vec<String>, Vec<(u32, Duration)>) {
    let file = File::open(format!("/run/tmp/{file}")).expect("the file");
    let mut reader = PcapNgReader::new(file).expect("pcapng");
    let (mut names, mut packets) = (Vec::new(), Vec::new());
    while let Some(block) = reader.next_block() {
        match block.expect("a block") {
            Block::InterfaceDescription(one) => match &one.options[0] {
                InterfaceDescriptionOption::IfName(name) => names.push(name.to_string()),
                other => panic!("{other:?}"),
            },
            Block::EnhancedPacket(one) => packets.push((one.interface_id, one.timestamp)),
            _ => {}
        }
    }
    (names, packets)
}

/// How many tcpdumps there are in this private host.
fn tcpdumps() -> usize {
    let programs = said("readlink /proc/[0-9]*/exe 2>/dev/null || true");
    programs.lines().filter(|program| program.ends_with("/tcpdump")).count()
}

#[test]
fn tcpdumps_end_with_it_however_it_ends_and_a_file_without_packets_has_its_interfaces() {
    private_host(|| {
        if !stage() {
            return;
        }
        for (signal, code) in [
            (Signal::SIGINT, Some(0)),
            (Signal::SIGTERM, Some(0)),
            (Signal::SIGHUP, Some(0)),
            (Signal::SIGKILL, None),
        ] {
            for words in ["--all-of lab icmp", "--all-of lab -w none.pcapng icmp", "web icmp"] {
                let mut capture = Capture::start(words);
                assert!(tcpdumps() > 0);
                if words.contains("-w") {
                    support::internet::wait_until("the interfaces are written", || {
                        File::open("/run/tmp/none.pcapng")
                            .is_ok_and(|file| file.metadata().is_ok_and(|found| found.len() > 28))
                            && blocks("none.pcapng").0.len() == 4
                    });
                }
                kill(Pid::from_raw(capture.child.id().cast_signed()), signal).expect("send it");
                let status = capture.child.wait().expect("its end");
                assert_eq!(status.code(), code, "{words}, {signal}");
                support::internet::wait_until("all have ended", || tcpdumps() == 0);
            }
        }
        refused("capture -q --all-of lab -w /dev/full icmp")
            .stderr(contains("cannot write what was seen: No space left on device"));
        assert_eq!(tcpdumps(), 0);
    });
}

#[test]
fn it_shows_what_one_would_type() {
    private_host(|| {
        stage();
        let typed = |words: &str| unchanged(|| said(&format!("netns-tool -n capture {words}")));
        assert_eq!(
            typed("web 'port 80'"),
            "ip netns exec web tcpdump -l -n --immediate-mode -i any 'port 80'\n"
        );
        assert_eq!(typed("br0 -w a.pcap"), "tcpdump -U --immediate-mode -w - -i br0 > a.pcap\n");
        assert_eq!(
            typed("web-eth0 -w 'a b' icmp"),
            "tcpdump -U --immediate-mode -w - -i web-eth0 icmp > 'a b'.web-eth0 &\n\
             ip netns exec web tcpdump -U --immediate-mode -w - -i eth0 icmp > 'a b'.web:eth0 &\n\
             wait\nmergecap -w 'a b' 'a b'.web-eth0 'a b'.web:eth0\n"
        );
    });
}

#[test]
fn what_cannot_be_captured_is_told() {
    private_host(|| {
        let runs = stage();
        refused("capture wbe").stderr(contains("did you mean `web`?"));
        refused("capture lab").stderr(contains("netns-tool capture --all-of lab"));
        refused("capture --all-of lob")
            .stderr(contains("there is no lab that is up and called `lob`"));
        refused_with(2, "capture").stderr(contains("<NS[:IF]|IF>"));
        if runs {
            refused("capture web -w /nosuch/x")
                .stderr(contains("cannot write /nosuch/x: No such file or directory"));
            fs::write("/run/tmp/dear", "precious").expect("write a file");
            for words in [
                "--all-of lab foo",
                "web -w /run/tmp/dear foo",
                "--all-of lab -w /run/tmp/dear foo",
            ] {
                let wrong = refused_with(2, &format!("capture {words}"));
                wrong.stderr(contains(
                    "does not take the filter `foo`: can't parse filter expression",
                ));
            }
            assert_eq!(fs::read_to_string("/run/tmp/dear").expect("read it"), "precious");
            sh("touch /run/netns/stub");
            refused("capture stub").stderr(contains("netns-tool delete stub"));
            // What is not read any more ends with the next packet.
            let line = "ip netns exec web ping -i 0.2 10.0.0.1 >/dev/null & netns-tool capture --all-of lab icmp | head -n 1; kill $!";
            assert_eq!(said(line).lines().count(), 1);
        }
        uninstall(&["tcpdump"]);
        refused_with(3, "capture web").stderr(contains("apt-get install tcpdump"));
    });
}
