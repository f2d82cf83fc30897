"""The dialogs about people: another role, a grant, and an end that says first what has to be renewed."""

from __future__ import annotations

from collections import Counter

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.team import ENVIRONMENT as PREFIX
from machina_desktop.core.domain.team import Access
from machina_desktop.core.errors import InvalidInput, MachinaError
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.core.services.members import AddGrant, Exposure, ListExposure, Membership, RemoveMember
from machina_desktop.views import tasks
from machina_desktop.views.apps.member_words import access_meaning, access_word, exposure_lines, tr
from machina_desktop.views.callout import Callout
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.feedback import Skeleton
from machina_desktop.views.widgets.inputs import Input, Select
from machina_desktop.views.widgets.text import Label, copy_text

ENVIRONMENT, TAG, OTHERS = "environment", "tag", "others"
# As many as the machines page shows.
_COUNTED = 5000


class AddGrantDialog(Dialog):
    """Narrows what a member may do with some machines."""

    def __init__(self, bridge: Bridge, each: Membership, *, parent: QWidget) -> None:
        super().__init__(
            tr("Narrow what {0} may do").format(each.user.display_name),
            text=tr("A grant never adds to the role of a member. Several for the same machines add up."),
            primary=tr("Add grant"),
            parent=parent,
        )
        self.setObjectName("add_grant")
        self._bridge = bridge
        self._each = each
        self._tags: Counter[str] | None = None
        titles = ((access.value, f"{access_word(access)}: {access_meaning(access)}") for access in Access)
        self.access = Select(self.tr("The member"), choices=tuple(titles))
        self.scope = Select(
            self.tr("With"),
            choices=(
                (ENVIRONMENT, self.tr("the machines of an environment")),
                (TAG, self.tr("the machines of a tag")),
                (OTHERS, self.tr("all machines no other grant names")),
            ),
        )
        self.name = Input(self.tr("Environment"), placeholder="prod")
        for field, name in ((self.access, "access"), (self.scope, "scope"), (self.name, "name")):
            field.control.setObjectName(f"add_grant.{name}")
            self.column.addWidget(field)
        self.column.addStretch()
        self.primary.setObjectName("add_grant.submit")
        self.cancel.setObjectName("add_grant.cancel")
        self.scope.changed.connect(self._on_scope_changed)
        self.name.changed.connect(self._on_name_changed)
        self.primary.clicked.connect(self._on_primary)
        self._on_scope_changed(self.scope.value())
        self.access.control.setFocus()
        tasks.ask(
            bridge,
            ListMachines(team_id=each.member.team_id, limit=_COUNTED),
            owner=self,
            done=self._on_machines,
            failed=lambda _error: None,
        )

    def _on_machines(self, machines: tuple[Machine, ...]) -> None:
        self._tags = Counter(tag for machine in machines for tag in {each.casefold() for each in machine.tags})
        self._show_reach()

    def _show_reach(self) -> None:
        """Tell how many machines are meant: a tag that was mistyped narrows nothing."""
        is_tag, name = self.scope.value() == TAG, self.name.text().strip().casefold()
        if self._tags is None or not name:
            self.name.set_help(
                self.tr("As it stands on the machines.")
                if is_tag
                else self.tr("Machines tagged env:NAME belong to the environment NAME.")
            )
            return
        count = self._tags[name if is_tag else f"{PREFIX}{name}"]
        one, many = self.tr("1 machine has it now."), self.tr("{0} machines have it now.")
        self.name.set_help(one if count == 1 else many.format(self.locale().toString(count)))

    def _on_scope_changed(self, scope: str) -> None:
        self.name.set_error("")
        self.name.setVisible(scope != OTHERS)
        self.name.set_label(self.tr("Tag") if scope == TAG else self.tr("Environment"))
        self._show_reach()

    def _on_name_changed(self, _text: str) -> None:
        self.name.set_error("")
        self._show_reach()

    def _on_primary(self) -> None:
        scope, name = self.scope.value(), self.name.text().strip()
        if scope != OTHERS and not name:
            self.name.set_error(self.tr("Say which one."))
            self.name.control.setFocus()
            return
        self.show_error("")
        ask = AddGrant(
            team_id=self._each.member.team_id,
            member_id=self._each.member.team_member_id,
            access=Access(self.access.value()),
            tag=name if scope == TAG else "",
            environment=name if scope == ENVIRONMENT else "",
        )
        tasks.ask(
            self._bridge,
            ask,
            owner=self,
            done=lambda _grant: self.accept(),
            failed=self._on_failed,
            busy=self,
        )

    def _on_failed(self, error: MachinaError) -> None:
        if isinstance(error, InvalidInput) and self.name.isVisible():
            self.name.set_error(str(error))
            self.name.control.setFocus()
        else:
            self.show_error(str(error))


class RemoveMemberDialog(Dialog):
    """Shows what the person was able to read, then puts them out of the team.

    Signals:
        removed(object): What should be renewed now (Exposure).
    """

    removed = Signal(object)

    def __init__(self, bridge: Bridge, each: Membership, *, parent: QWidget) -> None:
        super().__init__(
            tr("Remove {0} from the team?").format(each.user.display_name),
            text=tr("Their place, their grants and their open invites end at once. What they did stays in the trail."),
            primary=tr("Remove member"),
            kind=ButtonKind.DANGER,
            width=520,
            parent=parent,
        )
        self.setObjectName("remove_member")
        self._bridge = bridge
        self._each = each
        self._lines: tuple[str, ...] = ()
        self._waiting = Skeleton(rows=3)
        self._rotate = QWidget()
        self._list = QVBoxLayout(self._rotate)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(Space.XS)
        self._unknown = Callout("error")
        self._unknown.setObjectName("remove_member.problem")
        self.copy = Button(self.tr("Copy list"), icon_name="copy", parent=self)
        self.copy.setObjectName("remove_member.copy")
        self.copy.clicked.connect(lambda: copy_text("\n".join(self._lines)))
        self.copy.setEnabled(False)
        self.add_button(self.copy)
        for widget in (self._waiting, self._rotate, self._unknown):
            self.column.addWidget(widget)
        self.column.addStretch()
        self._rotate.hide()
        self.primary.setObjectName("remove_member.confirm")
        self.cancel.setObjectName("remove_member.cancel")
        # Enter must not remove anybody by accident, nor before the list is seen.
        self.primary.setDefault(False)
        self.primary.setEnabled(False)
        self.cancel.setDefault(True)
        self.cancel.setFocus()
        self.primary.clicked.connect(self._on_primary)
        self._ask()

    def _ask(self) -> None:
        member = self._each.member
        tasks.ask(
            self._bridge,
            ListExposure(team_id=member.team_id, member_id=member.team_member_id),
            owner=self,
            done=self._on_exposure,
            failed=self._on_unknown,
        )

    def _on_exposure(self, exposure: Exposure) -> None:
        self._lines = exposure_lines(exposure)
        self._waiting.hide()
        if self._lines:
            head = self.tr("Rotate these: they were able to read them.")
        else:
            head = self.tr("There is nothing to rotate: this team keeps no secret they were able to read.")
        self._list.addWidget(Label(head, style=Type.MEDIUM, wraps=True))
        for line in self._lines:
            self._list.addWidget(Label(f"–  {line}", wraps=True))
        self._rotate.show()
        self.copy.setEnabled(bool(self._lines))
        self.primary.setEnabled(True)

    def _on_unknown(self, error: MachinaError) -> None:
        self._waiting.hide()
        self._unknown.say_error(error)

    def _on_primary(self) -> None:
        member = self._each.member
        self.show_error("")
        tasks.ask(
            self._bridge,
            RemoveMember(team_id=member.team_id, member_id=member.team_member_id),
            owner=self,
            done=self._on_removed,
            failed=lambda error: self.show_error(str(error)),
            busy=self,
        )

    def _on_removed(self, exposure: Exposure) -> None:
        self.removed.emit(exposure)
        self.accept()
