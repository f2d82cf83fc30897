"""What several machines put out, compared: which of them said the same, and how the others differ from most."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

#: Longer outputs are compared by their last lines: the comparison takes time that grows with the square.
MOST_LINES: Final = 2_000


@dataclass(frozen=True, kw_only=True)
class OutputGroup:
    """Machines that put out the same.

    Attributes:
        text: What that is, without blanks at the ends of lines and without empty lines at its end.
        keys: Whose it is, in the order they were given.
    """

    text: str
    keys: tuple[str, ...]


class Change(StrEnum):
    """What has become of a line."""

    SAME = " "
    MISSING = "-"
    ADDED = "+"


@dataclass(frozen=True)
class DiffLine:
    """A line of either text, without its end."""

    change: Change
    text: str


def grouped(outputs: Mapping[str, str]) -> tuple[OutputGroup, ...]:
    """Equal outputs together, the largest group first; of equally large ones the one that was given first."""
    found: dict[str, list[str]] = {}
    for key, text in outputs.items():
        found.setdefault(_plain(text), []).append(key)
    groups = (OutputGroup(text=text, keys=tuple(keys)) for text, keys in found.items())
    return tuple(sorted(groups, key=lambda group: -len(group.keys)))


def difference(base: str, other: str) -> tuple[DiffLine, ...]:
    """All lines of both, in order, those of ``base`` that ``other`` lacks before those that stand in their place."""
    before, after = (text.splitlines()[-MOST_LINES:] for text in (base, other))
    lines: list[DiffLine] = []
    for kind, first, last, start, end in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            lines += (DiffLine(Change.SAME, text) for text in before[first:last])
        else:
            lines += (DiffLine(Change.MISSING, text) for text in before[first:last])
            lines += (DiffLine(Change.ADDED, text) for text in after[start:end])
    return tuple(lines)


def _plain(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip("\n")
