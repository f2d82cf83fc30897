"""Where a side is: its path as buttons, one a folder; a click on the end lets it be typed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QStackedWidget, QWidget

from machina_desktop.core.domain.transfer import shown_name
from machina_desktop.views import theme
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.text import Label


class _Crumb(Button):
    """One folder of the path, narrow."""

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        return QSize(min(hint.width() - 16, 200), 26)


class PathBar(QStackedWidget):
    """The folder in view.

    Signals:
        chosen: A folder was chosen or typed (str).
    """

    chosen = Signal(str)

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._path = ""
        self._shown = ("", 0)
        self._crumbs = QWidget(self)
        self._row = QHBoxLayout(self._crumbs)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        self._edit = QLineEdit(self)
        self._edit.setAccessibleName(name)
        self._edit.setFont(theme.font(Type.MONO))
        self._edit.returnPressed.connect(self._on_typed)
        self._edit.installEventFilter(self)
        self.addWidget(self._crumbs)
        self.addWidget(self._edit)
        self.setFixedHeight(32)
        self.setMinimumWidth(60)
        self.setAccessibleName(name)
        self._crumbs.setToolTip(self.tr("Click beside the path to type one"))

    @property
    def path(self) -> str:
        """The path shown."""
        return self._path

    def set_path(self, path: str) -> None:
        """Show another folder."""
        self._path = path
        self.setAccessibleDescription(shown_name(path))
        self.setCurrentWidget(self._crumbs)
        self._fill()

    def edit(self) -> None:
        """Let a path be typed."""
        self._edit.setText(shown_name(self._path))
        self.setCurrentWidget(self._edit)
        self._edit.setFocus()
        self._edit.selectAll()

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if watched is self._edit and self.currentWidget() is self._edit:
            is_escape = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
            if is_escape or event.type() == QEvent.Type.FocusOut:
                self.setCurrentWidget(self._crumbs)
                return is_escape
        return False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.currentWidget() is self._crumbs:
            self.edit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self._fill()

    def _fill(self) -> None:
        parts = PurePosixPath(self._path.replace("\\", "/")).parts
        crumbs = [self._crumb(part, str(PurePosixPath(*parts[: count + 1]))) for count, part in enumerate(parts)]
        fitting = _fitting([crumb.sizeHint().width() + 10 for crumb in crumbs], self.width() - 24)
        if (self._path, fitting) == self._shown:
            for crumb in crumbs:
                crumb.deleteLater()
            return
        self._shown = (self._path, fitting)
        self._clear()
        for crumb in crumbs[: len(crumbs) - fitting]:
            crumb.deleteLater()
        for place, crumb in enumerate(crumbs[len(crumbs) - fitting :], len(crumbs) - fitting):
            if place == len(crumbs) - fitting and place > 0:
                self._add(Label("…", tone="secondary", parent=self._crumbs))
            # The first part of all is a slash itself.
            if place > 1 or (place == 1 and fitting < len(crumbs)):
                self._add(Label("/", tone="secondary", style=Type.SECONDARY, parent=self._crumbs))
            self._add(crumb)
        self._row.addSpacing(Space.S)
        self._row.addStretch(1)

    def _add(self, widget: QWidget) -> None:
        self._row.addWidget(widget)
        widget.show()

    def _clear(self) -> None:
        while (item := self._row.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()

    def _crumb(self, part: str, path: str) -> _Crumb:
        crumb = _Crumb(shown_name(part)[:40], kind=ButtonKind.GHOST, parent=self._crumbs)
        crumb.clicked.connect(_emitter(self.chosen.emit, path))
        return crumb

    def _on_typed(self) -> None:
        text = self._edit.text().strip()
        self.setCurrentWidget(self._crumbs)
        if text:
            self.chosen.emit(text)


def _fitting(widths: list[int], room: int) -> int:
    """How many of them, from the last, have room; one at least."""
    used = 0
    for count, width in enumerate(reversed(widths)):
        used += width
        if used > room and count:
            return count
    return len(widths)


def _emitter(emit: Callable[[str], None], path: str) -> Callable[[], None]:
    return lambda: emit(path)
