"""How the parts of a terminal come together in its widget: margins, rows, and what lies over them."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QPainter

from machina_desktop.views.terminal.overlay import CursorLook, Span
from machina_desktop.views.terminal.selection import Selection
from machina_desktop.views.terminal.sight import INSET, Sight


@dataclass(frozen=True, kw_only=True)
class Overlaid:
    """What lies over the rows: matches, selection, a link, the cursor, what is composed, the flash of the bell."""

    found: tuple[Span, ...]
    found_now: tuple[Span, ...]
    selected: tuple[Span, ...]
    link: tuple[Span, ...]
    cursor: CursorLook | None
    composed: str
    is_flashing: bool


def draw(painter: QPainter, sight: Sight, over: Overlaid, *, whole: QRectF, asked: QRectF) -> None:
    """Paint ``asked``, a part of the widget's area ``whole``; both are in design pixels, as the painter is."""
    ratio = sight.ratio
    width, height = sight.terminal.columns * sight.face.width, sight.terminal.lines * sight.face.height
    inner = QRectF(INSET, INSET, width / ratio, height / ratio)
    for margin in (
        QRectF(0, 0, whole.width(), INSET),
        QRectF(0, 0, INSET, whole.height()),
        QRectF(inner.right(), 0, whole.width() - inner.right(), whole.height()),
        QRectF(0, inner.bottom(), whole.width(), whole.height() - inner.bottom()),
    ):
        if margin.intersects(asked):
            painter.fillRect(margin, sight.styles.ground)
    painter.translate(INSET, INSET)
    painter.scale(1 / ratio, 1 / ratio)
    part = asked.translated(-INSET, -INSET)
    area = QRectF(part.x() * ratio, part.y() * ratio, part.width() * ratio, part.height() * ratio)
    sight.backing.draw(painter, area.toAlignedRect().intersected(QRect(0, 0, width, height)))
    _draw_over(painter, sight, over)


def _draw_over(painter: QPainter, sight: Sight, over: Overlaid) -> None:
    overlay = sight.overlay
    overlay.tint(painter, over.found, "match")
    overlay.tint(painter, over.found_now, "match-current")
    overlay.frame(painter, over.found_now, "accent-warning")
    overlay.tint(painter, over.selected, "text-selection")
    overlay.underline(painter, over.link, "accent-primary")
    if over.composed:
        at = sight.terminal.cursor
        overlay.composed(painter, at.y + sight.back, at.x, over.composed)
    elif over.cursor is not None:
        overlay.cursor(painter, over.cursor)
    if over.is_flashing:
        columns, lines = sight.terminal.columns, sight.terminal.lines
        overlay.tint(painter, [Span(line=line, first=0, last=columns) for line in range(lines)], "surface-pressed")


def selected_spans(sight: Sight, selection: Selection) -> tuple[Span, ...]:
    """The columns of each row in sight that are selected."""
    columns = sight.terminal.columns
    found = ((line, selection.span(sight.top + line, columns)) for line in range(sight.terminal.lines))
    return tuple(Span(line=line, first=span[0], last=span[1]) for line, span in found if span is not None)


def cursor_look(sight: Sight, *, is_focused: bool, is_on: bool) -> CursorLook | None:
    """The cursor to draw; ``None`` while it is hidden, out of sight, or in the dark half of its blinking."""
    terminal = sight.terminal
    cursor = terminal.cursor
    line = cursor.y + sight.back
    if not terminal.is_cursor_visible or line >= terminal.lines or (is_focused and not is_on):
        return None
    row = terminal.row(cursor.y)
    text = row.clusters.get(cursor.x, row.text[cursor.x : cursor.x + 1]).replace("\0", "")
    return CursorLook(
        line=line,
        column=cursor.x,
        shape=terminal.cursor_shape if terminal.screen.cursor_style else sight.look.cursor,
        is_hollow=not is_focused,
        text=text,
        cells=2 if row.text[cursor.x + 1 : cursor.x + 2] == "\0" else 1,
    )
