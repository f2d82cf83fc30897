"""Text to read: styled labels, labels that shorten themselves, text to copy, and lists of values."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QFontMetrics, QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import IconButton
from machina_desktop.views.widgets.painting import draw_paragraph, draw_text, paragraph_height
from machina_desktop.views.widgets.tooltip import hang_tooltip

COPIED_MS = 1500
SECRET_CLEARED_MS = 30_000
_COPIED_SECRET = "copied_secret"
# A longer label gives way down to this width, in design pixels; shorter ones stand firm.
_NARROWEST = 140
_NARROWEST_WRAPPED = 96
QWIDGETSIZE_MAX = 16_777_215
# The names of a `KeyValueList` have at least this much, in design pixels.
_NAME_WIDTH = 88


class Label(QLabel):
    """A label in one of the text styles.

    Attributes of the look: ``style`` is a `Type`; ``tone`` is ``""`` (primary), ``secondary``, ``accent``,
    ``success``, ``warning`` or ``error``. The text is always plain: markup in it shows as typed.

    Where there is no room for it, it ends in an ellipsis and is told in full by a tooltip; one that wraps is broken
    within a word that is too wide.
    """

    def __init__(
        self,
        text: str = "",
        *,
        style: Type = Type.BODY,
        tone: str = "",
        wraps: bool = False,
        is_selectable: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(theme.font(style))
        self.setWordWrap(wraps)
        if wraps:
            policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
            policy.setHeightForWidth(True)
            self.setSizePolicy(policy)
        if is_selectable:
            self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setProperty("tone", tone)

    def set_tone(self, tone: str) -> None:
        """Change its colour; the style sheet is asked again."""
        if self.property("tone") != tone:
            self.setProperty("tone", tone)
            self.style().polish(self)

    def minimumSizeHint(self) -> QSize:
        narrowest = _NARROWEST_WRAPPED if self.wordWrap() else _NARROWEST
        return super().minimumSizeHint().boundedTo(QSize(narrowest, QWIDGETSIZE_MAX))

    def heightForWidth(self, width: int) -> int:
        room = width - (self.width() - self.contentsRect().width())
        if self.wordWrap() and self._widest_word() > room > 0:
            height = paragraph_height(self.text(), self.font(), room)
            return math.ceil(height) + self.height() - self.contentsRect().height()
        return super().heightForWidth(width)

    def paintEvent(self, event: QPaintEvent) -> None:
        room = QRectF(self.contentsRect())
        if self._has_room(room):
            super().paintEvent(event)
            return
        painter, ink = QPainter(self), self.palette().color(self.foregroundRole())
        if self.wordWrap():
            is_centred = bool(self.alignment() & Qt.AlignmentFlag.AlignHCenter)
            draw_paragraph(painter, room, self.text(), self.font(), ink, is_centred=is_centred)
        else:
            draw_text(painter, room, self.text(), self.font(), ink, align=self.alignment())

    def _has_room(self, room: QRectF) -> bool:
        if self.wordWrap():
            return self._widest_word() <= room.width() + 1 and self.heightForWidth(self.width()) <= self.height() + 1
        return "\n" in self.text() or self.fontMetrics().horizontalAdvance(self.text()) <= room.width() + 1

    def _widest_word(self) -> int:
        longest = max(self.text().split(), key=len, default="")
        return self.fontMetrics().horizontalAdvance(longest)


class IconLabel(QWidget):
    """An icon to look at, in the colour its token has in the theme in force."""

    def __init__(
        self, icon_name: str, *, token: str = "text-secondary", size: int = 16, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._icon_name = icon_name
        self._token = token
        self.setFixedSize(size, size)

    def set_icon(self, icon_name: str, token: str = "") -> None:
        """Show another icon; without a token the colour stays."""
        self._icon_name = icon_name
        self._token = token or self._token
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        draw_icon(QPainter(self), QRectF(self.rect()), self._icon_name, self._token)


class ElidedLabel(Label):
    """A one-line label that ends in an ellipsis where it does not fit, and then has the whole text as its tooltip."""

    def __init__(
        self, text: str = "", *, style: Type = Type.BODY, tone: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(text, style=style, tone=tone, parent=parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        hang_tooltip(self)
        self.setMinimumWidth(Space.XL)

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(self.font())
        return QSize(metrics.horizontalAdvance(self.text()) + 2, metrics.height() + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(Space.XL, self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        metrics = QFontMetrics(self.font())
        shown = metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        self.setToolTip(self.text() if shown != self.text() else "")
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), int(self.alignment() | Qt.TextFlag.TextSingleLine), shown)


def copy_text(text: str, *, is_secret: bool = False) -> None:
    """Put ``text`` on the clipboard; a secret is taken off again after 30 s, if it is still there."""
    clipboard = QGuiApplication.clipboard()
    clipboard.setText(text)
    clipboard.setProperty(_COPIED_SECRET, text if is_secret else "")
    if is_secret:
        QTimer.singleShot(SECRET_CLEARED_MS, clipboard, lambda: _forget(text))


def forget_copied_secret() -> None:
    """Take a secret that was copied off the clipboard now, if it is still there."""
    secret = QGuiApplication.clipboard().property(_COPIED_SECRET)
    if isinstance(secret, str) and secret:
        _forget(secret)


def _forget(text: str) -> None:
    clipboard = QGuiApplication.clipboard()
    if clipboard.property(_COPIED_SECRET) == text:
        clipboard.setProperty(_COPIED_SECRET, "")
    if clipboard.text() == text:
        clipboard.clear()


class CopyLabel(QWidget):
    """Monospaced text, such as an address or an id, with a button that copies it."""

    def __init__(self, text: str = "", *, name: str, parent: QWidget | None = None) -> None:
        """``name`` says what the text is, for the tooltip and screen readers: ``public address``."""
        super().__init__(parent)
        self._label = ElidedLabel(text, style=Type.MONO, parent=self)
        self._label.setAccessibleName(name)
        self._button = IconButton("copy", self.tr("Copy {0}").format(name), parent=self)
        self._button.setFixedSize(24, 24)
        self._button.clicked.connect(self._on_clicked)
        self._calm = QTimer(self, interval=COPIED_MS, singleShot=True)
        self._calm.timeout.connect(lambda: self._button.set_icon_name("copy"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.XS)
        row.addWidget(self._label)
        row.addWidget(self._button)
        row.addStretch()
        self._label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.set_text(text)

    def text(self) -> str:
        """What is shown and copied."""
        return self._label.text()

    def set_text(self, text: str) -> None:
        """Show another text; without any, a dash stands there and nothing can be copied."""
        self._label.setText(text or "–")
        self._label.set_tone("" if text else "secondary")
        self._button.setVisible(bool(text))
        self.updateGeometry()

    def _on_clicked(self) -> None:
        copy_text(self._label.text())
        self._button.set_icon_name("check")
        self._calm.start()


class KeyValueList(QWidget):
    """Names on the left, values on the right, as the sidekick shows a machine's facts."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: dict[str, QWidget] = {}
        self._names: dict[str, Label] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(Space.L)
        self._grid.setVerticalSpacing(Space.XS)
        self._grid.setColumnMinimumWidth(0, _NAME_WIDTH)
        self._grid.setColumnStretch(1, 1)

    def add_text(self, key: str, name: str, value: str = "", *, is_mono: bool = False) -> None:
        """Add a row with a plain value; an empty one shows a dash."""
        self.add_widget(key, name, ElidedLabel(value or "–", style=Type.MONO if is_mono else Type.BODY))

    def add_copyable(self, key: str, name: str, value: str = "") -> None:
        """Add a row whose value has a copy button."""
        self.add_widget(key, name, CopyLabel(value, name=name))

    def add_widget(self, key: str, name: str, widget: QWidget) -> None:
        """Add a row with any widget as its value. Keys are unique; names are what people read."""
        row = self._grid.rowCount()
        label = Label(name, tone="secondary")
        label.setMinimumSize(min(_NAME_WIDTH, label.sizeHint().width()), 24)
        self._grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
        fixed = widget.sizePolicy().horizontalPolicy() == QSizePolicy.Policy.Fixed
        self._grid.addWidget(widget, row, 1, Qt.AlignmentFlag.AlignLeft if fixed else Qt.AlignmentFlag(0))
        if not widget.accessibleName():
            widget.setAccessibleName(name)
        self._names[key] = label
        self._values[key] = widget

    def set_values(self, values: Mapping[str, str]) -> None:
        """Change the text of rows by key; rows with widgets of the caller's own are left alone."""
        for key, value in values.items():
            widget = self._values[key]
            if isinstance(widget, CopyLabel):
                widget.set_text(value)
            elif isinstance(widget, QLabel):
                widget.setText(value or "–")

    def set_row_visible(self, key: str, is_visible: bool) -> None:
        """Show or hide one row."""
        self._names[key].setVisible(is_visible)
        self._values[key].setVisible(is_visible)

    def widget(self, key: str) -> QWidget:
        """The value's widget."""
        return self._values[key]
