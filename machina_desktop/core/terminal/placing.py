"""Characters that are placed one by one: of all that a chunk puts into a cell only the last is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import lru_cache
from operator import itemgetter
from typing import Final

import re2

from machina_desktop.core.terminal.screen import Screen
from machina_desktop.core.terminal.widths import HALF

#: What the beginning of a chunk is, the rest of it is most of the time.
_SAMPLE: Final = 4096
_CSI: Final = "\x1b["
#: Letters behind CUP and nothing else; RE2 says so at some 300 MB/s.
_are_letters: Final = re2.compile(r"(?:\x1b\[[0-9]+;[0-9]+H[ -~])+").fullmatch
#: A letter with its sequence takes about so many characters.
_LENGTH: Final = 9
_match_place = re.compile("([1-9][0-9]{0,3});([1-9][0-9]{0,3})\\Z").match
_row_of = itemgetter(0)


def is_placed(text: str) -> bool:
    """Whether most of the text may be single characters behind CUP: cheap to say, and not always right."""
    places = text.count(";", 0, _SAMPLE)
    is_dense = places > 16 and min(len(text), _SAMPLE) < 12 * places
    return is_dense and text.count("H", 0, _SAMPLE) > places * 0.9 and _CSI in text


def show_placed(screen: Screen, text: str, show: Callable[[str], None]) -> None:
    """Take any text; ``show`` takes what is not placed one by one."""
    begin, end = text.index(_CSI), text.rindex(_CSI)
    if begin:
        show(text[:begin])
    # What is behind the last CUP may go on in the next chunk.
    show(text[end if _place(screen, text[begin:end]) else begin :])


def _letters(text: str, cells: int) -> dict[str, str]:
    """The last letter for each parameters of CUP; once there are as many as cells, nothing before them is seen."""
    letters: dict[str, str] = {}
    end = len(text)
    while end > 0 and len(letters) < cells:
        begin = max(text.rfind(_CSI, 0, max(end - _LENGTH * cells, 0)), 0)
        parts = text[begin + len(_CSI) : end].split(_CSI)
        letters = {part[:-2]: part[-1] for part in parts} | letters
        end = begin
    return letters


def _place(screen: Screen, text: str) -> bool:
    """Write each letter where the sequence before it says; False leaves no trace."""
    if not screen.is_plain or screen.is_origin or not _are_letters(text.encode()):
        return False
    letters = _letters(text, screen.columns * screen.lines)
    places = _places(letters, screen.columns, screen.lines)
    rows = screen.rows
    touched = {*map(_row_of, places)}
    grid = {y: rows[y].to_cells(screen.columns) for y in touched}
    if not places or any(HALF in cells for cells, _ in grid.values()):
        return False
    cursor = screen.cursor
    for (y, x), letter in zip(places, letters.values(), strict=True):
        cells, attributes = grid[y]
        cells[x] = letter
        attributes[x] = cursor.attribute
    for y in touched:
        if rows[y].is_wrapped and f"{y + 1};{screen.columns}" in letters:
            rows[y].is_wrapped = False
    screen.damaged_rows |= touched
    screen.last_drawn = text[-1]
    y, x = _known_places(screen.columns, screen.lines)[text[text.rindex(_CSI) + 2 : -2]]
    cursor.y, cursor.x = y, x + 1
    return True


def _places(sequences: Collection[str], columns: int, lines: int) -> list[tuple[int, int]]:
    """Row and column that each of the parameters leads to, no two to the same; none if one is something else."""
    known = _known_places(columns, lines)
    try:
        return [*map(known.__getitem__, sequences)]
    except KeyError:
        for sequence in sequences:
            match = _match_place(sequence)
            if match is None or int(match[1]) > lines or int(match[2]) > columns:
                return []
            known[sequence] = int(match[1]) - 1, int(match[2]) - 1
        return [*map(known.__getitem__, sequences)]


@lru_cache(maxsize=4)
def _known_places(columns: int, lines: int) -> dict[str, tuple[int, int]]:  # noqa: ARG001 (they choose which one)
    """Row and column from 0 by the parameters of CUP, for screens of one size; it grows to one for each cell."""
    return {}
