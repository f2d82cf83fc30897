"""Ten streams that stress a terminal in ten ways, always the same bytes: 80 by 24, lines end as a pty ends them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

COLUMNS, LINES = 80, 24
CSI = "\x1b["
WORDS = (  # noqa: SIM905 (a list of forty words would be forty lines)
    "terraform apply plan refresh module.network aws_instance.web hcloud_server.db creating destroyed complete after "
    "elapsed 10s id=4711 kernel: docker0: port entered blocking state systemd[1]: Started Session of user deploy "
    "sshd[812]: Accepted publickey nginx GET /healthz HTTP/1.1 200 12ms warn: info: error: retrying in 30s ok"
).split(" ")


def ascii_log() -> Iterator[str]:
    """Journal lines, 40 to 130 columns."""
    choose = random.Random(11)
    number = 0
    while True:
        number += 1
        stamp = f"Nov 22 {number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02} host-{number % 37:02}"
        words = " ".join(choose.choices(WORDS, k=choose.randint(3, 12)))
        yield f"{stamp} unit[{1000 + number % 400}]: {words}\r\n"


def color_log() -> Iterator[str]:
    """Log lines that change colour every few words."""
    choose = random.Random(12)
    looks = ("1", "32", "33", "31;1", "36", "90", "38;5;208", "38;2;120;200;80", "4", "1;34")
    while True:
        parts = [
            f"{CSI}{choose.choice(looks)}m{' '.join(choose.choices(WORDS, k=choose.randint(1, 3)))}{CSI}0m"
            for _ in range(choose.randint(3, 7))
        ]
        yield " ".join(parts) + "\r\n"


def long_lines() -> Iterator[str]:
    """JSON of 10 KB without a line end."""
    choose = random.Random(13)
    while True:
        fields = ",".join(f'"{choose.choice(WORDS)}":"{choose.randint(0, 10**9)}"' for _ in range(400))
        yield f"{{{fields}}}\r\n"


def scrolling() -> Iterator[str]:
    """``yes``."""
    while True:
        yield "y\r\n" * 500


def scroll_region() -> Iterator[str]:
    """A pager: a region that scrolls both ways, inserted and deleted lines, a status line."""
    choose = random.Random(14)

    def line() -> str:
        return " ".join(choose.choices(WORDS, k=choose.randint(2, 6)))[:70]

    yield f"{CSI}H{CSI}2J"
    while True:
        top, bottom = choose.randint(2, 6), choose.randint(16, 23)
        parts = [f"{CSI}{top};{bottom}r{CSI}{bottom};1H"]
        parts += [f"\r\n{line()}" for _ in range(choose.randint(5, 30))]
        parts.append(f"{CSI}{top};1H")
        parts += [f"\x1bM{line()}\r" for _ in range(choose.randint(2, 8))]
        parts.append(f"{CSI}{choose.randint(top, bottom)};1H{CSI}{choose.randint(1, 4)}L")
        parts.append(f"{CSI}{choose.randint(top, bottom)};1H{CSI}{choose.randint(1, 4)}M")
        parts.append(f"{CSI}r{CSI}24;1H{CSI}7m-- more --{CSI}K{CSI}0m")
        yield "".join(parts)


def light_cells() -> Iterator[str]:
    """The whole screen with one letter, again and again."""
    while True:
        for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
            yield f"{CSI}H" + letter * (COLUMNS * LINES)


def dense_cells() -> Iterator[str]:
    """Another colour and style for each cell."""
    shift = 0
    while True:
        for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
            shift += 1
            cells = (line + column + shift for line in range(LINES) for column in range(COLUMNS))
            yield f"{CSI}H" + "".join(
                f"{CSI}38;5;{cell % 156 + 100};48;5;{255 - cell % 156};1;3;4m{letter}" for cell in cells
            )


def unicode() -> Iterator[str]:
    """Chinese, emoji, accents, box drawing, combining marks."""
    choose = random.Random(16)
    chinese = [chr(code) for code in range(0x4E00, 0x5400)]
    faces = [chr(code) for code in range(0x1F600, 0x1F640)]
    narrow = list("äöüßéèñçøåłşğ абвгдежзиклмнопрст αβγδεζηθ ─│┌┐└┘├┤┬┴┼▀▄█░▒▓")
    marked = ["e\u0301", "a\u0308", "n\u0303", "o\u0302"]
    kinds = ((chinese, 2, 8), (faces, 1, 3), (narrow, 4, 14), (marked, 2, 6), (WORDS, 1, 1))
    while True:
        picked = choose.choices(kinds, weights=(40, 15, 35, 5, 5), k=choose.randint(3, 8))
        yield (
            " ".join("".join(choose.choices(kind, k=choose.randint(low, high))) for kind, low, high in picked) + "\r\n"
        )


def tui_redraw() -> Iterator[str]:
    """Frames of a process monitor: each row placed, coloured by field, erased to its end."""
    choose = random.Random(15)
    yield f"{CSI}?1049h{CSI}?25l{CSI}H{CSI}2J"
    keys = ("Help", "Setup", "Search", "Filter", "Tree", "SortBy", "Nice -", "Nice +", "Kill", "Quit")
    while True:
        rows = []
        for number in range(1, 5):
            load = choose.randint(0, 50)
            bar = f"{CSI}32m{'|' * load}{CSI}90m{' ' * (50 - load)}{load * 2:5.1f}%"
            rows.append(f"{CSI}36m{number:3}{CSI}1;39m[{bar}{CSI}39m]{CSI}0m{CSI}K")
        rows.append(f"{CSI}K")
        title = "  PID USER      PRI  NI  VIRT   RES   SHR S  CPU% MEM%   TIME+  Command"
        rows.append(f"{CSI}30;42m{title}{CSI}K{CSI}0m")
        rows += [_process(choose, number) for number in range(7, 24)]
        rows.append("".join(f"F{number}{CSI}30;46m{key:5}{CSI}0m" for number, key in enumerate(keys, 1)))
        yield f"{CSI}H" + "".join(f"{CSI}{number};1H{row}" for number, row in enumerate(rows, 1))


def _process(choose: random.Random, number: int) -> str:
    """One row of the table."""
    load = f"{CSI}{31 if number % 5 == 0 else 39}m{choose.random() * 99:4.1f}{CSI}0m {choose.random() * 9:4.1f}"
    memory = f"{CSI}36m{choose.randint(1, 9999):5}{CSI}0mM {choose.randint(1, 9999):5} {choose.randint(1, 999):4} S"
    time = f"{choose.randint(0, 59):2}:{choose.randint(0, 59):02}.{choose.randint(0, 99):02}"
    command = f"/u/{CSI}1m{choose.choice(WORDS):.8}{CSI}0m {choose.choice(WORDS):.4}"
    head = f"{choose.randint(1, 32000):5} {CSI}90mroot{CSI}0m      {CSI}32m20   0{CSI}0m"
    return f"{head} {memory} {load} {time} {command}{CSI}K"


def cursor_motion() -> Iterator[str]:
    """A placed letter at a time, in a spiral."""
    while True:
        for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
            yield "".join(f"{CSI}{line};{column}H{letter}" for line, column in _spiral())


def _spiral() -> Iterator[tuple[int, int]]:
    left, right, top, bottom = 1, COLUMNS, 1, LINES
    while left <= right and top <= bottom:
        yield from ((top, column) for column in range(left, right))
        yield from ((line, right) for line in range(top, bottom))
        yield from ((bottom, column) for column in range(right, left, -1))
        yield from ((line, left) for line in range(bottom, top, -1))
        left, right, top, bottom = left + 1, right - 1, top + 1, bottom - 1


WORKLOADS: dict[str, Callable[[], Iterator[str]]] = {
    workload.__name__: workload
    for workload in (
        ascii_log,
        color_log,
        long_lines,
        scrolling,
        scroll_region,
        light_cells,
        dense_cells,
        unicode,
        tui_redraw,
        cursor_motion,
    )
}


def stream(name: str, size: int) -> bytes:
    """At least ``size`` bytes of a workload."""
    parts: list[bytes] = []
    total = 0
    for part in WORKLOADS[name]():
        parts.append(part.encode())
        total += len(parts[-1])
        if total >= size:
            break
    return b"".join(parts)
