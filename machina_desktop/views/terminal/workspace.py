"""What is remembered of terminals over a restart: windows, tabs, panes and their machines. No secrets, no sessions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from machina_desktop.core.codec import from_json, to_json
from machina_desktop.core.domain.kept_shell import KeptShell
from machina_desktop.core.errors import InvalidInput
from machina_desktop.views import remembered
from machina_desktop.views.terminal.split_layout import Axis, Branch, Leaf, Node

# What is beyond was not made by a person.
_PANES = 64
_TABS = 200
_LAST, _NAMED = "last", "named."


@dataclass(frozen=True, kw_only=True)
class PanePlan:
    """One pane on a machine, or parts beside each other along ``axis`` (``row`` or ``column``) with their shares.

    ``kept`` is the shell that the machine keeps for the pane, if any.
    """

    machine_id: str = ""
    name: str = ""
    axis: str = ""
    parts: tuple[PanePlan, ...] = ()
    shares: tuple[float, ...] = ()
    kept: KeptShell | None = None


@dataclass(frozen=True, kw_only=True)
class TabPlan:
    """A tab.

    Attributes:
        root: Its panes.
        current: Which of them has the keyboard, in reading order.
        given: The title a person gave it; empty for none.
        colour: The colour a person gave it, by name; empty for none.
    """

    root: PanePlan
    current: int = 0
    given: str = ""
    colour: str = ""


@dataclass(frozen=True, kw_only=True)
class WindowPlan:
    """The tabs of a window; ``geometry`` is Qt's, as base64, and empty for the page in the main window."""

    tabs: tuple[TabPlan, ...] = ()
    current: int = 0
    geometry: str = ""


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Everything, the page in the main window first."""

    windows: tuple[WindowPlan, ...] = ()

    @property
    def tab_count(self) -> int:
        """How many tabs there are in all windows."""
        return sum(len(window.tabs) for window in self.windows)

    @property
    def pane_count(self) -> int:
        """How many panes there are in all tabs."""
        return sum(len(tuple(leaves(tab.root))) for window in self.windows for tab in window.tabs)


def leaves(plan: PanePlan) -> Iterator[PanePlan]:
    """The panes of a plan, in reading order."""
    if plan.parts:
        for part in plan.parts:
            yield from leaves(part)
    else:
        yield plan


def plan_of(node: Node, leaf: Callable[[str], PanePlan]) -> PanePlan:
    """What to remember of a layout; ``leaf`` says it of the pane of a key."""
    if isinstance(node, Leaf):
        return leaf(node.key)
    parts = tuple(plan_of(part, leaf) for part in node.parts)
    return PanePlan(axis=node.axis, parts=parts, shares=tuple(round(share, 4) for share in node.shares))


def node_of(plan: PanePlan, key: Callable[[PanePlan], str]) -> Node:
    """The layout that a plan describes; ``key`` names each pane. Shares that make no sense are equal."""
    if not plan.parts:
        return Leaf(key(plan))
    if len(plan.parts) == 1:
        return node_of(plan.parts[0], key)
    shares = plan.shares
    is_sound = len(shares) == len(plan.parts) and all(math.isfinite(share) and share > 0 for share in shares)
    shares = shares if is_sound else (1.0,) * len(plan.parts)
    whole = sum(shares)
    axis = Axis.COLUMN if plan.axis == Axis.COLUMN else Axis.ROW
    return Branch(axis, tuple(node_of(part, key) for part in plan.parts), tuple(share / whole for share in shares))


class WorkspaceStore:
    """What one team's terminals looked like last, and the workspaces a person named. In the window's own file."""

    def __init__(self, team_id: str) -> None:
        self._page = f"terminal.workspace.{team_id}"
        # Asked for with every list of commands, so it is not read each time.
        self._known: dict[str, Workspace] | None = None

    def last(self) -> Workspace:
        """How the terminals stood when the program was left; empty at first, and where it cannot be read."""
        return _read(remembered.recall(self._page).get(_LAST, "")) or Workspace()

    def keep(self, workspace: Workspace) -> None:
        """Remember how they stand."""
        self._write({_LAST: to_json(workspace).decode()})

    def names(self) -> tuple[str, ...]:
        """The named workspaces, by name."""
        return tuple(sorted(self._named(), key=str.casefold))

    def named(self, name: str) -> Workspace | None:
        """The workspace of that name; ``None`` where there is none."""
        return self._named().get(name)

    def save_as(self, name: str, workspace: Workspace) -> None:
        """Keep a workspace under a name, instead of one that had it."""
        self._known = {**self._named(), name: workspace}
        self._write(_texts(self._known))

    def delete(self, name: str) -> None:
        """Forget the workspace of that name."""
        self._known = {each: workspace for each, workspace in self._named().items() if each != name}
        self._write(_texts(self._known), are_all=True)

    def _named(self) -> dict[str, Workspace]:
        if self._known is not None:
            return self._known
        # Names stand in the values: what keys of the file may hold is another question on each system.
        found: dict[str, Workspace] = {}
        stored = remembered.recall(self._page)
        for key, text in stored.items():
            workspace = _read(text) if key.startswith(_NAMED) else None
            name = stored.get(f"name.{key.removeprefix(_NAMED)}", "")
            if workspace is not None and name:
                found[name] = workspace
        self._known = found
        return found

    def _write(self, values: dict[str, str], *, are_all: bool = False) -> None:
        stored = remembered.recall(self._page)
        kept = {_LAST: stored.get(_LAST, "")} if are_all else stored
        remembered.remember(self._page, {**kept, **values})


def _texts(named: dict[str, Workspace]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for number, (name, workspace) in enumerate(named.items()):
        texts[f"name.{number}"] = name
        texts[f"{_NAMED}{number}"] = to_json(workspace).decode()
    return texts


def _read(text: str) -> Workspace | None:
    """A workspace, without what nobody can have made."""
    if not text:
        return None
    try:
        workspace = from_json(text, Workspace)
    except InvalidInput:
        return None
    windows = []
    for window in workspace.windows:
        tabs = tuple(tab for tab in window.tabs[:_TABS] if _is_sound(tab.root))
        if tabs:
            windows.append(WindowPlan(tabs=tabs, current=window.current, geometry=window.geometry))
        elif not window.geometry:
            windows.append(WindowPlan())
    return Workspace(windows=tuple(windows))


def _is_sound(plan: PanePlan) -> bool:
    panes = tuple(leaves(plan))
    return len(panes) <= _PANES and all(pane.machine_id for pane in panes)
