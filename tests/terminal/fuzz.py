"""Random streams through the terminal, in random chunks, and through the mended pyte.

Run as ``python -m tests.terminal.fuzz COUNT``. A stream is known by its number:
``python -m tests.terminal.fuzz 1 NUMBER`` runs it alone.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator

from machina_desktop.core.terminal.screen import Screen
from machina_desktop.core.terminal.stream import Stream
from tests.terminal.reference import Reference, ReferenceStream

SIZES = ((10, 5), (20, 8), (80, 24))
LOOKS = (
    "",
    "0",
    "1",
    "31",
    "1;32",
    "44",
    "7",
    "27",
    "22;24",
    "97",
    "105",
    "39;49",
    "3;9",
    "0;4;5",
    "48;5;17",
    "38;5;200",
)
ODD = ("é", "ж", "─", "中", "文", "😀", "e\u0301", "x", "y", " ", "\u0301", "👩\u200d💻", "❤\ufe0f", "한")


def number(choose: random.Random, highest: int) -> str:
    return choose.choice(("", str(choose.randint(0, highest)), str(choose.randint(1, highest + 5))))


def text(choose: random.Random, columns: int, *, is_odd: bool) -> str:
    if is_odd and choose.random() < 0.5:
        return "".join(choose.choices(ODD, k=choose.randint(1, 14)))
    return "".join(choose.choices("abcdefgh XYZ0123", k=choose.choice((1, 2, 5, 12, columns, columns * 2 + 3))))


def log(choose: random.Random, lines: int) -> str:
    coloured = choose.random() < 0.5
    parts = []
    for each in range(choose.randint(3, 6 * lines)):
        word = f"\x1b[{choose.choice(LOOKS)}mline\x1b[0m {each}" if coloured else f"line {each}" * choose.randint(0, 3)
        parts.append(f"{word}\r\n")
    return "".join(parts)


def frame(choose: random.Random, columns: int, lines: int) -> str:
    """A screen as full-screen programs draw it, with a row here and there that is something else."""
    rows = []
    for row in choose.choices(range(1, lines + 1), k=choose.randint(6, 30)):
        words = [
            f"\x1b[{choose.choice(LOOKS)}m" + "ab 中c1"[: choose.randint(0, 6)] for _ in range(choose.randint(0, 3))
        ]
        end = choose.choice(
            ("\x1b[K", "\x1b[K", "\x1b[K\x1b[0m", "\x1b[0m\x1b[K", "", "\x1b[Kx", "y" * columns, "\r\n")
        )
        rows.append(f"\x1b[{row};1H{''.join(words)}{end}")
    return "".join(rows)


def redrawn(choose: random.Random, columns: int, lines: int) -> str:
    """Frames one after the other, most of which nobody sees, with now and then a row that does something else."""
    numbers = range(1, lines + choose.choice((0, 0, 0, 1)))
    odd = choose.choice(
        ("", "", "\x1b[?25l", "\x1b[?2026h", "\x1b(B", "\x1b[2L", "中文", "e\u0301", "\x1b[K\x1b[K", "\t", "\x1b[4h")
    )
    widths = (0, 3, columns - 1, columns, columns, columns + choose.choice((0, 0, 0, 1, columns)))
    whole = choose.random() < 0.5
    texts = []
    for _ in range(choose.randint(2, 6)):
        texts.append(choose.choice(("\x1b[H", "", "\x1b[1;1H\x1b[0m")))
        for row in numbers if whole else sorted(choose.choices(numbers, k=choose.randint(1, 2 * lines))):
            shown = "".join(choose.choices("abc x", k=choose.choice(widths)))
            at = choose.randint(0, len(shown))
            words = f"{shown[:at]}\x1b[{choose.choice(LOOKS)}m{shown[at:]}" if choose.random() < 0.7 else shown
            end = choose.choice(("\x1b[K", "\x1b[K", "\x1b[0m\x1b[K", "\x1b[K\x1b[m", "", odd, "\x1b[Kx"))
            texts.append(f"\x1b[{row};1H{words}{end}")
    return "".join(texts)


def moved(choose: random.Random, columns: int, lines: int) -> str:
    """Letters that are placed one by one, many at the same place."""
    odd = choose.choice(("", "", "", "\x1b[31m", "中", "é", "\x1b[K", "ab", "\r\n", "\x1b[4h", "\u0301"))
    letters = [*"abcdefH ", odd]
    return "".join(
        f"\x1b[{choose.randint(1, lines)};{choose.randint(1, columns + choose.choice((0, 0, 0, 1)))}H{letter}"
        for letter in choose.choices(letters, weights=[6] * 8 + [1], k=choose.randint(20, 400))
    )


def filled(choose: random.Random, columns: int, lines: int) -> str:
    """The whole screen from its top, again and again, mostly without a line end; each cell may have its look."""
    size = columns * lines + choose.choice((0, 0, 0, -1, 1, -columns, columns))
    look = choose.choice((0, 0, 2, 40))
    screens = []
    for letter in choose.choices("abcé中", weights=(6, 6, 6, 1, 1), k=choose.randint(1, 4)):
        cells = [letter] * size
        for _ in range(choose.randint(0, look)):
            cells[choose.randrange(size)] = f"\x1b[{choose.choice(LOOKS)}m{letter}"
        screens.append("\x1b[H" + "".join(cells))
    return "".join(screens)


def picture(choose: random.Random, columns: int, lines: int) -> str:
    """Characters that have a look each, over many rows, with now and then something else among them."""
    letters = choose.choice(("a", "▀", "abé ─"))
    odd = choose.choice(("", "", "中", "e\u0301", "\x1b[H", "\x1b[5;3H", "\x1b[K", "\x1b[4h", "ab", "mm", "\r\n"))
    looks = choose.choices(LOOKS, k=3) if choose.random() < 0.5 else [f"38;5;{number}" for number in range(20, 30)]
    cells = [
        f"\x1b[{choose.choice(looks)}m{choose.choice(letters)}" for _ in range(choose.randint(20, 3 * columns * lines))
    ]
    for _ in range(choose.choice((0, 1, 1, 4))):
        cells.insert(choose.randint(0, len(cells)), odd)
    return choose.choice(("", "\x1b[H", "x")) + "".join(cells)


def parts(choose: random.Random, columns: int, lines: int, *, is_odd: bool) -> Iterator[str]:  # noqa: C901, PLR0912
    """Pieces of a stream; the weights are those of what breaks terminals, not of what programs send."""
    for _ in range(choose.randint(5, 60)):
        kind = choose.random()
        if kind < 0.30:
            yield text(choose, columns, is_odd=is_odd)
        elif kind < 0.42:
            yield choose.choice(("\r\n", "\n", "\r", "\b", "\t", "\r\n\r\n", "\x0b"))
        elif kind < 0.55:
            yield f"\x1b[{number(choose, lines)};{number(choose, columns)}{choose.choice('HHHf')}"
        elif kind < 0.68:
            yield f"\x1b[{choose.choice(LOOKS)}m"
        elif kind < 0.75:
            yield f"\x1b[{choose.choice(('', '0', '1', '2'))}{choose.choice('KKJ')}"
        elif kind < 0.87:
            yield f"\x1b[{number(choose, 6)}{choose.choice('ABCDEFGLMP@X`ade')}"
        elif kind < 0.90:
            top = choose.randint(1, lines - 1)
            yield f"\x1b[{top};{choose.randint(top + 1, lines)}r" if choose.random() < 0.7 else "\x1b[r"
        elif kind < 0.94:
            yield f"\x1b{choose.choice(('M', 'D', 'E', '7', '8', 'H', '[g', '[3g'))}"
        elif kind < 0.96:
            yield f"\x1b[{choose.choice(('4', '?7', '?6', '20'))}{choose.choice('hl')}"
        elif kind < 0.97:
            yield choose.choice(("\x1b]0;title\x07", "\x1b]2;t\x1b\\"))
        elif kind < 0.99:
            yield choose.choice((frame, redrawn, redrawn, moved, filled, picture))(choose, columns, lines)
        else:
            yield log(choose, lines)


def chunks(choose: random.Random, data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = choose.choice((1, 3, 17, 64, 400, 4000, 65_536))
        yield data[at : at + size]
        at += size


def state(screen: Screen | Reference) -> tuple[object, ...]:
    cells = []
    for y in range(screen.lines):
        row = screen.buffer[y]
        cells.append([row[x] for x in range(screen.columns)])
    return cells, screen.cursor.x, screen.cursor.y, screen.cursor.attrs, screen.title


def difference(seed: int) -> str:
    """What differs after the stream of that number; empty if nothing does."""
    choose = random.Random(seed)
    columns, lines = choose.choice(SIZES)
    data = "".join(parts(choose, columns, lines, is_odd=seed % 3 == 0)).encode()
    reference = Reference(columns, lines)
    ReferenceStream(reference).feed(data)
    screen = Screen(columns, lines)
    stream = Stream(screen)
    for chunk in chunks(choose, data):
        stream.feed(chunk)
    expected, found = state(reference), state(screen)
    if expected == found:
        return ""
    names = ("cells", "x", "y", "look", "title")
    wrong = [name for name, one, other in zip(names, expected, found, strict=True) if one != other]
    rows = [
        f"  row {y} column {x}: expected {one}, found {other}"
        for y, (ours, theirs) in enumerate(zip(expected[0], found[0], strict=True))
        for x, (one, other) in enumerate(zip(ours, theirs, strict=True))
        if one != other
    ]
    places = f"expected {expected[1:4]}, found {found[1:4]}"
    return "\n".join([f"stream {seed} ({columns} by {lines}): {wrong} {places}", *rows[:5], f"  {data!r}"])


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    found = 0
    for seed in range(first, first + count):
        wrong = difference(seed)
        if wrong:
            found += 1
            if found <= 5:
                print(wrong)
    print(f"{count} streams, {found} differences")
    return found > 0


if __name__ == "__main__":
    raise SystemExit(main())
