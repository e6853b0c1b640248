#!/usr/bin/env bash
# Runs the commands of $RUN in the lab of the file $LAB; see action.yml beside this file.
set -euo pipefail

: "${LAB:?}" "${RUN:?}"
options=()
if [ -n "${IN:-}" ]; then
    options+=(--in "$IN")
fi
before=()
case "${SANDBOX:-true}" in
true) options+=(--sandbox) ;;
# sudo has a PATH of its own, in which the tool is not.
false) before=(sudo --preserve-env "$(command -v env)" "PATH=$PATH") ;;
*)
    echo "error: the input \`sandbox\` is \`$SANDBOX\`, and not true or false" >&2
    exit 2
    ;;
esac

exec "${before[@]}" netns-tool run "$LAB" "${options[@]}" -- bash -euo pipefail -c "$RUN"
