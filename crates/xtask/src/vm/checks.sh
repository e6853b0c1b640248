# What is checked inside the virtual machine, in this order: the host is the machine itself.
# A check is a function; it passes if all of its commands do. `ok NAME` or `not ok NAME: why` goes to the console.

check() {
    # Not in a condition: `set -e` would have no effect there.
    (set -eux; "$1") >/tmp/log 2>&1
    code=$?
    if [ "$code" = 0 ]; then
        echo "ok $1"
    else
        sed "s/^/#   /" /tmp/log
        echo "not ok $1: exit code $code, last command: $(grep '^+ ' /tmp/log | tail -n 1)"
    fi
}

# `!` alone does not stop under `set -e`.
fails() {
    if "$@"; then
        echo "this should have failed: $*"
        return 1
    fi
}

# Runs the tool and wants these words in its output: tool WORDS ARGUMENTS...
tool() {
    words=$1
    shift
    netns-tool "$@" >/tmp/output
    cat /tmp/output
    grep -qF -- "$words" /tmp/output
}

# reaches NAMESPACE ADDRESS: patient, because the machine may be slow.
reaches() {
    ip netns exec "$1" ping -n -q -c 1 -W 10 "$2"
}

# cannot_reach NAMESPACE ADDRESS
cannot_reach() {
    fails ip netns exec "$1" ping -n -q -c 1 -W 1 "$2"
}

rules() {
    iptables-save | sed '/^#/d; s/\[[0-9:]*\]//'
}

# All that the checks could leave behind.
state() {
    ip -o -d link | cut -d ' ' -f 2-
    ip -o address | cut -d ' ' -f 2-
    ip route show table all
    bridge vlan
    ip netns
    ls -A /run /run/netns
    rules
    cat /proc/sys/net/ipv4/ip_forward
}

# move PORT OLD NEW: an access port from one VLAN to another.
move() {
    bridge vlan del dev "$1" vid "$2"
    bridge vlan add dev "$1" vid "$3" pvid untagged
    bridge vlan show dev "$1"
}

two_namespaces_are_created_and_answer() {
    tool "Created network namespace" create a b
    grep -F "Loopback is up (127.0.0.1 answers)" /tmp/output
    reaches a 127.0.0.1
    reaches b 127.0.0.1
}

a_dry_run_of_vlan_filtering_does_the_same() {
    netns-tool bridge br0 --vlan-filtering --dry-run >/tmp/script
    cat /tmp/script
    fails ip link show dev br0
    sh /tmp/script
    [ "$(cat /sys/class/net/br0/bridge/vlan_filtering)" = 1 ]
    tool "Bridge deleted" bridge br0 --vlan-filtering --delete
}

a_bridge_has_vlan_filtering() {
    tool "Bridge created" bridge br0 --vlan-filtering --addr 10.0.0.1/24
    [ "$(cat /sys/class/net/br0/bridge/vlan_filtering)" = 1 ]
    bridge vlan show dev br0 | grep PVID
}

a_bridge_without_it_has_none() {
    tool "Bridge created" bridge br9
    [ "$(cat /sys/class/net/br9/bridge/vlan_filtering)" = 0 ]
    tool "Bridge deleted" bridge br9 --delete
}

veths_are_ports_with_a_gateway() {
    tool "veth pair created" veth va a eth0 --bridge br0 --ns-addr 10.0.0.2/24 --gateway auto
    tool "veth pair created" veth vb b eth0 --bridge br0 --ns-addr 10.0.0.3/24 --gateway auto
    bridge vlan show dev va | grep PVID
    ip -n a route | grep "default via 10.0.0.1"
}

namespaces_reach_each_other_and_the_bridge() {
    reaches a 10.0.0.3
    reaches b 10.0.0.2
    reaches a 10.0.0.1
}

different_vlans_are_separate() {
    move va 1 10
    move vb 1 20
    cannot_reach a 10.0.0.3
    cannot_reach b 10.0.0.2
}

one_vlan_is_together() {
    move vb 20 10
    reaches a 10.0.0.3
    # The bridge itself is in VLAN 1 still.
    cannot_reach a 10.0.0.1
}

back_in_the_first_vlan_all_is_well() {
    move va 10 1
    move vb 10 1
    reaches a 10.0.0.3
    reaches b 10.0.0.1
}

# An uplink to a namespace that stands for the internet: it has no route to 10.0.0.0/24, so that an answer shows NAT.
# It has a VLAN as well, as providers give one.
there_is_an_uplink() {
    ip netns add internet
    ip link add name eth0 type veth peer name eth0 netns internet
    ip link add link eth0 name eth0.7 type vlan id 7
    ip -n internet link add link eth0 name eth0.7 type vlan id 7
    ip address add 203.0.113.1/24 dev eth0
    ip address add 198.51.100.1/24 dev eth0.7
    ip -n internet address add 203.0.113.2/24 dev eth0
    ip -n internet address add 198.51.100.2/24 dev eth0.7
    for link in eth0 eth0.7; do
        ip link set dev "$link" up
        ip -n internet link set dev "$link" up
    done
    ping -n -q -c 1 -W 10 203.0.113.2
    ping -n -q -c 1 -W 10 198.51.100.2
    cannot_reach a 203.0.113.2
    rules >/tmp/rules
    [ "$(cat /proc/sys/net/ipv4/ip_forward)" = 0 ]
}

nat_leads_out() {
    tool "NAT configured" nat br0 eth0
    [ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ]
    reaches a 203.0.113.2
    reaches b 203.0.113.2
    # In from outside: nothing.
    ip -n internet route add 10.0.0.0/24 via 203.0.113.1
    cannot_reach internet 10.0.0.2
    ip -n internet route del 10.0.0.0/24
}

nat_twice_adds_nothing() {
    rules >/tmp/once
    netns-tool nat br0 eth0
    rules | diff /tmp/once -
}

nat_is_taken_back() {
    tool "NAT removed" nat br0 eth0 --delete
    cannot_reach a 203.0.113.2
    rules | diff /tmp/rules -
    [ "$(cat /proc/sys/net/ipv4/ip_forward)" = 0 ]
}

nat_works_over_a_vlan_uplink() {
    tool "NAT configured" nat br0 eth0.7
    reaches a 198.51.100.2
    tool "NAT removed" nat br0 eth0.7 --delete
    cannot_reach a 198.51.100.2
    rules | diff /tmp/rules -
    [ "$(cat /proc/sys/net/ipv4/ip_forward)" = 0 ]
}

veths_are_deleted() {
    tool "veth pair deleted" veth va a eth0 --bridge br0 --ns-addr 10.0.0.2/24 --gateway auto --delete
    fails ip link show dev va
    fails ip -n a link show dev eth0
}

a_namespace_takes_its_veth_with_it() {
    tool "Deleted network namespace" delete a b
    fails ip link show dev vb
}

a_bridge_is_deleted() {
    tool "Bridge deleted" bridge br0 --vlan-filtering --addr 10.0.0.1/24 --delete
    fails ip link show dev br0
}

a_dummy_interface_becomes_a_port() {
    ip link add name d0 type dummy
    # The kernel sets up the queue of an interface when it goes up for the first time, and never takes it back.
    ip link set dev d0 up
    ip link set dev d0 down
    ip -o -d link show dev d0 >/tmp/dummy
    tool "Bridge created" bridge br1 --attach d0
    ip -o link show dev d0 | grep "master br1"
    ip -o link show dev d0 | grep "[<,]UP[,>]"
}

a_dummy_interface_is_given_back() {
    tool "Bridge deleted" bridge br1 --attach d0 --delete
    fails ip link show dev br1
    ip -o -d link show dev d0 | diff /tmp/dummy -
    ip link del dev d0
}

nothing_is_left() {
    ip link del dev eth0
    ip netns del internet
    state | diff /tmp/before -
}

state >/tmp/before
check two_namespaces_are_created_and_answer
check a_dry_run_of_vlan_filtering_does_the_same
check a_bridge_has_vlan_filtering
check a_bridge_without_it_has_none
check veths_are_ports_with_a_gateway
check namespaces_reach_each_other_and_the_bridge
check different_vlans_are_separate
check one_vlan_is_together
check back_in_the_first_vlan_all_is_well
check there_is_an_uplink
check nat_leads_out
check nat_twice_adds_nothing
check nat_is_taken_back
check nat_works_over_a_vlan_uplink
check veths_are_deleted
check a_namespace_takes_its_veth_with_it
check a_bridge_is_deleted
check a_dummy_interface_becomes_a_port
check a_dummy_interface_is_given_back
check nothing_is_left
echo end of the checks
