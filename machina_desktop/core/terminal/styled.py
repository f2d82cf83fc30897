"""Text in which nearly every character has a look of its own: pictures, gauges, gradients."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, repeat
from typing import Final

import re2

from machina_desktop.core.terminal.screen import Screen
from machina_desktop.core.terminal.sequences import CACHE, compile_csi, without_sgr
from machina_desktop.core.terminal.widths import NARROW

#: What the beginning of a chunk is, the rest of it is most of the time.
_SAMPLE: Final = 4096
_FEW: Final = 32
_CSI: Final = "\x1b["
#: So many bytes are worth to be taken together.
_WORTH: Final = 512
#: Narrow text and SGR sequences, from one of these on; RE2 says so at some 500 MB/s.
_match_styled: Final = re2.compile(f"(?:\\x1b\\[[0-9:;]*m[ -~{NARROW}]*)*").match


def is_styled(text: str) -> bool:
    """Whether most of the text may be characters that have a look each: cheap to say, and not always right."""
    sample = text[:_SAMPLE]
    sequences = sample.count(_CSI)
    is_dense = sequences > _FEW and sample.count("m") > 0.9 * sequences
    return is_dense and len(without_sgr("", sample)) < 3 * sequences


def show_styled(screen: Screen, text: str, show: Callable[[str], None]) -> None:
    """Take any text with characters that have a look each; ``show`` takes the rest, and nothing where those begin."""
    raw = text.encode()
    csi = _CSI.encode()
    taken = 0
    at = raw.find(csi)
    while at >= 0:
        end = _match_styled(raw, at).end()
        if end - at >= _WORTH:
            if taken < at:
                show(raw[taken:at].decode())
            show("")
            stretch = raw[at:end].decode()
            if screen.is_plain:
                _put(screen, stretch)
            else:
                show(stretch)
            taken = end
        at = raw.find(csi, max(end, at + 1))
    if taken < len(raw):
        show(raw[taken:].decode())


def _put(screen: Screen, text: str) -> None:
    """Write narrow text with SGR sequences at the cursor and wrap it at the edge."""
    parts = text.split(_CSI)[1:]
    changes = {part: _change(part) for part in {*parts}}
    texts = {part: part.partition("m")[2] for part in changes}
    cursor = screen.cursor
    # The attribute of each piece of text, then of each column.
    attributes = _attributes(parts, changes, cursor.attribute)
    last = attributes[-1]
    pieces = [*map(texts.__getitem__, parts)]
    shown = "".join(pieces)
    if len(shown) != len(pieces) or "" in texts.values():
        attributes = [*chain.from_iterable(map(repeat, attributes, map(len, pieces)))]
    columns = screen.columns
    at = 0
    while at < len(shown):
        if cursor.x == columns:
            # A row that scrolls into sight is blank in the background of what comes into it.
            cursor.attribute = attributes[at]
            screen.wrap()
        end = at + columns - cursor.x
        piece = shown[at:end]
        screen.rows[cursor.y].write_cells(cursor.x, piece, attributes[at:end], columns)
        screen.damaged_rows.add(cursor.y)
        cursor.x += len(piece)
        at = end
    cursor.attribute = last
    screen.last_drawn = shown[-1:] or screen.last_drawn


def _change(part: str) -> tuple[int, int]:
    """What an SGR sequence without CSI, whatever text is behind it, keeps and sets."""
    body = part[: part.index("m") + 1]
    _, keep, bits = CACHE.get(body) or compile_csi(body)
    return keep, bits


def _attributes(parts: list[str], changes: dict[str, tuple[int, int]], attribute: int) -> list[int]:
    """The attribute after each part of a text that begins with ``attribute``."""
    keeps = {keep for keep, _ in changes.values()}
    if len(keeps) == 1:
        (keep,) = keeps
        if len({bits & keep for _, bits in changes.values()}) == 1:
            # All change the same, as in a picture: what comes before makes no difference.
            after = {part: attribute & keep | bits for part, (_, bits) in changes.items()}
            return [after[part] for part in parts]
    return [attribute := attribute & keep | bits for keep, bits in map(changes.__getitem__, parts)]
