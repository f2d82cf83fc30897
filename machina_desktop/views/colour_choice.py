"""One of the colours that mark an account's machines, or none."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QSizePolicy, QVBoxLayout, QWidget

from machina_desktop.core.domain.provider import ACCOUNT_COLOURS
from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.flow import Flow
from machina_desktop.views.widgets.painting import draw_focus_ring, fill_rounded
from machina_desktop.views.widgets.text import Label

_SIZE = 28
_DISC = 16


def colour_word(colour: str) -> str:
    """What a colour is called."""
    words = {
        "": _tr("No colour"),
        "red": _tr("Red"),
        "orange": _tr("Orange"),
        "yellow": _tr("Yellow"),
        "green": _tr("Green"),
        "teal": _tr("Teal"),
        "blue": _tr("Blue"),
        "purple": _tr("Purple"),
        "pink": _tr("Pink"),
    }
    return words.get(colour, colour.capitalize())


class _Swatch(QAbstractButton):
    """A disc of the colour; a crossed ring for none. The chosen one stands in a frame."""

    def __init__(self, colour: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.colour = colour
        self.setCheckable(True)
        self.setAccessibleName(colour_word(colour))
        self.setToolTip(colour_word(colour))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(_SIZE, _SIZE)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        if self.isChecked():
            fill_rounded(painter, rect, Radius.BUTTON, theme.color("selection"), theme.color("accent-primary"))
        elif self.underMouse():
            fill_rounded(painter, rect, Radius.BUTTON, theme.color("surface-hover"))
        edge = (_SIZE - _DISC) / 2
        disc = rect.adjusted(edge, edge, -edge, -edge)
        if self.colour:
            fill_rounded(painter, disc, _DISC / 2, theme.color(f"account-{self.colour}"))
        else:
            draw_icon(painter, disc, "ban", "text-secondary")
        if self.hasFocus():
            draw_focus_ring(painter, rect, Radius.BUTTON)


class ColourChoice(QWidget):
    """A row of swatches under a label.

    Signals:
        chosen(str): The person chose another colour; empty for none.
    """

    chosen = Signal(str)

    def __init__(self, *, name: str, parent: QWidget | None = None) -> None:
        """``name`` is the object name; swatches are ``NAME.red`` and so on, ``NAME.none`` for no colour."""
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(_tr("Colour"))
        self._group = QButtonGroup(self)
        self._swatches: dict[str, _Swatch] = {}
        row = Flow()
        for colour in ("", *ACCOUNT_COLOURS):
            swatch = self._swatches[colour] = _Swatch(colour, self)
            swatch.setObjectName(f"{name}.{colour or 'none'}")
            self._group.addButton(swatch)
            row.addWidget(swatch)
        self._swatches[""].setChecked(True)
        self._group.buttonClicked.connect(lambda _button: self.chosen.emit(self.value()))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.XS)
        column.addWidget(Label(_tr("Colour"), style=Type.MEDIUM))
        column.addLayout(row)
        column.addWidget(
            Label(
                _tr("A dot of it marks the account's machines in lists."),
                style=Type.SECONDARY,
                tone="secondary",
                wraps=True,
            )
        )

    def value(self) -> str:
        """The colour chosen; empty for none."""
        button = self._group.checkedButton()
        return button.colour if isinstance(button, _Swatch) else ""

    def set_value(self, colour: str) -> None:
        """Show a colour as chosen, without telling anybody."""
        self._swatches.get(colour, self._swatches[""]).setChecked(True)


def _tr(text: str) -> str:
    return QCoreApplication.translate("ColourChoice", text)
