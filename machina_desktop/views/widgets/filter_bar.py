"""The row of choices that narrow a list down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from machina_desktop.views.theme import CONTROL_HEIGHT, Space
from machina_desktop.views.widgets.buttons import Button, IconButton
from machina_desktop.views.widgets.inputs import fill_combo, plain_combo
from machina_desktop.views.widgets.menus import Menu

# Least and most, in design pixels.
_COMBO_WIDTH = (104, 220)
# A filter that would get less than this, or less than its text needs, folds away with the others.
_READABLE = 140


@dataclass(frozen=True, kw_only=True)
class Filter:
    """One combo box of a `FilterBar`.

    Attributes:
        key: Under which its value is stored.
        any_title: What the first entry, which filters nothing, is called: ``Any status``.
        choices: Pairs of value and title.
    """

    key: str
    any_title: str
    choices: tuple[tuple[str, str], ...] = ()


class FilterBar(QWidget):
    """A row of filters, a button that clears them, and room at the right for a page's own controls.

    It always takes one line: filters shorten their text, and where even that does not fit they fold into one button
    with a menu.

    Signals:
        changed: The filters in force (dict of key to value, without those that filter nothing).
    """

    changed = Signal(dict)

    def __init__(self, filters: tuple[Filter, ...], *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._combos: dict[str, QComboBox] = {}
        self._filters = {entry.key: entry for entry in filters}
        self._is_folded = False
        self.setAccessibleName(self.tr("Filters"))
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(Space.S)
        self._fold = Button(self.tr("Filters"), icon_name="list-filter", parent=self)
        self._fold.clicked.connect(self._open_menu)
        self._fold.hide()
        self._row.addWidget(self._fold)
        for entry in filters:
            self._build_combo(entry)
        self._clear = IconButton("x", self.tr("Clear filters"), parent=self)
        self._clear.clicked.connect(lambda: self.restore({}))
        self._clear.hide()
        self._row.addWidget(self._clear)
        self._row.addStretch()

    def setObjectName(self, name: str) -> None:
        super().setObjectName(name)
        self._fold.setObjectName(f"{name}.button")

    def state(self) -> dict[str, str]:
        """The filters in force, to be stored."""
        return {key: str(combo.currentData()) for key, combo in self._combos.items() if combo.currentData()}

    def restore(self, state: Mapping[str, str]) -> None:
        """Put stored filters in force; keys and values that are no longer offered are left out."""
        before = self.state()
        for key, combo in self._combos.items():
            combo.blockSignals(True)
            combo.setCurrentIndex(max(0, combo.findData(state.get(key, ""))))
            combo.blockSignals(False)
        if self.state() != before:
            self._on_changed()

    def set_choices(self, key: str, choices: tuple[tuple[str, str], ...]) -> None:
        """Offer other values for one filter; what is chosen stays where it is still offered."""
        fill_combo(self._combos[key], (("", self._filters[key].any_title), *choices))

    def add_widget(self, widget: QWidget) -> None:
        """Put a control of the page's own at the right end."""
        self._row.addWidget(widget)

    def minimumSizeHint(self) -> QSize:
        # What the one button needs: the row gives way to it before it pushes anything out of the page.
        return self._fold.sizeHint() + QSize(CONTROL_HEIGHT + Space.S if self.state() else 0, 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        widths = (min(combo.sizeHint().width(), _READABLE) for combo in self._combos.values())
        shown = sum(width + Space.S for width in widths) + (CONTROL_HEIGHT if self.state() else -Space.S)
        self._is_folded = self.width() < shown
        self._fold.setVisible(self._is_folded and bool(self._combos))
        for combo in self._combos.values():
            combo.setVisible(not self._is_folded)

    def _open_menu(self) -> None:
        """The filters as menus, with the values in force checked."""
        menu = Menu(self.tr("Filters"), parent=self)
        menu.setObjectName("filters.menu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for combo in self._combos.values():
            part = menu.add_menu(combo.currentText())
            for index in range(combo.count()):
                is_chosen = index == combo.currentIndex()
                part.add_item(combo.itemText(index), partial(combo.setCurrentIndex, index), is_checked=is_chosen)
        menu.popup_under(self._fold)

    def _build_combo(self, entry: Filter) -> None:
        combo = plain_combo()
        combo.setAccessibleName(entry.any_title)
        combo.setMinimumWidth(_COMBO_WIDTH[0])
        combo.setMaximumWidth(_COMBO_WIDTH[1])
        self._combos[entry.key] = combo
        self.set_choices(entry.key, entry.choices)
        combo.currentIndexChanged.connect(self._on_changed)
        self._row.addWidget(combo)

    def _on_changed(self) -> None:
        state = self.state()
        self._clear.setVisible(bool(state))
        count = f" · {len(state)}" if state else ""
        self._fold.setText(self.tr("Filters") + count)
        self._make_room()
        self.changed.emit(state)
