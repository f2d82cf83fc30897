"""The four states of a list: loading, empty, failed, filled."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from machina_desktop.core.errors import MachinaError
from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.feedback import Skeleton
from machina_desktop.views.widgets.painting import fill_rounded
from machina_desktop.views.widgets.text import Label, copy_text

_TEXT_WIDTH = 420
_EMBLEM = 64


class _Emblem(QWidget):
    """A large icon on a round plate."""

    def __init__(self, icon_name: str, token: str, tint: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._icon_name = icon_name
        self._token = token
        self._tint = tint
        self.setFixedSize(_EMBLEM, _EMBLEM)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        fill_rounded(painter, rect, 32, theme.color(self._tint))
        draw_icon(painter, rect.adjusted(18, 18, -18, -18), self._icon_name, self._token)


class _Message(QWidget):
    """An emblem, a title, a sentence and buttons, in the middle of the room it gets; where that is low, no emblem."""

    def __init__(self, emblem: tuple[str, str, str], title: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        center = Qt.AlignmentFlag.AlignHCenter
        self._title = Label(title, style=Type.SECTION, wraps=True)
        self._title.setAlignment(center)
        self._text = Label(text, tone="secondary", wraps=True)
        self._text.setAlignment(center)
        # At most: the inspector is narrower than this.
        self._text.setMaximumWidth(_TEXT_WIDTH)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(Space.S)
        self._buttons.setAlignment(center)
        text_row = QHBoxLayout()
        text_row.addStretch(1)
        text_row.addWidget(self._text, 1000)
        text_row.addStretch(1)
        self._emblem = _Emblem(*emblem, self)
        column = self._column = QVBoxLayout(self)
        column.setContentsMargins(Space.XL, Space.XXL, Space.XL, Space.XXL)
        column.setSpacing(Space.S)
        column.addStretch(2)
        column.addWidget(self._emblem, 0, center)
        column.addSpacing(Space.S)
        column.addWidget(self._title)
        column.addLayout(text_row)
        column.addSpacing(Space.S)
        column.addLayout(self._buttons)
        column.addStretch(3)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wanted = self._column.totalMinimumHeightForWidth(self.width())
        if self._emblem.isHidden():
            wanted += _EMBLEM + Space.S + 2 * (Space.XXL - Space.S)
        is_low = self.height() < wanted
        around = Space.S if is_low else Space.XXL
        self._emblem.setVisible(not is_low)
        self._column.setContentsMargins(Space.XL, around, Space.XL, around)

    def _show(self, title: str, text: str) -> None:
        self._title.setText(title)
        self._text.setText(text)
        self._text.setVisible(bool(text))
        self.setAccessibleName(title)
        self.setAccessibleDescription(text)


class EmptyState(_Message):
    """Nothing is here yet: an icon, one sentence, one action.

    Attributes:
        action: Its button.

    Signals:
        activated: The action was chosen.
    """

    activated = Signal()

    def __init__(
        self, *, icon_name: str, title: str, text: str = "", action: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__((icon_name, "text-secondary", "tint-neutral"), title, text, parent)
        self.action = Button(action, kind=ButtonKind.PRIMARY, parent=self)
        self.action.clicked.connect(self.activated)
        self._buttons.addWidget(self.action)
        self.set_message(title, text, action)

    def set_message(self, title: str, text: str = "", action: str = "") -> None:
        """Say something else; without an action there is no button."""
        self._show(title, text)
        self.action.setText(action)
        self.action.setVisible(bool(action))


class ErrorState(_Message):
    """Something failed: what happened, what to do, *Retry* and *Copy details*.

    Signals:
        retried: *Retry* was chosen.
    """

    retried = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(("triangle-alert", "accent-error", "tint-error"), "", "", parent)
        self._details = ""
        self.retry = Button(self.tr("Retry"), icon_name="rotate-cw", parent=self)
        self.retry.clicked.connect(self.retried)
        copy = Button(self.tr("Copy details"), kind=ButtonKind.GHOST, icon_name="copy", parent=self)
        copy.clicked.connect(lambda: copy_text(self._details))
        self._buttons.addWidget(self.retry)
        self._buttons.addWidget(copy)

    def add_button(self, button: Button) -> None:
        """Put a button before the others."""
        self._buttons.insertWidget(0, button)

    def set_error(self, error: MachinaError) -> None:
        """Show an error of ours: its message, its hint, its code."""
        self.set_message(error.message, error.hint, details=f"{error.code}: {error}")

    def set_message(self, title: str, text: str = "", *, details: str = "") -> None:
        """Say what happened and what to do; ``details`` are what *Copy details* copies, without secrets."""
        self._show(title, text)
        self._details = details or f"{title} {text}".strip()


class ListStates(QStackedWidget):
    """One of loading, empty, failed or the list itself.

    Attributes:
        empty: The page for no entries; connect its ``activated``.
        error: The page for a failure; connect its ``retried``.
    """

    def __init__(
        self, content: QWidget, *, empty: EmptyState, skeleton_rows: int = 8, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._content = content
        self._skeleton = Skeleton(rows=skeleton_rows)
        self._skeleton.setMinimumHeight(0)
        self.empty = empty
        self.error = ErrorState()
        for page in (self._skeleton, content, empty, self.error):
            self.addWidget(page)

    def show_loading(self) -> None:
        """Show grey bars where rows will be."""
        self.setCurrentWidget(self._skeleton)

    @property
    def is_loading(self) -> bool:
        """Whether grey bars are in view."""
        return self.currentWidget() is self._skeleton

    def show_empty(self) -> None:
        """Show that there is nothing."""
        self.setCurrentWidget(self.empty)

    def show_error(self, error: MachinaError) -> None:
        """Show what failed."""
        self.error.set_error(error)
        self.error.retry.set_busy(False)
        self.setCurrentWidget(self.error)

    def show_content(self) -> None:
        """Show the list."""
        self.setCurrentWidget(self._content)

    def set_content(self, content: QWidget) -> None:
        """Show another widget as the list, such as cards for a table; the old one stays with the caller, hidden."""
        was_shown = self.currentWidget() is self._content
        if self.indexOf(content) < 0:
            self.addWidget(content)
        self._content = content
        if was_shown:
            self.setCurrentWidget(content)
