#!/usr/bin/env bash
# Makes a checkout ready to run (`setup.sh run`) or to be worked on (`setup.sh dev`); does nothing when it is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

profile=${1:?usage: setup.sh run|dev}
case $profile in
run | dev) ;;
*) echo "setup.sh: unknown profile '$profile', say run or dev" >&2 && exit 2 ;;
esac
lock=requirements/$profile.lock

# What Qt links to or loads, and the fonts' configuration.
qt_packages=(
    libdbus-1-3 libegl1 libfontconfig1 libfreetype6 libgl1 libglib2.0-0 libgssapi-krb5-2 libx11-xcb1 libxcb-cursor0
    libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-shm0
    libxcb-sync1 libxcb-xfixes0 libxcb-xkb1 libxkbcommon0 libxkbcommon-x11-0
)
# The real things the tests talk to: a display with a window manager, a tray and a mouse, an SSH server, a keyring,
# a database server, a browser without a window, a proxy, what keeps shells, and what checks units.
test_packages=(
    chromium-headless-shell dbus gnome-keyring nginx-light openbox openssh-server postgresql screen systemd tmux trayer
    x11-xserver-utils xauth xdotool xvfb
)

say() { printf 'machina: %s\n' "$*" >&2; }
stop() { say "$*" && exit 1; }

is_debian() { command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; }

# Prints the names among its arguments that are not installed; newer releases call some libraries <name>t64.
missing_packages() {
    local installed name
    installed=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' "$@" "${@/%/t64}" 2>/dev/null || true)"
    for name in "$@"; do
        case $installed in
        *" installed:$name "* | *" installed:${name}t64 "*) ;;
        *) printf '%s ' "$name" ;;
        esac
    done
}

install_packages() {
    local install="apt-get install --yes --no-install-recommends $*" root=(env) how=(install_quietly)
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true 2>/dev/null || stop "Debian packages are missing. Type this, then start again:
    sudo apt-get update && sudo $install"
        root=(sudo -n)
    fi
    say "installing Debian packages: $*"
    "${root[@]}" apt-get update --quiet=2
    case " $* " in
    *" postgresql "*) how=(without_cluster "${how[@]}") ;;
    esac
    if [ -d /run/systemd/system ]; then
        case " $* " in
        *" openssh-server "*) how=(stays_off "ssh.service ssh.socket" "${how[@]}") ;;
        esac
        case " $* " in
        *" nginx-light "*) how=(stays_off nginx.service "${how[@]}") ;;
        esac
    fi
    "${how[@]}" "$@"
}

install_quietly() {
    "${root[@]}" DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends --quiet=2 "$@" >/dev/null
}

# The tests start servers of their own on loopback: no package may open this computer's port 22 or 80.
stays_off() {
    local units=$1
    shift
    # shellcheck disable=SC2086 # a list of words
    "${root[@]}" systemctl mask --quiet --runtime $units
    "$@"
    "${root[@]}" systemctl disable --quiet "${units%% *}"
    # shellcheck disable=SC2086 # as above
    "${root[@]}" systemctl unmask --quiet --runtime $units
}

# The tests make clusters of their own: the package must not make one that starts with this computer.
without_cluster() {
    local configuration=/etc/postgresql-common/createcluster.conf
    install_quietly postgresql-common
    "${root[@]}" sed --in-place=.before 's/^#\?create_main_cluster.*/create_main_cluster = false/' "$configuration"
    "$@"
    "${root[@]}" mv "$configuration.before" "$configuration"
}

is_supported() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; }

# Prints the first Python from 3.11 to 3.13 on PATH.
find_python() {
    local candidate
    for candidate in python3.11 python3.12 python3.13 python3; do
        if is_supported "$candidate"; then
            command -v "$candidate" && return
        fi
    done
    return 1
}

# Prints the Debian packages without which no .venv can be made here.
python_packages() {
    local python
    [ ! -x .venv/bin/python ] || return 0
    if python=$(find_python); then
        "$python" -c 'import ensurepip, venv' 2>/dev/null ||
            "$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'
    else
        echo python3 python3-venv
    fi
}

# Prints the Debian packages that bring npm; whoever has it from elsewhere keeps that.
npm_packages() {
    [ "$profile" = run ] || command -v npm >/dev/null || echo nodejs npm
}

ensure_system() {
    local wanted=("${qt_packages[@]}") missing
    [ "$profile" = run ] || wanted+=("${test_packages[@]}")
    if is_debian; then
        # shellcheck disable=SC2046 # a list of words
        missing=$(missing_packages $(python_packages) $(npm_packages) "${wanted[@]}")
        # shellcheck disable=SC2086 # a list of words
        [ -z "$missing" ] || install_packages $missing
    elif [ "$(uname -s)" = Linux ] && [ ! -e .venv/ready-run ] && [ ! -e .venv/ready-dev ]; then
        say "this is not Debian; install what your system calls: ${wanted[*]}"
    fi
}

ensure_python() {
    python=$(find_python) || stop "Python 3.11, 3.12 or 3.13 is needed and none is on PATH."
    "$python" -c 'import ensurepip, venv' 2>/dev/null || stop "$python has no venv module; install it and start again."
}

# What the environment of a profile depends on; a checkout that was moved needs a new one.
fingerprint() {
    local made_of=("requirements/$1.lock" pyproject.toml scripts/setup.sh)
    [ "$1" = run ] || made_of+=(tests/prism/package-lock.json)
    { echo "$PWD" && cat "${made_of[@]}"; } | cksum
}

# The environment for development serves to run as well.
is_ready() {
    local made_for
    for made_for in dev "$profile"; do
        if [ -e ".venv/ready-$made_for" ] && [ "$(<".venv/ready-$made_for")" = "$(fingerprint "$made_for")" ]; then
            return
        fi
    done
    return 1
}

build_environment() {
    local python here=".venv/bin/python"
    if [ "$("$here" -c 'import sys; print(sys.prefix)' 2>/dev/null)" != "$PWD/.venv" ] || ! is_supported "$here"; then
        ensure_python
        say "making .venv with $("$python" --version)"
        "$python" -m venv --clear .venv
    fi
    rm -f .venv/ready-*
    say "installing the locked packages of $lock"
    "$here" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
    # A plain path entry instead of an import hook: the hook costs every start 15 ms.
    "$here" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
        --config-settings editable_mode=compat -e .
    if [ "$profile" = dev ]; then
        say "installing the locked packages of tests/prism"
        mkdir -p .venv/prism
        cp tests/prism/package.json tests/prism/package-lock.json tests/prism/.npmrc .venv/prism
        npm ci --prefix .venv/prism --ignore-scripts --no-audit --no-fund --silent ||
            stop "npm could not install what tests/prism/package-lock.json lists."
    fi
    env -u PYTHONDONTWRITEBYTECODE "$here" -m compileall -q -j 0 .venv/lib machina_desktop >/dev/null || true
    fingerprint "$profile" >".venv/ready-$profile"
}

ensure_system
if is_ready; then exit; fi
if command -v flock >/dev/null; then
    exec 9<"$lock"
    flock 9
    if is_ready; then exit; fi
fi
build_environment
