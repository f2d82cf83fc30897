"""What a provider's account needs, drawn from its fields, with *Verify* and what the provider says to it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLocale, Qt, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QScrollArea, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.custody import Custody
from machina_desktop.core.domain.provider import (
    CredentialStatus,
    ProviderAccount,
    ProviderInfo,
    Verification,
)
from machina_desktop.core.errors import InvalidInput, Locked, MachinaError
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.account_credentials import CheckCredentials
from machina_desktop.views import tasks
from machina_desktop.views.callout import Callout
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.form import Form
from machina_desktop.views.widgets.inputs import SecretArea

FILE_BYTES = 64 << 10
"""No key file is longer."""


class CredentialsPanel(QWidget):
    """The form of one provider's account, and under it the answer to *Verify*.

    Attributes:
        verify: Asks the provider without storing anything; while it asks, a second press gives up. Whoever shows the
            panel puts it where its buttons are.

    Signals:
        submitted: Enter was pressed in a line.
        edited: Something was typed or chosen.
        troubled(MachinaError): It could not even be asked.
    """

    submitted = Signal()
    edited = Signal()
    troubled = Signal(object)

    def __init__(self, bridge: Bridge, *, name: str, parent: QWidget | None = None) -> None:
        """``name`` begins the object names of the controls."""
        super().__init__(parent)
        self._bridge, self._name = bridge, name
        self._info: ProviderInfo | None = None
        self._account: ProviderAccount | None = None
        self._form: Form | None = None
        self._asking: asyncio.Task[object] | None = None
        self.verify = Button(_tr("Verify"), icon_name="shield-check", parent=self)
        self.verify.setObjectName(f"{name}.verify")
        self.verify.clicked.connect(self._on_verify)
        self._said = {tone: Callout(tone) for tone in ("success", "warning", "error")}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(Space.L)
        for tone, callout in self._said.items():
            callout.setObjectName(f"{name}.{tone}")
            self._column.addWidget(callout)

    def show_provider(self, info: ProviderInfo, account: ProviderAccount | None = None) -> None:
        """Ask for what its accounts need; with ``account`` for what changes of that one."""
        self.stop()
        self._info, self._account = info, account
        if self._form is not None:
            self._column.removeWidget(self._form)
            self._form.hide()
            self._form.deleteLater()
        self._form = form = Form(info.account_fields, kept=_kept(info, account))
        form.more.setObjectName(f"{self._name}.more")
        form.submitted.connect(self.submitted)
        form.changed.connect(self._on_changed)
        if form.ways is not None:
            form.ways.setObjectName(f"{self._name}.ways")
        for entry in info.account_fields:
            control = form.control(entry.name)
            control.control.setObjectName(f"{self._name}.field.{entry.name}")
            if isinstance(control, SecretArea):
                self._offer_file(entry.name, control)
        if account is not None:
            form.set_values(account.settings)
            form.set_way(info.way_of(account.settings))
        self._column.insertWidget(0, form)
        self.verify.setVisible(any(entry.is_secret for entry in info.account_fields))

    def validate(self) -> bool:
        """Whether everything needed is there; says at each field what is wrong."""
        return self._form is not None and self._form.validate()

    def fields(self) -> dict[str, Secret]:
        """What was typed; of an account that is there only what changes, emptied settings included."""
        if self._form is None or self._info is None:
            return {}
        values = self._form.values()
        if self._account is None:
            return {name: Secret(value) for name, value in values.items() if value}
        before, secrets = self._account.settings, {each.name for each in self._info.account_fields if each.is_secret}
        changed = {name for name, value in values.items() if value != before.get(name, "")}
        return {
            name: Secret(values[name]) for name in values if name in changed and (values[name] or name not in secrets)
        }

    def focus_first(self) -> None:
        """Put the cursor into the first field."""
        if self._form is not None:
            self._form.focus_first()

    def stop(self) -> None:
        """Ask no longer, and forget what was said."""
        if self._asking is not None and not self._asking.done():
            self._asking.cancel()
            self._set_asking(is_asking=False)
        for callout in self._said.values():
            callout.clear()

    def is_asking(self) -> bool:
        """Whether the provider is being asked."""
        return self._asking is not None and not self._asking.done()

    def show_problem(self, problem: str, *, field: str = "", hint: str = "", tone: str = "error") -> None:
        """Say at the field, or below the form, what is wrong."""
        self.stop()
        if field and self._form is not None and self._info and field in {e.name for e in self._info.account_fields}:
            self._form.set_errors({field: problem})
        else:
            self._say(tone, problem, hint)

    def _say(self, tone: str, title: str, text: str) -> None:
        self._said[tone].say(title, text)
        # It has its place only once the layout has been done anew.
        QTimer.singleShot(0, self, lambda: self.bring_into_view(self._said[tone]))

    def bring_into_view(self, widget: QWidget) -> None:
        """Scroll to what stands in the panel or beside it, where its dialog is too low for all of it."""
        above = self.parentWidget()
        while above is not None and not isinstance(above, QScrollArea):
            above = above.parentWidget()
        if isinstance(above, QScrollArea):
            above.ensureWidgetVisible(widget, 0, Space.L)

    def _on_changed(self) -> None:
        # What was said was said of something else.
        self.stop()
        self.edited.emit()

    def _on_verify(self) -> None:
        if self.is_asking():
            self.stop()
            return
        if self._info is None or not self.validate():
            return
        self.stop()
        ask = CheckCredentials(
            team_id=self._bridge.team_id,
            type=self._info.type,
            fields=self.fields(),
            account_id=self._account.provider_account_id if self._account is not None else "",
        )
        self._set_asking(is_asking=True)
        self._asking = tasks.ask(self._bridge, ask, owner=self, done=self._on_found, failed=self._on_failed)

    def _set_asking(self, *, is_asking: bool) -> None:
        self.verify.setText(_tr("Stop verifying") if is_asking else _tr("Verify"))
        self.verify.set_icon_name("x" if is_asking else "shield-check")

    def _on_found(self, found: Verification) -> None:
        self._set_asking(is_asking=False)
        self._asking = None
        self.show_found(found)

    def show_found(self, found: Verification) -> None:
        """Say what the provider said."""
        if found.status is CredentialStatus.VALID:
            self.stop()
            self._say("success", _tr("These credentials work."), found_words(found))
        elif found.status is CredentialStatus.INVALID:
            self.show_problem(found.reason or _tr("The provider refuses these credentials."), field=found.field)
        else:
            reason = found.reason or _tr("The provider could not be asked.")
            self.show_problem(reason, hint=_tr("Whether they work is not known."), tone="warning")

    def _on_failed(self, error: MachinaError) -> None:
        self._set_asking(is_asking=False)
        self._asking = None
        if isinstance(error, Locked):
            tasks.PRESENTER.show(error)
        elif isinstance(error, InvalidInput) and error.field:
            self.show_problem(str(error), field=error.field)
        else:
            self.troubled.emit(error)

    def _offer_file(self, field: str, control: SecretArea) -> None:
        choose = Button(_tr("Open a file…"), icon_name="folder-open", parent=control)
        choose.setObjectName(f"{self._name}.file.{field}")
        choose.clicked.connect(lambda: self._on_choose(field))
        layout = control.layout()
        if isinstance(layout, QVBoxLayout):
            layout.addWidget(choose, 0, Qt.AlignmentFlag.AlignLeft)

    def _on_choose(self, field: str) -> None:
        files = QFileDialog(self.window(), _tr("Open a key file"), str(Path.home()))
        files.setObjectName(f"{self._name}.files")
        files.setFileMode(QFileDialog.FileMode.ExistingFile)
        files.setNameFilters([_tr("Key files (*.json)"), _tr("All files (*)")])
        files.fileSelected.connect(lambda path: self._on_file_chosen(field, path))
        files.finished.connect(files.deleteLater)
        files.open()

    def _on_file_chosen(self, field: str, path: str) -> None:
        tasks.run(
            self._bridge,
            asyncio.to_thread(_text_of, path, field),
            owner=self,
            name="ReadKeyFile",
            done=lambda text: self._on_file_read(field, text),
            failed=self._on_failed,
        )

    def _on_file_read(self, field: str, text: str) -> None:
        if self._form is not None:
            self._form.set_values({field: text})
            self._form.control(field).set_error("")
            self.stop()


def found_words(found: Verification) -> str:
    """Whose the credentials are, what they may do and how much of it there is, one line each."""
    lines = [_tr("You are {0}.").format(found.identity)] if found.identity else []
    if found.scopes:
        lines.append(_tr("Scopes: {0}.").format(", ".join(found.scopes)))
    number = QLocale().toString
    limits = [
        _tr("{0}: at most {1}").format(each.name, number(each.limit))
        if each.used is None
        else _tr("{0}: {1} of {2}").format(each.name, number(each.used), number(each.limit))
        for each in found.quota
    ]
    return "\n".join([*lines, *([" · ".join(limits)] if limits else []), *([found.reason] if found.reason else [])])


def _kept(info: ProviderInfo, account: ProviderAccount | None) -> frozenset[str]:
    """Secrets that an account has; those that only the server's runners can open are typed anew."""
    if account is None or (account.custody is Custody.SERVER and not account.keeper):
        return frozenset()
    way = info.way_of(account.settings)
    return frozenset(each.name for each in info.account_fields if each.is_secret and each.way in {"", way})


def _text_of(path: str, field: str) -> str:
    """The text of a file.

    Raises:
        InvalidInput: it cannot be read, is no text, or too long for a key.
    """
    problem = ""
    try:
        with Path(path).open("rb") as file:
            raw = file.read(FILE_BYTES + 1)
        if len(raw) <= FILE_BYTES:
            return raw.decode()
        problem = f"{Path(path).name} is too long for a key file."
    except OSError as error:
        problem = f"{Path(path).name} cannot be read: {error.strerror}."
    except UnicodeDecodeError:
        problem = f"{Path(path).name} is not text."
    raise InvalidInput(problem, field=field)


def _tr(text: str) -> str:
    return QCoreApplication.translate("CredentialsPanel", text)
