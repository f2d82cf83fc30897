"""The dialogs that bring a key into the team: generating a pair, and importing one that exists."""

from __future__ import annotations

import asyncio
from pathlib import Path

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.key import SSHKey, SSHKeyType
from machina_desktop.core.errors import InvalidInput, Locked, MachinaError
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.keys import GenerateKey, ImportKey
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import tasks
from machina_desktop.views.apps.key_place_choice import PlaceChoice
from machina_desktop.views.rights import why_not
from machina_desktop.views.server_custody import CustodyChoice
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.feedback import Badge
from machina_desktop.views.widgets.inputs import Input, PasswordInput, Select, TextArea
from machina_desktop.views.widgets.text import Label

FILE_LIMIT_BYTES = 64 * 1024
_TITLES = {SSHKeyType.ED25519: "Ed25519", SSHKeyType.RSA: "RSA", SSHKeyType.ECDSA: "ECDSA"}
# NIST curves and RSA lengths that today's sshd accepts.
_LENGTHS = {
    SSHKeyType.ED25519: (256,),
    SSHKeyType.RSA: (3072, 4096, 2048),
    SSHKeyType.ECDSA: (256, 384, 521),
}


def kind_of(key: SSHKey) -> str:
    """Type and length as people say it: ``Ed25519``, ``RSA 4096``."""
    title = _TITLES[key.key_type]
    return title if key.key_type is SSHKeyType.ED25519 else f"{title} {key.key_bits}"


class _KeyDialog(Dialog):
    """What both dialogs share: a name, sending, errors told where they belong, and accounts to put the key into.

    Signals:
        kept: The key is stored (SSHKey).
    """

    kept = Signal(object)

    def __init__(self, bridge: Bridge, title: str, *, text: str, primary: str, parent: QWidget | None) -> None:
        super().__init__(title, text=text, primary=primary, width=520, parent=parent)
        self._bridge = bridge
        self.name = Input(self.tr("Name"), placeholder=self.tr("laptop"))
        self.name.changed.connect(lambda _text: self.name.set_error(""))
        self.name.left.connect(self._on_name_left)
        self._is_kept = False

    def _add_places(self, name: str) -> None:
        """Offer the accounts at which the key can lie as well; nothing where there are none."""
        self.places = PlaceChoice(self._bridge, name=f"{name}.account", is_brief=True)
        self.places.changed.connect(self._on_places)
        self.places.finished.connect(self._on_placed)
        self._places_part = QWidget()
        part = QVBoxLayout(self._places_part)
        part.setContentsMargins(0, 0, 0, 0)
        part.setSpacing(Space.XS)
        self._places_title = Label(self.tr("Put it in accounts, too"), style=Type.MEDIUM)
        part.addWidget(self._places_title)
        part.addWidget(self.places)
        self.column.addWidget(self._places_part)
        self._on_places()

    def _on_places(self) -> None:
        refusal = why_not(self._bridge, "ssh_key.sync", self._bridge.team_id) if self._bridge.is_settled else ""
        self._places_part.setVisible(self._is_kept or (self.places.can_choose() and not refusal))

    def _is_named(self) -> bool:
        if self.name.text().strip():
            return True
        self.name.set_error(self.tr("Give the key a name."))
        self.name.control.setFocus()
        return False

    def _send(self, ask: Request[SSHKey]) -> None:
        self.show_error("")
        tasks.ask(self._bridge, ask, owner=self, done=self._on_kept, failed=self._on_failed, busy=self)

    def _field_named(self, _name: str) -> Input | TextArea | Select | None:
        return self.name

    def _on_kept(self, key: SSHKey) -> None:
        self.kept.emit(key)
        if not self.places.chosen():
            self.accept()
            return
        self._is_kept = True
        for part in self._asked():
            part.hide()
        self._places_title.setText(self.tr("{0} is kept and goes to the accounts").format(key.name))
        self.primary.clicked.disconnect()
        self.primary.clicked.connect(self._on_place)
        self.cancel.setText(self.tr("Close"))
        self.places.show_keys((key,))
        self._on_place()

    def _asked(self) -> tuple[QWidget, ...]:
        """What the dialog asks of the key itself: its work is done once the key is kept."""
        return (self.name,)

    def _on_place(self) -> None:
        self.set_busy(True)
        self.places.begin()

    def _on_placed(self, is_all: bool) -> None:
        self.set_busy(False)
        if is_all:
            self.accept()
            return
        self._places_title.setText(self.tr("The key is kept, but does not lie in all accounts"))
        self.primary.setText(self.tr("Try again"))

    def _on_name_left(self) -> None:
        if self.name.text() and not self.name.text().strip():
            self.name.set_error(self.tr("Give the key a name."))

    def _on_failed(self, error: MachinaError) -> None:
        if isinstance(error, Locked):
            tasks.PRESENTER.show(error)
            return
        named = error.field if isinstance(error, InvalidInput) else "name" if error.code == "E-NAME-TAKEN" else ""
        field = self._field_named(named) if named else None
        if field is None:
            self.show_error(str(error))
            return
        field.set_error(str(error))
        field.control.setFocus()


class GenerateKeyDialog(_KeyDialog):
    """Makes a pair on this computer; Ed25519 unless something older has to be served."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(
            bridge,
            QCoreApplication.translate("GenerateKeyDialog", "Generate a key"),
            text=QCoreApplication.translate(
                "GenerateKeyDialog", "The pair is made on this computer. The private half is sealed in your vault."
            ),
            primary=QCoreApplication.translate("GenerateKeyDialog", "Generate"),
            parent=parent,
        )
        self.setObjectName("generate_key")
        self.type = Select(
            self.tr("Type"),
            choices=(
                (SSHKeyType.ED25519.value, self.tr("Ed25519: short, fast, the usual choice")),
                (SSHKeyType.RSA.value, self.tr("RSA: for old servers")),
                (SSHKeyType.ECDSA.value, self.tr("ECDSA: where policy asks for NIST curves")),
            ),
        )
        self.bits = Select(self.tr("Length"))
        self.custody = CustodyChoice(bridge, name="generate_key")
        self.type.changed.connect(self._on_type_changed)
        self.primary.clicked.connect(self._on_primary)
        for part, name in ((self.name, "name"), (self.type, "type"), (self.bits, "bits")):
            part.control.setObjectName(f"generate_key.{name}")
            self.column.addWidget(part)
        self.column.addWidget(self.custody)
        self._add_places("generate_key")
        self.column.addStretch()
        self.primary.setObjectName("generate_key.submit")
        self.cancel.setObjectName("generate_key.cancel")
        self._on_type_changed(self.type.value())
        self.name.control.setFocus()

    def _asked(self) -> tuple[QWidget, ...]:
        return (self.name, self.type, self.bits, self.custody)

    def _on_type_changed(self, kind: str) -> None:
        lengths = _LENGTHS[SSHKeyType(kind)]
        self.bits.set_choices(tuple((str(bits), self.tr("{0} bits").format(bits)) for bits in lengths))
        self.bits.set_value(str(lengths[0]))
        self.bits.control.setEnabled(len(lengths) > 1)

    def _on_primary(self) -> None:
        if self._is_named():
            self._send(
                GenerateKey(
                    team_id=self._bridge.team_id,
                    name=self.name.text().strip(),
                    type=SSHKeyType(self.type.value()),
                    bits=int(self.bits.value()),
                    custody=self.custody.custody,
                )
            )

    def _field_named(self, name: str) -> Input | TextArea | Select | None:
        fields: dict[str, Input | TextArea | Select] = {"name": self.name, "type": self.type, "bits": self.bits}
        return fields.get(name)


class ImportKeyDialog(_KeyDialog):
    """Takes a public or a private key, pasted or from a file, and tells by itself which it is.

    A private key is taken off the screen as soon as it is complete; only a badge says that it is there.
    """

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(
            bridge,
            QCoreApplication.translate("ImportKeyDialog", "Import a key"),
            text=QCoreApplication.translate(
                "ImportKeyDialog",
                "A public key is enough to let someone in. With the private key Machina can sign in itself.",
            ),
            primary=QCoreApplication.translate("ImportKeyDialog", "Import"),
            parent=parent,
        )
        self.setObjectName("import_key")
        self._private = Secret("")
        self.key = TextArea(
            self.tr("Key"),
            placeholder="ssh-ed25519 AAAA…",
            help_text=self.tr("Paste a public line or a private key in OpenSSH or PEM form."),
            rows=5,
        )
        self.passphrase = PasswordInput(
            self.tr("Passphrase"), help_text=self.tr("Only if the key has one. It is used once and not kept.")
        )
        self.custody = CustodyChoice(bridge, name="import_key")
        self._taken = QWidget(self)
        self._lay_out()
        self.key.changed.connect(self._on_key_changed)
        self.primary.clicked.connect(self._on_primary)
        self._show_private(is_there=False)
        self.key.control.setFocus()

    def forget_secret(self) -> None:
        """The vault is locked: the private key has to be pasted anew."""
        if self._private:
            self._on_clear()
        self.key.set_text("")

    def open_file(self) -> None:
        """Ask which file to read."""
        files = QFileDialog(self, self.tr("Open a key"), str(Path.home() / ".ssh"))
        files.setObjectName("import_key.files")
        files.setFileMode(QFileDialog.FileMode.ExistingFile)
        files.fileSelected.connect(self._on_file_selected)
        files.finished.connect(files.deleteLater)
        files.open()

    def _lay_out(self) -> None:
        row = QHBoxLayout(self._taken)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(Label(self.tr("Key")))
        row.addWidget(Badge(self.tr("private key, hidden"), tone="success", icon_name="lock"))
        row.addStretch()
        clear = Button(self.tr("Take another"), kind=ButtonKind.GHOST, icon_name="x")
        clear.setObjectName("import_key.clear")
        clear.clicked.connect(self._on_clear)
        row.addWidget(clear)
        for widget in (self.key, self._taken, self.passphrase, self.name, self.custody):
            self.column.addWidget(widget)
        self._add_places("import_key")
        self.column.addStretch()
        choose = Button(self.tr("Open a file…"), icon_name="folder-open", parent=self)
        choose.setObjectName("import_key.open_file")
        choose.clicked.connect(self.open_file)
        self.add_button(choose)
        self.key.control.setObjectName("import_key.key")
        self.name.control.setObjectName("import_key.name")
        self.passphrase.control.setObjectName("import_key.passphrase")
        self.primary.setObjectName("import_key.submit")
        self.cancel.setObjectName("import_key.cancel")

    def _asked(self) -> tuple[QWidget, ...]:
        return (self.key, self._taken, self.passphrase, self.name, self.custody)

    def _on_key_changed(self, text: str) -> None:
        self.key.set_error("")
        if "PRIVATE KEY-----" in text and text.strip().endswith("PRIVATE KEY-----") and text.count("-----END "):
            self._private = Secret(text.strip() + "\n")
            self.key.control.clear()
            self._show_private(is_there=True)
            return
        self._suggest_name(text)

    def _suggest_name(self, line: str) -> None:
        parts = line.strip().split(maxsplit=2)
        if len(parts) == 3 and parts[0].startswith(("ssh-", "ecdsa-")) and not self.name.text():
            self.name.set_text(parts[2][:100])

    def _show_private(self, *, is_there: bool) -> None:
        self.key.setVisible(not is_there)
        self._taken.setVisible(is_there)
        self.passphrase.setVisible(is_there)
        self.custody.set_wanted(is_there)
        if is_there:
            (self.passphrase if self.name.text() else self.name).control.setFocus()

    def _on_clear(self) -> None:
        self._private = Secret("")
        self.passphrase.set_text("")
        self._show_private(is_there=False)
        self.key.control.setFocus()

    def _on_file_selected(self, path: str) -> None:
        tasks.run(
            self._bridge,
            asyncio.to_thread(_read_key, Path(path)),
            owner=self,
            name="read a key file",
            done=self._on_file_read,
            failed=lambda error: self.key.set_error(str(error)),
        )

    def _on_file_read(self, found: tuple[str, str]) -> None:
        stem, text = found
        self.key.set_text(text)
        if not self.name.text():
            self.name.set_text(stem)

    def _on_primary(self) -> None:
        public = self.key.text().strip()
        if not public and not self._private:
            self.key.set_error(self.tr("Paste a key, or open a file."))
            self.key.control.setFocus()
        elif self._is_named():
            self._send(
                ImportKey(
                    team_id=self._bridge.team_id,
                    name=self.name.text().strip(),
                    public_key="" if self._private else public,
                    private_key=self._private,
                    passphrase=self.passphrase.secret(),
                    custody=self.custody.custody,
                )
            )

    def _field_named(self, name: str) -> Input | TextArea | Select | None:
        if name == "name":
            return self.name
        if name == "passphrase":
            return self.passphrase
        return None if self._private else self.key


def _read_key(path: Path) -> tuple[str, str]:
    """The file's name without its suffix, and its text.

    Raises:
        InvalidInput: it cannot be read, is too large, or is no text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(FILE_LIMIT_BYTES + 1)
        if len(data) > FILE_LIMIT_BYTES:
            raise InvalidInput(f"{path.name} is too large to be a key.", field="public_key")
        return path.stem, data.decode()
    except OSError as error:
        raise InvalidInput(f"{path.name} cannot be read: {error.strerror}.", field="public_key") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path.name} is not a text file.", field="public_key") from error
