"""A folder with something to look at, and the shell that the programs beside xterm run in."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

PACKAGES = {
    "xterm": "xterm",
    "xdotool": "xdotool",
    "vim": "vim",
    "htop": "htop",
    "less": "less",
    "tmux": "tmux",
    "mc": "mc",
    "nano": "nano",
    "apt": "apt",
}
SAMPLE = '''"""A module."""

from collections.abc import Iterator

LIMIT = 0x40  # a number


class Counter:
    """Counts words."""

    def __init__(self, words: list[str]) -> None:
        self.words = words

    def each(self) -> Iterator[tuple[str, int]]:
        """Every word and how long it is."""
        for word in self.words:
            if len(word) < LIMIT and word != "nothing":
                yield word, len(word)
        return None
'''
SIGNS = """┌─┬┐ ╔═╦╗ ┏━┳┓ ╭─┬╮ ▁▂▃▄▅▆▇█ ▏▎▍▌▋▊▉█ ░▒▓█ ▖▗▘▙▚▛▜▝▞▟
├─┼┤ ╠═╬╣ ┣━╋┫ ├─┼┤ ┄┅┈┉ ← ↑ → ↓ ✓ ✗ ∑ ∞ Ω Ж é ñ ä
└─┴┘ ╚═╩╝ ┗━┻┛ ╰─┴╯ 中文字 こんにちは 한국어 | e\u0301 a\u0308 |
"""
TMUX = """set -g status-right "right"
set -g default-terminal "tmux-256color"
set -ga terminal-overrides ",xterm-256color:RGB"
set -g automatic-rename off
set -g default-command "exec bash --norc --noprofile"
set -sg escape-time 10
"""
STACK = """variable "size" {
  default = "small"
}

resource "terraform_data" "machine" {
  count            = 3
  input            = { name = "web-${count.index}", size = var.size }
  triggers_replace = var.size
}

output "names" {
  value = terraform_data.machine[*].output.name
}
"""
#: Stands for dpkg, so that apt draws its progress and nothing is installed; halfway it waits for Enter.
DPKG = """#!/bin/bash
while [ $# -gt 0 ]; do
    case $1 in
    --status-fd) fd=$2; shift ;;
    --unpack) deed=unpack ;;
    --configure) deed=configure ;;
    --assert-*|--print-*|--compare-*|--force-*) ;;
    esac
    shift
done
[ -n "$deed" ] || exit 0
tell() { echo "$1" >&"$fd"; }
if [ $deed = unpack ]; then
    echo "Selecting previously unselected package believable."
    tell "processing: install: believable"; tell "status: believable: half-installed"
    echo "Preparing to unpack believable.deb ..."
    tell "status: believable: unpacked"
    for line in $(seq 30); do echo "unpacking file $line"; done
    read -r _ </dev/tty
else
    echo "Setting up believable (1.0) ..."
    tell "processing: configure: believable"; tell "status: believable: half-configured"
    tell "status: believable: installed"
fi
"""
CONTROL = "Package: believable\nVersion: 1.0\nArchitecture: all\nMaintainer: Ada <ada@example.org>\nDescription: one\n"
INSTALL = """#!/bin/sh
exec apt-get -y -o Dpkg::Progress-Fancy=1 -o APT::Color=1 -o Debug::NoLocking=1 -o Dir::Bin::dpkg="$PWD/dpkg" \\
    -o Dir::Log::Terminal= -o Dir::Log::History= -o APT::Sandbox::User=root \\
    -o Dir::Cache::archives="$PWD/archives" install ./believable.deb
"""
SHELL = """#!/bin/sh
cd {home}
exec env -i HOME={home} TERM="$TERM" COLORTERM=truecolor LANG=C.UTF-8 \\
    PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin PS1='$ ' MACHINA=1 CHECKPOINT_DISABLE=1 bash --norc --noprofile
"""


def furnish(home: Path) -> Path:
    """Fill the folder; answers the shell for the server's ``ForceCommand``."""
    for program, package in PACKAGES.items():
        assert shutil.which(program), f"{program} is missing: install the Debian package {package}"
    for folder in ("tree/inner", "stack", "archives/partial", "believable/DEBIAN"):
        (home / folder).mkdir(parents=True)
    (home / "sample.py").write_text(SAMPLE)
    (home / "signs.txt").write_text(SIGNS)
    (home / "tmux.conf").write_text(TMUX)
    (home / "stack" / "main.tf").write_text(STACK)
    (home / "palette.txt").write_text(_palette())
    (home / "coloured.log").write_text(_log())
    for number in range(30):
        (home / "tree" / f"file-{number:02}.txt").write_text(f"line\t{number}\n" * 40)
    (home / "believable" / "DEBIAN" / "control").write_text(CONTROL)
    subprocess.run(
        ["dpkg-deb", "--build", home / "believable", home / "believable.deb"], check=True, capture_output=True
    )
    for name, text in (("dpkg", DPKG), ("install", INSTALL), ("shell", SHELL.format(home=home))):
        (home / name).write_text(text)
        (home / name).chmod(0o755)
    return home / "shell"


def _palette() -> str:
    looks = ("1", "2", "3", "4", "7", "9", "1;3;4", "21", "38;5;208", "48;5;19;38;5;229", "38;2;255;100;0")
    lines = ["".join(f"\x1b[{look}m{look}\x1b[0m " for look in looks)]
    lines += [
        "".join(f"\x1b[{base + number}m {base + number} \x1b[0m" for number in range(8)) for base in (30, 40, 90, 100)
    ]
    lines.append("".join(f"\x1b[48;5;{number}m \x1b[0m" for number in range(16, 90)))
    lines.append("".join(f"\x1b[48;2;{number * 3};90;{220 - number * 3}m \x1b[0m" for number in range(70)))
    return "\n".join(lines) + "\n"


def _log() -> str:
    kinds = ("\x1b[32minfo\x1b[0m", "\x1b[1;33mwarning\x1b[0m", "\x1b[1;31merror\x1b[0m", "\x1b[2mdebug\x1b[0m")
    return "".join(
        f"{number:05} \x1b[36m10:{number // 60 % 60:02}:{number % 60:02}\x1b[0m {kinds[number * 7 % 11 % 4]} "
        f"module.\x1b[4mmachine[{number % 9}]\x1b[24m: {'word ' * (number * 5 % 23)}\x1b[48;5;24mend\x1b[0m\n"
        for number in range(400)
    )
