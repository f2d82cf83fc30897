"""Names in a row."""

from __future__ import annotations

import pytest

from machina_desktop.core.domain.machine import name_problem
from machina_desktop.core.domain.series import series


@pytest.mark.parametrize(
    ("name", "count", "taken", "expected"),
    [
        ("web", 3, (), ("web", "web-2", "web-3")),
        ("web-1", 3, (), ("web-1", "web-2", "web-3")),
        ("web-1", 2, ("web-1", "web-2"), ("web-3", "web-4")),
        ("web", 1, ("web",), ("web-2",)),
        ("db09", 2, (), ("db09", "db10")),
        ("web-099", 2, (), ("web-099", "web-100")),
        ("web", 0, (), ()),
    ],
)
def test_names_go_on_from_the_number_at_the_end(
    name: str, count: int, taken: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert series(name, count, taken) == expected


def test_names_of_a_long_series_are_all_different_and_none_is_too_long() -> None:
    names = series("a" * 63, 12)
    assert len(set(names)) == 12
    assert not any(name_problem(each) for each in names)
