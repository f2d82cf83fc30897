"""Why the person may not do something in a team, told before they try: a button is disabled with it as its tooltip."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.team import Right, is_granted, right_of
from machina_desktop.core.services.use_case import REGISTRY
from machina_desktop.views.server_watch import servers_of
from machina_desktop.views.server_words import why_home_is_away
from machina_desktop.views.widgets.buttons import Button


def why_not(bridge: Bridge, action: str, team_id: str, *, is_read: bool = False) -> str:
    """Why the action is not theirs to do; empty when it is. Only after the bridge has settled."""
    if is_granted(bridge.actor_in(team_id), action, team_id, is_read=is_read):
        return "" if is_read else why_away(bridge, action, team_id)
    if right_of(action, is_read=is_read) is Right.ADMINISTER:
        return QCoreApplication.translate("Rights", "Only administrators of the team may do this.")
    return QCoreApplication.translate("Rights", "You may look at this, but not change it: ask an administrator.")


def why_away(bridge: Bridge, action: str, team_id: str) -> str:
    """Why the team's home cannot take the action in now; empty when it can, and for what may wait for it."""
    if any(use_case.action == action and use_case.offline for use_case in REGISTRY.by_request.values()):
        return ""
    return why_home_is_away(servers_of(bridge).status_of(team_id))


def allow(button: Button, *obstacles: str) -> None:
    """Enable a button, or disable it and tell the first obstacle that is not empty."""
    obstacle = next(filter(None, obstacles), "")
    button.setEnabled(not obstacle)
    button.setToolTip(obstacle)
    button.setAccessibleDescription(obstacle)
