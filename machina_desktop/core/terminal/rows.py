"""What a row shows: text, runs of attributes, clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Final, NamedTuple

from machina_desktop.core.terminal.attributes import BACKGROUND_MASK

NO_CLUSTERS: Final[Mapping[int, str]] = MappingProxyType({})


class Row(NamedTuple):
    """What a row shows, in one canonical form: equal rows look equal.

    Attributes:
        text: One code point a column; NUL is the right half of a wide character; trailing blanks are absent, unless the
            next row continues this one: then it is as wide as the screen, or a column less where a wide character did
            not fit in.
        runs: Flat ``(start0, attribute0, start1, attribute1, …)``; empty where all is default.
        fill: The attribute of the blanks right of ``text``: 0 or a background.
        clusters: Column of the first code point to the whole cluster, where that is more than one code point.
        is_wrapped: Whether the next row continues this line.
    """

    text: str
    runs: Sequence[int] = ()
    fill: int = 0
    clusters: Mapping[int, str] = NO_CLUSTERS
    is_wrapped: bool = False


EMPTY_ROW: Final = Row("")


def expanded(runs: Sequence[int], length: int) -> list[int]:
    """Runs as one attribute a column."""
    attributes: list[int] = []
    for index in range(0, len(runs), 2):
        end = runs[index + 2] if index + 2 < len(runs) else length
        attributes += [runs[index + 1]] * (end - runs[index])
    return attributes


def collected(attributes: Sequence[int]) -> list[int]:
    """One attribute a column as runs."""
    runs: list[int] = []
    start = 0
    for attribute, group in groupby(attributes):
        runs += (start, attribute)
        start += sum(1 for _ in group)
    return runs


def merged(runs: Sequence[int]) -> list[int]:
    """Runs without two neighbours of one attribute."""
    found: list[int] = []
    for index in range(0, len(runs), 2):
        if not found or found[-1] != runs[index + 1]:
            found += runs[index : index + 2]
    return found


def canonical(
    text: str, runs: Sequence[int], fill: int, columns: int, *, at_least: int = 0
) -> tuple[str, tuple[int, ...], int]:
    """Text, runs and fill with equal neighbours merged and the blanks behind ``at_least`` columns left to ``fill``."""
    found = merged(runs)
    if len(text) >= columns:
        last = found[-1] if found else 0
        fill = last if text[-1] == " " and not last & ~BACKGROUND_MASK else 0
    while len(text) > at_least and text[-1] == " " and (found[-1] if found else 0) == fill:
        start = max(found[-2] if found else 0, at_least)
        text = text[: max(len(text.rstrip(" ")), start)]
        if found and len(text) == found[-2]:
            del found[-2:]
        elif len(text) == start:
            break
    return text, () if found == [0, 0] else tuple(found), fill
