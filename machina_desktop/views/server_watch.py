"""How things stand with the shared servers and the edits that wait for them, kept current for every view."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.intent import Intent, IntentState
from machina_desktop.core.domain.server import ServerStatus
from machina_desktop.core.domain.team import Team
from machina_desktop.core.services.servers import ListIntents, ListServers
from machina_desktop.core.services.teams import ListTeams
from machina_desktop.views.models.live_query import GATHER_MS, LiveQuery


class ServerWatch(QObject):
    """Servers, the teams that live on them, and the outbox. One per bridge, see :func:`servers_of`.

    Signals:
        changed(): Anything of it is another than before.
        turned_down(object): An `Intent` the home refused or lost, of which nobody has been told yet.
    """

    changed = Signal()
    turned_down = Signal(object)

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._statuses: tuple[ServerStatus, ...] | None = None
        self._intents: tuple[Intent, ...] = ()
        self._told: set[str] | None = None
        self._teams: tuple[Team, ...] = ()
        self._servers = LiveQuery(
            bridge,
            ListServers(),
            depends=frozenset({"server"}),
            on_answer=self._on_servers,
            # Where there is no answer, there is nothing to tell.
            on_error=lambda _error: None,
            parent=self,
        )
        self._outbox = LiveQuery(
            bridge,
            ListIntents(),
            depends=frozenset({"intent"}),
            on_answer=self._on_intents,
            on_error=lambda _error: None,
            parent=self,
        )
        LiveQuery(
            bridge,
            ListTeams(),
            depends=frozenset({"team", "team_member"}),
            on_answer=self._on_teams,
            on_error=lambda _error: None,
            parent=self,
        )
        self._gather = QTimer(self, singleShot=True, interval=GATHER_MS)
        self._gather.timeout.connect(self.refresh)
        bridge.connection_changed.connect(lambda *_about: self._gather.start())

    def refresh(self) -> None:
        """Ask again now."""
        self._servers.refresh()
        self._outbox.refresh()

    @property
    def is_known(self) -> bool:
        """Whether the servers have been heard of."""
        return self._statuses is not None

    @property
    def statuses(self) -> tuple[ServerStatus, ...]:
        """Every server this computer is signed in to, or was."""
        return self._statuses or ()

    @property
    def intents(self) -> tuple[Intent, ...]:
        """The edits that wait or were not taken, the oldest first."""
        return self._intents

    @property
    def waiting(self) -> tuple[Intent, ...]:
        """The edits that wait to be sent."""
        return tuple(each for each in self._intents if each.state is IntentState.WAITING)

    @property
    def needing_attention(self) -> tuple[Intent, ...]:
        """The edits that were refused or lost and that nobody has decided on yet."""
        return tuple(each for each in self._intents if each.state.wants_attention)

    def status(self, server_id: str) -> ServerStatus | None:
        """How things stand with one server."""
        return next((each for each in self.statuses if each.server.server_id == server_id), None)

    def status_at(self, home: str) -> ServerStatus | None:
        """How things stand with the server at that address; ``None`` for this computer and for one nobody knows."""
        return next((each for each in self.statuses if home and each.server.url == home), None)

    def status_of(self, team_id: str) -> ServerStatus | None:
        """How things stand with the home of a team; ``None`` for a team of this computer."""
        team = self.team(team_id)
        return self.status_at(team.home) if team is not None else None

    def team(self, team_id: str) -> Team | None:
        """A team the person is in."""
        return next((each for each in self._teams if each.team_id == team_id), None)

    def teams_at(self, home: str) -> tuple[Team, ...]:
        """The person's teams that live there, by name."""
        return tuple(sorted((each for each in self._teams if each.home == home), key=lambda team: team.name))

    def _on_servers(self, statuses: tuple[ServerStatus, ...]) -> None:
        if statuses != self._statuses:
            self._statuses = statuses
            self.changed.emit()

    def _on_teams(self, teams: tuple[Team, ...]) -> None:
        if teams != self._teams:
            self._teams = teams
            self.changed.emit()

    def _on_intents(self, intents: tuple[Intent, ...]) -> None:
        kept = (each for each in intents if each.state is not IntentState.ACCEPTED)
        shown = tuple(sorted(kept, key=lambda each: each.number))
        if shown != self._intents:
            self._intents = shown
            self.changed.emit()
        self._tell_new()

    def _tell_new(self) -> None:
        """What was there when the window opened is counted in the sidebar, not told once more."""
        turned_down = self.needing_attention
        told, self._told = self._told, (self._told or set()) | {each.op_id for each in turned_down}
        if told is not None:
            for intent in turned_down:
                if intent.op_id not in told:
                    self.turned_down.emit(intent)


def servers_of(bridge: Bridge) -> ServerWatch:
    """The servers as the bridge knows them; asked for first when somebody wants to know. Only after it has settled."""
    return bridge.findChild(ServerWatch) or ServerWatch(bridge)
