"""Random streams in large chunks and character by character: the bulk paths show what the exact one shows.

The mended pyte knows no alternate screen, scrollback or resize; here the terminal is compared with itself: one that
gets large chunks, one that counts the rows of floods late while a window does with it what windows do, and one that
gets a few bytes at a time. Run as ``python -m tests.terminal.paths_fuzz COUNT``;
``python -m tests.terminal.paths_fuzz 1 NUMBER`` runs one stream alone.
"""

from __future__ import annotations

import random
import sys

from machina_desktop.core.terminal.events import Told
from machina_desktop.core.terminal.marks import Place
from machina_desktop.core.terminal.rows import Row
from machina_desktop.core.terminal.search import Pattern
from machina_desktop.core.terminal.terminal import Terminal
from machina_desktop.core.terminal.wrapping import trimmed
from tests.terminal import fuzz
from tests.terminal.corpus import SEQUENCES

SIZES = ((10, 5), (20, 8), (40, 12), (40, 12), (3, 2), (11, 1))
ALL = 100_000
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

#: What ends, begins, breaks or changes something in the middle of a flood: (half) sequences, (half) characters.
BROKEN = (
    *(
        b"\xff",
        b"\xc3",
        b"\xe4\xb8",
        b"\x9b",
        b"\xc2\x9b",
        b"\xc2",
        b"\x7f",
        b"\0",
        b"\x80",
        b"\xc0\x80",
        b"\xed\xa0\x80",
    ),
    *(b"\xef\xbf\xbe", b"\xe2\x80\xa8", b"\xc2\x85", b"\xe2\x80\x8d", b"\xef\xbb\xbf", b"\xf0\x9f\x98", b"\xc2\xad"),
    *(b"\xee\x80\x80", b"\xe0\xb8\xb3", b"\xe1\x84\x80\xe1\x85\xa1", b"\x0b", b"\x0c", b"\x0e", b"\x0f", b"\b", b"\t"),
    *(b"\r\r\n", b"\n", b"\r", b"\x1b", b"\x1b[", b"\x1b[3", b"\x1b%@", b"\x1b%G", b"\x1bc", b"\x1bM", b"\x1b[A"),
    *(b"\x1b[2J", b"\x1b[3J", b"\x1b[H", b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[2;4r", b"\x1b[r", b"\x1b7", b"\x1b8"),
    *(b"\x1b]8;;http://x/\x07", b"\x1b]8;;\x07", b"\x1b]133;A\x07", b"\x1b]133;D;1\x07", b"\x1b[5b", b"\x1b(0"),
)
LETTERS = (
    *(
        "abc x",
        "abc x",
        "abc  ",
        "ab 中",
        "abé ",
        " ",
        ("a", "e\u0301", "中", " "),
        ("a", "\u0301", "\u00ad", "\ue000"),
    ),
    *(("😀", "a", "👩\u200d💻"), ("❤\ufe0f", "b", "한"), ("\ufffd", "a", "\u0e33")),
)
PATTERNS = tuple(Pattern(each, is_regex=True) for each in ("a", "b+ ", "abc", "x$", "^", "(ab)*", "中"))


def flood(choose: random.Random, columns: int, size: int) -> bytes:
    """Lines of one kind, here and there with something broken in them."""
    letters, is_mixed = choose.choice(LETTERS), choose.random() < 0.2
    looks, goes_on = choose.choice((0, 0, 0, 1, 3)), choose.random() < 0.5
    broken = choose.choice((0, 0, 0, 0.002, 0.02))
    lengths = choose.choice(
        (
            (0, 3, columns - 1, columns, columns + 1, 2 * columns),
            (5, 9, 17),
            (0, 1),
            (columns,),
            (columns - 1, columns + 1, 3 * columns - 1, 7 * columns),
            (1, columns // 2, 20 * columns, columns),
        )
    )
    found = bytearray()
    while len(found) < size:
        words = [*choose.choices(choose.choice(LETTERS) if is_mixed else letters, k=choose.choice(lengths))]
        if choose.random() < 0.15:
            words += [" "] * choose.choice((1, 2, columns, 2 * columns + 1))
        for _ in range(looks):
            words.insert(choose.randint(0, len(words)), f"\x1b[{choose.choice((*fuzz.LOOKS, '38;5', '4:3', '1000'))}m")
        line = "".join([*words, "" if goes_on or not looks else "\x1b[0m"]).encode() + b"\r\n"
        if choose.random() < broken:
            at = choose.randint(0, len(line))
            line = line[:at] + choose.choice(BROKEN) + line[at:]
        found += line
    return bytes(found)


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
    """What programs send, in any order."""
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


def data(choose: random.Random, columns: int, lines: int) -> bytes:
    """What is fed between two changes from outside."""
    found = []
    for _ in range(choose.randint(1, 4)):
        kind = choose.random()
        if kind < 0.4:
            found.append(flood(choose, columns, choose.choice((30, 300, 300, 1000, 2500))))
        elif kind < 0.5:
            found.append(choose.choice(BROKEN))
        elif kind < 0.6:
            found.append(choose.choice(SEQUENCES)[:300])
        elif kind < 0.62:
            found.append(choose.randbytes(200))
        else:
            found.append("".join(pieces(choose, max(columns, 4), max(lines, 3))).encode())
    return b"".join(found)


def _cursor(cursor: object) -> tuple[object, ...]:
    return tuple(getattr(cursor, name) for name in ("x", "y", "attribute", "hidden"))


class Subject:
    """A terminal and what came out of it."""

    def __init__(self, columns: int, lines: int, scrollback: int = ALL) -> None:
        self.replies = b""
        self.told: list[Told] = []
        self.terminal = Terminal(columns, lines, scrollback=scrollback, reply=self._reply, tell=self.told.append)

    def _reply(self, data: bytes) -> None:
        self.replies += data

    def state(self) -> dict[str, object]:
        """All that can be seen of it, and what decides what will be seen; rows above the screen are not among it."""
        terminal, screen = self.terminal, self.terminal.screen
        kept = [(_cursor(each.cursor), *each[1:]) for each in (*screen.savepoints, *screen.other_savepoints)]
        marks = [
            [(part.row - terminal.top, part.x) if isinstance(part, Place) else part for part in each]
            for each in terminal.marks()
        ]
        return {
            "rows": screen_rows(terminal),
            "other rows": [line.to_row(screen.columns) for line in screen.other_rows],
            "cursor": (terminal.cursor, _cursor(screen.cursor), screen.last_drawn, terminal.cursor_shape),
            "modes": (screen.mode, terminal.modes, terminal.is_cursor_visible, terminal.is_held),
            "margins": (screen.margins, screen.sides, screen.tabstops, screen.is_erase_guarded, screen.unkept),
            "sets": (screen.charsets, screen.charset, screen.single_shift, screen.is_plain),
            "kept": kept,
            "names": (terminal.title, terminal.cwd, dict(terminal.palette), terminal.foreground),
            "marks": marks,
            "links": [terminal.link_at(y, x) for y in range(terminal.lines) for x in range(terminal.columns)],
            "out": (self.replies, self.told),
        }


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


def look_around(choose: random.Random, terminal: Terminal) -> None:
    """What a window and who sits before it do between two portions."""
    for _ in range(choose.choice((0, 0, 1, 3))):
        kind, back = choose.random(), choose.randint(0, terminal.scrolled + 1)
        if kind < 0.2:
            terminal.row(-back)
        elif kind < 0.35:
            terminal.count_some()
        elif kind < 0.4:
            terminal.count_all()
        elif kind < 0.5:
            terminal.settle(terminal.top - back)
        elif kind < 0.6:
            first = Place(terminal.top - back, choose.randrange(terminal.columns))
            terminal.text(first, Place(first.row + choose.randint(0, 30), 1), is_block=choose.random() < 0.3)
        elif kind < 0.75:
            for _, _found in zip(range(choose.randint(1, 60)), terminal.search(choose.choice(PATTERNS)), strict=False):
                pass
        elif kind < 0.85:
            terminal.marks()
        else:
            terminal.counts_late = choose.random() < 0.7


def changed(choose: random.Random, subjects: tuple[Subject, ...]) -> str:
    """Do something that programs do not do; answers what."""
    kind = choose.random()
    if kind < 0.5:
        for _ in range(choose.choice((1, 1, 4))):
            columns, lines = choose.choice((*SIZES, (choose.randint(2, 90), choose.randint(1, 30))))
            for each in subjects:
                each.terminal.resize(columns, lines)
        return f"resized to {columns} by {lines}"
    for each in subjects:
        if kind < 0.6:
            each.terminal.clear_scrollback()
        elif kind < 0.65:
            each.terminal.reset()
    return "cleared" if kind < 0.6 else "reset" if kind < 0.65 else "nothing"


def difference(seed: int) -> str:
    """What differs after the stream of that number; empty if nothing does."""
    choose = random.Random(seed)
    columns, lines = choose.choice(SIZES)
    bulk, exact = Subject(columns, lines), Subject(columns, lines)
    late = Subject(columns, lines, choose.choice((100, 2_000, ALL, ALL)))
    late.terminal.counts_late = True
    bulk.terminal._stream.worth = late.terminal._stream.worth = choose.choice((8, 8, 500, 2_048))
    done: list[object] = [(columns, lines)]
    for _ in range(choose.randint(1, 4)):
        fed = data(choose, bulk.terminal.columns, bulk.terminal.lines)
        step = choose.choice((1, 1, 2, 3))
        for chunk in fuzz.chunks(choose, fed) if choose.random() < 0.7 else (fed,):
            done.append(chunk)
            before = screen_rows(bulk.terminal)
            bulk.terminal.take_damage()
            bulk.terminal.feed(chunk)
            late.terminal.feed(chunk)
            missed = undamaged(bulk.terminal, before)
            if missed:
                return f"stream {seed}: rows {missed} are not damaged by the last of {done}"
            look_around(choose, late.terminal)
        for at in range(0, len(fed), step):
            exact.terminal.feed(fed[at : at + step])
        wrong = _differs(exact, bulk, late, choose.randint(0, 60))
        if not wrong:
            done.append(changed(choose, (bulk, exact, late)))
            wrong = _differs(exact, bulk, late, 0)
        if wrong:
            return f"stream {seed}: {wrong}\n  {done}"
    late.terminal.count_all()
    wrong = _differs(exact, bulk, late, ALL)
    return f"stream {seed}: {wrong}\n  {done}" if wrong else ""


def _differs(exact: Subject, bulk: Subject, late: Subject, above: int) -> str:
    """What differs; of the rows above the screen the newest are looked at, as many as are named."""
    right = exact.state()
    for name, subject in (("bulk", bulk), ("late", late)):
        wrong = [
            f"{each}: expected {right[each]}, found {found}"
            for each, found in subject.state().items()
            if found != right[each] and not (each == "marks" and subject.terminal.screen.scrollback.limit < ALL)
        ]
        shown, all_shown = subject.terminal.scrolled, exact.terminal.scrolled
        is_all = above >= ALL and subject.terminal.screen.scrollback.limit >= ALL
        if shown > all_shown or (is_all and shown < all_shown):
            wrong.append(f"{shown} rows above the screen, expected {all_shown}")
        for y in range(-1, -min(shown, all_shown, above) - 1, -1):
            expected, found = exact.terminal.row(y), subject.terminal.row(y)
            if found != expected:
                wrong.append(f"row {y}: expected {expected}, found {found}")
                break
        if wrong:
            return f"{name}: " + "\n  ".join(each[:1500] for each in wrong[:4])
    return ""


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
