#!/bin/bash
# A stand-in for netns-tool that makes a lab in six calls, to test the harness that tests the tool:
#     up A B LINK | down A B LINK | recover        (--timeout SECONDS before)
# Correct: take the journal, prove that a thing is absent, journal the intent, act, look again, and undo
# exactly what was proven absent. With BUG=late (the undo is recorded after success) and BUG=early (before
# acting, without proof) it has the two classic mistakes; the harness must find both.
ip=/usr/sbin/ip
state=/run/lab-tool
journal=$state/journal
limit=10 # seconds
stop=0
trap 'stop=130' INT
trap 'stop=143' TERM
trap 'stop=129' HUP
set -m # children in process groups of their own
exec {nap}<> <(:)

say() { printf 'lab-tool: %s\n' "$*" >&2; }

# Runs a command with a time limit; builtins only, so that its parent is this process.
call() {
    local pid i
    "$@" {nap}<&- </dev/null >/dev/null 2>>"$state/said" &
    pid=$!
    for ((i = 0; i < limit * 500; i++)); do
        kill -0 "$pid" 2>/dev/null || break
        read -rt 0.002 -u "$nap"
    done
    kill -9 -- "-$pid" 2>/dev/null
    while :; do
        wait "$pid" 2>/dev/null
        local status=$?
        kill -0 "$pid" 2>/dev/null || return "$status"
    done
}

mounted() { local line; while read -r line; do [[ $line == *" /run/netns/$1 "* ]] && return; done </proc/self/mountinfo; return 1; }
ns_there() { [[ -e /run/netns/$1 ]]; }
ns_sound() { ns_there "$1" && mounted "$1"; }
link_there() { [[ -e /sys/class/net/$1 ]]; }
is_up() { (($(<"/sys/class/net/$1/flags") & 1)); }
has() { [[ $(<"/sys/class/net/$1/$2") == "$3" ]]; }

# Takes back what the journal says, newest first; what resists is tried twice and then named.
undo() {
    local lines i kind name try left=''
    mapfile -t lines <"$journal"
    for ((i = ${#lines[@]} - 1; i >= 0; i--)); do
        read -r kind name <<<"${lines[i]}"
        for try in 1 2 3; do
            if [[ $kind == netns ]]; then
                ns_there "$name" || break
                call $ip netns del "$name"
            else
                link_there "$name" || break
                call $ip link del dev "$name"
            fi
        done
        case $kind in
        netns) ns_there "$name" && left+=" $name" ;;
        link) link_there "$name" && left+=" $name" ;;
        esac
    done
    rm -rf "$state"
    [[ -z $left ]] && return
    say "left:$left"
    return 4
}

fail() {
    say "$1"
    undo || exit 4
    exit "${2:-1}"
}

# step KIND NAME THERE CHECK -- COMMAND: one change, with what it makes (or - for nothing of its own).
step() {
    local kind=$1 name=$2 there=$3 check=$4 ok
    shift 5
    if [[ $kind != - && $BUG != early ]] && $there "$name"; then fail "$name is there already"; fi
    [[ $kind != - && $BUG != late ]] && echo "$kind $name" >>"$journal"
    call "$@"
    ok=$?
    if ((ok != 0)) || ! $check; then fail "'$*' failed"; fi
    [[ $kind != - && $BUG == late ]] && echo "$kind $name" >>"$journal"
    ((stop == 0)) || fail "interrupted" "$stop"
}

up() {
    local a=$1 b=$2 link=$3
    step netns "$a" ns_there "ns_sound $a" -- $ip netns add "$a"
    step netns "$b" ns_there "ns_sound $b" -- $ip netns add "$b"
    step link "$link" link_there "link_there $link" -- $ip link add name "$link" type veth peer name "p-$link"
    step - "$link" true "is_up $link" -- $ip link set dev "$link" up
    step - "$link" true "has p-$link mtu 1400" -- $ip link set dev "p-$link" mtu 1400
    step - "$link" true "has $link ifalias lab-tool" -- $ip link set dev "$link" alias lab-tool
}

down() {
    printf 'netns %s\nnetns %s\nlink %s\n' "$@" >"$journal"
    undo
}

while [[ $1 == --timeout ]]; do
    limit=$2
    shift 2
done
if [[ -e $journal ]]; then undo || exit; fi
command=$1
shift
[[ $command == recover ]] && exit
mkdir -p "$state" && : >"$journal"
case $command in
up) up "$@" ;;
down) down "$@" || exit ;;
esac
rm -rf "$state"
