#!/usr/bin/env bash
# Proves that a fresh checkout needs nothing prepared by hand: a Debian 12 made for this run, with make, git and
# Python 3.11 on it and nothing else, clones the last commit and runs one target of the Makefile.
#
#   scripts/clean-room.sh test                       make test
#   scripts/clean-room.sh --without-terraform test   the same with the bundled engine only
#   scripts/clean-room.sh --as-user test             as a person without sudo, who types the lines that are shown
#   scripts/clean-room.sh run 30                     make run without a display: one sentence and exit code 2; then on a
#                                                    virtual one: well if it lives for 30 s
#
# Needs root, debootstrap and unshare. Package sources, proxies and certificates are this computer's own.
# shellcheck disable=SC2016 # what stands in single quotes is expanded by apt-get or in the room
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
release=bookworm
terraform=$(command -v terraform || true)
person=
while [[ ${1:-} = --* ]]; do
    case $1 in
    --without-terraform) terraform= ;;
    --as-user) person=yes ;;
    *) echo "clean-room.sh: unknown option '$1'" >&2 && exit 2 ;;
    esac
    shift
done
target=${1:?usage: clean-room.sh [--without-terraform] [--as-user] TARGET [SECONDS]}
seconds=${2:-30}

room=$(mktemp -d "${TMPDIR:-/tmp}/machina-clean-room.XXXXXX")
trap 'rm -rf --one-file-system "$room"' EXIT
chmod 755 "$room"

# Prints what apt on this computer knows of Debian's packages, in the given format.
debian_sources() {
    apt-get indextargets --format "$1" 'Created-By: Packages' 'Origin: Debian' | grep "$release" | sort -u
}

# The variables that lead to the network here: proxies, certificates, where pip looks.
network_environment() { env | grep -Ei '^([a-z]+_proxy|pip_(cert|index_url|default_timeout)|ssl_cert_[a-z]+|requests_ca_bundle|curl_ca_bundle)=' || true; }

# Lays a file of this computer into the room under the same path.
bring() {
    local file
    for file in "$@"; do
        [ -e "$file" ] && mkdir -p "$room$(dirname "$file")" && cp -L "$file" "$room$file"
    done
    return 0
}

make_room() {
    local mirror
    mirror=$(debian_sources '$(REPO_URI) $(RELEASE)' | awk -v release="$release" '$2 == release { print $1; exit }')
    debootstrap --variant=minbase --include=ca-certificates,git,make,python3 "$release" "$room" "$mirror" >/dev/null
    debian_sources 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' >"$room/etc/apt/sources.list"
    apt-config dump | grep -E '^Acquire::(http|https|Check|Retries)' >"$room/etc/apt/apt.conf.d/90host" || true
    bring /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt
    bring /etc/pip.conf ~/.pip/pip.conf ~/.config/pip/pip.conf
    # Folders of packages that lie on this computer stay here.
    find "$room" -xdev -name pip.conf -exec sed -i -e /find-links/d -e /file:/d {} +
    [ -z "$terraform" ] || cp -L "$terraform" "$room/usr/local/bin/terraform"
    git clone --quiet --no-hardlinks "$here" "$room/home/machina"
    [ -z "$person" ] || inside 'useradd --create-home person && chown -R person: . && cp -rT /root /home/person &&
        chown -R person: /home/person'
}

# Runs a command in the room as root; its processes and mounts end with it.
inside() {
    local variables=()
    mapfile -t variables < <(network_environment)
    unshare --mount --pid --fork --kill-child bash -euc '
        room=$1 && shift
        mount --make-rprivate /
        mount --bind "$room" "$room"
        mount -t proc proc "$room/proc"
        mount -t sysfs sysfs "$room/sys"
        mount --rbind /dev "$room/dev"
        # As Debian mounts it: terminals belong to the group tty.
        mount -t devpts -o newinstance,gid=5,mode=620,ptmxmode=666 devpts "$room/dev/pts"
        mount -t tmpfs tmpfs "$room/tmp"
        # No chroot: in one nobody may make the user namespaces that some tests need.
        cd "$room"
        pivot_root . mnt
        umount --lazy /mnt
        exec "$@"
    ' - "$room" env -i "${variables[@]}" HOME=/root LANG=C.UTF-8 TERM=dumb CI=true \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin bash -euc "cd /home/machina && $1"
}

# Runs a command in the room as whoever works there.
work() {
    if [ -n "$person" ]; then
        inside "runuser -u person -- env HOME=/home/person bash -euc $(printf %q "$1")"
    else
        inside "$1"
    fi
}

# Has the person type what set-up shows, until it shows nothing more; the administrator's part is done by root.
type_what_is_shown() {
    local line shown
    while ! shown=$(work "scripts/setup.sh $1" 2>&1); do
        line=$(grep -o 'sudo apt-get update && sudo apt-get install .*' <<<"$shown") || {
            echo "$shown" >&2 && exit 1
        }
        echo "clean room: the person is told: $line"
        inside "${line//sudo /}" >/dev/null 2>&1
    done
}

# Only the display is given from outside; set-up is done when the window must stay alive.
run_window() {
    inside 'apt-get update -qq && apt-get install -qq --no-install-recommends xvfb xauth >/dev/null'
    work 'scripts/setup.sh run'
    work 'status=0
        .venv/bin/machina 2>/tmp/said || status=$?
        cat /tmp/said
        [ "$status $(wc -l </tmp/said)" = "2 1" ] || { echo "without a display it ended with $status" >&2 && exit 1; }'
    work "status=0
        timeout --kill-after 10 $seconds xvfb-run --auto-servernum make run || status=\$?
        [ \$status -eq 124 ] || { echo \"make run ended early with \$status\" >&2 && exit 1; }"
}

make_room
printf 'clean room: Debian %s, Python %s, terraform %s, commit %s\n' "$(<"$room/etc/debian_version")" \
    "$(inside 'python3 --version' | cut -d' ' -f2)" "${terraform:-not on PATH}" "$(git -C "$here" rev-parse --short HEAD)"
if [ "$target" = run ]; then
    [ -z "$person" ] || type_what_is_shown run
    run_window
else
    [ -z "$person" ] || type_what_is_shown dev
    work "make $target"
fi
echo "clean room: make $target went well"
