"""What is about to be pasted, to be read and changed before it is sent."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLocale, Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.views.terminal import pasting
from machina_desktop.views.terminal.place import Place
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.inputs import TextArea

_ROWS = 10


def _tr(text: str) -> str:
    return QCoreApplication.translate("PasteDialog", text)


class PasteDialog(Dialog):
    """Shows a text with its lines counted. Show it with ``open()``.

    Signals:
        agreed(str): The text as it shall be sent.
    """

    agreed = Signal(str)

    def __init__(self, text: str, *, places: tuple[Place, ...], parent: QWidget) -> None:
        """``places`` is where it goes, at least one."""
        super().__init__(
            self._title(places),
            text=self._words(text, places),
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

    @staticmethod
    def _title(places: tuple[Place, ...]) -> str:
        if len(places) == 1:
            return _tr("Paste into {0}?").format(places[0].name or _tr("the terminal"))
        return _tr("Paste into {0} terminals?").format(QLocale().toString(len(places)))

    @staticmethod
    def _words(text: str, places: tuple[Place, ...]) -> str:
        guarded = tuple(dict.fromkeys(place.name for place in places if place.is_production))
        where = _tr("It goes to {0}.").format(", ".join(place.name for place in places)) if len(places) > 1 else ""
        if len(guarded) > 1:
            warning = _tr("{0} are production machines.").format(", ".join(guarded))
        else:
            warning = _tr("{0} is a production machine.").format(guarded[0]) if guarded else ""
        runs = _tr("Each line may be run as a command as soon as it arrives.") if "\n" in text else ""
        return " ".join(part for part in (where, warning, runs) if part)

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
