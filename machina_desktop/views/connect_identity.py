"""Who one is at a server: an account that exists, or a new one where the server makes them."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.core.domain.account import Registration
from machina_desktop.core.domain.password import SHORTEST
from machina_desktop.core.domain.profile import email_problem, name_problem, normal_name
from machina_desktop.core.domain.server import FoundServer
from machina_desktop.core.errors import InvalidInput, MachinaError
from machina_desktop.views.server_words import host_of
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Segment, Segmented
from machina_desktop.views.widgets.inputs import Input, PasswordInput
from machina_desktop.views.widgets.text import ElidedLabel, IconLabel, Label

SIGN_IN, REGISTER = "sign-in", "register"


class ServerPlate(QWidget):
    """Which server one talks to: its host, what it runs, and whether the line is encrypted."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = IconLabel("lock", token="accent-success", size=20)
        self._host = ElidedLabel(style=Type.STRONG)
        self._about = ElidedLabel(style=Type.SECONDARY, tone="secondary")
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._host)
        words.addWidget(self._about)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.M)
        row.addWidget(self._lock, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addLayout(words, 1)

    def show_server(self, found: FoundServer) -> None:
        """Show a server."""
        line = (
            _tr("not encrypted")
            if found.is_plain
            else _tr("only this computer")
            if _is_near(found)
            else _tr("encrypted")
        )
        self._lock.set_icon(
            "lock-open" if found.is_plain else "lock", "accent-warning" if found.is_plain else "accent-success"
        )
        self._host.setText(host_of(found.url))
        self._about.setText(f"Machina {found.version} · {line}")


class IdentityStep(QWidget):
    """Who one is there: an account that exists, or a new one where the server makes them.

    Signals:
        submitted(): Enter was pressed in the last field.
        mode_changed(str): ``sign-in`` or ``register``.
    """

    submitted = Signal()
    mode_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._plate = ServerPlate()
        self._modes = Segmented(
            (Segment(key=SIGN_IN, title=_tr("I have an account")), Segment(key=REGISTER, title=_tr("Make an account"))),
            name=_tr("Account"),
        )
        self._remark = Label("", tone="secondary", wraps=True)
        self.code = Input(_tr("Invite code"), placeholder="7k3m9-2qhx4-…", is_mono=True)
        self.person = Input(_tr("Your name"), help_text=_tr("How the others see you."))
        self.email = Input(_tr("Email"), placeholder="ada@example.org")
        self.password = PasswordInput(_tr("Password"))
        self.device = Input(_tr("This computer"), help_text=_tr("How it is called in your list of sessions there."))
        self._registration = Registration.OPEN
        self._is_first = False
        self._build()

    def show_server(self, found: FoundServer, *, code: str) -> None:
        """Ask for what this server wants; an invite's code may be known already."""
        self._plate.show_server(found)
        self._registration = found.registration
        self.code.set_text(code)
        self._modes.setVisible(found.has_accounts)
        # Whoever comes with an invite has no account yet, as a rule; the first one has nobody's to sign in with.
        self._modes.set_current(REGISTER if code or not found.has_accounts else SIGN_IN)
        self._is_first = not found.has_accounts
        self._on_mode()

    def show_again(self, found: FoundServer, email: str) -> None:
        """Ask for the password of an account that was signed in before."""
        self._plate.show_server(found)
        self._modes.hide()
        self._modes.set_current(SIGN_IN)
        self._is_first = False
        self.email.set_text(email)
        self._on_mode()
        self._remark.hide()
        self.device.hide()

    @property
    def mode(self) -> str:
        """``sign-in`` or ``register``."""
        return self._modes.current()

    def is_complete(self) -> bool:
        """Whether everything is filled in; otherwise it says at the field what is missing."""
        problems = {self.email: self._email_problem(), self.password: self._password_problem()}
        if self.mode == REGISTER:
            problems |= {self.person: name_problem(normal_name(self.person.text())), self.code: self._code_problem()}
        for field, problem in problems.items():
            field.set_error(problem)
        wrong = next((field for field in self._fields() if problems.get(field)), None)
        if wrong is not None:
            wrong.control.setFocus()
        return wrong is None

    def refuse(self, error: MachinaError) -> bool:
        """Say at the field what is wrong with it; whether it is about one of them."""
        about = error.field if isinstance(error, InvalidInput) else {"E-EMAIL-TAKEN": "email"}.get(error.code, "")
        fields = {
            "email": self.email,
            "password": self.password,
            "display_name": self.person,
            "code": self.code,
            "device_name": self.device,
        }
        if error.code in {"E-AUTH", "E-LOGIN"}:
            about = "password"
        field = fields.get(about)
        if field is None:
            return False
        field.set_error(str(error))
        field.control.setFocus()
        return True

    def enter(self) -> None:
        """Put the cursor where typing begins."""
        empty = (field for field in self._fields() if field.isVisibleTo(self) and not field.text())
        next(empty, self.password).control.setFocus()

    def was_typed(self) -> bool:
        """Whether anything would be lost."""
        return any(field.text() for field in (self.email, self.password, self.person))

    def forget(self) -> None:
        """Keep no password once it has been used."""
        self.password.forget_secret()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.L)
        column.addWidget(self._plate)
        column.addWidget(self._modes)
        column.addWidget(self._remark)
        for field, name in zip(self._fields(), ("code", "person", "email", "password", "device"), strict=True):
            field.control.setObjectName(f"connect.{name}")
            field.changed.connect(lambda _text, field=field: field.set_error(""))
            field.submitted.connect(self._on_enter)
            column.addWidget(field)
        column.addStretch()
        self._modes.changed.connect(lambda _mode: self._on_mode())

    def _fields(self) -> tuple[Input, ...]:
        return (self.code, self.person, self.email, self.password, self.device)

    def _on_enter(self) -> None:
        """On to the next empty field, and from the last one to the server."""
        fields = [field for field in self._fields() if field.isVisibleTo(self)]
        missing = next((field for field in fields if not field.text() and field is not self.device), None)
        if missing is None or missing.control.hasFocus():
            self.submitted.emit()
        else:
            missing.control.setFocus()

    def _on_mode(self) -> None:
        is_new = self.mode == REGISTER
        needs_code = is_new and self._registration is Registration.INVITE and not self._is_first
        self.code.setVisible(is_new and (needs_code or bool(self.code.text())))
        self.person.setVisible(is_new)
        self.password.set_help(_tr("At least {0} characters.").format(SHORTEST) if is_new else "")
        for field in self._fields():
            field.set_error("")
        remark = ""
        if self._is_first:
            remark = _tr("Nobody has an account at this server yet. The first one administers it.")
        elif needs_code:
            remark = _tr("This server makes accounts for people with an invite.")
        self._remark.setText(remark)
        self._remark.setVisible(bool(remark))
        self.mode_changed.emit(self.mode)

    def _email_problem(self) -> str:
        text = self.email.text().strip()
        return email_problem(text) if text else _tr("Enter your email address.")

    def _password_problem(self) -> str:
        if not self.password.text():
            return _tr("Enter the password.")
        if self.mode == REGISTER and len(self.password.text()) < SHORTEST:
            return _tr("Use at least {0} characters; four random words are a good start.").format(SHORTEST)
        return ""

    def _code_problem(self) -> str:
        is_needed = self._registration is Registration.INVITE and not self._is_first
        return _tr("Enter the code of your invite.") if is_needed and not self.code.text().strip() else ""


def _tr(text: str) -> str:
    return QCoreApplication.translate("ConnectDialog", text)


def _is_near(found: FoundServer) -> bool:
    return found.url.startswith("http:")
