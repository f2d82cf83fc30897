"""Step 5: the keys that may log in; a new one is made on the spot."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout

from machina_desktop.core.domain.key import SSHKey, SSHKeyType
from machina_desktop.core.domain.provider import WizardStep
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.keys import GenerateKey
from machina_desktop.views import tasks
from machina_desktop.views.apps.key_dialogs import kind_of
from machina_desktop.views.choice import ChoiceList, Option
from machina_desktop.views.deploy_wizard.state import WizardState
from machina_desktop.views.deploy_wizard.step import Step
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.inputs import Input, Select
from machina_desktop.views.widgets.layout import Card
from machina_desktop.views.widgets.text import Label


class KeysStep(Step):
    """Several may be chosen; those with their private half here let Machina itself log in."""

    def __init__(self, state: WizardState) -> None:
        super().__init__(
            WizardStep.KEYS,
            state,
            title=self.tr("Which keys may log in?"),
            hint=self.tr("Machina logs in by key. The private half of a key made here stays in the vault."),
        )
        self._choices = ChoiceList(name=self.tr("SSH keys"), prefix="wizard.key", is_multiple=True)
        self._choices.changed.connect(lambda keys: state.change(key_ids=keys))
        self._choices.confirmed.connect(self.finished)
        self._problem = Label(tone="error", wraps=True)
        self._problem.setObjectName("wizard.keys-problem")
        self._problem.hide()
        self.column.addWidget(self._choices)
        self.column.addWidget(self._problem)
        self.column.addWidget(self._build_new())
        self.column.addStretch()

    def refresh(self) -> None:
        options = [_option(key, self.tr("public half only")) for key in self.state.keys.values()]
        self._choices.set_options(options, self.state.draft.key_ids)
        self._choices.setVisible(bool(options))
        if not self.state.problem(self.key):
            self._problem.hide()

    def entered(self) -> None:
        usable = [key for key in self.state.keys.values() if key.has_private_key]
        if not self.state.draft.key_ids and len(usable) == 1:
            self.state.change(key_ids=(usable[0].ssh_key_id,))
        if self.state.keys:
            self._choices.focus_choice()
        else:
            self._name.control.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_problems(self) -> None:
        self.show_error("key_ids", self.state.problem(self.key))

    def show_error(self, field: str, message: str) -> bool:
        self._problem.setText(message)
        self._problem.setVisible(bool(message))
        return True

    def _build_new(self) -> Card:
        self._name = Input(self.tr("Name"), text=self.tr("machina"))
        self._name.control.setObjectName("wizard.key-name")
        self._name.control.setAccessibleName(self.tr("Name of the new key"))
        self._name.submitted.connect(self._on_generate)
        self._type = Select(
            self.tr("Type"),
            choices=(
                (SSHKeyType.ED25519.value, "ed25519"),
                (SSHKeyType.RSA.value, "RSA"),
                (SSHKeyType.ECDSA.value, "ECDSA"),
            ),
        )
        self._type.control.setObjectName("wizard.key-type")
        self._generate = Button(self.tr("Generate a key"), icon_name="key-round")
        self._generate.setObjectName("wizard.generate-key")
        self._generate.clicked.connect(self._on_generate)
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        row.addWidget(self._name, 1, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._type, 0, Qt.AlignmentFlag.AlignTop)
        card = Card()
        card.column.setSpacing(Space.M)
        card.column.addWidget(Label(self.tr("New key"), style=Type.STRONG))
        card.column.addLayout(row)
        card.column.addWidget(self._generate)
        return card

    def _on_generate(self) -> None:
        if self._generate.is_busy():
            return
        name = self._name.text().strip()
        self._name.set_error("" if name else self.tr("Give the key a name."))
        if not name:
            return
        ask = GenerateKey(team_id=self.state.bridge.team_id, name=name, type=SSHKeyType(self._type.value()))
        tasks.run(
            self.state.bridge,
            self.state.bridge.call(ask),
            owner=self,
            name="wizard.generate_key",
            done=self._on_generated,
            failed=self._on_refused,
            busy=self._generate,
        )

    def _on_generated(self, key: SSHKey) -> None:
        self._name.set_text("")
        self._name.set_error("")
        self.state.add_key(key)
        # Enter goes on from here, and would ask for another name in the emptied field.
        self._choices.focus_choice()

    def _on_refused(self, error: MachinaError) -> None:
        if not self.is_about_the_vault(error):
            self._name.set_error(str(error))


def _option(key: SSHKey, without_private: str) -> Option:
    return Option(
        key=key.ssh_key_id,
        title=key.name,
        text=key.fingerprint,
        icon_name="key-round",
        side=kind_of(key),
        side_text="" if key.has_private_key else without_private,
    )
