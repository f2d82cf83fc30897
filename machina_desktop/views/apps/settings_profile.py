"""Who the person is to others: name, address and picture, with how that looks to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.profile import email_problem, name_problem, normal_name
from machina_desktop.core.domain.team import User
from machina_desktop.core.errors import InvalidInput, MachinaError
from machina_desktop.core.services.teams import UpdateProfile, WhoAmI
from machina_desktop.views import tasks
from machina_desktop.views.apps.base import Window
from machina_desktop.views.apps.settings_section import Block, Section
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.picture_field import AvatarField
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.feedback import Avatar
from machina_desktop.views.widgets.inputs import Input
from machina_desktop.views.widgets.pictures import picture_of
from machina_desktop.views.widgets.text import ElidedLabel, Label

WIDTH = 760
_PREVIEW_AVATAR = 40


@dataclass(frozen=True, kw_only=True)
class _Profile:
    """What can be changed; the picture as a data URL or an address, empty for none."""

    name: str = ""
    email: str = ""
    picture: str = ""

    @classmethod
    def of(cls, user: User) -> _Profile:
        return cls(name=normal_name(user.display_name), email=user.email, picture=user.profile_picture_url or "")


class ProfileTab(QWidget):
    """The form; its buttons show once something differs from what is stored.

    Attributes:
        name: The display name.
        email: The address.
        picture: The avatar.
        save: Stores it.
        discard: Brings back what is stored.
        sections: Both parts, from the top.
    """

    def __init__(self, bridge: Bridge, window: Window) -> None:
        super().__init__()
        self._bridge = bridge
        self._window = window
        self._stored: _Profile | None = None
        self.picture = AvatarField(bridge, name="profile.picture")
        self.name = Input(self.tr("Display name"), help_text=self.tr("Shown in lists, in logs and to your team."))
        self.name.setObjectName("profile.name")
        self.email = Input(self.tr("E-mail"), placeholder="ada@example.com")
        self.email.set_help(self.tr("Optional. Nothing is sent to it from this computer."))
        self.email.setObjectName("profile.email")
        self.save = Button(self.tr("Save"), kind=ButtonKind.PRIMARY)
        self.save.setObjectName("profile.save")
        self.discard = Button(self.tr("Discard"))
        self.discard.setObjectName("profile.discard")
        self._preview = _Preview()
        self.sections = (self._build_form(), self._build_preview())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, Space.L, Space.L, Space.XL)
        column.setSpacing(Space.XL)
        for section in self.sections:
            section.setMaximumWidth(WIDTH)
            column.addWidget(section)
        column.addStretch()
        self._connect()
        self._query = LiveQuery(bridge, WhoAmI(), depends=frozenset({"user"}), on_answer=self._on_user, parent=self)
        self._on_edited()

    def _connect(self) -> None:
        self.name.changed.connect(lambda _text: self._on_name_changed())
        self.email.changed.connect(lambda _text: self._on_email_changed())
        self.picture.changed.connect(self._on_edited)
        self.name.left.connect(self._check_name)
        self.email.left.connect(self._check_email)
        for line in (self.name, self.email):
            line.submitted.connect(self._on_save)
        self.save.clicked.connect(self._on_save)
        self.discard.clicked.connect(self._on_discard)

    def is_changed(self) -> bool:
        """Whether something differs from what is stored."""
        return self._stored is not None and self._typed() != self._stored

    def _build_form(self) -> Section:
        form = Block()
        form.column.setSpacing(Space.L)
        # The picture's field and the column of fields bring their own.
        form.column.setContentsMargins(0, Space.S, 0, Space.M)
        form.column.addWidget(self.picture)
        fields = QVBoxLayout()
        fields.setContentsMargins(Space.S, 0, Space.S, 0)
        fields.setSpacing(Space.L)
        fields.addWidget(self.name)
        fields.addWidget(self.email)
        buttons = QHBoxLayout()
        buttons.setSpacing(Space.S)
        buttons.addWidget(self.save)
        buttons.addWidget(self.discard)
        buttons.addStretch()
        fields.addLayout(buttons)
        form.column.addLayout(fields)
        section = Section("profile", self.tr("Your profile"))
        section.add(form, words="name e-mail picture avatar")
        return section

    def _build_preview(self) -> Section:
        section = Section("preview", self.tr("As others see you"))
        section.add(self._preview, words="preview")
        return section

    def _typed(self) -> _Profile:
        return _Profile(name=normal_name(self.name.text()), email=self.email.text().strip(), picture=self.picture.url())

    def _on_user(self, user: User) -> None:
        was_changed = self.is_changed()
        self._stored = _Profile.of(user)
        if not was_changed:
            # What the person is typing is never taken away by what somebody else stores.
            self._on_discard()
        self._on_edited()

    def _on_name_changed(self) -> None:
        if self.name.error():
            self._check_name()
        self._on_edited()

    def _on_email_changed(self) -> None:
        if self.email.error():
            self._check_email()
        self._on_edited()

    def _on_edited(self) -> None:
        typed, is_changed = self._typed(), self.is_changed()
        self.save.setVisible(is_changed)
        self.discard.setVisible(is_changed)
        self.picture.set_name(typed.name)
        self._preview.show_profile(typed)

    def _check_name(self) -> bool:
        problem = name_problem(normal_name(self.name.text()))
        self.name.set_error(problem)
        return not problem

    def _check_email(self) -> bool:
        problem = email_problem(self.email.text().strip())
        self.email.set_error(problem)
        return not problem

    def _on_save(self) -> None:
        if self.save.is_busy() or not self.is_changed():
            return
        for is_right, field in ((self._check_name(), self.name), (self._check_email(), self.email)):
            if not is_right:
                field.control.setFocus()
                return
        before, after = self._stored or _Profile(), self._typed()
        self._send(after, done=lambda _user: self._on_saved(before))

    def _send(self, profile: _Profile, *, done: Callable[[User], None]) -> None:
        ask = UpdateProfile(display_name=profile.name, email=profile.email, profile_picture_url=profile.picture)
        tasks.ask(self._bridge, ask, owner=self, done=done, failed=self._on_refused, busy=self.save)

    def _on_saved(self, before: _Profile) -> None:
        self._query.refresh()
        self._window.notify(
            self.tr("Your profile was saved."),
            kind="success",
            action=self.tr("Undo"),
            on_action=lambda: self._send(before, done=self._on_undone),
            about="profile",
        )

    def _on_undone(self, user: User) -> None:
        self._stored = _Profile.of(user)
        self._on_discard()

    def _on_refused(self, error: MachinaError) -> None:
        field = error.field if isinstance(error, InvalidInput) else ""
        if field == "email":
            self.email.set_error(str(error))
            self.email.control.setFocus()
        elif field == "profile_picture_url":
            self.picture.set_error(str(error))
        else:
            self.name.set_error(str(error))
            self.name.control.setFocus()

    def _on_discard(self) -> None:
        stored = self._stored or _Profile()
        self.name.set_text(stored.name)
        self.email.set_text(stored.email)
        self.picture.set_url(stored.picture)
        self.name.set_error("")
        self.email.set_error("")
        self._on_edited()


class _Preview(Block):
    """The person as in a list of members, and as in the audit trail."""

    def __init__(self) -> None:
        super().__init__()
        self._avatar = Avatar("", size=_PREVIEW_AVATAR)
        self._small = Avatar("", size=20)
        self._name = ElidedLabel(style=Type.STRONG)
        self._email = ElidedLabel(style=Type.SECONDARY, tone="secondary")
        self._sentence = ElidedLabel(style=Type.BODY)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._name)
        words.addWidget(self._email)
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        row.addWidget(self._avatar)
        row.addLayout(words, 1)
        line = QHBoxLayout()
        line.setSpacing(Space.S)
        line.addWidget(self._small)
        line.addWidget(self._sentence, 1)
        self.column.setSpacing(Space.M)
        self.column.addLayout(row)
        self.column.addLayout(line)
        self.column.addWidget(
            Label(_tr("In lists, and in the history of a machine."), style=Type.SECONDARY, tone="secondary")
        )

    def show_profile(self, profile: _Profile) -> None:
        """Show what is typed."""
        name = profile.name or _tr("Without a name")
        for avatar in (self._avatar, self._small):
            avatar.set_name(profile.name)
            avatar.set_picture(picture_of(profile.picture))
        self._name.setText(name)
        self._email.setText(profile.email or _tr("no e-mail address"))
        self._sentence.setText(_tr("{0} approved the plan of web-1").format(name))


def _tr(text: str) -> str:
    return QCoreApplication.translate("Settings", text)
