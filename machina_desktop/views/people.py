"""What the people of the team in view are called, kept current for every view that names somebody."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from machina_desktop.bridge import Bridge
from machina_desktop.core.services.members import ListMembers, Membership
from machina_desktop.views.models.live_query import LiveQuery


class People(QObject):
    """The names of the team's members by user id. One per bridge, see :func:`people_of`.

    Signals:
        changed(): Somebody is called otherwise, or has come or gone.
    """

    changed = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._names: dict[str, str] = {}
        query = LiveQuery(
            bridge,
            ListMembers(team_id=bridge.team_id),
            depends=frozenset({"team_member", "user"}),
            on_answer=self._on_members,
            # Where they cannot be listed, ids stand for names.
            on_error=lambda _error: None,
            parent=self,
        )
        bridge.team_changed.connect(lambda team_id: query.ask(ListMembers(team_id=team_id)))

    def name(self, user_id: str) -> str:
        """What that person is called; empty for somebody unknown."""
        return self._names.get(user_id, "")

    def _on_members(self, members: tuple[Membership, ...]) -> None:
        # Who has left is still named in what they did.
        self._names |= {each.user.user_id: each.user.display_name for each in members}
        self.changed.emit()


def people_of(bridge: Bridge) -> People:
    """The people of the bridge's team; asked for first when somebody is to be named. Only after it has settled."""
    return bridge.findChild(People) or People(bridge)
