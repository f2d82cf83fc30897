"""Identifiers sort by time and never repeat; JSON comes back as what it was, or is refused with its path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import pytest

from machina_desktop.core import codec
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.secret import Secret


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, kw_only=True)
class Thing:
    name: str
    size: int = 0
    colour: Colour = Colour.RED
    tags: tuple[str, ...] = ()
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Login:
    password: Secret


def test_identifiers_have_their_kind_and_26_characters() -> None:
    assert re.fullmatch(r"machine-[0-7][0-9a-hjkmnp-tv-z]{25}", new_id("machine"))


def test_identifiers_never_repeat_and_later_ones_sort_after() -> None:
    assert len({new_id("x") for _ in range(10_000)}) == 10_000
    earlier, start = new_id("x"), now()
    while (now() - start).total_seconds() < 0.002:
        pass
    assert earlier < new_id("x")


def test_the_present_is_aware_and_in_utc() -> None:
    assert now().tzinfo is UTC


def test_a_dataclass_comes_back_from_json() -> None:
    thing = Thing(name="ü", size=3, tags=("a", "b"), at=now())
    assert codec.from_json(codec.to_json(thing), Thing) == thing
    assert codec.from_json(codec.to_pretty_json(thing), Thing) == thing


def test_a_wrong_value_is_refused_with_its_path() -> None:
    with pytest.raises(InvalidInput) as caught:
        codec.from_json(b'{"name": "n", "tags": ["a", 7]}', Thing)
    assert "$.tags[1]" in caught.value.message


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"name": "\xa2"}',
        '{"name": "\ud800"}',
        b"[" * 200_000,
        b'{"name": "n", "colour": "blue"}',
    ],
)
def test_what_is_not_of_the_shape_ends_in_invalid_input(data: bytes | str) -> None:
    with pytest.raises(InvalidInput) as caught:
        codec.from_json(data, Thing)
    assert caught.value.code == "E-CODEC"


def test_deeply_nested_json_is_refused() -> None:
    with pytest.raises(InvalidInput):
        codec.from_json(b"[" * 200_000, list)


def test_a_secret_is_read_from_json_but_never_written() -> None:
    login = codec.from_json(b'{"password": "canary"}', Login)
    assert login.password == Secret("canary")
    for write in (codec.to_json, codec.to_plain, codec.to_pretty_json):
        with pytest.raises(TypeError):
            write(login)
    assert "canary" not in f"{login} {login!r} {login.password}"
