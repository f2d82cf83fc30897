"""Steps 6 and 8: what runs on the machine first, and what it is called."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy

from machina_desktop.core.domain.provider import WizardStep
from machina_desktop.views.deploy_wizard.state import WizardState
from machina_desktop.views.deploy_wizard.step import Step
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.checkbox import Checkbox
from machina_desktop.views.widgets.inputs import Input, TextArea
from machina_desktop.views.widgets.text import Label

# So many machines at once; each is planned, and paid for, by itself.
COPIES = 20
# A script, and so the same in every language.
EXAMPLE = "#!/bin/sh\nset -eu\nsudo apt-get update\nsudo apt-get install -y nginx"


class BootstrapStep(Step):
    """An optional script."""

    def __init__(self, state: WizardState) -> None:
        super().__init__(
            WizardStep.BOOTSTRAP,
            state,
            title=self.tr("Run something on it first?"),
            hint=self.tr("Optional. The script runs once, as the login user; its output shows live in the log."),
        )
        self._script = TextArea(
            self.tr("Script"),
            placeholder=EXAMPLE,
            help_text=self.tr("It is kept with the machine and shown to your team: write no passwords into it."),
            rows=12,
        )
        self._script.control.setObjectName("wizard.script")
        self._script.changed.connect(lambda text: state.change(bootstrap_script=text))
        self.column.addWidget(self._script, 1)

    def refresh(self) -> None:
        if self._script.text() != self.state.draft.bootstrap_script:
            self._script.set_text(self.state.draft.bootstrap_script)

    def entered(self) -> None:
        self._script.control.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_error(self, field: str, message: str) -> bool:
        self._script.set_error(message)
        return True


class NameStep(Step):
    """Name, how many, tags, notes, protection. A free name is suggested."""

    def __init__(self, state: WizardState) -> None:
        super().__init__(
            WizardStep.NAME,
            state,
            title=self.tr("What is it called?"),
            hint=self.tr("The name is also its host name and cannot be changed later."),
        )
        self.column.setSpacing(Space.L)
        self._build_name()
        self._tags = Input(self.tr("Tags"), placeholder="prod, eu", help_text=self.tr("Optional, separated by commas."))
        self._tags.control.setObjectName("wizard.tags")
        self._tags.changed.connect(lambda text: state.change(tags=_tags_from(text)))
        self._tags.submitted.connect(self.finished)
        self._notes = TextArea(self.tr("Notes"), is_mono=False, rows=3, help_text=self.tr("Optional."))
        self._notes.control.setObjectName("wizard.notes")
        self._notes.control.setFixedHeight(88)
        self._notes.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._notes.changed.connect(lambda text: state.change(notes=text))
        self._protected = Checkbox(self.tr("Protect it: destroying wants its name typed"))
        self._protected.setObjectName("wizard.protected")
        self._protected.clicked.connect(lambda is_on: state.change(is_protected=is_on))
        self.column.addLayout(self._build_first_row())
        for widget in (self._names, self._tags, self._notes, self._protected):
            self.column.addWidget(widget)
        self.column.addStretch()

    def refresh(self) -> None:
        draft = self.state.draft
        if self._name.text().strip() != draft.name:
            self._name.set_text(draft.name)
        self._show_copies()
        if _tags_from(self._tags.text()) != draft.tags:
            self._tags.set_text(", ".join(draft.tags))
        if self._notes.text() != draft.notes:
            self._notes.set_text(draft.notes)
        self._protected.setChecked(draft.is_protected)

    def entered(self) -> None:
        if not self.state.draft.name:
            self.state.change(name=self.state.suggested_name())
        if self.state.copies_problem:
            self._copies.control.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        self._name.control.setFocus(Qt.FocusReason.OtherFocusReason)
        self._name.control.selectAll()

    def show_problems(self) -> None:
        self._name.set_error(self.state.name_problem(self.state.draft.name))
        self._copies.set_error(self.state.copies_problem)

    def show_error(self, field: str, message: str) -> bool:
        fields: dict[str, Input | TextArea] = {"tags": self._tags, "notes": self._notes}
        target = fields.get(field, self._name)
        target.set_error(message)
        target.control.setFocus(Qt.FocusReason.OtherFocusReason)
        return True

    def _build_name(self) -> None:
        self._name = Input(self.tr("Name"), is_mono=True, help_text=self.tr("Lower-case letters, digits and hyphens."))
        self._name.control.setObjectName("wizard.name")
        self._name.changed.connect(self._on_name)
        self._name.left.connect(self.show_problems)
        self._name.submitted.connect(self.finished)

    def _build_first_row(self) -> QHBoxLayout:
        self._copies = Input(self.tr("How many"), text="1", help_text=self.tr("All alike."))
        self._copies.setFixedWidth(104)
        self._copies.control.setObjectName("wizard.copies")
        self._copies.control.setValidator(QIntValidator(1, COPIES, self))
        self._copies.changed.connect(self._on_copies)
        self._copies.left.connect(self._on_copies_left)
        self._copies.submitted.connect(self.finished)
        self._names = Label(style=Type.SECONDARY, tone="secondary", wraps=True)
        self._names.setObjectName("wizard.names")
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        row.addWidget(self._name, 1, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._copies, 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _show_copies(self) -> None:
        copies, names = self.state.copies, self.state.names()
        self._copies.setVisible(not self.state.asks_host)
        is_typing = bool(self.state.copies_problem)
        if not is_typing and self._copies.text() != str(self.state.draft.copies):
            self._copies.set_text(str(self.state.draft.copies))
        self._names.setVisible(copies > 1 and not self.state.problem(self.key))
        self._names.setText(self.tr("They are called {0}.").format(", ".join(names)))

    def _on_copies(self, text: str) -> None:
        if self._copies.control.hasAcceptableInput():
            self.state.set_copies(int(text))
            self._copies.set_error("")
        else:
            self.state.copies_problem = self.tr("1 to {0}.").format(COPIES)

    def _on_copies_left(self) -> None:
        self.state.copies_problem = ""
        self._copies.set_error("")
        self._copies.set_text(str(self.state.draft.copies))

    def _on_name(self, text: str) -> None:
        self.state.change(name=text.strip())
        # What was wrong may be right now; what is not yet finished is not complained about.
        if self._name.error() and not self.state.problem(self.key):
            self._name.set_error("")


def _tags_from(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tag for part in text.split(",") if (tag := part.strip())))
