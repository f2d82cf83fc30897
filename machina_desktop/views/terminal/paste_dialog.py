"""What is about to be pasted, to be read and changed before it is sent."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.views.terminal import pasting
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.inputs import TextArea

_ROWS = 10


class PasteDialog(Dialog):
    """Shows a text with its lines counted. Show it with ``open()``.

    Signals:
        agreed(str): The text as it shall be sent.
    """

    agreed = Signal(str)

    def __init__(self, text: str, *, machine: str, is_production: bool, parent: QWidget) -> None:
        where = self.tr("{0} is a production machine.").format(machine) if is_production else ""
        runs = self.tr("Each line may be run as a command as soon as it arrives.") if "\n" in text else ""
        super().__init__(
            self.tr("Paste into {0}?").format(machine or self.tr("the terminal")),
            text=" ".join(part for part in (where, runs) if part),
            primary=self.tr("Paste"),
            width=600,
            parent=parent,
        )
        self.setObjectName("terminal.paste")
        self.area = TextArea(self.tr("Text"), text=text, rows=_ROWS)
        self.area.changed.connect(lambda _text: self._count())
        self.column.addWidget(self.area)
        self.primary.clicked.connect(self._on_agreed)
        self._count()

    def _count(self) -> None:
        text = self.area.text()
        lines = len(text.splitlines())
        shown = self.locale().toString
        words = self.tr("1 line, {1} characters") if lines == 1 else self.tr("{0} lines, {1} characters")
        self.area.set_help(words.format(shown(lines), shown(len(text))))
        self.primary.setEnabled(bool(text))

    def _on_agreed(self) -> None:
        self.agreed.emit(pasting.cleaned(self.area.text()))
        self.accept()
