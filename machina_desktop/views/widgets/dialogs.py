"""Dialogs: opened, never run in a loop of their own; Esc closes, the primary button stands at the right."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.inputs import Input, Note
from machina_desktop.views.widgets.layout import Divider
from machina_desktop.views.widgets.modal import Modal
from machina_desktop.views.widgets.text import Label


class _Room(QScrollArea):
    """As high as what is in it; it scrolls only where the screen has less."""

    def __init__(self, content: QWidget, parent: QWidget) -> None:
        super().__init__(parent)
        self._content = content
        # Else Qt would ask for the height of texts wrapped as narrow as can be, on top of what the width asks for.
        content.setMinimumHeight(1)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._content and event.type() == QEvent.Type.LayoutRequest:
            # A scroll area keeps to itself what its contents ask for; the dialog is to grow with them.
            self.updateGeometry()
        return super().eventFilter(watched, event)

    def sizeHint(self) -> QSize:
        return self._content.sizeHint()

    def minimumSizeHint(self) -> QSize:
        return QSize(self._content.minimumSizeHint().width(), min(96, self._content.minimumSizeHint().height()))

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        layout = self._content.layout()
        if layout is not None and layout.hasHeightForWidth():
            return layout.totalHeightForWidth(width)
        return self._content.sizeHint().height()


class Dialog(Modal):
    """The base of every dialog: a heading, a column of widgets, a row of buttons. Show it with ``open()``.

    It stays open while its work runs: the primary button emits ``primary.clicked``; the caller calls ``accept()``.
    It is deleted when closed.

    Attributes:
        column: Where the widgets go; it scrolls when the screen is too low for it.
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
        super().__init__(title, width=width, parent=parent)
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
        self._error = Note(self.body)
        self._error.hide()
        self._build(text)

    def add_button(self, button: Button) -> None:
        """Put a further button at the left of the row."""
        self._buttons.insertWidget(0, button)

    def show_error(self, message: str) -> None:
        """Say above the buttons what went wrong, and let the person try again; empty says nothing."""
        self._error.show_text(message, is_error=True)
        self.set_busy(False)

    def set_busy(self, is_busy: bool) -> None:
        """Show in the primary button that its work runs."""
        self.primary.set_busy(is_busy)

    def _build(self, text: str) -> None:
        whole = QVBoxLayout(self.body)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        if text:
            lead = Label(text, tone="secondary", wraps=True)
            lead.setContentsMargins(Space.XL, Space.XS, Space.XL, 0)
            whole.addWidget(lead)
        content = QWidget(self.body)
        content.setLayout(self.column)
        self.column.setContentsMargins(Space.XL, Space.L, Space.XL, Space.L)
        foot = QVBoxLayout()
        foot.setContentsMargins(Space.XL, Space.M, Space.XL, Space.L)
        foot.setSpacing(Space.S)
        foot.addWidget(self._error)
        foot.addLayout(self._buttons)
        whole.addWidget(_Room(content, self.body), 1)
        whole.addWidget(Divider(self.body))
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
