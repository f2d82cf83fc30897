"""What the files panel asks: names, permissions, what to do about a file in the way, and about one edited twice."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from machina_desktop.core.domain.transfer import Entry, FileConflict, OnConflict, shown_name
from machina_desktop.views.terminal_files.file_words import size_words, time_words
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.checkbox import Checkbox
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.inputs import Input
from machina_desktop.views.widgets.text import Label


class NameDialog(Dialog):
    """Asks for a name; accepted with :attr:`name`."""

    def __init__(self, title: str, *, label: str, confirm: str, name: str = "", parent: QWidget) -> None:
        super().__init__(title, primary=confirm, parent=parent)
        self._input = Input(label, text=name)
        self._input.control.setObjectName("files.name")
        self.column.addWidget(self._input)
        self.primary.clicked.connect(self._on_primary)
        self._input.control.setFocus()
        stem = name.rpartition(".")[0] or name
        self._input.control.setSelection(0, len(stem))

    @property
    def name(self) -> str:
        """What was typed."""
        return self._input.text()

    def _on_primary(self) -> None:
        if self.name in {"", ".", ".."} or "/" in self.name or "\0" in self.name:
            self._input.set_error(self.tr("A name has no slash and is neither . nor .."))
        else:
            self.accept()


class PermissionsDialog(Dialog):
    """Asks who may do what with a file; accepted with :attr:`mode`."""

    def __init__(self, entry: Entry, *, parent: QWidget) -> None:
        title = self.tr("Permissions of {0}").format(shown_name(entry.name))
        super().__init__(title, primary=self.tr("Set"), width=400, parent=parent)
        self._boxes: list[tuple[Checkbox, int]] = []
        grid = QGridLayout()
        grid.setHorizontalSpacing(Space.XL)
        grid.setVerticalSpacing(Space.M)
        for row, who in enumerate((self.tr("Owner"), self.tr("Group"), self.tr("Others"))):
            grid.addWidget(Label(who, style=Type.MEDIUM), row, 0)
            for column, (what, bit) in enumerate(
                ((self.tr("Read"), 4), (self.tr("Write"), 2), (self.tr("Execute"), 1)), 1
            ):
                box = Checkbox(what)
                mask = bit << (3 * (2 - row))
                box.setChecked(bool(entry.mode & mask))
                box.setAccessibleName(f"{who}: {what}")
                box.toggled.connect(self._on_toggled)
                self._boxes.append((box, mask))
                grid.addWidget(box, row, column)
        self.column.addLayout(grid)
        self._octal = Label("", style=Type.MONO, tone="secondary")
        self.column.addWidget(self._octal)
        self.primary.clicked.connect(self.accept)
        self._on_toggled()

    @property
    def mode(self) -> int:
        """The permission bits chosen."""
        return sum(mask for box, mask in self._boxes if box.isChecked())

    def _on_toggled(self) -> None:
        self._octal.setText(f"{self.mode:03o}")


class _Compared(QWidget):
    """Two files side by side: sizes and times."""

    def __init__(self, heads: tuple[str, str], sizes: tuple[int, int], times: tuple[float, float]) -> None:
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(Space.XXL)
        grid.setVerticalSpacing(Space.XS)
        newer = 0 if times[0] > times[1] else 1
        for column in range(2):
            grid.addWidget(Label(heads[column], style=Type.SECONDARY, tone="secondary"), 0, column)
            grid.addWidget(Label(size_words(sizes[column])), 1, column)
            when = time_words(times[column])
            if column == newer and int(times[0]) != int(times[1]):
                when = self.tr("{0}, newer").format(when)
            grid.addWidget(Label(when), 2, column)
        grid.setColumnStretch(2, 1)


class ConflictDialog(Dialog):
    """What to do about a file that is there already.

    Signals:
        decided(OnConflict, bool): The choice, and whether it holds for all that follow.
    """

    decided = Signal(object, bool)

    def __init__(self, conflict: FileConflict, *, parent: QWidget) -> None:
        name = shown_name(conflict.name)
        super().__init__(
            self.tr("The file is there already"), text=name, primary=self.tr("Overwrite"), width=560, parent=parent
        )
        self.column.addWidget(
            _Compared(
                (self.tr("There"), self.tr("To be copied")),
                (conflict.found_size, conflict.source_size),
                (conflict.found_mtime, conflict.source_mtime),
            )
        )
        self._for_all = Checkbox(self.tr("Do the same for all that follow"))
        self.column.addWidget(self._for_all)
        self.primary.clicked.connect(partial(self._decide, OnConflict.OVERWRITE))
        self.cancel.setText(self.tr("Skip"))
        self.cancel.clicked.disconnect()
        self.cancel.clicked.connect(partial(self._decide, OnConflict.SKIP))
        for text, choice in (
            (self.tr("Keep both"), OnConflict.RENAME),
            (self.tr("Only if newer"), OnConflict.NEWER),
        ):
            button = Button(text, parent=self)
            button.clicked.connect(partial(self._decide, choice))
            self.add_button(button)
        # Enter overwrites nothing by accident.
        self.cancel.setFocus()

    def _decide(self, choice: OnConflict) -> None:
        self.decided.emit(choice, self._for_all.isChecked())
        self.accept()


class EditConflictDialog(Dialog):
    """What to do about a file that was changed on the machine while it was edited here.

    Signals:
        decided(str): ``overwrite``, ``copy`` or ``reload``.
    """

    decided = Signal(str)

    def __init__(self, name: str, mine: Entry, found: Entry, *, parent: QWidget) -> None:
        super().__init__(
            self.tr("{0} was changed on the machine").format(shown_name(name)),
            text=self.tr("Somebody else has written to it since you opened it. Nothing has been sent yet."),
            primary=self.tr("Keep mine as a copy"),
            width=560,
            parent=parent,
        )
        self.column.addWidget(
            _Compared((self.tr("On the machine"), self.tr("Yours")), (found.size, mine.size), (found.mtime, mine.mtime))
        )
        self.primary.clicked.connect(partial(self._decide, "copy"))
        self.cancel.setText(self.tr("Decide later"))
        for text, choice in ((self.tr("Overwrite"), "overwrite"), (self.tr("Load theirs"), "reload")):
            button = Button(text, parent=self)
            button.clicked.connect(partial(self._decide, choice))
            self.add_button(button)

    def _decide(self, choice: str) -> None:
        self.decided.emit(choice)
        self.accept()
