"""One setting on the settings page: title and help at the left, the control that fits its kind at the right."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.config import REDUCED_MOTION, THEME
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.device import ChangeSetting, SettingValue
from machina_desktop.views import tasks, theme
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.inputs import Checkbox, fill_combo, plain_combo
from machina_desktop.views.widgets.text import Label

Value = str | int | bool
# The indicator with its frame.
_BOX = 22
Control = tuple[QWidget, Callable[[Value], None]]


class SettingRow(QWidget):
    """Stores a change at once; what takes effect in the window does so at once too.

    Attributes:
        control: The check box, number, list or line.

    Signals:
        changed(str): The setting was stored: its key.
    """

    changed = Signal(str)

    def __init__(self, bridge: Bridge, setting: SettingValue, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._key = setting.key
        self._stored: Value = setting.value
        self._problem = Label("", style=Type.SECONDARY, tone="error", wraps=True)
        self._problem.hide()
        self.control, self._put = self._build_control(setting)
        self.control.setAccessibleName(setting.title)
        self.control.setAccessibleDescription(setting.help)
        self._build(setting)
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

    def _build(self, setting: SettingValue) -> None:
        words = QVBoxLayout()
        words.setSpacing(2)
        title = Label(setting.title, style=Type.MEDIUM)
        # Where a combo box has its choice as its name, screen readers say this label with it.
        title.setBuddy(self.control)
        words.addWidget(title)
        words.addWidget(Label(setting.help, style=Type.SECONDARY, tone="secondary", wraps=True))
        words.addWidget(self._problem)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, Space.XS, 0, Space.XS)
        row.setSpacing(Space.XL)
        row.addLayout(words, 1)
        row.addWidget(self.control, 0, Qt.AlignmentFlag.AlignVCenter)

    def _build_control(self, setting: SettingValue) -> Control:
        if isinstance(setting.value, bool):
            return self._build_switch()
        if isinstance(setting.value, int):
            return self._build_number(setting)
        return self._build_choice(setting) if setting.choices else self._build_text()

    def _build_switch(self) -> Control:
        box = Checkbox("")
        # Without words there is nothing for it to keep a distance to: it stands in line with the other controls.
        box.setFixedWidth(_BOX)
        box.toggled.connect(lambda is_on: self._store("true" if is_on else "false"))
        return box, lambda value: box.setChecked(bool(value))

    def _build_number(self, setting: SettingValue) -> Control:
        spin = QSpinBox()
        spin.setRange(setting.minimum, setting.maximum)
        # Sends the number once it is typed, not each of its digits.
        spin.setKeyboardTracking(False)
        spin.setFixedWidth(88)
        spin.lineEdit().setTextMargins(Space.S, 0, 0, 0)
        spin.valueChanged.connect(lambda number: self._store(str(number)))
        return spin, lambda value: spin.setValue(int(value))

    def _build_choice(self, setting: SettingValue) -> Control:
        combo = plain_combo()
        fill_combo(combo, tuple((choice, _title_of(choice)) for choice in setting.choices))
        combo.currentIndexChanged.connect(lambda _index: self._store(str(combo.currentData())))
        return combo, lambda value: combo.setCurrentIndex(max(0, combo.findData(value)))

    def _build_text(self) -> Control:
        line = QLineEdit()
        line.setFont(theme.font(Type.MONO))
        line.setPlaceholderText(_tr("found by itself"))
        line.setFixedWidth(260)
        line.editingFinished.connect(lambda: self._store(line.text().strip()))
        return line, lambda value: line.setText(str(value))

    def _store(self, text: str) -> None:
        if text in {str(self._stored), str(self._stored).lower()}:
            return
        tasks.run(
            self._bridge,
            self._bridge.call(ChangeSetting(key=self._key, value=text)),
            owner=self,
            name=f"set {self._key}",
            done=self._on_stored,
            failed=self._on_failed,
        )

    def _on_stored(self, setting: SettingValue) -> None:
        self._stored = setting.value
        self._problem.hide()
        _take_effect(setting)
        self.changed.emit(setting.key)

    def _on_failed(self, error: MachinaError) -> None:
        self._problem.setText(str(error))
        self._problem.show()
        self.set_value(self._stored)


def _take_effect(setting: SettingValue) -> None:
    app = QApplication.instance()
    if setting.key == THEME.key and isinstance(app, QApplication):
        theme.apply_theme(app, str(setting.value))
    elif setting.key == REDUCED_MOTION.key:
        theme.set_motion_reduced(setting.value == "on")


def _title_of(choice: str) -> str:
    titles = {
        "dark": _tr("Dark"),
        "light": _tr("Light"),
        "high-contrast": _tr("High contrast"),
        "system": _tr("As the system"),
    }
    return titles.get(choice, choice)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Settings", text)
