"""What people write on a machine: tags, notes, protection; saved as the field is left."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from machina_desktop.core.domain.machine import Machine
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.checkbox import Checkbox
from machina_desktop.views.widgets.inputs import Input, TextArea

_NOTES_HEIGHT = 88


def tags_from(text: str) -> tuple[str, ...]:
    """Tags from a line with commas: trimmed, without empty and repeated ones."""
    return tuple(dict.fromkeys(tag for part in text.split(",") if (tag := part.strip())))


class MachineEditor(QWidget):
    """Three controls that follow the machine, but never under the cursor of somebody who types.

    Signals:
        tags_edited(tuple): The tags now.
        notes_edited(str): The notes now.
        protection_edited(bool): Whether it is protected now.
    """

    tags_edited = Signal(tuple)
    notes_edited = Signal(str)
    protection_edited = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._machine: Machine | None = None
        self.tags = Input(self.tr("Tags"), placeholder=self.tr("prod, eu"), help_text=self.tr("Separated by commas."))
        self.tags.control.setObjectName("machine.tags")
        self.tags.left.connect(self._save_tags)
        self.tags.submitted.connect(self._save_tags)
        self.notes = TextArea(self.tr("Notes"), is_mono=False, rows=3)
        self.notes.control.setObjectName("machine.notes")
        self.notes.control.setFixedHeight(_NOTES_HEIGHT)
        self.notes.left.connect(self._save_notes)
        self.protection = Checkbox(self.tr("Protected: destroying wants its name typed"))
        self.protection.setObjectName("machine.protection")
        self.protection.clicked.connect(self.protection_edited)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        for control in (self.tags, self.notes, self.protection):
            column.addWidget(control)

    def show_machine(self, machine: Machine) -> None:
        """Follow the machine; a field that was changed and not yet saved keeps what is typed."""
        before, self._machine = self._machine, machine
        if before is None or tags_from(self.tags.text()) == before.tags:
            self.tags.set_text(", ".join(machine.tags))
        if (before is None or self.notes.text() == before.notes) and self.notes.text() != machine.notes:
            self.notes.set_text(machine.notes)
        self.protection.setChecked(machine.is_protected)
        self.setEnabled(not machine.is_gone)

    def save(self) -> None:
        """Save what was typed and not yet left."""
        self._save_tags()
        self._save_notes()

    def _save_tags(self) -> None:
        tags = tags_from(self.tags.text())
        if self._machine is not None and tags != self._machine.tags:
            self.tags_edited.emit(tags)

    def _save_notes(self) -> None:
        if self._machine is not None and self.notes.text() != self._machine.notes:
            self.notes_edited.emit(self.notes.text())
