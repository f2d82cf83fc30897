"""One setting on the settings page: title and help at the left, the control that fits its kind at the right."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QEasingCurve, QRectF, Qt, QVariantAnimation, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.device import ChangeSetting, SettingValue
from machina_desktop.views import tasks, theme
from machina_desktop.views.setting_effect import take_effect
from machina_desktop.views.setting_words import in_words
from machina_desktop.views.theme import CONTROL_HEIGHT, Radius, Space, Type
from machina_desktop.views.widgets.buttons import IconButton
from machina_desktop.views.widgets.inputs import fill_combo, plain_combo
from machina_desktop.views.widgets.painting import fill_rounded
from machina_desktop.views.widgets.text import Label
from machina_desktop.views.widgets.toggles import Switch

Value = str | int | bool
Control = tuple[QWidget, Callable[[Value], None]]
FLASH_MS = 1400
_TEXT_WIDTH = 280
_CHOICE_WIDTH = 136


class SettingRow(QWidget):
    """Stores a change at once; what takes effect in the window does so at once too.

    Attributes:
        key: The setting's.
        words: What it can be found by, in small letters.
        control: The switch, number, list or line.

    Signals:
        changed(str): The setting was stored: its key.
    """

    changed = Signal(str)

    def __init__(self, bridge: Bridge, setting: SettingValue, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        setting = in_words(setting)
        self.key = setting.key
        self.setObjectName(f"setting.{setting.key}")
        self.words = " ".join((setting.title, setting.help, setting.key, *setting.choice_titles)).casefold()
        self.only_with = setting.only_with
        self._bridge = bridge
        self._stored: Value = setting.value
        self._default: Value = setting.default
        self._problem = Label("", style=Type.SECONDARY, tone="error", wraps=True)
        self._problem.hide()
        self._words = self._build_words(setting)
        self._reset = IconButton("undo-2", _tr("Back to the default"))
        self._reset.clicked.connect(lambda: self._store(_as_text(self._default)))
        self.control, self._put = self._build_control(setting)
        self.control.setAccessibleName(setting.title)
        # Where a combo box has its choice as its name, screen readers say this label with it.
        self._title.setBuddy(self.control)
        self.control.setAccessibleDescription(setting.help)
        self._light = QVariantAnimation(self, duration=FLASH_MS)
        self._light.setStartValue(1.0)
        self._light.setEndValue(0.0)
        self._light.setEasingCurve(QEasingCurve.Type.InQuad)
        self._light.valueChanged.connect(lambda _value: self.update())
        self._build()
        self.set_value(setting.value)

    def problem(self) -> str:
        """Why the last change was refused; empty when it was not."""
        return "" if self._problem.isHidden() else self._problem.text()

    def value(self) -> Value:
        """What is stored."""
        return self._stored

    def set_value(self, value: Value) -> None:
        """Show what is stored; nothing is sent."""
        self._stored = value
        self.control.blockSignals(True)
        self._put(value)
        self.control.blockSignals(False)
        self._reset.setVisible(value != self._default)

    def set_effective(self, is_effective: bool) -> None:
        """Whether the setting it depends on lets it have an effect."""
        self.setEnabled(is_effective)

    def flash(self) -> None:
        """Lead the eye here and put the keyboard's focus on the control; it lights up unless motion is reduced."""
        self.control.setFocus(Qt.FocusReason.ShortcutFocusReason)
        if not theme.is_motion_reduced():
            self._light.start()

    def is_flashing(self) -> bool:
        """Whether the light is on."""
        return self._light.state() is QVariantAnimation.State.Running

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.is_flashing():
            return
        painter = QPainter(self)
        painter.setOpacity(float(self._light.currentValue()))
        fill_rounded(painter, QRectF(self.rect()), Radius.BUTTON, theme.color("selection"))

    def _build_words(self, setting: SettingValue) -> QVBoxLayout:
        words = QVBoxLayout()
        words.setSpacing(2)
        self._title = Label(setting.title, style=Type.MEDIUM, wraps=True)
        words.addWidget(self._title)
        words.addWidget(Label(setting.help, style=Type.SECONDARY, tone="secondary", wraps=True))
        words.addWidget(self._problem)
        return words

    def _build(self) -> None:
        row = QHBoxLayout(self)
        # A switch has room for its focus ring around it; what is seen of it ends where other controls do.
        right = Space.S - Space.XS if isinstance(self.control, Switch) else Space.S
        row.setContentsMargins(Space.S, Space.S, right, Space.S)
        row.setSpacing(Space.S)
        row.addLayout(self._words, 1)
        row.addSpacing(Space.L)
        row.addWidget(self._reset, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.control, 0, Qt.AlignmentFlag.AlignVCenter)

    def _build_control(self, setting: SettingValue) -> Control:
        if isinstance(setting.value, bool):
            return self._build_switch()
        if isinstance(setting.value, int):
            return self._build_number(setting)
        return self._build_choice(setting) if setting.choices else self._build_text(setting)

    def _build_switch(self) -> Control:
        switch = Switch()
        switch.toggled.connect(lambda is_on: self._store(_as_text(is_on)))
        return switch, lambda value: switch.setChecked(bool(value))

    def _build_number(self, setting: SettingValue) -> Control:
        spin = _CalmSpinBox()
        spin.setRange(setting.minimum, setting.maximum)
        spin.setSuffix(f" {setting.unit}" if setting.unit else "")
        if setting.zero and setting.minimum == 0:
            spin.setSpecialValueText(setting.zero)
        # Sends the number once it is typed, not each of its digits.
        spin.setKeyboardTracking(False)
        spin.setFixedSize(_CHOICE_WIDTH, CONTROL_HEIGHT)
        spin.valueChanged.connect(lambda number: self._store(str(number)))
        return spin, lambda value: spin.setValue(int(value))

    def _build_choice(self, setting: SettingValue) -> Control:
        combo = plain_combo()
        combo.setMinimumWidth(_CHOICE_WIDTH)
        titles = setting.choice_titles or setting.choices
        fill_combo(combo, tuple(zip(setting.choices, titles, strict=True)))
        combo.currentIndexChanged.connect(lambda _index: self._store(str(combo.currentData())))
        return combo, lambda value: combo.setCurrentIndex(max(0, combo.findData(value)))

    def _build_text(self, setting: SettingValue) -> Control:
        line = QLineEdit()
        line.setFont(theme.font(Type.MONO))
        line.setPlaceholderText(setting.empty)
        line.setFixedWidth(_TEXT_WIDTH)
        line.editingFinished.connect(lambda: self._store(line.text().strip()))
        return line, lambda value: line.setText(str(value))

    def _store(self, text: str) -> None:
        if text == _as_text(self._stored):
            # What was refused before and is as stored again is no problem any more.
            self._problem.hide()
            return
        tasks.ask(
            self._bridge,
            ChangeSetting(key=self.key, value=text),
            owner=self,
            done=self._on_stored,
            failed=self._on_failed,
        )

    def _on_stored(self, setting: SettingValue) -> None:
        self._problem.hide()
        self.control.setAccessibleDescription(setting.help)
        self.control.setProperty("invalid", False)
        self.control.style().polish(self.control)
        self.set_value(setting.value)
        take_effect(setting)
        self.changed.emit(setting.key)

    def _on_failed(self, error: MachinaError) -> None:
        self._problem.setText(str(error))
        self._problem.show()
        self.control.setAccessibleDescription(str(error))
        if isinstance(self.control, QLineEdit):
            # What was typed stays, to be corrected.
            self.control.setProperty("invalid", True)
            self.control.style().polish(self.control)
        else:
            self.set_value(self._stored)


class _CalmSpinBox(QSpinBox):
    """Turning the wheel over it scrolls the page, not the number."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


def _as_text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Settings", text)
