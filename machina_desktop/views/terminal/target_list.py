"""A list of terminals or machines of which a person ticks some."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.inputs import Select
from machina_desktop.views.widgets.list_view import List, ListItem
from machina_desktop.views.widgets.search import SearchInput
from machina_desktop.views.widgets.text import Label


@dataclass(frozen=True, kw_only=True)
class Target:
    """One row.

    Attributes:
        key: Under which it is answered.
        title: What people read.
        detail: Said behind it, such as its environment.
        tags: By which several are ticked at once.
        is_ticked: Whether it is at first.
    """

    key: str
    title: str
    detail: str = ""
    tags: tuple[str, ...] = ()
    is_ticked: bool = False


class _Ticks(List):
    """A list whose rows a click or the space bar ticks.

    Signals:
        toggled_key(str): The key of the row.
    """

    toggled_key = Signal(str)

    def __init__(self, *, name: str, parent: QWidget) -> None:
        super().__init__(name=name, parent=parent)
        self.clicked.connect(lambda _index: self.toggled_key.emit(self.current()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and self.current():
            self.toggled_key.emit(self.current())
            return
        super().keyPressEvent(event)


class TargetList(QWidget):
    """Rows to tick, to search, and to tick by tag. It stays quick with thousands of them.

    Signals:
        changed(): Others are ticked.
    """

    changed = Signal()

    def __init__(self, targets: Iterable[Target], *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._targets = {target.key: target for target in targets}
        self._ticked = {key for key, target in self._targets.items() if target.is_ticked}
        self.search = SearchInput(self.tr("Find a machine…"), width=2000, parent=self)
        self.search.setObjectName("targets.search")
        self.tag = Select(self.tr("Tick by tag"), choices=(("", ""),))
        self.list = _Ticks(name=name, parent=self)
        self.list.setObjectName("targets.list")
        self.all = Button(self.tr("Tick all"), kind=ButtonKind.GHOST)
        self.none = Button(self.tr("Tick none"), kind=ButtonKind.GHOST)
        self.count = Label(style=Type.SECONDARY, tone="secondary")
        self._build()
        self.search.searched.connect(lambda _text: self._show())
        self.list.toggled_key.connect(self._toggle)
        self.all.clicked.connect(lambda: self._set(self._ticked | {target.key for target in self._shown()}))
        self.none.clicked.connect(lambda: self._set(set()))
        self.tag.changed.connect(self._on_tag)
        self._show()

    def _build(self) -> None:
        tags = sorted({tag for target in self._targets.values() for tag in target.tags})
        self.tag.set_choices((("", self.tr("Choose a tag…")), *((tag, tag) for tag in tags)))
        self.tag.setVisible(bool(tags))
        buttons = QHBoxLayout()
        buttons.setSpacing(Space.XS)
        buttons.addWidget(self.count, 1)
        buttons.addWidget(self.all)
        buttons.addWidget(self.none)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(Space.S)
        for widget in (self.tag, self.search):
            whole.addWidget(widget)
        whole.addWidget(self.list, 1)
        whole.addLayout(buttons)

    def ticked(self) -> tuple[str, ...]:
        """The keys of what is ticked, shown or not, in order."""
        return tuple(key for key in self._targets if key in self._ticked)

    def tick(self, keys: Iterable[str]) -> None:
        """Tick these, and no others."""
        self._set(set(keys) & self._targets.keys())

    def _set(self, ticked: set[str]) -> None:
        self._ticked = ticked
        self._show()
        self.changed.emit()

    def _toggle(self, key: str) -> None:
        self._set(self._ticked ^ {key})

    def _shown(self) -> list[Target]:
        words = self.search.text().casefold().split()
        return [
            target
            for target in self._targets.values()
            if all(word in " ".join((target.title, target.detail, *target.tags)).casefold() for word in words)
        ]

    def _show(self) -> None:
        shown = self.locale().toString
        self.list.set_items(tuple(self._item(target) for target in self._shown()))
        self.count.setText(self.tr("{0} of {1} ticked").format(shown(len(self._ticked)), shown(len(self._targets))))

    def _item(self, target: Target) -> ListItem:
        is_ticked = target.key in self._ticked
        return ListItem(
            key=target.key,
            title=f"{target.title}  ·  {target.detail}" if target.detail else target.title,
            icon_name="square-check" if is_ticked else "square",
            token="accent-primary" if is_ticked else "",
            trailing=self.tr("ticked") if is_ticked else "",
        )

    def _on_tag(self, tag: str) -> None:
        if tag:
            self.tick(key for key, target in self._targets.items() if tag in target.tags)


class TargetsDialog(Dialog):
    """Asks which; at least ``least`` of them.

    Signals:
        chosen(object): The keys (tuple of str).
    """

    chosen = Signal(object)

    def __init__(
        self, title: str, targets: Iterable[Target], *, text: str, primary: str, least: int, parent: QWidget
    ) -> None:
        super().__init__(title, text=text, primary=primary, width=480, parent=parent)
        self._least = least
        self.setObjectName("targets")
        self.targets = TargetList(targets, name=title, parent=self)
        self.column.addWidget(self.targets)
        self.targets.changed.connect(self._on_changed)
        self.primary.clicked.connect(self._on_primary)
        self._on_changed()

    def _on_changed(self) -> None:
        self.primary.setEnabled(len(self.targets.ticked()) >= self._least)

    def _on_primary(self) -> None:
        self.chosen.emit(self.targets.ticked())
        self.accept()
