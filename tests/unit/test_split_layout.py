"""The room of a tab and its panes: splitting, closing, moving about, and what never happens to it."""

from __future__ import annotations

import random

import pytest

from machina_desktop.views.terminal import split_layout as layout
from machina_desktop.views.terminal.split_layout import Axis, Branch, Leaf, Node, Side


def square() -> Node:
    """Four panes: a and b above, c and d below."""
    node = layout.split(Leaf("a"), "a", "c", Side.DOWN)
    node = layout.split(node, "a", "b", Side.RIGHT)
    return layout.split(node, "c", "d", Side.RIGHT)


def test_a_split_gives_half_of_the_pane_to_the_new_one() -> None:
    node = layout.split(Leaf("a"), "a", "b", Side.RIGHT)
    node = layout.split(node, "b", "c", Side.DOWN)
    assert layout.rects(node) == {"a": (0, 0, 0.5, 1), "b": (0.5, 0, 0.5, 0.5), "c": (0.5, 0.5, 0.5, 0.5)}


def test_a_split_along_the_same_line_nests_nothing() -> None:
    node = layout.split(layout.split(Leaf("a"), "a", "b", Side.RIGHT), "a", "c", Side.RIGHT)
    assert node == Branch(Axis.ROW, (Leaf("a"), Leaf("c"), Leaf("b")), (0.25, 0.25, 0.5))


def test_a_split_to_the_left_or_above_comes_first() -> None:
    assert layout.keys(layout.split(Leaf("a"), "a", "b", Side.LEFT)) == ("b", "a")
    assert layout.keys(layout.split(Leaf("a"), "a", "b", Side.UP)) == ("b", "a")


def test_neighbours_take_the_room_of_a_pane_that_goes() -> None:
    node = layout.without(square(), "b")
    assert node is not None
    assert layout.rects(node) == {"a": (0, 0, 1, 0.5), "c": (0, 0.5, 0.5, 0.5), "d": (0.5, 0.5, 0.5, 0.5)}


def test_what_is_left_of_a_nested_split_joins_the_outer_one() -> None:
    node = layout.split(layout.split(Leaf("a"), "a", "b", Side.RIGHT), "b", "c", Side.DOWN)
    node = layout.split(node, "c", "d", Side.RIGHT)
    left = layout.without(node, "b")
    assert left == Branch(Axis.ROW, (Leaf("a"), Leaf("c"), Leaf("d")), (0.5, 0.25, 0.25))


def test_nothing_is_left_of_the_last_pane() -> None:
    assert layout.without(Leaf("a"), "a") is None


@pytest.mark.parametrize(
    ("start", "side", "reached"),
    [
        ("a", Side.RIGHT, "b"),
        ("a", Side.DOWN, "c"),
        ("d", Side.LEFT, "c"),
        ("d", Side.UP, "b"),
        ("a", Side.LEFT, ""),
        ("gone", Side.LEFT, ""),
    ],
)
def test_the_neighbour_is_the_pane_on_that_side(start: str, side: Side, reached: str) -> None:
    assert layout.neighbour(square(), start, side) == reached


def test_the_nearest_of_several_neighbours_is_level_with_the_middle() -> None:
    node = layout.split(Leaf("a"), "a", "b", Side.RIGHT)
    node = layout.moved(layout.split(node, "b", "c", Side.DOWN), (1,), 0, 0.2)
    assert layout.neighbour(node, "a", Side.RIGHT) == "b"


def test_a_divider_moves_only_its_two_neighbours() -> None:
    node = layout.split(layout.split(Leaf("a"), "a", "b", Side.RIGHT), "b", "c", Side.RIGHT)
    assert layout.moved(node, (), 0, 0.1) == Branch(Axis.ROW, (Leaf("a"), Leaf("b"), Leaf("c")), (0.6, 0.15, 0.25))


def test_a_divider_leaves_every_pane_some_room() -> None:
    node = layout.split(Leaf("a"), "a", "b", Side.RIGHT)
    for by in (-5, 5):
        assert min(layout.rects(layout.moved(node, (), 0, by)).values(), key=lambda rect: rect[2])[2] == pytest.approx(
            layout.LEAST
        )


def test_evening_out_a_branch_leaves_the_others_alone_unless_it_is_deep() -> None:
    node = layout.moved(layout.moved(square(), (), 0, 0.3), (0,), 0, 0.3)
    assert layout.rects(layout.evened(node))["a"] == pytest.approx((0, 0, 0.8, 0.5))
    assert layout.rects(layout.evened(node, is_deep=True)) == layout.rects(square())


def test_keys_move_the_divider_at_that_end_of_the_pane() -> None:
    for key in ("a", "b"):
        assert layout.rects(layout.resized(square(), key, Side.RIGHT, 0.1))["a"][2] == pytest.approx(0.6)
        assert layout.rects(layout.resized(square(), key, Side.DOWN, 0.1))["a"][3] == pytest.approx(0.6)
        assert layout.rects(layout.resized(square(), key, Side.LEFT, 0.1))["a"][2] == pytest.approx(0.4)


def test_two_panes_change_places_and_keep_the_room() -> None:
    before, after = layout.rects(square()), layout.rects(layout.swapped(square(), "a", "d"))
    assert (after["a"], after["d"], after["b"]) == (before["d"], before["a"], before["b"])


def test_every_divider_is_told_with_its_place() -> None:
    found = {(each.path, each.axis): (each.at, each.length) for each in layout.dividers(square())}
    assert found == {
        ((), Axis.COLUMN): ((0, 0.5), 1),
        ((0,), Axis.ROW): ((0.5, 0), 0.5),
        ((1,), Axis.ROW): ((0.5, 0.5), 0.5),
    }


def test_whatever_is_done_the_panes_fill_the_whole_and_every_pane_is_there_once() -> None:
    chance = random.Random(5)
    for _ in range(60):
        node: Node = Leaf("0")
        there = {"0"}
        for number in range(1, 40):
            key = chance.choice(sorted(there))
            match chance.randrange(5):
                case 0 | 1:
                    node = layout.split(node, key, str(number), chance.choice(list(Side)))
                    there.add(str(number))
                case 2 if len(there) > 1:
                    left = layout.without(node, key)
                    assert left is not None
                    node, there = left, there - {key}
                case 3:
                    node = layout.resized(node, key, chance.choice(list(Side)), chance.uniform(0, 2))
                case _:
                    node = layout.swapped(node, key, chance.choice(sorted(there)))
            assert sorted(layout.keys(node)) == sorted(there)
            places = layout.rects(node).values()
            assert sum(width * height for _x, _y, width, height in places) == pytest.approx(1)
            assert all(width > 0 and height > 0 for _x, _y, width, height in places)
            assert _is_sound(node)


def _is_sound(node: Node) -> bool:
    if isinstance(node, Leaf):
        return True
    nests_itself = any(isinstance(part, Branch) and part.axis is node.axis for part in node.parts)
    is_whole = len(node.parts) > 1 and abs(sum(node.shares) - 1) < 1e-6
    return is_whole and not nests_itself and all(_is_sound(part) for part in node.parts)
