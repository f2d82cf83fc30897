"""Things to fill in: each with its label above, and help or the error below."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar, runtime_checkable

from PySide6.QtCore import QEvent, QMimeData, QObject, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QFocusEvent, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QVBoxLayout,
    QWidget,
)

from machina_desktop.core.secret import DOTS, Secret
from machina_desktop.views import theme
from machina_desktop.views.icons import icon
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.cut_text import tell_in_full
from machina_desktop.views.widgets.text import IconLabel, Label

REVEALED_MS = 10_000

C = TypeVar("C", bound=QWidget)


@runtime_checkable
class HoldsSecret(Protocol):
    """A widget that a secret can be typed into."""

    def forget_secret(self) -> None:
        """Be as if nothing had been typed: the vault is locked."""


class Note(QWidget):
    """The line under a field or a form: help in grey, or what is wrong in red with a sign."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._sign = IconLabel("circle-alert", token="accent-error", size=14)
        self._text = Label(style=Type.SECONDARY, tone="secondary", wraps=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._text, 1)

    def text(self) -> str:
        """What it says."""
        return self._text.text()

    def show_text(self, text: str, *, is_error: bool) -> None:
        """Show ``text``; nothing at all when it is empty."""
        self._text.setText(text)
        self._text.set_tone("error" if is_error else "secondary")
        self._sign.setVisible(is_error)
        self.setVisible(bool(text))


class Field(QWidget, Generic[C]):
    """A control with its label, help and error.

    Attributes:
        control: The Qt control inside; takes the focus.

    Signals:
        left: The user left the field; the moment to say what is wrong with it.
    """

    left = Signal()

    def __init__(self, control: C, *, label: str, help_text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.control = control
        self._help = help_text
        self._error = ""
        self._note = Note(self)
        # With its parent from the start: shown without one it would flash as a window of its own.
        self._label = Label(label, style=Type.MEDIUM, parent=self)
        self._label.setBuddy(control)
        self._label.setVisible(bool(label))
        self._label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        # A field is as wide as it is made, not as its label asks for.
        self._label.setMinimumWidth(Space.XXL)
        self._note.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        control.setAccessibleName(label)
        control.setAccessibleDescription(help_text)
        control.installEventFilter(self)
        self.setFocusProxy(control)
        column = QVBoxLayout(self)
        # Beside a taller neighbour the label stays at its control.
        column.setAlignment(Qt.AlignmentFlag.AlignTop)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self._label)
        column.addWidget(control, 1 if control.sizePolicy().verticalPolicy() == QSizePolicy.Policy.Expanding else 0)
        column.addWidget(self._note)
        self._note.show_text(help_text, is_error=False)

    def set_error(self, message: str) -> None:
        """Say at the field what is wrong; empty brings the help back."""
        if message == self._error:
            return
        self._error = message
        self._note.show_text(message or self._help, is_error=bool(message))
        self.control.setAccessibleDescription(message or self._help)
        self.control.setProperty("invalid", bool(message))
        self.control.style().polish(self.control)

    def error(self) -> str:
        """What is said to be wrong; empty when nothing is."""
        return self._error

    def set_help(self, help_text: str) -> None:
        """Change the help below."""
        self._help = help_text
        if not self._error:
            self._note.show_text(help_text, is_error=False)
            self.control.setAccessibleDescription(help_text)

    def set_label(self, label: str) -> None:
        """Change the label above."""
        self._label.setText(label)
        self._label.setVisible(bool(label))
        self.control.setAccessibleName(label)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # A popup or a switch to another window is not leaving the field.
        if isinstance(event, QFocusEvent) and event.lostFocus() and event.reason() in _LEAVING:
            self.left.emit()
        return super().eventFilter(watched, event)


_LEAVING = (
    Qt.FocusReason.MouseFocusReason,
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)


class Input(Field[QLineEdit]):
    """A line of text.

    Signals:
        changed: The text now (str), at every key.
        submitted: Enter was pressed.
    """

    changed = Signal(str)
    submitted = Signal()

    def __init__(
        self,
        label: str = "",
        *,
        text: str = "",
        placeholder: str = "",
        help_text: str = "",
        is_mono: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        edit = QLineEdit(text)
        super().__init__(edit, label=label, help_text=help_text, parent=parent)
        edit.setPlaceholderText(placeholder)
        if is_mono:
            edit.setFont(theme.font(Type.MONO))
        edit.textChanged.connect(self.changed)
        edit.returnPressed.connect(self.submitted)

    def text(self) -> str:
        """What is typed."""
        return self.control.text()

    def set_text(self, text: str) -> None:
        """Put another text into it."""
        self.control.setText(text)


class TextArea(Field[QPlainTextEdit]):
    """Several lines of text, such as a key or a script.

    Signals:
        changed: The text now (str), at every key.
    """

    changed = Signal(str)

    def __init__(
        self,
        label: str = "",
        *,
        text: str = "",
        placeholder: str = "",
        help_text: str = "",
        is_mono: bool = True,
        rows: int = 5,
        edit: QPlainTextEdit | None = None,
        parent: QWidget | None = None,
    ) -> None:
        edit = edit or QPlainTextEdit(text)
        super().__init__(edit, label=label, help_text=help_text, parent=parent)
        edit.setPlaceholderText(placeholder)
        edit.setTabChangesFocus(True)
        if is_mono:
            edit.setFont(theme.font(Type.MONO))
        edit.setMinimumHeight(rows * edit.fontMetrics().lineSpacing() + 2 * Space.S)
        edit.textChanged.connect(lambda: self.changed.emit(edit.toPlainText()))

    def text(self) -> str:
        """What is typed."""
        return self.control.toPlainText()

    def set_text(self, text: str) -> None:
        """Put another text into it."""
        self.control.setPlainText(text)


class _PastedWhole(QPlainTextEdit):
    """What is pasted takes the place of everything: nobody puts a key together from pieces."""

    def insertFromMimeData(self, source: QMimeData) -> None:
        self.selectAll()
        super().insertFromMimeData(source)


class SecretArea(TextArea):
    """Several secret lines, such as a private key: dots once the user has left; coming back starts afresh."""

    def __init__(
        self, label: str = "", *, placeholder: str = "", help_text: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(label, placeholder=placeholder, help_text=help_text, edit=_PastedWhole(), parent=parent)
        self._kept = ""
        self._placeholder = placeholder

    def text(self) -> str:
        """What was typed last, in clear."""
        return self._kept if self._kept and self.is_concealed() else self.control.toPlainText() or self._kept

    def set_text(self, text: str) -> None:
        """Put another secret into it, concealed."""
        self._kept = text
        self._show_dots()

    def is_concealed(self) -> bool:
        """Whether only dots show."""
        return bool(self._kept) and self.control.toPlainText() in ("", DOTS)

    def forget_secret(self) -> None:
        self.set_text("")
        self.changed.emit("")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QFocusEvent) and event.gotFocus() and self._kept:
            self._show("", self.tr("Type or paste to replace it"))
        elif isinstance(event, QFocusEvent) and event.lostFocus():
            self._kept = self.text()
            self._show_dots()
        return super().eventFilter(watched, event)

    def _show_dots(self) -> None:
        self._show(DOTS if self._kept else "", self._placeholder)

    def _show(self, text: str, placeholder: str) -> None:
        self.control.blockSignals(True)
        self.control.setPlainText(text)
        self.control.setPlaceholderText(placeholder)
        self.control.blockSignals(False)


class PasswordInput(Input):
    """A masked line. The eye shows it for 10 s; it is never put on the clipboard while masked."""

    def __init__(
        self, label: str = "", *, placeholder: str = "", help_text: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(label, placeholder=placeholder, help_text=help_text, is_mono=True, parent=parent)
        self.control.setEchoMode(QLineEdit.EchoMode.Password)
        self._eye = QAction(icon("eye"), self.tr("Show for 10 seconds"), self)
        self._eye.triggered.connect(self._on_eye)
        self.control.addAction(self._eye, QLineEdit.ActionPosition.TrailingPosition)
        self._hide = QTimer(self, interval=REVEALED_MS, singleShot=True)
        self._hide.timeout.connect(lambda: self._set_revealed(False))

    def secret(self) -> Secret:
        """What is typed, wrapped."""
        return Secret(self.control.text())

    def is_revealed(self) -> bool:
        """Whether it can be read right now."""
        return self.control.echoMode() is QLineEdit.EchoMode.Normal

    def forget_secret(self) -> None:
        self._set_revealed(False)
        self.set_text("")

    def _on_eye(self) -> None:
        self._set_revealed(not self.is_revealed())

    def _set_revealed(self, is_revealed: bool) -> None:
        mode = QLineEdit.EchoMode.Normal if is_revealed else QLineEdit.EchoMode.Password
        self.control.setEchoMode(mode)
        self._eye.setIcon(icon("eye-off" if is_revealed else "eye"))
        self._eye.setText(self.tr("Hide") if is_revealed else self.tr("Show for 10 seconds"))
        if is_revealed:
            self._hide.start()
        else:
            self._hide.stop()


class Select(Field[QComboBox]):
    """A choice from a list.

    Signals:
        changed: The value chosen (str).
    """

    changed = Signal(str)

    def __init__(
        self,
        label: str = "",
        *,
        choices: tuple[tuple[str, str], ...] = (),
        help_text: str = "",
        parent: QWidget | None = None,
    ) -> None:
        """``choices`` are pairs of value and title."""
        combo = plain_combo()
        super().__init__(combo, label=label, help_text=help_text, parent=parent)
        self.set_choices(choices)
        combo.currentIndexChanged.connect(lambda _index: self.changed.emit(self.value()))

    def set_choices(self, choices: tuple[tuple[str, str], ...]) -> None:
        """Offer other choices; the chosen value stays where it is still offered."""
        fill_combo(self.control, choices)

    def value(self) -> str:
        """The chosen value; empty when there is nothing to choose."""
        return str(self.control.currentData() or "")

    def set_value(self, value: str) -> None:
        """Choose ``value``; one that is not offered changes nothing."""
        index = self.control.findData(value)
        if index >= 0:
            self.control.setCurrentIndex(index)


# A longer choice ends in an ellipsis before it makes its form wider than this, or keeps it from being narrow.
_COMBO_WIDEST = 360
_COMBO_NARROWEST = 88
_UNLIMITED = 1 << 20
# Room at both sides of the text, and the arrow at its right, as the style sheet has them.
_COMBO_PADDING = 2 * 10 + 28


class _CalmComboBox(QComboBox):
    """Turning the wheel over it scrolls the page, not the choice; a choice that does not fit ends in an ellipsis."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    def sizeHint(self) -> QSize:
        return super().sizeHint().boundedTo(QSize(_COMBO_WIDEST, _UNLIMITED))

    def minimumSizeHint(self) -> QSize:
        return super().minimumSizeHint().boundedTo(QSize(_COMBO_NARROWEST, _UNLIMITED))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        room = self.width() - _COMBO_PADDING
        option.currentText = self.fontMetrics().elidedText(option.currentText, Qt.TextElideMode.ElideRight, room)
        if option.currentText != self.currentText():
            tell_in_full(self, QRectF(self.rect()), self.currentText())
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


def plain_combo() -> QComboBox:
    """A combo box that is as wide as its longest choice and leaves the mouse wheel to the page."""
    combo = _CalmComboBox()
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    combo.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    combo.setMaxVisibleItems(14)
    return combo


def fill_combo(combo: QComboBox, choices: tuple[tuple[str, str], ...]) -> None:
    """Put pairs of value and title into ``combo``; the chosen value stays where it is still offered."""
    chosen = combo.currentData()
    combo.blockSignals(True)
    combo.clear()
    for value, title in choices:
        combo.addItem(title, value)
    combo.setCurrentIndex(max(0, combo.findData(chosen)) if choices else -1)
    combo.blockSignals(False)
    if combo.currentData() != chosen:
        combo.currentIndexChanged.emit(combo.currentIndex())
