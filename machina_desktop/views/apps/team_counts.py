"""How many people and machines each of the person's teams has."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.team import Team
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.core.services.members import ListMembers, Membership
from machina_desktop.views.models.live_query import LiveQuery

# As many as the machines page shows.
_COUNTED = 5000


class _OfTeam(QObject):
    """One team's numbers; ``None`` until they are known."""

    changed = Signal()

    def __init__(self, bridge: Bridge, team_id: str, *, parent: QObject) -> None:
        super().__init__(parent)
        self.members: int | None = None
        self.machines: int | None = None
        LiveQuery(
            bridge,
            ListMembers(team_id=team_id),
            depends=frozenset({"team_member"}),
            on_answer=self._on_members,
            on_error=lambda _error: None,
            parent=self,
        )
        LiveQuery(
            bridge,
            ListMachines(team_id=team_id, limit=_COUNTED),
            depends=frozenset({"machine"}),
            on_answer=self._on_machines,
            on_error=lambda _error: None,
            parent=self,
        )

    def _on_members(self, members: tuple[Membership, ...]) -> None:
        self.members = len(members)
        self.changed.emit()

    def _on_machines(self, machines: tuple[Machine, ...]) -> None:
        self.machines = len(machines)
        self.changed.emit()


class TeamCounts(QObject):
    """The numbers of the teams that were named last.

    Signals:
        changed(): A number is another one now.
    """

    changed = Signal()

    def __init__(self, bridge: Bridge, *, parent: QObject) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._teams: dict[str, _OfTeam] = {}

    def follow(self, teams: tuple[Team, ...]) -> None:
        """Count exactly these from now on."""
        wanted = {team.team_id for team in teams}
        for team_id in self._teams.keys() - wanted:
            self._teams.pop(team_id).deleteLater()
        for team_id in wanted - self._teams.keys():
            made = self._teams[team_id] = _OfTeam(self._bridge, team_id, parent=self)
            made.changed.connect(self.changed)

    def members(self, team_id: str) -> int | None:
        """How many people are in it."""
        return self._teams[team_id].members if team_id in self._teams else None

    def machines(self, team_id: str) -> int | None:
        """How many machines it has that are not gone."""
        return self._teams[team_id].machines if team_id in self._teams else None
