"""Who keeps the secrets of a shared team: asked where they are typed in, told where they are shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtWidgets import QButtonGroup, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.custody import Custody
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.core.services.handing_over import CustodyChanged, HandOver, ShareSecret, StopSharingSecret
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import tasks
from machina_desktop.views.choice_card import ChoiceCard
from machina_desktop.views.server_watch import servers_of
from machina_desktop.views.server_words import host_of
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from machina_desktop.views.widgets.text import Label

Kept = ProviderAccount | SSHKey
R = TypeVar("R")


def device_of(bridge: Bridge, team_id: str = "") -> str:
    """What this computer is called at the home of that team, else of the one in view; empty where that is here."""
    status = servers_of(bridge).status_of(team_id or bridge.team_id) if bridge.is_settled else None
    return status.server.device_id if status is not None else ""


def custody_words(record: Kept, device_id: str) -> str:
    """Where a record's secrets can be opened; empty for one that has none, and for a team of this computer."""
    is_shared = record.custody is Custody.SERVER
    if not device_id or (not record.keeper and not is_shared):
        return ""
    if not record.keeper:
        return _tr("only on the server")
    if record.keeper == device_id:
        return _tr("this computer and server") if is_shared else _tr("only on this computer")
    return _tr("another computer and server") if is_shared else _tr("on another computer")


def place_words(runs_on: str, device_id: str) -> str:
    """Which program carries runs out: that of the home, or that of a computer; empty for a team of this computer."""
    if not device_id:
        return ""
    if not runs_on:
        return _tr("the server")
    return _tr("this computer") if runs_on == device_id else _tr("another computer")


def why_elsewhere(machine: Machine, device_id: str) -> str:
    """Why nothing can be done with a machine from this computer, one sentence; empty when it can."""
    if not device_id or machine.state_keeper in {"", device_id}:
        return ""
    return _tr("Another computer of the team works on this machine; do it there, or hand it over there.")


def is_carried_out_here(bridge: Bridge, run: Deployment) -> bool:
    """Whether this computer carries a run out, and not the server of its team or somebody else's computer."""
    return run.runs_on == device_of(bridge, run.team_id)


def can_share(record: Kept, device_id: str) -> bool:
    """Whether this computer keeps secrets that the server does not have."""
    return bool(device_id) and record.keeper == device_id and record.custody is Custody.LOCAL


def can_stop_sharing(record: Kept, device_id: str) -> bool:
    """Whether the server has a copy of what somebody's computer keeps."""
    return bool(device_id) and bool(record.keeper) and record.custody is Custody.SERVER


class CustodyChoice(QWidget):
    """Only on this computer, or for the server's runner, too; hidden for a team of this computer."""

    def __init__(self, bridge: Bridge, *, name: str, parent: QWidget | None = None) -> None:
        """``name`` begins the object names of the two choices."""
        super().__init__(parent)
        self._bridge = bridge
        self._is_wanted = True
        self._group = QButtonGroup(self)
        self._cards = {
            Custody.LOCAL: ChoiceCard(
                "monitor",
                _tr("Only on this computer"),
                _tr("Runs that need it work while this computer is on and you are signed in."),
            ),
            Custody.SERVER: ChoiceCard(
                "server",
                _tr("Also usable by the server's runner"),
                _tr("Runs work at any time. Whoever controls the server could read it."),
            ),
        }
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(Label(_tr("Who keeps it"), style=Type.MEDIUM))
        for custody, card in self._cards.items():
            card.setObjectName(f"{name}.custody.{custody}")
            self._group.addButton(card)
            column.addWidget(card)
        self._cards[Custody.LOCAL].setChecked(True)
        servers_of(bridge).changed.connect(self._show)
        self._show()

    @property
    def custody(self) -> Custody:
        """What is chosen."""
        is_offered = not self.isHidden()
        return Custody.SERVER if is_offered and self._cards[Custody.SERVER].isChecked() else Custody.LOCAL

    def set_wanted(self, is_wanted: bool) -> None:
        """Whether there is a secret to keep."""
        self._is_wanted = is_wanted
        self._show()

    def _show(self) -> None:
        self.setVisible(self._is_wanted and bool(device_of(self._bridge)))


class CustodyActions(QObject):
    """Shares secrets with the server, ends that, and hands machines over, each after a question with its consequences.

    Dialogs open over ``parent``; ``tell`` is told how it went, ``failed`` what went wrong.
    """

    def __init__(
        self,
        bridge: Bridge,
        *,
        tell: Callable[[str], None],
        failed: tasks.ErrorListener,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._bridge, self._tell, self._failed, self._parent = bridge, tell, failed, parent

    def share(self, record: Kept, *, busy: tasks.Busy) -> None:
        """Let the runners of the team's server open what this computer keeps."""
        title, host = _title(record), self._host(record.team_id)
        self._ask(
            _tr("Share {0} with {1}?").format(title, host),
            (
                _tr("The server's runner can open it from then on, and runs work without this computer."),
                _tr("Whoever controls the server could read it."),
                _tr("What was shared once is known there: to take it back, replace it at its provider."),
            ),
            _tr("Share"),
            "share",
            lambda: self._call(ShareSecret(**_named(record)), self._on_changed, busy),
        )

    def stop_sharing(self, record: Kept, *, busy: tasks.Busy) -> None:
        """Delete the server's copy."""
        title, host = _title(record), self._host(record.team_id)
        self._ask(
            _tr("Stop sharing {0} with {1}?").format(title, host),
            (
                _tr("The server's copy is deleted; runs that need it work on the computer that keeps it only."),
                _tr("The server has seen it: replace it at its provider if that matters."),
            ),
            _tr("Stop sharing"),
            "stop_sharing",
            lambda: self._call(StopSharingSecret(**_named(record)), self._on_changed, busy),
        )

    def hand_over(self, machine: Machine, *, account: ProviderAccount | None, busy: tasks.Busy) -> None:
        """Let the server's runners work on a machine that this computer has worked on so far."""
        lines = [
            _tr(
                "Terraform's record of it is sealed for the server's runner, which carries out everything from then on."
            ),
            _tr("This computer cannot run it any more."),
        ]
        if account is not None and account.keeper and account.custody is Custody.LOCAL:
            lines.append(
                _tr("The runner needs the credentials of {0} as well: share them first.").format(account.label)
            )

        def handed(made: Machine) -> None:
            self._tell(_tr("The server works on {0} from now on").format(made.name))

        self._ask(
            _tr("Hand {0} over to {1}?").format(machine.name, self._host(machine.team_id)),
            tuple(lines),
            _tr("Hand over"),
            "hand_over",
            lambda: self._call(HandOver(machine_id=machine.machine_id), handed, busy),
        )

    def _ask(self, title: str, lines: tuple[str, ...], confirm: str, name: str, act: Callable[[], None]) -> None:
        dialog = ConfirmDialog(title, losses=lines, confirm=confirm, is_danger=False, parent=self._parent)
        dialog.setObjectName(name)
        dialog.primary.setObjectName(f"{name}.confirm")
        dialog.accepted.connect(act)
        dialog.open()

    def _call(self, ask: Request[R], done: Callable[[R], None], busy: tasks.Busy) -> None:
        tasks.ask(self._bridge, ask, owner=self, done=done, failed=self._failed, busy=busy)

    def _on_changed(self, changed: CustodyChanged) -> None:
        self._tell(changed.advice)

    def _host(self, team_id: str) -> str:
        status = servers_of(self._bridge).status_of(team_id)
        return host_of(status.server.url) if status is not None else _tr("the server")


def _title(record: Kept) -> str:
    return record.label if isinstance(record, ProviderAccount) else record.name


def _named(record: Kept) -> dict[str, str]:
    if isinstance(record, ProviderAccount):
        return {"account_id": record.provider_account_id}
    return {"key_id": record.ssh_key_id}


def _tr(text: str) -> str:
    return QCoreApplication.translate("Custody", text)
