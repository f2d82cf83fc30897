"""Where a shell says its prompts, commands and their output are (OSC 133), and what is made of that."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class MarkKind(StrEnum):
    """The letter of the OSC 133 sequence."""

    PROMPT = "A"
    COMMAND = "B"
    OUTPUT = "C"
    END = "D"


class Mark(NamedTuple):
    """One mark as it was set on a row.

    Attributes:
        kind: What begins or ends here.
        column: Where the cursor was.
        exit_code: Of an END: what the shell said; None if it did not.
    """

    kind: MarkKind
    column: int
    exit_code: int | None = None


class Place(NamedTuple):
    """A cell by its absolute row (``dropped + scrolled + y``) and its column."""

    row: int
    x: int


class Command(NamedTuple):
    """A prompt and what came of it; a part that has not been seen is None.

    Attributes:
        prompt: Where the prompt begins.
        command: Where what was typed begins.
        output: Where the output begins.
        end: Where the output has ended; that cell is no longer part of it.
        exit_code: What the command ended with, if the shell said so.
    """

    prompt: Place | None = None
    command: Place | None = None
    output: Place | None = None
    end: Place | None = None
    exit_code: int | None = None


def commands(marks: Iterable[tuple[int, Mark]]) -> tuple[Command, ...]:
    """Commands, oldest first, from marks with their absolute rows, in the order they stand."""
    found: list[Command] = []
    current = Command()
    for row, mark in marks:
        place = Place(row, mark.column)
        if mark.kind is MarkKind.PROMPT:
            if any(part is not None for part in current):
                found.append(current)
            current = Command(prompt=place)
        elif mark.kind is MarkKind.COMMAND:
            current = current._replace(command=place)
        elif mark.kind is MarkKind.OUTPUT:
            current = current._replace(output=place)
        elif current.output is not None or current.command is not None:
            current = current._replace(end=place, exit_code=mark.exit_code)
    if any(part is not None for part in current):
        found.append(current)
    return tuple(found)


def parse_mark(fields: list[str], column: int) -> Mark | None:
    """The mark that OSC 133 with these fields sets at a column."""
    try:
        kind = MarkKind(fields[0])
    except ValueError:
        return None
    code = fields[1] if kind is MarkKind.END and len(fields) > 1 else ""
    exit_code = int(code) if code.isascii() and code.isdigit() and len(code) <= 10 else None
    return Mark(kind, column, exit_code)
