"""A live log: the rows, and above them search, first error, folding, copy and save."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.core.domain.log_line import LogLine
from machina_desktop.core.errors import MachinaError, Unavailable
from machina_desktop.views.commands import Command, KeyHint
from machina_desktop.views.models.log_model import LogModel, LogSearch
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, IconButton
from machina_desktop.views.widgets.log_canvas import LogCanvas
from machina_desktop.views.widgets.search import SearchInput
from machina_desktop.views.widgets.text import Label

# Below this, in design pixels, the tools don't fit side by side.
_NARROW = 520
_NARROWEST = 280


def key_hints() -> tuple[KeyHint, ...]:
    """The keys of a log and of its search."""
    return tuple(
        KeyHint(keys, QCoreApplication.translate("LogView", title))
        for keys, title in (
            ("Ctrl+F", "Search in the log"),
            ("Return", "Next match"),
            ("Shift+Return", "Match before"),
            ("Home", "To the beginning"),
            ("End", "To the end, and follow it"),
            ("Ctrl+A", "Select everything"),
            ("Ctrl+C", "Copy what is selected"),
        )
    )


class LogView(QWidget):
    """The log of one run, following its end until the user scrolls up.

    Attributes:
        model: The lines.
        canvas: The scrolling part.
        search: The search line; Ctrl+F reaches it, Enter goes on to the next match, Shift+Enter to the one before.

    Signals:
        save_failed: The file could not be written (MachinaError).
    """

    save_failed = Signal(MachinaError)

    def __init__(self, *, name: str = "", file_name: str = "machina.log", parent: QWidget | None = None) -> None:
        """``name`` says whose log it is, for screen readers; ``file_name`` is proposed by *Save as*."""
        super().__init__(parent)
        self.file_name = file_name
        self.model = LogModel(self)
        self.canvas = LogCanvas(self.model, self)
        if name:
            self.canvas.setAccessibleName(name)
        self._finder = LogSearch(self.model)
        self._search_turn = QTimer(self, interval=0)
        self._search_turn.timeout.connect(self._on_search_turn)
        self.search = SearchInput(self.tr("Search the log…"), width=220, parent=self)
        self.search.setMinimumWidth(80)
        self.search.listen_for_shortcut(self)
        self.search.installEventFilter(self)
        self.search.searched.connect(self._on_searched)
        self._count = Label(style=Type.SECONDARY, tone="secondary")
        self.model.appended.connect(self._on_appended)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addLayout(self._build_tools())
        column.addWidget(self.canvas, 1)
        self._build_follow()
        self._show_count()

    def append_lines(self, lines: Sequence[LogLine]) -> None:
        """Add lines at the end; any number, as often as wanted. The screen is painted at most every 33 ms."""
        self.model.append_lines(lines)

    def clear(self) -> None:
        """Forget every line and follow the end again."""
        self.model.clear()
        self._finder.start(self._finder.needle)
        self.canvas.current_line = -1
        self.canvas.set_following(True)
        self._show_count()

    def next_match(self) -> None:
        """Go to the next line with the text searched for; after the last comes the first."""
        self._go(1)

    def previous_match(self) -> None:
        """Go to the line before with the text searched for; before the first comes the last."""
        self._go(-1)

    def show_first_error(self) -> None:
        """Go to the first line at error level."""
        errors = self.model.error_lines()
        if errors:
            self.canvas.show_line(errors[0])

    def commands(self) -> tuple[Command, ...]:
        """What its buttons do."""
        has_lines = self.model.line_count
        return tuple(
            Command(name=name, title=title, group=self.tr("Log"), icon=icon_name, run=run, is_available=can)
            for name, title, icon_name, run, can in (
                (
                    "log.first_error",
                    self.tr("Go to the first error in the log"),
                    "circle-alert",
                    self.show_first_error,
                    lambda: bool(self.model.error_lines()),
                ),
                ("log.copy", self.tr("Copy the log"), "copy", self.canvas.copy, lambda: bool(has_lines())),
                ("log.save", self.tr("Save the log as…"), "download", self._on_save, lambda: bool(has_lines())),
            )
        )

    def save_to(self, path: Path) -> None:
        """Write all lines as UTF-8 text; raises `Unavailable` when the disk refuses."""
        try:
            path.write_bytes(self.model.content())
        except OSError as error:
            raise Unavailable(
                f"The log could not be saved to {path.name}: {error.strerror}.",
                hint="Choose another folder.",
                code="E-LOG-SAVE",
            ) from error

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            and self.search.text().strip().lower() == self._finder.needle
        ):
            self._go(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
            return True
        if watched is self.canvas.viewport() and event.type() == QEvent.Type.Resize:
            self._place_follow()
        return super().eventFilter(watched, event)

    def _build_tools(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(Space.XS)
        self._first_error = Button(self.tr("First error"), icon_name="circle-alert", parent=self)
        self._first_error.clicked.connect(self.show_first_error)
        previous = IconButton("chevron-up", self.tr("Previous match"), shortcut="Shift+Enter", parent=self)
        previous.clicked.connect(self.previous_match)
        following = IconButton("chevron-down", self.tr("Next match"), shortcut="Enter", parent=self)
        following.clicked.connect(self.next_match)
        fold = IconButton("fold-vertical", self.tr("Fold all phases"), parent=self)
        fold.clicked.connect(lambda: self.model.fold_all(True))
        unfold = IconButton("unfold-vertical", self.tr("Unfold all phases"), parent=self)
        unfold.clicked.connect(lambda: self.model.fold_all(False))
        copy = IconButton("copy", self.tr("Copy the selection, or everything"), shortcut="Ctrl+C", parent=self)
        copy.clicked.connect(self.canvas.copy)
        save = IconButton("download", self.tr("Save as…"), parent=self)
        save.clicked.connect(self._on_save)
        finding: tuple[QWidget, ...] = (self.search, previous, following, self._count)
        acting: tuple[QWidget, ...] = (self._first_error, fold, unfold, copy, save)
        for widget in finding:
            row.addWidget(widget, 1000 if widget is self.search else 0)
        row.addStretch(1)
        for widget in acting:
            row.addWidget(widget)
        self._steps: tuple[QWidget, ...] = (previous, following, self._count)
        self._spare: tuple[QWidget, ...] = (fold, unfold, save)
        self._first_error.hide()
        return row

    def minimumSizeHint(self) -> QSize:
        # Not what the tools need now, but what they need once they have made room.
        return QSize(_NARROWEST, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """In the width of the inspector, show only the tools that are of use now."""
        is_narrow, is_searching = self.width() < _NARROW, bool(self._finder.needle)
        self._first_error.setText("" if is_narrow else self.tr("First error"))
        self._first_error.setAccessibleName(self.tr("First error"))
        self._first_error.setToolTip(self.tr("First error"))
        for widget in self._steps:
            widget.setVisible(is_searching)
        for widget in self._spare:
            widget.setVisible(not (is_narrow and is_searching))

    def _build_follow(self) -> None:
        self._follow = Button(self.tr("Follow"), icon_name="arrow-down", parent=self.canvas)
        self._follow.setAccessibleDescription(self.tr("Go to the end and stay there"))
        self._follow.clicked.connect(lambda: self.canvas.set_following(True))
        self._follow.hide()
        self.canvas.follow_changed.connect(self._on_follow_changed)
        self.canvas.viewport().installEventFilter(self)

    def _place_follow(self) -> None:
        size = self._follow.sizeHint()
        room = self.canvas.viewport().geometry()
        self._follow.setGeometry(
            room.center().x() - size.width() // 2, room.bottom() - size.height() - Space.M, size.width(), size.height()
        )

    def _on_follow_changed(self, is_following: bool) -> None:
        self._place_follow()
        self._follow.setVisible(not is_following)

    def _on_appended(self) -> None:
        self._first_error.setVisible(bool(self.model.error_lines()))
        if self._finder.needle:
            self._search_turn.start()

    def _on_searched(self, needle: str) -> None:
        self._finder.start(needle)
        self._make_room()
        self.canvas.needle = self._finder.needle
        self.canvas.current_line = -1
        self._search_turn.start()
        self.canvas.viewport().update()

    def _on_search_turn(self) -> None:
        had_none = not self._finder.matches
        if not self._finder.step():
            self._search_turn.stop()
        if had_none and self._finder.matches and self.canvas.current_line < 0:
            self.canvas.show_line(self._finder.matches[0])
        self._show_count()

    def _go(self, direction: int) -> None:
        matches, line = self._finder.matches, self.canvas.current_line
        if not matches:
            return
        index = bisect_right(matches, line) if direction > 0 else bisect_left(matches, line) - 1
        self.canvas.show_line(matches[index % len(matches)])
        self._show_count()

    def _show_count(self) -> None:
        matches, line = self._finder.matches, self.canvas.current_line
        if not self._finder.needle:
            self._count.setText("")
            return
        at = bisect_left(matches, line)
        is_on_match = at < len(matches) and matches[at] == line
        shown = self.locale().toString
        text = self.tr("{0} of {1}").format(shown(at + 1 if is_on_match else 0), shown(len(matches)))
        self._count.setText(text if matches else self.tr("No match"))

    def _on_save(self) -> None:
        dialog = QFileDialog(self, self.tr("Save the log"), self.file_name)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._on_file_selected)
        dialog.open()

    def _on_file_selected(self, file: str) -> None:
        try:
            self.save_to(Path(file))
        except MachinaError as error:
            self.save_failed.emit(error)
