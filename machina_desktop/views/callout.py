"""A boxed remark between header and content: what went wrong, or what the person should know now."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from machina_desktop.core.errors import MachinaError
from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.flow import Flow
from machina_desktop.views.widgets.painting import fill_rounded
from machina_desktop.views.widgets.text import Label, copy_text

_TOKENS = {
    "error": ("tint-error", "accent-error", "triangle-alert"),
    "warning": ("tint-warning", "accent-warning", "clock"),
    "success": ("tint-success", "accent-success", "shield-check"),
    "neutral": ("tint-neutral", "text-secondary", "info"),
}


class Callout(QWidget):
    """An icon, a sentence, what to do next, a code, and buttons, on a tinted plate; hidden until it says something.

    Its text is read out by screen readers as its accessible name and description.
    """

    def __init__(self, tone: str, *, icon_name: str = "", parent: QWidget | None = None) -> None:
        """``tone`` is ``error``, ``warning``, ``success`` or ``neutral``; it has an icon unless another is named."""
        super().__init__(parent)
        self._tint, self._token, usual = _TOKENS[tone]
        self._icon_name = icon_name or usual
        self._details = ""
        self._title = Label(style=Type.MEDIUM, wraps=True, is_selectable=True)
        self._text = Label(style=Type.SECONDARY, tone="secondary", wraps=True, is_selectable=True)
        self._code = Label(style=Type.MONO, tone="secondary", is_selectable=True)
        self._copy = Button(self.tr("Copy details"), kind=ButtonKind.GHOST, icon_name="copy")
        self._copy.clicked.connect(lambda: copy_text(self._details))
        self._buttons = Flow()
        self._buttons.addWidget(self._code)
        self._buttons.add_apart(self._copy)
        self._actions = Flow()
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.L + 16 + Space.S, Space.M, Space.M, Space.S)
        column.setSpacing(Space.XS)
        column.addWidget(self._title)
        column.addWidget(self._text)
        column.addLayout(self._buttons)
        column.addLayout(self._actions)
        self.hide()

    def setObjectName(self, name: str) -> None:
        super().setObjectName(name)
        self._copy.setObjectName(f"{name}.copy_details")

    def set_subject(self, subject: str) -> None:
        """Say what it is about, for screen readers, where there are several of them."""
        self._copy.setAccessibleName(self.tr("Copy details: {0}").format(subject))

    def add_button(self, button: Button) -> None:
        """Put a button below."""
        self._actions.addWidget(button)

    def say(self, title: str, text: str = "", *, code: str = "", details: str = "") -> None:
        """Show a sentence and what to do next; with ``details`` there is *Copy details*."""
        self._details = details
        self._title.setText(title)
        self._text.setText(text)
        self._text.setVisible(bool(text))
        self._code.setText(code)
        self._code.setVisible(bool(code))
        self._copy.setVisible(bool(details))
        self.setAccessibleName(title)
        self.setAccessibleDescription(text)
        self.show()

    def say_error(self, error: MachinaError) -> None:
        """Show an error of ours."""
        self.say(error.message, error.hint, code=error.code, details=f"{error.code}: {error}")

    def title(self) -> str:
        """The sentence shown."""
        return self._title.text()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        fill_rounded(painter, QRectF(self.rect()), Radius.BUTTON, theme.color(self._tint), theme.color(self._token))
        first_line = self._title.geometry().top() + self._title.fontMetrics().height() / 2
        draw_icon(painter, QRectF(Space.L - 2, first_line - 8, 16, 16), self._icon_name, self._token)

    def clear(self) -> None:
        """Say nothing."""
        self.hide()
