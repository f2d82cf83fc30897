"""Coverage-guided fuzz: nothing a program writes may raise. Needs atheris, which is no dependency of the project.

In an environment with atheris, google-re2, pyte and wcwidth: ``nice python -m tests.terminal.guided_fuzz
-runs=1000000``; options are libFuzzer's. Without atheris the same inputs come from a seeded mutation:
``python -m tests.terminal.guided_fuzz --mutate COUNT``.
"""

from __future__ import annotations

import importlib.util
import random
import sys
import tempfile
from pathlib import Path

from tests.terminal.corpus import SEQUENCES

HAS_ATHERIS = importlib.util.find_spec("atheris") is not None
if HAS_ATHERIS:
    import atheris

    with atheris.instrument_imports(include=["machina_desktop.core.terminal"]):
        from machina_desktop.core.terminal.search import Pattern
        from machina_desktop.core.terminal.stream import Stream
        from machina_desktop.core.terminal.terminal import Terminal
else:
    from machina_desktop.core.terminal.search import Pattern
    from machina_desktop.core.terminal.stream import Stream
    from machina_desktop.core.terminal.terminal import Terminal

LINKS = Pattern("l")
# The inputs are short, and shall go everywhere.
Stream.worth = 8
#: Size, chunk and scrollback of an execution; what follows is fed.
HEADER = 4
#: Twice as long an input takes three times as long and covers hardly more: every sequence fits.
LONGEST = 128
#: What sequences are made of, so that mutation need not find it byte by byte.
WORDS = (
    *("\x1b[", "\x1b]", "\x1bP", "\x1b\\", "\x1b_", "\x9b", "\r\n", "\x1bM", "\x1bD", "\x1b7", "\x1b8", "\x1bc"),
    *("\x1b[?1049h", "\x1b[?1049l", "\x1b[?69h", "\x1b[2;9s", "\x1b[2;5r", "\x1b[?6h", "\x1b[4h", "\x1b[?7l"),
    *("\x1b[?2026h", "\x1b]8;;a\x07", "\x1b]133;A\x07", "\x1b[0m", "\x1b[K", "\x1b[J", "\x1b[?45h", "\x1b(0"),
    *("中", "e\u0301", "👩\u200d💻", "❤\ufe0f", "한", "\xff", "9999", ";", "$x", "*y", "'}", " q"),
)


def execute(data: bytes) -> None:
    """Feed data in a few chunks, with other sizes in between, and read everything there is to read."""
    if len(data) <= HEADER:
        return
    columns, lines, cut, keep = data[0] % 40 + 1, data[1] % 12 + 1, data[2], data[3]
    terminal = Terminal(columns, lines, scrollback=keep % 3 * 20)
    terminal.counts_late = keep % 2 == 1
    body = data[HEADER:]
    at = cut % (len(body) + 1)
    terminal.feed(body[:at])
    if keep & 64:
        terminal.reset()
    if cut & 64:
        terminal.resize(cut % 50 + 1, cut % 9 + 1)
    terminal.feed(body[at:])
    if cut & 128:
        terminal.resize(columns * 2, lines)
    for y in range(-terminal.scrolled, terminal.lines):
        row = terminal.row(y)
        if len(row.text) > terminal.columns:
            raise AssertionError(y, row)
    if not (0 <= terminal.cursor.x < terminal.columns and 0 <= terminal.cursor.y < terminal.lines):
        raise AssertionError(terminal.cursor)
    terminal.marks()
    terminal.take_damage()
    terminal.link_at(0, 0)
    # Half of the time would go into searching; a quarter of the inputs finds what there is to find.
    if keep >= 192:
        list(terminal.search(LINKS))


def mutated(choose: random.Random) -> bytes:
    """Parts of the corpus, put together and damaged."""
    parts = [choose.choice(SEQUENCES) for _ in range(choose.randint(1, 4))]
    data = bytearray(choose.randbytes(HEADER) + b"".join(part[: choose.randint(1, 120)] for part in parts))
    for _ in range(choose.randint(0, 6)):
        at = choose.randrange(len(data) + 1)
        kind = choose.random()
        if kind < 0.4:
            data[at : at + 1] = [choose.choice((0x1B, 0x5B, 0x3B, 0x0A, 0x9B, 0xC2, choose.randrange(256)))]
        elif kind < 0.7:
            del data[at : at + choose.randint(1, 5)]
        else:
            data[at:at] = choose.choice(SEQUENCES)[:20]
    return bytes(data)


def begin_with_what_is_known(folder: Path) -> list[str]:
    """Write a corpus and a dictionary; answers the options that name them."""
    seeds = folder / "seeds"
    seeds.mkdir()
    for number, sequence in enumerate(SEQUENCES):
        header = bytes((number * 7 % 256, number * 5 % 256, number * 11 % 256, number * 13 % 256))
        (seeds / str(number)).write_bytes((header + sequence)[:LONGEST])
    words = ["".join(f"\\x{byte:02x}" for byte in word.encode()) for word in WORDS]
    (folder / "words").write_text("".join(f'"{word}"\n' for word in words))
    return [f"-dict={folder / 'words'}", f"-max_len={LONGEST}", str(seeds)]


def main() -> None:
    """Run until the count is reached, an input raises, or for ever."""
    if "--mutate" in sys.argv:
        count = int(sys.argv[-1])
        choose = random.Random(1)
        for _ in range(count):
            execute(mutated(choose))
        print(f"{count} executions without an exception")
    else:
        with tempfile.TemporaryDirectory(prefix="machina-fuzz-") as folder:
            atheris.Setup([*sys.argv, *begin_with_what_is_known(Path(folder))], execute)
            atheris.Fuzz()


if __name__ == "__main__":
    main()
