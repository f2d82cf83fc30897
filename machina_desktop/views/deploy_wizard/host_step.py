"""Step 2 for a server of one's own: its address, and the host key it must show."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.core.domain.provider import WizardStep
from machina_desktop.core.errors import InvalidInput, MachinaError
from machina_desktop.core.services.providers import HostKeyFound, ProbeHost
from machina_desktop.views import tasks
from machina_desktop.views.deploy_wizard.state import WizardState
from machina_desktop.views.deploy_wizard.step import Step
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.checkbox import Checkbox
from machina_desktop.views.widgets.inputs import Input
from machina_desktop.views.widgets.layout import Card
from machina_desktop.views.widgets.text import CopyLabel, Label


class HostStep(Step):
    """Host, port, user; then *Fetch host key* and compare, or paste the fingerprint that is known."""

    def __init__(self, state: WizardState) -> None:
        super().__init__(
            WizardStep.REGION,
            state,
            title=self.tr("Which server?"),
            hint=self.tr("Machina connects by SSH and registers it. Nothing on its disk is deleted, ever."),
        )
        self.setObjectName("wizard.step.host")
        self.column.setSpacing(Space.L)
        self._build_address()
        self._build_key()
        self.column.addStretch()
        self._fields = {"host": self._host, "port": self._port, "user": self._user, "host_key": self._given}

    def refresh(self) -> None:
        draft = self.state.draft
        for field, text in (
            (self._host, draft.host),
            (self._port, str(draft.port) if draft.port else ""),
            (self._user, draft.user),
            (self._given, draft.given_key),
        ):
            if field.text().strip() != text:
                field.set_text(text)
        self._found.setVisible(bool(draft.found_key))
        self._fingerprint.set_text(draft.found_key)
        self._kind.setText(self.tr("{0} presents this {1} key:").format(draft.host, draft.found_type))
        self._compared.setChecked(draft.is_compared)
        self._compared.setVisible(not draft.given_key)
        self._differs.setVisible(bool(draft.given_key and draft.found_key and draft.given_key != draft.found_key))
        self._fetch.setEnabled(bool(draft.host) and not self._fetch.is_busy())
        if draft.host_key:
            self._key_error.hide()

    def entered(self) -> None:
        first = next((field for field in (self._host, self._user) if not field.text()), self._host)
        first.control.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_problems(self) -> None:
        for name, field in self._fields.items():
            field.set_error(self._problem(name))
        if not any(field.error() for field in self._fields.values()):
            self._complain(self.state.problem(self.key))

    def show_error(self, field: str, message: str) -> bool:
        if field not in self._fields:
            return False
        self._fields[field].set_error(message)
        self._fields[field].control.setFocus(Qt.FocusReason.OtherFocusReason)
        return True

    def _build_address(self) -> None:
        self._host = Input(self.tr("Host name or IP address"), placeholder="203.0.113.7", is_mono=True)
        self._port = Input(self.tr("Port"), is_mono=True)
        self._port.control.setValidator(QIntValidator(1, 65535, self))
        self._port.setFixedWidth(88)
        self._user = Input(self.tr("User"), placeholder="root", is_mono=True)
        self._user.setFixedWidth(128)
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        for name, field in (("host", self._host), ("port", self._port), ("user", self._user)):
            field.control.setObjectName(f"wizard.{name}")
            field.left.connect(lambda name=name: self._on_left(name))
            field.submitted.connect(self.finished)
            row.addWidget(field, 1 if name == "host" else 0, Qt.AlignmentFlag.AlignTop)
        self._host.changed.connect(lambda text: self._move(text.strip(), self.state.draft.port))
        self._port.changed.connect(lambda text: self._move(self.state.draft.host, int(text or 0)))
        self._user.changed.connect(lambda text: self.state.change(user=text.strip()))
        self.column.addLayout(row)

    def _build_key(self) -> None:
        self._fetch = Button(self.tr("Fetch host key"), icon_name="shield-check")
        self._fetch.setObjectName("wizard.fetch-host-key")
        self._fetch.clicked.connect(self._on_fetch)
        self._key_error = Label(tone="error", wraps=True)
        self._key_error.setObjectName("wizard.host-key-error")
        self._key_error.hide()
        self._given = Input(
            self.tr("Or paste the fingerprint you know"),
            placeholder="SHA256:…",
            is_mono=True,
            help_text=self.tr("It counts before a fetched key: the server must show exactly this one."),
        )
        self._given.control.setObjectName("wizard.host-key")
        self._given.changed.connect(lambda text: self.state.change(given_key=text.strip()))
        self._given.left.connect(lambda: self._on_left("host_key"))
        why = self.tr("The host key proves that you talk to your server and to nobody in between.")
        card = Card()
        card.column.setSpacing(Space.M)
        card.column.addWidget(Label(self.tr("Host key"), style=Type.STRONG))
        card.column.addWidget(Label(why, tone="secondary", wraps=True))
        card.column.addWidget(self._fetch)
        card.column.addWidget(self._key_error)
        card.column.addWidget(self._build_found())
        card.column.addWidget(self._given)
        self.column.addWidget(card)

    def _build_found(self) -> QWidget:
        self._found = QWidget()
        column = QVBoxLayout(self._found)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.XS)
        self._kind = Label(tone="secondary", wraps=True)
        self._fingerprint = CopyLabel(name=self.tr("host key fingerprint"))
        self._fingerprint.setObjectName("wizard.found-key")
        self._compared = Checkbox(self.tr("I compared it with the server's own"))
        self._compared.setObjectName("wizard.compared")
        self._compared.clicked.connect(lambda is_on: self.state.change(is_compared=is_on))
        self._differs = Label(
            self.tr("It is not the fingerprint you pasted. Do not go on unless you know why."), tone="error", wraps=True
        )
        how = Label(self.tr("On the server's own console this prints it:"), tone="secondary", wraps=True)
        command = CopyLabel("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub", name=self.tr("command"))
        for widget in (self._kind, self._fingerprint, how, command, self._compared, self._differs):
            column.addWidget(widget)
        return self._found

    def _move(self, host: str, port: int) -> None:
        """Another address has another key."""
        draft = self.state.draft
        if (host, port) != (draft.host, draft.port):
            self.state.change(host=host, port=port, found_key="", found_type="", is_compared=False)

    def _on_left(self, name: str) -> None:
        field = self._fields[name]
        field.set_error(self._problem(name) if field.text() else "")

    def _problem(self, name: str) -> str:
        draft = self.state.draft
        if name == "host":
            return "" if draft.host else self.tr("Give the server's host name or IP address.")
        if name == "port":
            return "" if 1 <= draft.port <= 65535 else self.tr("The port lies between 1 and 65535.")
        if name == "user":
            return "" if draft.user else self.tr("Give the login name on the server, such as root or admin.")
        return self.state.fingerprint_problem(draft.given_key)

    def _complain(self, text: str) -> None:
        self._key_error.setText(text)
        self._key_error.setVisible(bool(text))

    def _on_fetch(self) -> None:
        host, port = self.state.draft.host, self.state.draft.port
        self._complain("")

        def done(found: HostKeyFound) -> None:
            draft = self.state.draft
            if (host, port) == (draft.host, draft.port):
                self.state.change(found_key=found.fingerprint, found_type=found.key_type, is_compared=False)

        tasks.ask(
            self.state.bridge,
            ProbeHost(host=host, port=port),
            owner=self,
            done=done,
            failed=self._on_refused,
            busy=self._fetch,
        )

    def _on_refused(self, error: MachinaError) -> None:
        if not (isinstance(error, InvalidInput) and self.show_error(error.field, str(error))):
            self._complain(str(error))
