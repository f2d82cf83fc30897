"""Random streams in large chunks and character by character: the bulk paths show what the exact one shows.

The mended pyte knows no alternate screen, scrollback or resize; here the terminal is compared with itself. Run as
``python -m tests.terminal.paths_fuzz COUNT``; ``python -m tests.terminal.paths_fuzz 1 NUMBER`` runs one stream alone.
"""

from __future__ import annotations

import random
import sys

from machina_desktop.core.terminal.rows import Row
from machina_desktop.core.terminal.terminal import Terminal
from machina_desktop.core.terminal.wrapping import trimmed
from tests.terminal import fuzz

SIZES = ((10, 5), (20, 8), (40, 12))
LASTING = (
    "\x1b[?1049h",
    "\x1b[?1049h",
    "\x1b[?1049l",
    "\x1b[4h",
    "\x1b[4l",
    "\x1b[?6h",
    "\x1b[?6l",
    "\x1b[2;5r",
    "\x1b[r",
    "\x1b[?69h\x1b[3;9s",
    "\x1b[?69l",
    "\x1b[?7l",
    "\x1b[?7h",
    "\x1b(0",
    "\x1b(B",
    "\x1bV",
    "\x1bW",
    "\x1b]8;;https://example.org/\x07",
    "\x1b]8;;\x07",
    "\x1b]133;A\x07",
    '\x1b[1"q',
    "\x1b]0;not finished",
    "\x1b[3J",
    "\x1b[5b",
    "\x1b[!p",
)


def log(choose: random.Random, columns: int, lines: int) -> str:
    """Lines that fill their rows, nearly or more than that, in colours that go on from line to line."""
    rows = []
    for _ in range(choose.randint(3, 5 * lines)):
        letters = choose.choice(("abc x", "abc x", "abc x", "ab 中", "ab é"))
        length = choose.choice(
            (0, 3, columns - 1, columns, columns, columns + 1, 2 * columns, 3 * columns, 5 * columns)
        )
        words = [*choose.choices(letters, k=length)]
        for _ in range(choose.choice((0, 0, 1, 3))):
            words.insert(choose.randint(0, len(words)), f"\x1b[{choose.choice(fuzz.LOOKS)}m")
        if choose.random() < 0.02:
            words.insert(choose.randint(0, len(words)), choose.choice(("\r", "\n", "\t", "\b")))
        rows.append("".join(words))
    return "\r\n".join(rows)


def pieces(choose: random.Random, columns: int, lines: int) -> list[str]:
    """What is fed between two resizes."""
    makers = (fuzz.frame, fuzz.redrawn, fuzz.moved, fuzz.filled, fuzz.picture)
    found = []
    for _ in range(choose.randint(1, 8)):
        kind = choose.random()
        if kind < 0.45:
            found.append(choose.choice(makers)(choose, columns, lines))
        elif kind < 0.6:
            found.append(fuzz.log(choose, lines) if choose.random() < 0.5 else log(choose, columns, lines))
        elif kind < 0.85:
            found.append(choose.choice(LASTING))
        else:
            found.append("".join(fuzz.parts(choose, columns, lines, is_odd=choose.random() < 0.3)))
    return found


def seen(terminal: Terminal) -> tuple[object, ...]:
    """All that can be seen of a terminal."""
    rows = rows_of(terminal)
    screen = terminal.screen
    names = terminal.title, terminal.modes, terminal.marks(), terminal.is_cursor_visible, terminal.is_held
    return rows, terminal.cursor, screen.cursor.attribute, screen.last_drawn, terminal.top, names


def rows_of(terminal: Terminal) -> list[Row]:
    return [terminal.row(y) for y in range(-terminal.scrolled, terminal.lines)]


def screen_rows(terminal: Terminal) -> list[Row]:
    return [terminal.row(y) for y in range(terminal.lines)]


def visible(row: Row) -> tuple[object, ...]:
    """A row without the blanks that are there because the next one continues it."""
    return trimmed(row._replace(is_wrapped=False))[:4]


def undamaged(terminal: Terminal, before: list[Row]) -> list[int]:
    """Rows that look different though nothing says so."""
    damage = terminal.take_damage()
    if damage.is_all:
        return []
    moved = before[damage.scrolled :] + [Row("")] * damage.scrolled
    return [
        y
        for y, (old, new) in enumerate(zip(moved, screen_rows(terminal), strict=True))
        if visible(old) != visible(new) and y not in damage.rows
    ]


def difference(seed: int) -> str:
    """What differs after the stream of that number; empty if nothing does."""
    choose = random.Random(seed)
    columns, lines = choose.choice(SIZES)
    bulk, exact = (Terminal(columns, lines, scrollback=100_000) for _ in range(2))
    late = Terminal(columns, lines, scrollback=100_000)
    late.counts_late = True
    bulk._stream.worth = late._stream.worth = choose.choice((8, 500, 2_048))
    fed = []
    for _ in range(choose.randint(1, 3)):
        data = "".join(pieces(choose, columns, lines)).encode()
        fed.append(data)
        for chunk in fuzz.chunks(choose, data) if choose.random() < 0.5 else (data,):
            before = screen_rows(bulk)
            bulk.take_damage()
            bulk.feed(chunk)
            late.feed(chunk)
            missed = undamaged(bulk, before)
            if missed:
                return f"stream {seed} ({columns} by {lines}): rows {missed} are not damaged by {chunk!r}"
        for at in range(len(data)):
            exact.feed(data[at : at + 1])
        if seen(bulk) != seen(exact):
            break
        if choose.random() < 0.5:
            columns, lines = choose.choice(SIZES)
            bulk.resize(columns, lines)
            exact.resize(columns, lines)
            late.resize(columns, lines)
    late.count_all()
    if rows_of(late) != rows_of(bulk):
        return f"stream {seed} ({columns} by {lines}): other rows if they are counted late\n  {fed!r}"
    ours, theirs = seen(bulk), seen(exact)
    if ours == theirs:
        return ""
    names = ("rows", "cursor", "look", "last drawn", "top", "names")
    wrong = [f"{name}" for name, one, other in zip(names, ours, theirs, strict=True) if one != other]
    rows = [
        f"  row {y}: expected {one}, found {other}"
        for y, (one, other) in enumerate(zip(theirs[0], ours[0], strict=False))  # type: ignore[call-overload]
        if one != other
    ]
    return "\n".join([f"stream {seed} ({columns} by {lines}): {wrong}", *rows[:4], f"  {fed!r}"])


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    found = 0
    for seed in range(first, first + count):
        wrong = difference(seed)
        if wrong:
            found += 1
            if found <= 3:
                print(wrong[:6000])
    print(f"{count} streams, {found} differences")
    return found > 0


if __name__ == "__main__":
    raise SystemExit(main())
