#!/bin/sh
# Stands in front of a system tool, mounted over it by testhost::Faults. Counts the call, then acts as
# the file arm/K (for call K alone) or arm/from (for all calls from one on) says; without, the real tool
# takes this process over, so that there is no difference to see. Builtins only: a call should cost
# what it costs without the shim.
dir=/run/shim
tool=${0##*/}
real=$dir/real/$tool
[ -z "$TESTHOST_REAL" ] || exec "$real" "$@"

# Creating the file takes the number: noclobber makes that atomic, also among parallel calls.
set -C
k=1
until { printf '%s\n' "$tool $*" >"$dir/calls/$k"; } 2>/dev/null; do
    k=$((k + 1))
    [ "$k" -lt 5000 ] || exit 125
done

mode='' how='' from=''
if [ -e "$dir/arm/$k" ]; then
    read -r mode how <"$dir/arm/$k"
elif [ -e "$dir/arm/from" ]; then
    read -r from mode how <"$dir/arm/from"
    [ "$k" -ge "$from" ] || mode=''
fi

[ -z "$mode" ] || echo "$k $mode" >>"$dir/fired"
case $mode in
'') exec "$real" "$@" ;;
fail-before) ;;
fail-after) "$real" "$@" ;;
killed-before) kill -9 $$ ;;
killed-after) "$real" "$@"; kill -9 $$ ;;
hang) exec sleep 600 ;;
hang-after) "$real" "$@"; exec sleep 600 ;;
garbage) printf '\001{]garbage \377\n'; exit 0 ;;
garbage-after) "$real" "$@" >/dev/null; printf '\001{]garbage \377\n'; exit 0 ;;
empty) exit 0 ;;
signal-before) kill -s "$how" "$PPID"; exec "$real" "$@" ;;
signal-after) "$real" "$@"; status=$?; kill -s "$how" "$PPID"; exit "$status" ;;
kill-tool-before) kill -9 "$PPID" ;;
kill-tool-early) kill -9 "$PPID"; sleep "$how"; exec "$real" "$@" ;;
kill-tool-during) kill -9 "$PPID"; exec "$real" "$@" ;;
kill-tool-after) "$real" "$@"; kill -9 "$PPID" ;;
*) echo "shim: no mode '$mode'" >&2; exit 125 ;;
esac
echo "shim: injected failure of call $k: $tool $*" >&2
exit 1
