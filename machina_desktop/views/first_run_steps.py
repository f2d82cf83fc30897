"""The screens of the first start: each a widget that knows when it is complete."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from machina_desktop.core.secret import Secret
from machina_desktop.core.services.device import VaultStatus
from machina_desktop.views import theme
from machina_desktop.views.choice_card import ChoiceCard
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.unlock import MINIMUM_LENGTH, strength_of
from machina_desktop.views.widgets.feedback import Avatar
from machina_desktop.views.widgets.inputs import PasswordInput
from machina_desktop.views.widgets.layout import Card
from machina_desktop.views.widgets.painting import draw_focus_ring, draw_text, fill_rounded
from machina_desktop.views.widgets.text import Label

_CENTER = Qt.AlignmentFlag.AlignCenter


class _ThemeTile(QAbstractButton):
    """A small picture of the window in a theme's own colours."""

    def __init__(self, name: str, title: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._name = name
        self.setText(title)
        self.setAccessibleName(title)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(150, 164)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        picture = rect.adjusted(2, 2, -2, -30)
        if self._name == theme.SYSTEM:
            painter.save()
            painter.setClipRect(picture.adjusted(0, 0, -picture.width() / 2, 0))
            _paint_window(painter, picture, "dark")
            painter.setClipRect(picture.adjusted(picture.width() / 2, 0, 0, 0))
            _paint_window(painter, picture, "light")
            painter.restore()
        else:
            _paint_window(painter, picture, self._name)
        if self.isChecked() or self.underMouse():
            edge = "accent-primary" if self.isChecked() else "outline"
            draw_focus_ring(painter, picture.adjusted(-2, -2, 2, 2), Radius.CARD, edge)
        token = "text-primary" if self.isChecked() else "text-secondary"
        words = QRectF(0, rect.bottom() - 24, rect.width(), 24)
        style = Type.MEDIUM if self.isChecked() or self.hasFocus() else Type.BODY
        draw_text(painter, words, self.text(), theme.font(style), theme.color(token), align=_CENTER)
        if self.hasFocus():
            draw_focus_ring(painter, words.adjusted(Space.S, 1, -Space.S, -1), Radius.INPUT)


def _paint_window(painter: QPainter, rect: QRectF, name: str) -> None:
    colors = theme.themes()[name].colors

    def bar(x: float, y: float, width: float, color: QColor, height: float = 5) -> None:
        fill_rounded(painter, QRectF(rect.left() + x, rect.top() + y, width, height), 2, color)

    fill_rounded(painter, rect, Radius.BUTTON, colors["background"], colors["border"])
    side = QRectF(rect.left() + 1, rect.top() + 1, 38, rect.height() - 2)
    fill_rounded(painter, side, Radius.BUTTON - 1, colors["surface"], colors["border"])
    for index in range(4):
        bar(8, 14 + index * 13, 22, colors["text-primary" if index == 0 else "text-secondary"], 4)
    bar(48, 12, 34, colors["text-primary"])
    bar(rect.width() - 32, 10, 22, colors["accent-primary"], 9)
    for row in range(3 if rect.height() > 124 else 2):
        card = QRectF(rect.left() + 48, rect.top() + 30 + row * 32, rect.width() - 58, 26)
        fill_rounded(painter, card, 4, colors["surface-elevated"], colors["border"])
        bar(56, 40 + row * 32, 6, colors[("accent-success", "accent-warning", "accent-success")[row]], 6)
        bar(68, 40 + row * 32, 30, colors["text-secondary"])


class LookStep(QWidget):
    """Which theme.

    Signals:
        chosen(str): ``dark``, ``light`` or ``system``.
    """

    chosen = Signal(str)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._tiles: dict[str, _ThemeTile] = {}
        self._group = QButtonGroup(self)
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        for key, title in (
            ("dark", self.tr("Dark")),
            ("light", self.tr("Light")),
            (theme.SYSTEM, self.tr("As the system")),
        ):
            tile = _ThemeTile(key, title, self)
            self._tiles[key] = tile
            tile.clicked.connect(lambda _checked=False, key=key: self.chosen.emit(key))
            self._group.addButton(tile)
            row.addWidget(tile)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addStretch(2)
        column.addLayout(row)
        column.addStretch(3)
        self.set_chosen(name)

    def set_chosen(self, name: str) -> None:
        """Mark the theme in force; sends no signal."""
        if name in self._tiles:
            self._tiles[name].setChecked(True)


class TeamStep(QWidget):
    """The team that machines, keys and accounts will belong to."""

    def __init__(self) -> None:
        super().__init__()
        self._avatar = Avatar("", size=40)
        self._name = Label("", style=Type.STRONG)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._name)
        words.addWidget(Label(self.tr("On this computer only. Nothing is sent anywhere."), tone="secondary"))
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        row.addWidget(self._avatar)
        row.addLayout(words, 1)
        card = Card(name=self.tr("Team"))
        card.column.addLayout(row)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.L)
        column.addStretch(2)
        column.addWidget(card)
        column.addStretch(3)

    def set_team(self, name: str) -> None:
        """Show the team's name."""
        self._avatar.set_name(name)
        self._name.setText(name)


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


class LockStep(QWidget):
    """How the vault is unlocked.

    Signals:
        submitted(): Enter was pressed in the last field.
    """

    submitted = Signal()

    def __init__(self, status: VaultStatus) -> None:
        super().__init__()
        self._cards: dict[str, ChoiceCard] = {}
        self._group = QButtonGroup(self)
        self._passphrase = PasswordInput(self.tr("Passphrase"))
        self._again = PasswordInput(self.tr("Once more"))
        self._strength = _Strength()
        self._fields = self._build_fields()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        for card in self._build_cards(status):
            column.addWidget(card)
            if card is self._cards["passphrase"]:
                column.addWidget(self._fields)
        column.addStretch()
        self._cards["keyring" if status.keyring_available else "passphrase"].setChecked(True)
        self._group.buttonToggled.connect(self._on_toggled)
        self._on_toggled()

    @property
    def slot(self) -> str:
        """The way chosen: ``keyring``, ``passphrase`` or ``key-file``."""
        return next(slot for slot, card in self._cards.items() if card.isChecked())

    @property
    def passphrase(self) -> Secret:
        """The passphrase; empty with the other ways."""
        return self._passphrase.secret() if self.slot == "passphrase" else Secret("")

    def choose(self, slot: str) -> None:
        """Choose a way."""
        self._cards[slot].setChecked(True)

    def is_complete(self) -> bool:
        """Whether everything is filled in; otherwise it says at the field what is missing."""
        if self.slot != "passphrase":
            return True
        typed, again = self._passphrase.text(), self._again.text()
        is_short = len(typed) < MINIMUM_LENGTH
        short = self.tr("Use at least {0} characters; four random words are a good start.").format(MINIMUM_LENGTH)
        self._passphrase.set_error(short if is_short else "")
        differs = not is_short and typed != again
        self._again.set_error(self.tr("The two differ. Type it again.") if differs else "")
        if is_short or differs:
            (self._passphrase if is_short else self._again).control.setFocus()
        return not is_short and not differs

    def enter(self) -> None:
        """Put the cursor where typing begins; Enter moves on from field to field."""
        if self.slot == "passphrase":
            self._passphrase.control.setFocus()

    def forget(self) -> None:
        """Empty the fields, once the vault has what was typed."""
        self._passphrase.set_text("")
        self._again.set_text("")

    def _build_cards(self, status: VaultStatus) -> tuple[ChoiceCard, ...]:
        keyring = ChoiceCard(
            "key-round",
            self.tr("System keyring"),
            self.tr("Opens by itself when you are logged in to this computer.")
            if status.keyring_available
            else self.tr("No keyring answers on this computer."),
            note=self.tr("recommended") if status.keyring_available else "",
        )
        keyring.setEnabled(status.keyring_available)
        passphrase = ChoiceCard(
            "lock",
            self.tr("Passphrase"),
            self.tr("Asked for at every start. Nobody can recover it for you."),
            note="" if status.keyring_available else self.tr("recommended"),
        )
        file = ChoiceCard(
            "file-text",
            self.tr("Key file"),
            self.tr("Anyone who copies the data folder can read the credentials."),
        )
        self._cards = {"keyring": keyring, "passphrase": passphrase, "key-file": file}
        for card in self._cards.values():
            self._group.addButton(card)
        return keyring, passphrase, file

    def _build_fields(self) -> QWidget:
        fields = QWidget()
        column = QVBoxLayout(fields)
        column.setContentsMargins(0, Space.XS, 0, Space.S)
        column.setSpacing(6)
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        for field in (self._passphrase, self._again):
            row.addWidget(field, 1, Qt.AlignmentFlag.AlignTop)
        column.addLayout(row)
        column.addWidget(self._strength)
        self._passphrase.changed.connect(self._strength.show_for)
        self._passphrase.submitted.connect(self._again.control.setFocus)
        self._again.submitted.connect(self.submitted)
        return fields

    def _on_toggled(self) -> None:
        is_passphrase = self.slot == "passphrase"
        self._fields.setVisible(is_passphrase)
        if is_passphrase:
            self._passphrase.control.setFocus()


class BeginStep(QWidget):
    """What to do first.

    Signals:
        chosen(str): ``sandbox`` or ``baremetal``.
    """

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        column.addStretch(2)
        for provider, icon, title, text in (
            (
                "sandbox",
                "flask-conical",
                self.tr("Try it on this computer"),
                self.tr("A practice machine, with a real plan and a real run. No account needed."),
            ),
            (
                "baremetal",
                "hard-drive",
                self.tr("Add a server I have"),
                self.tr("Any host you reach over SSH. Nothing changes without your approval."),
            ),
        ):
            card = ChoiceCard(icon, title, text, is_checkable=False)
            card.clicked.connect(lambda _checked=False, provider=provider: self.chosen.emit(provider))
            column.addWidget(card)
        column.addStretch(3)
