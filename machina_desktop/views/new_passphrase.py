"""A new passphrase: typed twice, with a judgement of how hard it is to guess and what would make it harder."""

from __future__ import annotations

import math

from PySide6.QtCore import QCoreApplication, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.core.secret import Secret
from machina_desktop.views import theme
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.inputs import PasswordInput
from machina_desktop.views.widgets.painting import draw_text, fill_rounded
from machina_desktop.views.widgets.text import Label

MINIMUM_LENGTH = 8
_STRONG = 4


class NewPassphrase(QWidget):
    """Two fields side by side, and the judgement below.

    Attributes:
        passphrase: The first field.
        again: The second.

    Signals:
        submitted(): Enter was pressed in the last field.
    """

    submitted = Signal()

    def __init__(self, *, label: str = "", has_advice: bool = False, parent: QWidget | None = None) -> None:
        """``has_advice`` says in a sentence what would make the passphrase stronger."""
        super().__init__(parent)
        self.passphrase = PasswordInput(label or self.tr("Passphrase"))
        self.again = PasswordInput(self.tr("Once more"))
        self._strength = _Strength()
        self._advice = Label(advice_for(""), style=Type.SECONDARY, tone="secondary", wraps=True, parent=self)
        self._advice.setVisible(has_advice)
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        for field in (self.passphrase, self.again):
            row.addWidget(field, 1, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, Space.XS, 0, Space.S)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self._strength)
        column.addWidget(self._advice)
        self.passphrase.changed.connect(self._on_changed)
        self.passphrase.submitted.connect(self.again.control.setFocus)
        self.again.submitted.connect(self.submitted)

    def secret(self) -> Secret:
        """What is typed."""
        return self.passphrase.secret()

    def is_complete(self) -> bool:
        """Whether both are filled in and the same; otherwise it says at the field what is missing."""
        typed, again = self.passphrase.text(), self.again.text()
        is_short = len(typed) < MINIMUM_LENGTH
        short = self.tr("Use at least {0} characters; four random words are a good start.").format(MINIMUM_LENGTH)
        self.passphrase.set_error(short if is_short else "")
        differs = not is_short and typed != again
        self.again.set_error(self.tr("The two differ. Type it again.") if differs else "")
        if is_short or differs:
            (self.passphrase if is_short else self.again).control.setFocus()
        return not is_short and not differs

    def enter(self) -> None:
        """Put the cursor into the first field."""
        self.passphrase.control.setFocus()

    def forget(self) -> None:
        """Empty the fields, once the vault has what was typed."""
        self.passphrase.set_text("")
        self.again.set_text("")

    def _on_changed(self, text: str) -> None:
        self._strength.show_for(text)
        self._advice.setText(advice_for(text))


class _Strength(QWidget):
    """Four bars and a word for how hard a passphrase is to guess."""

    def __init__(self) -> None:
        super().__init__()
        self._level = 0
        self._word = ""
        self.setFixedHeight(18)

    def show_for(self, passphrase: str) -> None:
        """Judge ``passphrase``; nothing shows for an empty one."""
        self._level, self._word = strength_of(passphrase) if passphrase else (0, "")
        self.setAccessibleName(self._word)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        token = ("accent-error", "accent-error", "accent-warning", "accent-success", "accent-success")[self._level]
        for index in range(4):
            is_lit = index < max(self._level, 1) and self._word
            fill = theme.color(token if is_lit else "tint-neutral")
            fill_rounded(painter, QRectF(index * 44, 7, 40, 4), 2, fill)
        text = QRectF(4 * 44 + Space.S, 0, self.width() - 4 * 44 - Space.S, self.height())
        draw_text(painter, text, self._word, theme.font(Type.SECONDARY), theme.color("text-secondary"))


def advice_for(passphrase: str) -> str:
    """What would make a passphrase harder to guess, in one sentence."""
    level, _ = strength_of(passphrase)
    if not passphrase:
        return _tr("Four or five random words are easy to remember and hard to guess. Nobody can recover it for you.")
    if level >= _STRONG:
        return _tr("Hard to guess. Keep a copy where only you find it: nobody can recover it for you.")
    if len(set(passphrase.lower())) < len(passphrase) / 2:
        return _tr("Repeated characters add little. Add a word that has nothing to do with the others.")
    return _tr("Longer is better than more complicated: add another random word.")


def strength_of(passphrase: str) -> tuple[int, str]:
    """A rough judgement of a passphrase: 0..4 and the word for it.

    Counts guesses as if letters were random, and distrusts repetition; it is a hint, not a promise.
    """
    kinds = (
        (26, any(letter.islower() for letter in passphrase)),
        (26, any(letter.isupper() for letter in passphrase)),
        (10, any(letter.isdigit() for letter in passphrase)),
        (32, any(not letter.isalnum() for letter in passphrase)),
    )
    alphabet = sum(size for size, is_used in kinds if is_used) or 1
    # A repeated letter tells little; a word of n different letters counts n and a bit.
    effective = min(len(passphrase), 2 * len(set(passphrase.lower())))
    bits = effective * math.log2(alphabet) * 0.75
    level = sum(bits >= mark for mark in (28, 45, 60, 80))
    if len(passphrase) < MINIMUM_LENGTH:
        level = 0
    return level, ("too short to be safe", "weak", "fair", "good", "strong")[level]


def _tr(text: str) -> str:
    return QCoreApplication.translate("NewPassphrase", text)
