//! The law: what a command did is undone with the same words, and its dry run is a script that does the same.
//!
//! Each row is a command and its way back, on a host that others live on.

mod support;

use support::law::{holds_for, row, same, same_words, shell};
use support::wan::stage;
use support::{assert_is, private_host, set_sysctl, tool};
use testhost::{Snapshot, foreign_objects, warm_up};

/// A host that others live on, with the namespaces `ns1` (in it the bridge `sw0`, 10.2.0.1/24) and `ns2`, and the
/// bridge `br1` (10.1.0.1/24), and the pair `own0` and `own1`, which is ours. Others have pairs: `up0` to `up3`, which are up, `down0` to `down3`, which are not.
/// Each bridge has a port and each interface has been up, for the first time changes them for good.
fn lab() -> Snapshot {
    warm_up();
    foreign_objects();
    shell(
        "$TOOL create --no-verify ns1 ns2
        $TOOL bridge sw0 --ns ns1 --addr 10.2.0.1/24
        $TOOL bridge br1 --addr 10.1.0.1/24 --addr fd01::1/64
        $TOOL veth own0 --host own1 --up
        ip link add name keep0 type veth peer name keep1
        ip link set dev keep0 master br1 up; ip link set dev keep1 up
        ip -n ns1 link add name keep0 type veth peer name keep1
        ip -n ns1 link set dev keep0 master sw0 up; ip -n ns1 link set dev keep1 up
        for pair in '0 1' '2 3'; do set -- $pair
            ip link add name up$1 type veth peer name up$2; ip link add name down$1 type veth peer name down$2
            for name in up$1 up$2 down$1 down$2; do ip link set dev $name up; done
            for name in down$1 down$2; do ip link set dev $name down; done
        done",
    );
    Snapshot::settled()
}

/// The stage of the NAT tests with a second bridge, `br1` (10.1.0.1/24), on a host that others live on.
fn nat_lab() -> Snapshot {
    warm_up();
    foreign_objects();
    stage();
    shell("$TOOL bridge br1 --addr 10.1.0.1/24");
    Snapshot::settled()
}

#[test]
fn of_create() {
    private_host(|| {
        holds_for(
            &lab(),
            &[
                row("create n1", "$TOOL delete n1"),
                row("create n2 n3 --addr 10.9.9.9/32 --addr fd09::9/128", "$TOOL delete n2 n3"),
                row("create ns1 n4 --if-missing --no-verify", "$TOOL delete n4"),
            ],
        );
    });
}

#[test]
fn of_delete() {
    private_host(|| {
        let before = lab();
        // With all that others have wired to it.
        let wired = "$TOOL create n1
            $TOOL veth w0 n1 e0 --host-addr 10.3.0.1/24 --ns-addr 10.3.0.2/24 --gateway auto
            $TOOL veth e1 n1 e1 --host-ns ns2 --up
            ip link add name w2 type veth peer name e2 netns n1";
        for script in ["$TOOL delete n1", "$TOOL delete n1 --dry-run | sh -e"] {
            shell(&format!("{wired}; {script}"));
            assert_is(&before);
        }
        let rebuild = "$TOOL create ns2 ns1; $TOOL bridge sw0 --ns ns1 --addr 10.2.0.1/24
            ip -n ns1 link add name keep0 type veth peer name keep1
            ip -n ns1 link set dev keep0 master sw0 up; ip -n ns1 link set dev keep1 up";
        holds_for(&before, &[row("delete ns2 ns1", rebuild)]);
    });
}

#[test]
fn of_delete_for_broken_ones_and_those_with_processes() {
    private_host(|| {
        let before = lab();
        for state in [
            "touch /run/netns/x",
            "ip netns add x; mount --bind /run/netns/x /run/netns/x",
            "$TOOL create x; ip netns exec x sleep 60 >/run/tmp/said 2>&1 &
            until ip netns pids x | grep -q .; do sleep 0.01; done",
            "$TOOL create x
            ip netns exec x sh -c \"trap '' TERM; while :; do sleep 0.1; done\" >/run/tmp/said 2>&1 &
            until ip netns pids x | grep -q .; do sleep 0.01; done",
        ] {
            for script in
                ["$TOOL delete x --force --kill", "$TOOL delete x --force --kill --dry-run | sh -e"]
            {
                shell(&format!("{state}\nsleep 0.1; {script}"));
                assert_is(&before);
            }
        }
    });
}

#[test]
fn of_veth() {
    private_host(|| {
        holds_for(
            &lab(),
            &[
                same_words("veth v0 ns1 e0"),
                same_words(
                    "veth v1 ns1 e1 --up --mtu 9000 --host-mac 02:00:00:00:00:01 --ns-mac 02:00:00:00:00:02",
                ),
                same_words(
                    "veth v2 ns2 e2 --host-addr 10.3.0.1/24 --ns-addr 10.3.0.2/24 \
                     --host-addr fd03::1/64 --ns-addr fd03::2/64 --gateway auto",
                ),
                same_words("veth v3 --host e3 --host-addr 172.18.0.10/12 --ns-addr 172.18.0.20/12"),
                same_words(
                    "veth v4 ns1 e4 --bridge br1 --ns-addr 10.1.0.2/24 --ns-addr fd01::2/64 --gateway auto",
                ),
                same_words(
                    "veth v5 ns2 e5 --host-ns ns1 --host-addr 10.4.0.1/24 --ns-addr 10.4.0.2/24",
                ),
                same_words("veth v6 ns2 e6 --host-ns ns1 --bridge sw0 --ns-addr 10.2.0.2/24"),
                same_words("veth v7 ns1 e7 --host-ns ns1 --up"),
            ],
        );
    });
}

#[test]
fn of_bridge() {
    private_host(|| {
        holds_for(
            &lab(),
            &[
                same_words("bridge br2"),
                same_words(
                    "bridge br3 --addr 10.9.0.1/24 --addr fd09::1/64 --mtu 1400 --mac 02:00:00:00:00:aa --stp",
                ),
                same_words("bridge br4 --if-missing --addr 10.8.0.1/24"),
                same_words("bridge br5 --ns ns2 --addr 10.7.0.1/24"),
                // No two ways from one to the other: packets would go round for ever.
                same_words("bridge br6 --attach up0 --attach down0,down2"),
                same_words("bridge br1 --if-missing --attach up2,down3"),
                same_words("bridge fbr0 --if-missing --attach own0"),
            ],
        );
    });
}

#[test]
fn of_delete_of_links() {
    private_host(|| {
        let before = lab();
        shell(
            "$TOOL veth v0 ns2 e0 --bridge br1 --ns-addr 10.1.0.2/24; $TOOL bridge br2 --attach up0",
        );
        let built = Snapshot::settled();
        let rows = [
            row(
                "veth v0 ns2 e0 --delete",
                "$TOOL veth v0 ns2 e0 --bridge br1 --ns-addr 10.1.0.2/24",
            ),
            row("bridge br2 --attach up0 --delete", "$TOOL bridge br2 --attach up0"),
        ];
        holds_for(&built, &rows);
        rows.iter().for_each(|row| drop(tool(row.command).success()));
        same(&before, "a way back of a way back");
    });
}

#[test]
fn of_nat() {
    private_host(|| {
        let before = nat_lab();
        holds_for(&before, &[same_words("nat br0 up0"), same_words("nat br1")]);
        for command in ["nat br0 up0", "nat br0"] {
            tool(command).success();
            shell(&format!(
                "$TOOL --dry-run {command} --delete >/run/tmp/script; sh -e /run/tmp/script"
            ));
            assert_is(&before);
        }
    });
}

#[test]
fn of_nat_beside_another_and_where_forwarding_is_on() {
    private_host(|| {
        nat_lab();
        tool("nat br1 up0").success();
        holds_for(&Snapshot::settled(), &[same_words("nat br0 up0")]);
        tool("nat br1 up0 --delete").success();
        set_sysctl("ipv4/ip_forward", "1");
        holds_for(&Snapshot::settled(), &[same_words("nat br0 up0")]);
    });
}
