"""How the panes of a tab share its room: a tree of rows and columns, and what can be done with it. No widgets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

# No pane is made smaller than this part of the row or column it stands in, by dividers or keys.
LEAST: Final = 0.05
_WHOLE: Final = (0.0, 0.0, 1.0, 1.0)
_CLOSE: Final = 1e-6

Path: TypeAlias = tuple[int, ...]
Rect: TypeAlias = tuple[float, float, float, float]
"""Left, top, width and height, as parts of the whole."""


class Axis(StrEnum):
    """Along which the parts of a branch stand: side by side, or one below the other."""

    ROW = "row"
    COLUMN = "column"


class Side(StrEnum):
    """A direction in the room of a tab."""

    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"

    @property
    def axis(self) -> Axis:
        """Along which it leads."""
        return Axis.ROW if self in {Side.LEFT, Side.RIGHT} else Axis.COLUMN

    @property
    def is_onwards(self) -> bool:
        """Whether it leads to the right or down."""
        return self in {Side.RIGHT, Side.DOWN}


@dataclass(frozen=True)
class Leaf:
    """One pane, by its key."""

    key: str


@dataclass(frozen=True)
class Branch:
    """Two or more parts beside each other; ``shares`` of its room, one for each, add up to 1."""

    axis: Axis
    parts: tuple[Node, ...]
    shares: tuple[float, ...]


Node: TypeAlias = Leaf | Branch


@dataclass(frozen=True)
class Divider:
    """The line between two parts of a branch.

    Attributes:
        path: Of the branch.
        index: Of the part before it.
        axis: Of the branch.
        at: Where it begins, as parts of the whole; ``length`` is how long it is, ``room`` the branch's extent along
            its axis.
    """

    path: Path
    index: int
    axis: Axis
    at: tuple[float, float]
    length: float
    room: float


def keys(node: Node) -> tuple[str, ...]:
    """The panes, in reading order."""
    if isinstance(node, Leaf):
        return (node.key,)
    return tuple(key for part in node.parts for key in keys(part))


def rects(node: Node, whole: Rect = _WHOLE) -> dict[str, Rect]:
    """The room of each pane by its key."""
    if isinstance(node, Leaf):
        return {node.key: whole}
    found: dict[str, Rect] = {}
    for part, room in _rooms(node, whole):
        found |= rects(part, room)
    return found


def dividers(node: Node, whole: Rect = _WHOLE, path: Path = ()) -> Iterator[Divider]:
    """Every line between parts, those of the outer branches first."""
    if isinstance(node, Leaf):
        return
    left, top, width, height = whole
    is_row = node.axis is Axis.ROW
    rooms = tuple(_rooms(node, whole))
    for index, (_part, room) in enumerate(rooms[1:]):
        at = (room[0], top) if is_row else (left, room[1])
        yield Divider(path, index, node.axis, at, height if is_row else width, width if is_row else height)
    for index, (part, room) in enumerate(rooms):
        yield from dividers(part, room, (*path, index))


def split(node: Node, key: str, new: str, side: Side) -> Node:
    """Put the pane ``new`` on a side of ``key``; the two share its room by halves. An unknown key changes nothing."""
    if isinstance(node, Leaf):
        if node.key != key:
            return node
        pair = (node, Leaf(new)) if side.is_onwards else (Leaf(new), node)
        return Branch(side.axis, pair, (0.5, 0.5))
    place = next((index for index, part in enumerate(node.parts) if part == Leaf(key)), -1)
    if place < 0 or node.axis is not side.axis:
        return replace(node, parts=tuple(split(part, key, new, side) for part in node.parts))
    half = node.shares[place] / 2
    at = place + 1 if side.is_onwards else place
    parts, shares = list(node.parts), list(node.shares)
    shares[place] = half
    parts.insert(at, Leaf(new))
    shares.insert(at, half)
    return Branch(node.axis, tuple(parts), tuple(shares))


def without(node: Node, key: str) -> Node | None:
    """Take a pane away; those beside it take its room. ``None`` when nothing is left."""
    if isinstance(node, Leaf):
        return None if node.key == key else node
    left = [(without(part, key), share) for part, share in zip(node.parts, node.shares, strict=True)]
    parts = [(part, share) for part, share in left if part is not None]
    if not parts:
        return None
    if len(parts) == 1:
        return parts[0][0]
    whole = sum(share for _part, share in parts)
    return _flat(Branch(node.axis, tuple(part for part, _ in parts), tuple(share / whole for _, share in parts)))


def swapped(node: Node, one: str, other: str) -> Node:
    """Let two panes change places."""
    if isinstance(node, Leaf):
        return Leaf({one: other, other: one}.get(node.key, node.key))
    return replace(node, parts=tuple(swapped(part, one, other) for part in node.parts))


def renamed(node: Node, names: dict[str, str]) -> Node:
    """The same layout of panes with other keys, which ``names`` gives by the present ones."""
    if isinstance(node, Leaf):
        return Leaf(names[node.key])
    return replace(node, parts=tuple(renamed(part, names) for part in node.parts))


def moved(node: Node, path: Path, index: int, by: float) -> Node:
    """Move the divider after part ``index`` of the branch at ``path`` by a part of that branch's room."""
    branch = at(node, path)
    if not isinstance(branch, Branch) or not 0 <= index < len(branch.shares) - 1:
        return node
    before, after = branch.shares[index], branch.shares[index + 1]
    least = min(LEAST, before, after)
    by = max(least - before, min(after - least, by))
    shares = [*branch.shares]
    shares[index], shares[index + 1] = before + by, after - by
    return _put(node, path, replace(branch, shares=tuple(shares)))


def evened(node: Node, path: Path = (), *, is_deep: bool = False) -> Node:
    """Give the parts of the branch at ``path`` equal shares, with ``is_deep`` those of all branches in it too."""
    branch = at(node, path)
    if not isinstance(branch, Branch):
        return node
    parts = tuple(evened(part, is_deep=True) for part in branch.parts) if is_deep else branch.parts
    even = (1 / len(parts),) * len(parts)
    return _put(node, path, replace(branch, parts=parts, shares=even))


def neighbour(node: Node, key: str, side: Side) -> str:
    """The pane one comes to from ``key`` on that side, level with its middle; empty at the edge."""
    places = rects(node)
    if key not in places:
        return ""
    left, top, width, height = places[key]
    middle = top + height / 2 if side.axis is Axis.ROW else left + width / 2
    found: list[tuple[float, str]] = []
    for other, (x, y, wide, high) in places.items():
        gap = {Side.LEFT: left - x - wide, Side.RIGHT: x - left - width, Side.UP: top - y - high}.get(
            side, y - top - height
        )
        first, extent = (y, high) if side.axis is Axis.ROW else (x, wide)
        if other != key and gap > -_CLOSE and first - _CLOSE <= middle < first + extent:
            found.append((gap, other))
    return min(found, default=(0.0, ""))[1]


def resized(node: Node, key: str, side: Side, by: float) -> Node:
    """Move the nearest divider that can go to that side by ``by`` of its branch's room.

    It is the one at that end of the pane, or of what it stands in; where there is none, the one at the other end.
    """
    path = path_of(node, key)
    for is_at_end in (side.is_onwards, not side.is_onwards):
        for depth in range(len(path) - 1, -1, -1):
            branch, index = at(node, path[:depth]), path[depth]
            if not isinstance(branch, Branch) or branch.axis is not side.axis:
                continue
            divider = index if is_at_end else index - 1
            if 0 <= divider < len(branch.parts) - 1:
                return moved(node, path[:depth], divider, by if side.is_onwards else -by)
    return node


def path_of(node: Node, key: str) -> Path:
    """Where a pane stands; empty where it is unknown or alone."""
    if isinstance(node, Branch):
        for index, part in enumerate(node.parts):
            if key in keys(part):
                return (index, *path_of(part, key))
    return ()


def at(node: Node, path: Path) -> Node:
    """What stands at a path."""
    for index in path:
        if not isinstance(node, Branch):
            break
        node = node.parts[index]
    return node


def _rooms(branch: Branch, whole: Rect) -> Iterator[tuple[Node, Rect]]:
    left, top, width, height = whole
    for part, share in zip(branch.parts, branch.shares, strict=True):
        if branch.axis is Axis.ROW:
            yield part, (left, top, width * share, height)
            left += width * share
        else:
            yield part, (left, top, width, height * share)
            top += height * share


def _put(node: Node, path: Path, new: Node) -> Node:
    if not path or not isinstance(node, Branch):
        return new
    parts = list(node.parts)
    parts[path[0]] = _put(parts[path[0]], path[1:], new)
    return replace(node, parts=tuple(parts))


def _flat(branch: Branch) -> Branch:
    """Take parts that stand along the same axis into the branch itself."""
    parts: list[Node] = []
    shares: list[float] = []
    for part, share in zip(branch.parts, branch.shares, strict=True):
        if isinstance(part, Branch) and part.axis is branch.axis:
            parts += part.parts
            shares += [share * each for each in part.shares]
        else:
            parts.append(part)
            shares.append(share)
    return Branch(branch.axis, tuple(parts), tuple(shares))
