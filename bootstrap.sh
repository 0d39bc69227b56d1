#!/usr/bin/env bash
# Installs arpanet on this host, or shows it, or tests it; see usage() below.
set -euo pipefail

PREFIX=${ARPANET_PREFIX:-/opt/arpanet}
COMMAND=${ARPANET_COMMAND:-/usr/local/bin/arpanet}
SOURCE=${ARPANET_SOURCE:-https://github.com/binocarlos/arpanet/archive/refs/heads/master.tar.gz}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]:-.}")" 2>/dev/null && pwd)

usage() {
    cat <<EOF
usage: ./bootstrap.sh              install arpanet on this host
       ./bootstrap.sh --uninstall  take it off again
       ./bootstrap.sh demo         show the main job on three real hosts inside this machine
       ./bootstrap.sh test         run all tests

Debian 12 or Ubuntu 22.04, or newer, as root or with sudo. Packages come from apt and PyPI.

ARPANET_PREFIX   where it is installed (/opt/arpanet)
ARPANET_COMMAND  the command on the PATH (/usr/local/bin/arpanet)
ARPANET_SOURCE   what is installed when this file stands alone, as pip understands it
EOF
}

say() { printf '==> %s\n' "$*" >&2; }
die() { printf 'bootstrap.sh: %s\n' "$*" >&2; exit "${2:-1}"; }

in_checkout() { [ -f "$HERE/setup.cfg" ] && [ -d "$HERE/arpanet" ]; }

need_root() {
    [ "$(id -u)" = 0 ] && return
    command -v sudo >/dev/null || die "needs root, and there is no sudo; run it as root"
    [ -f "${BASH_SOURCE[0]:-}" ] || die "needs root; pipe it into 'sudo bash'"
    exec sudo --preserve-env=ARPANET_PREFIX,ARPANET_COMMAND,ARPANET_SOURCE,CI "$HERE/$(basename "$0")" "$@"
}

# Installs the named packages that are missing; no service of theirs is started.
packages() {
    local missing=() one
    for one in "$@"; do
        dpkg-query -W -f '${Status}\n' "$one" 2>/dev/null | grep -q 'ok installed' || missing+=("$one")
    done
    [ ${#missing[@]} = 0 ] && return
    command -v apt-get >/dev/null || die "no apt-get here; install by hand: ${missing[*]}"
    say "installing with apt: ${missing[*]}"
    local policy=/usr/sbin/policy-rc.d made=
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod +x $policy
        made=yes
    fi
    local log status=0
    log=$(mktemp)
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive \
        apt-get install -qy --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null || status=$?
    [ -z "$made" ] || rm -f $policy
    [ $status = 0 ] || { tail -n 15 "$log" >&2; rm -f "$log"; die "apt-get failed; see above"; }
    rm -f "$log"
}

# Sets PYTHON to an interpreter that is new enough and can make virtual environments.
python() {
    local one
    for one in python3 python3.13 python3.12 python3.11; do
        if "$one" -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info)' 2>/dev/null; then
            PYTHON=$one
            return
        fi
    done
    [ "${1:-}" = again ] && die "no Python 3.11 or newer to be had from this distribution"
    if apt-cache show python3.11-venv >/dev/null 2>&1 || { apt-get update -q && apt-cache show python3.11-venv; } >/dev/null 2>&1; then
        packages python3.11 python3.11-venv
    else
        packages python3 python3-venv
    fi
    python again
}

# environment DIR WHAT...: a virtual environment at DIR that holds WHAT, as pip understands it.
environment() {
    local dir=$1
    shift
    python
    if ! "$dir/bin/python" -c pass 2>/dev/null; then  # none yet, or its interpreter is gone
        rm -rf "$dir"
        "$PYTHON" -m venv "$dir"
    fi
    # what an earlier build left here would be installed along with what is here now
    if in_checkout; then rm -rf "$HERE/build" "$HERE/contrib/lab/build"; fi
    "$dir/bin/python" -m pip install -q --disable-pip-version-check --use-pep517 "$@" || die "pip could not install $*"
}

# What the lab's hosts and the tests run for real.
LAB_PACKAGES="docker.io nftables iptables iproute2 conntrack util-linux etcd-server etcd-client
    redis-server redis-tools busybox-static iperf3 haproxy socat procps"

# What the tests run besides: the compiler of the socket plane's programs, and Compose.
TEST_PACKAGES="clang libbpf-dev make docker-compose"

lab_packages() {
    local wanted=() one
    for one in $LAB_PACKAGES "$@"; do
        if [ "$one" = docker.io ] && command -v dockerd >/dev/null; then continue; fi
        wanted+=("$one")
    done
    packages "${wanted[@]}"
    # newer releases have Docker's command in a package of its own
    command -v docker >/dev/null || packages docker-cli
}

install_arpanet() {
    local what=$SOURCE
    in_checkout && what=$HERE
    cat >&2 <<EOF
This installs arpanet:
  $PREFIX   its own Python environment
  $COMMAND   the command
  apt packages that are missing: python3-venv nftables conntrack util-linux
Docker is left alone; 'arpanet up' sees to it. Undo with: ./bootstrap.sh --uninstall
EOF
    if [ -e "$COMMAND" ] && [ "$(readlink -f "$COMMAND")" != "$(readlink -f "$PREFIX/bin/arpanet")" ]; then
        die "$COMMAND exists and is not arpanet's; move it away, or set ARPANET_COMMAND"
    fi
    packages nftables conntrack util-linux ca-certificates
    mkdir -p "$PREFIX"
    environment "$PREFIX" --upgrade "$what"
    ln -sfn "$PREFIX/bin/arpanet" "$COMMAND"
    say "$("$COMMAND" --version) is installed; next: say who this host is in ~/.arpanetrc, then: arpanet up"
}

uninstall_arpanet() {
    if [ -L "$COMMAND" ] && [ "$(readlink "$COMMAND")" = "$PREFIX/bin/arpanet" ]; then
        rm -f "$COMMAND"
        say "removed $COMMAND"
    fi
    if [ -x "$PREFIX/bin/arpanet" ] && [ -f "$PREFIX/pyvenv.cfg" ]; then
        rm -rf "$PREFIX"
        say "removed $PREFIX"
    fi
    say "apt packages, containers and ~/.arpanetrc were left alone"
}

demo() {
    in_checkout || die "the demo runs from a checkout of arpanet"
    say "the demo installs what the lab needs; nothing outside of it is started or changed"
    lab_packages
    environment "$HERE/.venv" "$HERE" "$HERE/contrib/lab"
    exec "$HERE/.venv/bin/arpanet" lab demo
}

tests() {
    in_checkout || die "the tests run from a checkout of arpanet"
    # shellcheck disable=SC2086  # each a word of its own
    lab_packages $TEST_PACKAGES
    environment "$HERE/.venv" 'tox>=4.11'
    cd "$HERE"
    # side by side, so that what needs one processor for half a minute costs the tests no time
    exec "$HERE/.venv/bin/tox" run-parallel --parallel all --parallel-live --parallel-no-spinner
}

main() {
    local mode=${1:-install}
    case $mode in
        -h | --help) usage; exit ;;
        install | --uninstall | demo | test) ;;
        *) usage >&2; die "'$mode' is not understood" 2 ;;
    esac
    [ $# -le 1 ] || { usage >&2; die "one word at most" 2; }
    [ "$(uname -s)" = Linux ] || die "arpanet runs on Linux"
    need_root "$@"
    case $mode in
        install) install_arpanet ;;
        --uninstall) uninstall_arpanet ;;
        demo) demo ;;
        test) tests ;;
    esac
}

main "$@"
