"""The strip that asks whether a program may write to the clipboard (OSC 52); it is never let read it."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from machina_desktop.views.callout import Callout
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.text import copy_text

_SHOWN = 80
# A click that was meant for something else, or for another text, comes sooner than this.
READ_MS = 700


class Consent(StrEnum):
    """What the person has said for one pane."""

    ASK = "ask"
    ALWAYS = "always"
    NEVER = "never"


class ClipboardAsk(QWidget):
    """Hidden until a program asks. Nobody can agree to a text that has just taken the place of another one.

    Signals:
        answered(): The strip is gone again.

    Attributes:
        consent: What was said last; it holds for this pane and as long as it is open.
    """

    answered = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.consent = Consent.ASK
        self._text = ""
        self._reading = QTimer(self, singleShot=True, interval=READ_MS)
        self._reading.timeout.connect(lambda: self._let_agree(is_read=True))
        self._agreeing: list[Button] = []
        self._came_from: Button | None = None
        self._callout = Callout("warning", icon_name="copy")
        self._callout.setObjectName("terminal.clipboard")
        for name, words, kind in (
            ("once", self.tr("Allow once"), ButtonKind.SECONDARY),
            ("always", self.tr("Always here"), ButtonKind.GHOST),
            ("never", self.tr("Never here"), ButtonKind.GHOST),
        ):
            button = Button(words, kind=kind)
            button.setObjectName(f"terminal.clipboard.{name}")
            button.clicked.connect(lambda _checked=False, name=name: self._on_answer(name))
            self._callout.add_button(button)
            if name != "never":
                self._agreeing.append(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.S, Space.S, Space.S, 0)
        column.addWidget(self._callout)
        self.hide()

    def ask(self, text: str) -> None:
        """A program would like to put ``text`` on the clipboard."""
        if self.consent is Consent.ALWAYS:
            copy_text(text)
        elif self.consent is Consent.ASK and text and text != self._text:
            self._text = text
            self._let_agree(is_read=False)
            self._reading.start()
            shown = "".join(sign if sign.isprintable() else " " for sign in text[:_SHOWN])
            rest = "…" if len(text) > _SHOWN else ""
            words = self.tr("A program here wants to put {0} characters on the clipboard.")
            self._callout.say(words.format(self.locale().toString(len(text))), f"{shown}{rest}")
            self.show()

    def _let_agree(self, *, is_read: bool) -> None:
        focused = next((button for button in self._agreeing if button.hasFocus()), None)
        if focused is not None and not is_read:
            # Otherwise Qt moves the keyboard on to the button that says never.
            self.setFocus()
            self._came_from = focused
        for button in self._agreeing:
            button.setEnabled(is_read)
        if is_read and self._came_from is not None and self.hasFocus():
            self._came_from.setFocus()
            self._came_from = None

    def _on_answer(self, name: str) -> None:
        text, self._text = self._text, ""
        if name in {"once", "always"}:
            copy_text(text)
        self.consent = {"once": Consent.ASK, "always": Consent.ALWAYS, "never": Consent.NEVER}[name]
        self._callout.clear()
        self.hide()
        self.answered.emit()
