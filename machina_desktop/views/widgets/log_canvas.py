"""The scrolling part of the log: paints the rows in sight and nothing else, at most once per 33 ms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QCoreApplication, QDateTime, QEvent, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from machina_desktop.core.domain.log_line import LogLevel
from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.models.log_model import LogModel, Section
from machina_desktop.views.models.status import Shape, StatusMark
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.painting import cut_texts, draw_focus_ring, draw_text
from machina_desktop.views.widgets.status import paint_glyph
from machina_desktop.views.widgets.text import copy_text
from machina_desktop.views.widgets.tooltip import show_tooltip

FRAME_MS = 33
ROW_HEIGHT = 20
_INSET = Space.M
# Below this, in design pixels, the time of day gives its room to the words; it shows as a tooltip then.
_NARROW = 440
_MARK = 8
_TOKENS = {
    LogLevel.DEBUG: "text-secondary",
    LogLevel.INFO: "text-primary",
    LogLevel.WARNING: "accent-warning",
    LogLevel.ERROR: "accent-error",
}
_MARKS = {
    LogLevel.WARNING: StatusMark(Shape.DIAMOND, "accent-warning"),
    LogLevel.ERROR: StatusMark(Shape.TRIANGLE, "accent-error"),
}


@dataclass(frozen=True, order=True)
class Place:
    """A place in the text: a line, and before which of its characters."""

    line: int
    column: int


@lru_cache(maxsize=256)
def _clock(second: int) -> str:
    """A second since the epoch as local time of day."""
    return QDateTime.fromSecsSinceEpoch(second).toString("HH:mm:ss")


class LogCanvas(QAbstractScrollArea):
    """Shows a `LogModel`. It stays at the end until the user scrolls up.

    Signals:
        follow_changed: Whether it stays at the end now (bool).
    """

    follow_changed = Signal(bool)

    def __init__(self, model: LogModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.frames = 0
        self.needle = ""
        self.current_line = -1
        self._model = model
        self._is_following = True
        self._is_settling = False
        self._anchor: Place | None = None
        self._cursor: Place | None = None
        metrics = QFontMetricsF(theme.font(Type.MONO))
        self._advance = metrics.horizontalAdvance("0" * 64) / 64
        self._text_left = 0.0
        self._place_text()
        self._frame = QTimer(self, interval=FRAME_MS, singleShot=True)
        self._frame.timeout.connect(self._on_frame)
        model.appended.connect(self._on_appended)
        model.changed.connect(self._on_frame)
        theme.events().theme_changed.connect(self.viewport().update)
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setCursor(Qt.CursorShape.IBeamCursor)
        self.setProperty("role", "framed")
        self.setAccessibleName(self.tr("Log"))

    def is_following(self) -> bool:
        """Whether it stays at the end."""
        return self._is_following

    def set_following(self, is_following: bool) -> None:
        """Go to the end and stay there, or stop doing so."""
        self._note_following(is_following)
        self._on_frame()

    def show_line(self, line: int) -> None:
        """Bring ``line`` into the middle of the view, unfolding its section, and mark it."""
        self._model.set_folded(self._model.section_of(line), False)
        self.current_line = line
        self._note_following(False)
        self._settle()
        self.verticalScrollBar().setValue(self._model.row_of_line(line) - self._rows_in_sight() // 2)
        self.viewport().update()

    def selected_text(self) -> str:
        """What is selected, without lines that are folded away."""
        if self._anchor is None or self._cursor is None or self._anchor == self._cursor:
            return ""
        start, end = sorted((self._anchor, self._cursor))
        texts = self._model.texts(start.line, end.line)
        texts[-1] = texts[-1][: end.column]
        texts[0] = texts[0][start.column :]
        return "\n".join(
            text for offset, text in enumerate(texts) if not self._model.section_of(start.line + offset).is_folded
        )

    def select_all(self) -> None:
        """Select every line."""
        last = self._model.line_count() - 1
        if last >= 0:
            self._anchor, self._cursor = Place(0, 0), Place(last, len(self._model.text(last)))
            self.viewport().update()

    def copy(self) -> None:
        """Copy what is selected, or everything when nothing is."""
        copy_text(self.selected_text() or self._model.content().decode("utf-8"))

    def paintEvent(self, _event: QPaintEvent) -> None:
        self.frames += 1
        painter = QPainter(self.viewport())
        whole = self.viewport().rect()
        painter.fillRect(whole, theme.color("surface"))
        first = self.verticalScrollBar().value()
        last = min(first + self.viewport().height() // ROW_HEIGHT + 1, self._model.row_count())
        for row in range(first, last):
            entry = self._model.row(row)
            rect = QRect(0, (row - first) * ROW_HEIGHT, whole.width(), ROW_HEIGHT)
            if entry.line < 0:
                self._paint_heading(painter, rect, entry.section)
            else:
                self._paint_line(painter, rect, entry.line)
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(whole), 0)

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            show_tooltip(self, self._tip_at(event.pos().y()), at=event.globalPos())
            return True
        return super().viewportEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_text()
        self._settle()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        row = self.verticalScrollBar().value() + int(event.position().y()) // ROW_HEIGHT
        if row < self._model.row_count() and self._model.row(row).line < 0:
            section = self._model.row(row).section
            self._note_following(False)
            self._model.set_folded(section, not section.is_folded)
            return
        self._cursor = self._place_at(event.position())
        if not event.modifiers() & Qt.KeyboardModifier.ShiftModifier or self._anchor is None:
            self._anchor = self._cursor
        self.viewport().update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not event.buttons() & Qt.MouseButton.LeftButton or self._anchor is None:
            return
        bar = self.verticalScrollBar()
        if event.position().y() < 0:
            bar.setValue(bar.value() - 1)
        elif event.position().y() > self.viewport().height():
            bar.setValue(bar.value() + 1)
        self._cursor = self._place_at(event.position())
        self.viewport().update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        place = self._place_at(event.position())
        if place is not None:
            self._anchor, self._cursor = Place(place.line, 0), Place(place.line, len(self._model.text(place.line)))
            self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        bar = self.verticalScrollBar()
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self.select_all()
        elif event.key() == Qt.Key.Key_End:
            self.set_following(True)
        elif event.key() == Qt.Key.Key_Home:
            bar.setValue(0)
        else:
            super().keyPressEvent(event)

    def _rows_in_sight(self) -> int:
        return max(1, self.viewport().height() // ROW_HEIGHT)

    def _place_at(self, at: QPointF) -> Place | None:
        """The place in the text nearest to a point of the viewport."""
        if self._model.line_count() == 0:
            return None
        row = self.verticalScrollBar().value() + int(at.y()) // ROW_HEIGHT
        row = min(max(row, 0), self._model.row_count() - 1)
        entry = self._model.row(row)
        if entry.line < 0:
            return Place(entry.section.first, 0)
        text = self._model.text(entry.line)
        x = at.x() - self._text_left + self.horizontalScrollBar().value()
        return Place(entry.line, min(max(round(x / self._advance), 0), len(text)))

    def _on_appended(self) -> None:
        if not self._frame.isActive():
            self._frame.start()

    def _on_frame(self) -> None:
        self._settle()
        self.viewport().update()

    def _settle(self) -> None:
        """Fit the scroll bars to the rows there are, and stay at the end when following."""
        self._is_settling = True
        bar, across = self.verticalScrollBar(), self.horizontalScrollBar()
        bar.setRange(0, max(0, self._model.row_count() - self._rows_in_sight()))
        bar.setPageStep(self._rows_in_sight())
        bar.setSingleStep(1)
        width = self._text_left + self._model.longest * self._advance + _INSET
        across.setRange(0, max(0, round(width - self.viewport().width())))
        across.setPageStep(self.viewport().width())
        across.setSingleStep(round(self._advance * 4))
        if self._is_following:
            bar.setValue(bar.maximum())
        self._is_settling = False

    def _on_scrolled(self, value: int) -> None:
        if not self._is_settling:
            self._note_following(value >= self.verticalScrollBar().maximum())

    def _tip_at(self, y: int) -> str:
        """The whole line and when it came, where either is not in sight; of a heading what is cut."""
        row = self.verticalScrollBar().value() + y // ROW_HEIGHT
        if row >= self._model.row_count():
            return ""
        line, section = self._model.row(row).line, self._model.row(row).section
        if line < 0:
            rect = QRect(0, 0, self.viewport().width(), ROW_HEIGHT)
            return "\n".join(cut_texts(lambda painter: self._paint_heading(painter, rect, section)))
        if self._has_clock and self.horizontalScrollBar().maximum() == 0:
            return ""
        return f"{_clock(int(self._model.time(line)))}  {self._model.text(line)}"

    def _place_text(self) -> None:
        self._has_clock = self.viewport().width() >= _NARROW
        clock = self._advance * 8 + Space.S if self._has_clock else 0
        self._text_left = _INSET + clock + _MARK + Space.S

    def _note_following(self, is_following: bool) -> None:
        if is_following != self._is_following:
            self._is_following = is_following
            self.follow_changed.emit(is_following)

    def _paint_heading(self, painter: QPainter, rect: QRect, section: Section) -> None:
        painter.fillRect(rect, theme.color("surface-elevated"))
        box = QRectF(rect)
        arrow = "chevron-right" if section.is_folded else "chevron-down"
        draw_icon(painter, QRectF(_INSET - 2, box.top() + 3, 14, 14), arrow, "text-secondary")
        font, quiet = theme.font(Type.SECONDARY), theme.color("text-secondary")
        room = box.adjusted(_INSET + 18, 0, -_INSET, 0)
        name = section.phase.replace("_", " ").capitalize()
        title = QCoreApplication.translate("Phase", name) if name else self.tr("Output")
        left = draw_text(painter, room, title, theme.font(Type.STRONG), theme.color("text-primary")) + Space.M
        words = self.tr("{0} line · {1} s") if section.count == 1 else self.tr("{0} lines · {1} s")
        facts = words.format(
            self.locale().toString(section.count), self.locale().toString(self._model.seconds(section), "f", 1)
        )
        left += draw_text(painter, room.adjusted(left, 0, 0, 0), facts, font, quiet) + Space.M
        if section.errors:
            words = self.tr("1 error") if section.errors == 1 else self.tr("{0} errors").format(section.errors)
            draw_text(painter, room.adjusted(left, 0, 0, 0), words, font, theme.color("accent-error"))

    def _paint_line(self, painter: QPainter, rect: QRect, line: int) -> None:
        level, text = self._model.level(line), self._model.text(line)
        if level is LogLevel.ERROR:
            painter.fillRect(rect, theme.color("tint-error"))
        if line == self.current_line:
            painter.fillRect(rect, theme.color("surface-hover"))
        shift = self.horizontalScrollBar().value()
        painter.setFont(theme.font(Type.MONO))
        base = rect.top() + 14.5
        clip = QRectF(self._text_left, rect.top(), rect.width() - self._text_left, ROW_HEIGHT)
        if self._has_clock:
            painter.setPen(theme.color("text-secondary"))
            painter.drawText(QPointF(_INSET, base), _clock(int(self._model.time(line))))
        mark = _MARKS.get(level)
        if mark is not None:
            paint_glyph(painter, QRectF(self._text_left - Space.S - _MARK, rect.top() + 6, _MARK, _MARK), mark)
        painter.setClipRect(clip)
        self._paint_matches(painter, rect, text, line)
        self._paint_selection(painter, rect, text, line)
        painter.setPen(theme.color(_TOKENS[level]))
        first = int(shift / self._advance)
        shown = text[first : first + int(clip.width() / self._advance) + 2] if text.isascii() else text
        left = self._text_left - shift + (first * self._advance if text.isascii() else 0)
        painter.drawText(QPointF(left, base), shown)
        painter.setClipping(False)

    def _paint_matches(self, painter: QPainter, rect: QRect, text: str, line: int) -> None:
        if not self.needle:
            return
        token = "match-current" if line == self.current_line else "match"
        lower, at = text.lower(), -1
        while (at := lower.find(self.needle, at + 1)) >= 0:
            self._fill_span(painter, rect, at, at + len(self.needle), token)

    def _paint_selection(self, painter: QPainter, rect: QRect, text: str, line: int) -> None:
        if self._anchor is None or self._cursor is None:
            return
        start, end = sorted((self._anchor, self._cursor))
        if not start.line <= line <= end.line or start == end:
            return
        first = start.column if line == start.line else 0
        last = end.column if line == end.line else len(text) + 1
        self._fill_span(painter, rect, first, last, "text-selection")

    def _fill_span(self, painter: QPainter, rect: QRect, first: int, last: int, token: str) -> None:
        left = self._text_left - self.horizontalScrollBar().value() + first * self._advance
        painter.fillRect(
            QRectF(left, rect.top() + 1, (last - first) * self._advance, rect.height() - 2), theme.color(token)
        )
