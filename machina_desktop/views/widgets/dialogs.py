"""Dialogs: opened, never run in a loop of their own; Esc closes, the primary button stands at the right."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.inputs import Input
from machina_desktop.views.widgets.layout import Divider
from machina_desktop.views.widgets.text import Label


class Dialog(QDialog):
    """The base of every dialog: a heading, a column of widgets, a row of buttons. Show it with ``open()``.

    It stays open while its work runs: the primary button emits ``primary.clicked``; the caller calls ``accept()``.
    It is deleted when closed.

    Attributes:
        column: Where the widgets go.
        primary: The button that does it.
        cancel: The button that doesn't.
    """

    def __init__(
        self,
        title: str,
        *,
        text: str = "",
        primary: str,
        kind: ButtonKind = ButtonKind.PRIMARY,
        width: int = 460,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(width)
        self.primary = Button(primary, kind=kind, parent=self)
        self.primary.setDefault(True)
        self.cancel = Button(self.tr("Cancel"), parent=self)
        self.cancel.clicked.connect(self.reject)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(Space.S)
        self._buttons.addStretch()
        self._buttons.addWidget(self.cancel)
        self._buttons.addWidget(self.primary)
        self.column = QVBoxLayout()
        self.column.setSpacing(Space.L)
        self._error = Label(tone="error", wraps=True)
        self._error.hide()
        self._build(title, text)

    def add_button(self, button: Button) -> None:
        """Put a further button at the left of the row."""
        self._buttons.insertWidget(0, button)

    def show_error(self, message: str) -> None:
        """Say above the buttons what went wrong, and let the person try again; empty says nothing."""
        self._error.setText(message)
        self._error.setVisible(bool(message))
        self.set_busy(False)

    def set_busy(self, is_busy: bool) -> None:
        """Show in the primary button that its work runs."""
        self.primary.set_busy(is_busy)

    def _build(self, title: str, text: str) -> None:
        head = QVBoxLayout()
        head.setContentsMargins(Space.XL, Space.L, Space.XL, 0)
        head.setSpacing(Space.S)
        head.addWidget(Label(title, style=Type.SECTION, wraps=True))
        if text:
            head.addWidget(Label(text, tone="secondary", wraps=True))
        self.column.setContentsMargins(Space.XL, Space.L, Space.XL, Space.L)
        foot = QVBoxLayout()
        foot.setContentsMargins(Space.XL, Space.M, Space.XL, Space.M)
        foot.setSpacing(Space.S)
        foot.addWidget(self._error)
        foot.addLayout(self._buttons)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(head)
        whole.addLayout(self.column, 1)
        whole.addWidget(Divider(self))
        whole.addLayout(foot)


class ConfirmDialog(Dialog):
    """A question before something is lost. It is accepted only when the person says so.

    It says what will be lost, one line each; ``type_to_confirm`` asks for a name to be typed first.
    """

    def __init__(
        self,
        title: str,
        *,
        text: str = "",
        losses: tuple[str, ...] = (),
        confirm: str,
        type_to_confirm: str = "",
        is_danger: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        kind = ButtonKind.DANGER if is_danger else ButtonKind.PRIMARY
        super().__init__(title, text=text, primary=confirm, kind=kind, parent=parent)
        self._expected = type_to_confirm
        for loss in losses:
            self.column.addWidget(Label(f"–  {loss}", wraps=True))
        self.column.setSpacing(Space.S)
        if type_to_confirm:
            self._build_guard(type_to_confirm)
        self.primary.clicked.connect(self.accept)
        # Enter must not destroy anything by accident.
        self.primary.setDefault(not is_danger)
        if is_danger and not type_to_confirm:
            self.cancel.setDefault(True)
            self.cancel.setFocus()

    def _build_guard(self, expected: str) -> None:
        guard = Input(self.tr("Type {0} to confirm").format(expected), is_mono=True)
        guard.changed.connect(self._on_guard_changed)
        self.column.addSpacing(Space.S)
        self.column.addWidget(guard)
        self.primary.setEnabled(False)
        guard.control.setFocus()

    def _on_guard_changed(self, text: str) -> None:
        self.primary.setEnabled(text.strip() == self._expected)
