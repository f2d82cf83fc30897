"""What the things of the team in view are called, by their ids, for lists that know only those."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from machina_desktop.bridge import Bridge
from machina_desktop.core.services.deployments import ListDeployments
from machina_desktop.core.services.keys import ListKeys
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.core.services.members import ListMembers
from machina_desktop.core.services.providers import ListAccounts
from machina_desktop.core.services.teams import ListTeams
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import links
from machina_desktop.views.models.live_query import LiveQuery

R = TypeVar("R")
# As many as pages show; what is older is told by its id.
_KNOWN = 5000
# What the trail calls as links do.
_TRAILED = frozenset({"machine", "provider_account", "ssh_key", "team"})


class ThingNames(QObject):
    """Names of machines, runs, accounts, keys, teams, members and people. Only after the bridge has settled.

    Signals:
        changed(): Something is called otherwise, or has come.
    """

    changed = Signal()

    def __init__(self, bridge: Bridge, *, parent: QObject) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._names: dict[str, str] = {}
        team = bridge.team_id
        self._follow(
            "machine",
            ListMachines(team_id=team, include_gone=True, limit=_KNOWN),
            lambda each: (each.machine_id, each.name),
        )
        self._follow(
            "deployment",
            ListDeployments(team_id=team, limit=_KNOWN),
            lambda each: (each.deployment_id, each.machine_name),
        )
        self._follow(
            "provider_account", ListAccounts(team_id=team), lambda each: (each.provider_account_id, each.label)
        )
        self._follow("ssh_key", ListKeys(team_id=team), lambda each: (each.ssh_key_id, each.name))
        self._follow(
            "team_member",
            ListMembers(team_id=team),
            lambda each: (each.member.team_member_id, each.user.display_name),
        )
        self._follow("user", ListMembers(team_id=team), lambda each: (each.user.user_id, each.user.display_name))
        self._follow("team", ListTeams(), lambda each: (each.team_id, each.name))

    def name(self, key: str) -> str:
        """What the thing with that id is called; empty for something unknown."""
        return self._names.get(key, "")

    def find(self, name: str) -> str:
        """The thing of that name, whatever the case, as the audit trail knows it: ``machine:ID``; empty for none."""
        wanted = name.casefold()
        keys = (key for key, known in self._names.items() if wanted and known.casefold() == wanted)
        link = next(filter(None, map(links.of_id, keys)), None)
        return f"{link.entity}:{link.key}" if link is not None and link.entity in _TRAILED else ""

    def _follow(self, entity: str, request: Request[tuple[R, ...]], named: Callable[[R], tuple[str, str]]) -> None:
        def learn(found: tuple[R, ...]) -> None:
            # What is gone is still named in what was done to it.
            self._names |= dict(map(named, found))
            self.changed.emit()

        LiveQuery(
            self._bridge,
            request,
            depends=frozenset({entity}),
            on_answer=learn,
            # Where they cannot be listed, ids stand for names.
            on_error=lambda _error: None,
            parent=self,
        )
