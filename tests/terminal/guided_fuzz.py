"""Coverage-guided fuzz: nothing a program writes may raise. Needs atheris, which is no dependency of the project.

In an environment with atheris, pyte and wcwidth: ``python -m tests.terminal.guided_fuzz -runs=1000000 -max_len=256``.
Without atheris the same inputs come from a seeded mutation: ``python -m tests.terminal.guided_fuzz --mutate COUNT``.
"""

from __future__ import annotations

import importlib.util
import random
import re
import sys

from tests.terminal.corpus import SEQUENCES

HAS_ATHERIS = importlib.util.find_spec("atheris") is not None
if HAS_ATHERIS:
    import atheris

    with atheris.instrument_imports(include=["machina_desktop.core.terminal"]):
        from machina_desktop.core.terminal.terminal import Terminal
else:
    from machina_desktop.core.terminal.terminal import Terminal

LINKS = re.compile("l")


def execute(data: bytes) -> None:
    """Feed data in a few chunks, with other sizes in between, and read everything there is to read."""
    if len(data) < 4:
        return
    columns, lines, cut = data[0] % 40 + 1, data[1] % 12 + 1, data[2]
    terminal = Terminal(columns, lines, scrollback=data[3] % 3 * 20)
    body = data[4:]
    at = cut % (len(body) + 1)
    terminal.feed(body[:at])
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
    list(terminal.search(LINKS))


def mutated(choose: random.Random) -> bytes:
    """Parts of the corpus, put together and damaged."""
    parts = [choose.choice(SEQUENCES) for _ in range(choose.randint(1, 4))]
    data = bytearray(choose.randbytes(4) + b"".join(part[: choose.randint(1, 120)] for part in parts))
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


def main() -> None:
    if "--mutate" in sys.argv:
        count = int(sys.argv[-1])
        choose = random.Random(1)
        for _ in range(count):
            execute(mutated(choose))
        print(f"{count} executions without an exception")
    else:
        atheris.Setup(sys.argv, execute)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
