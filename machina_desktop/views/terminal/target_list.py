"""A list of terminals or machines of which a person ticks some."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.checkbox import Checkbox
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.inputs import Select
from machina_desktop.views.widgets.search import SearchInput
from machina_desktop.views.widgets.text import Label

_HEIGHT = 260


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


class TargetList(QWidget):
    """Rows to tick, to search, and to tick by tag.

    Signals:
        changed(): Others are ticked.
    """

    changed = Signal()

    def __init__(self, targets: Iterable[Target], *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._targets = {target.key: target for target in targets}
        self._boxes: dict[str, Checkbox] = {}
        self.search = SearchInput(self.tr("Find a machine…"), width=2000, parent=self)
        self.search.setObjectName("targets.search")
        self.tag = Select(self.tr("Tick by tag"), choices=(("", ""),))
        self.all = Button(self.tr("Tick all"), kind=ButtonKind.GHOST)
        self.none = Button(self.tr("Tick none"), kind=ButtonKind.GHOST)
        self.count = Label(style=Type.SECONDARY, tone="secondary")
        self.setAccessibleName(name)
        self._build()
        self.search.searched.connect(self._show)
        self.all.clicked.connect(lambda: self._tick(self._shown(), is_on=True))
        self.none.clicked.connect(lambda: self._tick(tuple(self._targets), is_on=False))
        self.tag.changed.connect(self._on_tag)
        self._count()

    def _build(self) -> None:
        rows = QWidget()
        column = QVBoxLayout(rows)
        column.setContentsMargins(Space.S, Space.XS, Space.S, Space.XS)
        column.setSpacing(0)
        for target in self._targets.values():
            box = Checkbox(f"{target.title}  ·  {target.detail}" if target.detail else target.title)
            box.setObjectName(f"targets.{target.title}")
            box.setChecked(target.is_ticked)
            box.toggled.connect(lambda _is_on: self._count())
            self._boxes[target.key] = box
            column.addWidget(box)
        column.addStretch()
        room = QScrollArea()
        room.setWidget(rows)
        room.setWidgetResizable(True)
        room.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        room.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        room.setMinimumHeight(min(_HEIGHT, rows.sizeHint().height() + 2))
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
        whole.addWidget(room, 1)
        whole.addLayout(buttons)

    def ticked(self) -> tuple[str, ...]:
        """The keys of what is ticked, shown or not, in order."""
        return tuple(key for key, box in self._boxes.items() if box.isChecked())

    def tick(self, keys: Iterable[str]) -> None:
        """Tick these, and no others."""
        wanted = set(keys)
        for key, box in self._boxes.items():
            box.setChecked(key in wanted)

    def _tick(self, keys: tuple[str, ...], *, is_on: bool) -> None:
        for key in keys:
            self._boxes[key].setChecked(is_on)

    def _shown(self) -> tuple[str, ...]:
        words = self.search.text().casefold().split()
        return tuple(
            key
            for key, target in self._targets.items()
            if all(word in " ".join((target.title, target.detail, *target.tags)).casefold() for word in words)
        )

    def _show(self, _text: str) -> None:
        shown = set(self._shown())
        for key, box in self._boxes.items():
            box.setVisible(key in shown)

    def _on_tag(self, tag: str) -> None:
        if tag:
            self.tick(key for key, target in self._targets.items() if tag in target.tags)

    def _count(self) -> None:
        shown = self.locale().toString
        self.count.setText(self.tr("{0} of {1} ticked").format(shown(len(self.ticked())), shown(len(self._targets))))
        self.changed.emit()


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
