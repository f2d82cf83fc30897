"""How whole lines become rows of a width, and rows whole lines again."""

from __future__ import annotations

from collections.abc import Sequence

from machina_desktop.core.terminal.attributes import BACKGROUND_MASK
from machina_desktop.core.terminal.rows import NO_CLUSTERS, Row, canonical, merged
from machina_desktop.core.terminal.sequences import read_raw
from machina_desktop.core.terminal.widths import HALF, cut


def rows_of(text: str, columns: int) -> int:
    """How many rows a line of that text takes."""
    length = len(text)
    if length <= columns:
        return 1
    rows = -(-length // columns)
    # Each wide character that does not fit leaves one column free.
    return len(cut(text, columns)) if rows < -(-length // (columns - 1)) and HALF in text else rows


def trimmed(row: Row) -> Row:
    """A whole line without the blanks at its end."""
    if row.text[-1:] != " " or row.is_wrapped:
        return row
    at_least = max(row.clusters) + 1 if row.clusters else 0
    text, runs, fill = canonical(row.text, row.runs, row.fill, len(row.text) + 1, at_least=at_least)
    return row._replace(text=text, runs=runs, fill=fill)


def kept(text: str, columns: int) -> str:
    """A line of one look, written in rows of ``columns``, without the blanks at its end; a row of blanks leaves one."""
    if text[-1:] != " ":
        return text
    start = len(text) - len(cut(text, columns)[-1])
    return text[: max(len(text.rstrip(" ")), start + bool(start))]


def kept_width(row: Row, columns: int) -> int:
    """The columns of a whole line that was written in rows of ``columns``, without the blanks that are not stored."""
    if row.text[-1:] != " ":
        return len(row.text)
    last = cut(row.text, columns)[-1]
    start = len(row.text) - len(last)
    own = runs_between(row.runs or (0, 0), start, len(row.text))
    at_least = max(max(row.clusters) + 1 - start, 0) if row.clusters else 0
    short, _, _ = canonical(last, own, own[1] & BACKGROUND_MASK if start else row.fill, columns, at_least=at_least)
    return start + (len(short) or bool(start))


def joined(first: Row, second: Row, missing: int) -> Row:
    """Two parts of one line; the first was ``missing`` columns short of the edge when it was wrapped."""
    is_wide_moved = missing == 1 and second.text[1:2] == HALF
    padding = 0 if is_wide_moved else max(missing, 0)
    at = len(first.text) + padding
    text = first.text + " " * padding + second.text
    if not (first.runs or second.runs or first.fill):
        runs: tuple[int, ...] = ()
    else:
        shifted = [value if index % 2 else value + at for index, value in enumerate(second.runs or (0, 0))]
        every = merged([*(first.runs or (0, 0)), *((at - padding, first.fill) if padding else ()), *shifted])
        runs = () if every == [0, 0] else tuple(every)
    clusters = first.clusters
    if second.clusters:
        clusters = {**clusters, **{at + column: cluster for column, cluster in second.clusters.items()}}
    return Row(text, runs, second.fill, clusters, second.is_wrapped)


def wrapped(row: Row, columns: int) -> list[Row]:
    """A line of any width in rows of at most ``columns``."""
    if len(row.text) <= columns:
        return [row]
    rows = []
    start = 0
    for piece in cut(row.text, columns):
        end = start + len(piece)
        is_wrapped = end < len(row.text) or row.is_wrapped
        clusters = {at - start: cluster for at, cluster in row.clusters.items() if start <= at < end}
        at_least = columns if is_wrapped else max(clusters) + 1 if clusters else 0
        fill = row.fill if end == len(row.text) else 0
        text, runs, fill = canonical(piece, runs_between(row.runs, start, end), fill, columns, at_least=at_least)
        rows.append(Row(text, runs, fill, clusters or NO_CLUSTERS, is_wrapped))
        start = end
    return rows


def read_line(raw: str, attribute: int, columns: int) -> Row:
    """A whole line that came as text and SGR sequences, and began with ``attribute``, at a width of so many columns.

    Without the blanks at its end that are not stored.
    """
    row = read_raw(raw, attribute)
    width = kept_width(row, columns)
    if len(row.text) >= columns:
        row = row._replace(fill=fill_behind(row.text, row.runs, row.fill, columns))
    if width < len(row.text):
        runs = runs_between(row.runs, 0, width) if width else []
        row = row._replace(text=row.text[:width], runs=() if runs == [0, 0] else tuple(runs))
    return row


def fill_behind(text: str, runs: Sequence[int], fill: int, columns: int) -> int:
    """The colour of the blanks behind a whole line written in rows of ``columns``; ``fill``: of those in its first row.

    Each row that a line goes on in is blank in the background that is in force then, and behind a full row is none.
    """
    if len(text) < columns:
        return fill
    last = cut(text, columns)[-1]
    own = runs_between(runs or (0, 0), len(text) - len(last), len(text))
    return canonical(last, own, own[1] & BACKGROUND_MASK, columns)[2]


def runs_between(runs: Sequence[int], start: int, end: int) -> list[int]:
    """The runs of the columns from ``start`` to before ``end``, counted from ``start``."""
    found: list[int] = []
    for index in range(0, len(runs), 2):
        stop = runs[index + 2] if index + 2 < len(runs) else end
        if stop > start and runs[index] < end:
            found += (max(runs[index] - start, 0), runs[index + 1])
    return found
