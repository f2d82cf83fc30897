"""What may be typed to name a server, and what comes of it."""

from __future__ import annotations

import pytest

from machina_desktop.core.errors import InvalidInput
from machina_desktop.views.connect_address import Address, parse_address
from tests.fakes.people_answers import CODE

MEANT = (
    ("machina.example.org", "https://machina.example.org"),
    ("  machina.example.org/ ", "https://machina.example.org"),
    ("machina.example.org:8443", "https://machina.example.org:8443"),
    ("https://machina.example.org:443/anything", "https://machina.example.org"),
    ("HTTPS://Machina.Example.ORG", "https://machina.example.org"),
    ("10.0.0.7:8443", "https://10.0.0.7:8443"),
    ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
    ("localhost:8000", "http://localhost:8000"),
    ("127.0.0.1:8000", "http://127.0.0.1:8000"),
    ("http://nas.local:8000", "http://nas.local:8000"),
)


@pytest.mark.parametrize(("typed", "url"), MEANT)
def test_what_is_typed_becomes_an_origin(typed: str, url: str) -> None:
    assert parse_address(typed) == Address(url)


@pytest.mark.parametrize(
    "link",
    [f"https://machina.example.org/join/{CODE}", f"machina://join/{CODE}?server=https://machina.example.org"],
)
def test_an_invite_link_brings_its_code_along(link: str) -> None:
    assert parse_address(link) == Address("https://machina.example.org", CODE)


def test_a_link_without_a_server_leaves_the_address_open() -> None:
    assert parse_address(f"machina://join/{CODE}") == Address("", CODE)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "two words",
        "ftp://example.org",
        "https://",
        "-x",
        "a..b",
        "https://example.org:99999",
        "https://me:secret@example.org",
        "machina://app/settings",
        "https://machina.example.org/join/nothing",
        "x" * 500,
    ],
)
def test_what_can_be_no_server_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_address(typed)
    assert refused.value.field == "url"
    assert "machina.example.org" in refused.value.hint


@pytest.mark.parametrize(
    ("typed", "is_exposed"),
    [
        ("http://nas.local:8000", True),
        ("http://10.0.0.7", True),
        ("http://localhost:8000", False),
        ("http://127.0.0.9", False),
        ("http://[::1]:8000", False),
        ("https://10.0.0.7", False),
    ],
)
def test_only_a_plain_line_that_leaves_this_computer_is_exposed(typed: str, *, is_exposed: bool) -> None:
    assert parse_address(typed).is_exposed is is_exposed
