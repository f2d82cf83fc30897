"""The whole window on fake rows, as tests hold it; the fixture that opens it stands in ``tests/views/conftest.py``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from machina_desktop.bridge import Bridge
from machina_desktop.core.config import Settings
from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.team import Team, TeamRole
from machina_desktop.core.errors import Conflict
from machina_desktop.core.events import Change, Changed
from machina_desktop.core.ids import now
from machina_desktop.core.services import deployments, keys, machines, providers, teams
from machina_desktop.views.desk import Desk
from machina_desktop.views.main_window import MainWindow
from tests.fakes.device import FakeDevice
from tests.fakes.gateway import FakeGateway, until

_LISTS = (machines.ListMachines, deployments.ListDeployments, providers.ListAccounts, keys.ListKeys)


@dataclass
class Opened:
    """A window on fake rows."""

    window: MainWindow
    desk: Desk
    bridge: Bridge
    gateway: FakeGateway
    device: FakeDevice
    settings: Settings

    def run_in(self, state: DeploymentState) -> Deployment:
        """The first run in that state."""
        return next(run for run in self.gateway.all(Deployment) if run.state is state)

    def machine(self, index: int = 0) -> Machine:
        """One of the machines."""
        return self.gateway.all(Machine)[index]

    def toasts(self) -> list[str]:
        """What the toasts say, the oldest first."""
        return [toast.notice.text for toast in self.window.notices.shown()]


Open = Callable[..., Opened]


async def filled(made: Opened) -> Opened:
    """Wait until the window knows its team."""
    await until(lambda: made.desk.runs.open_runs and made.desk.vault.status)
    await until(lambda: made.window.pages.page() is not None)
    return made


def press(made: Opened, keys: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Press keys in the window."""
    QTest.keyClick(made.window, keys, modifiers)


class FakeTeams:
    """Several teams behind the fake gateway: lists answer what is the asked team's, and a person may make another."""

    def __init__(self, gateway: FakeGateway, *others: tuple[str, str]) -> None:
        """``others`` are ids and names of further teams; those of the rows are the first one's, called ``Personal``."""
        self.gateway = gateway
        self.rows = [_team(gateway.actor.team_roles[0][0], "Personal")]
        for answered in _LISTS:
            self._keep_to_team(answered)
        gateway.answers[teams.ListTeams] = lambda _ask: tuple(sorted(self.rows, key=lambda row: row.name))
        gateway.answers[teams.CreateTeam] = self._create
        for team_id, name in others:
            self.add(_team(team_id, name))

    def add(self, team: Team, role: TeamRole = TeamRole.ADMIN) -> Team:
        """The person is in ``team`` from now on."""
        self.rows.append(team)
        self.gateway.actor = replace(
            self.gateway.actor, team_roles=(*self.gateway.actor.team_roles, (team.team_id, role))
        )
        self._announce(team.team_id)
        return team

    def leave(self, team_id: str) -> None:
        """The person is no longer in that team."""
        self.rows = [row for row in self.rows if row.team_id != team_id]
        roles = tuple(role for role in self.gateway.actor.team_roles if role[0] != team_id)
        self.gateway.actor = replace(self.gateway.actor, team_roles=roles)
        self._announce(team_id)

    def _keep_to_team(self, request: type[Any]) -> None:
        answer = self.gateway.answers[request]

        def answered(ask: Any) -> object:
            found: Any = answer(ask)
            return tuple(row for row in found if row.team_id == ask.team_id)

        self.gateway.answers[request] = answered

    def _create(self, ask: teams.CreateTeam) -> Team:
        if any(row.handle == ask.handle for row in self.rows):
            raise Conflict(f"The handle {ask.handle} is taken.", hint="Choose another handle.", code="E-HANDLE-TAKEN")
        return self.add(replace(_team(ask.team_id, ask.name), handle=ask.handle))

    def _announce(self, team_id: str) -> None:
        changes = tuple(
            Change(team_id=team_id, seq=1, entity=entity, entity_id=team_id, row=None, at=now())
            for entity in ("team", "team_member")
        )
        self.gateway.bus.publish(Changed(changes))


def _team(team_id: str, name: str) -> Team:
    return Team(
        team_id=team_id,
        name=name,
        handle=name.lower().replace(" ", "-"),
        created_by="user",
        created_at=now(),
        updated_at=now(),
    )
