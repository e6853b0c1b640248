#!/usr/bin/env bash
# Builds netns-tool from the commit that the action was asked for, and puts it on the PATH of the steps that follow.
set -euo pipefail

: "${RUNNER_TEMP:?}" "${GITHUB_PATH:?}"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)"

missing=()
for package in ip:iproute2 iptables:iptables ping:iputils-ping unshare:util-linux; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "${package%%:*}" >/dev/null || missing+=("${package##*:}")
done
if [ "${#missing[@]}" -gt 0 ]; then
    sudo apt-get update -q
    sudo apt-get install -q -y "${missing[@]}"
fi

cargo install --locked --quiet --path "$here/crates/netns-tool" --root "$RUNNER_TEMP/netns-tool"
echo "$RUNNER_TEMP/netns-tool/bin" >>"$GITHUB_PATH"

# Ubuntu 24.04 and later keep user namespaces from ordinary programs, and so private hosts without sudo.
switch=kernel.apparmor_restrict_unprivileged_userns
if [ "$(sysctl -n "$switch" 2>/dev/null || echo 0)" = 1 ]; then
    sudo sysctl -q -w "$switch=0"
fi
