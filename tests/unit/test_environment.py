"""The environment of a machine, as its tags say it."""

from __future__ import annotations

import pytest

from machina_desktop.core.domain.environment import environment_of, is_production


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        ((), ""),
        (("web", "env:"), ""),
        (("env:Prod",), "production"),
        (("prod",), "production"),
        (("env:stage",), "staging"),
        (("staging",), ""),
        (("web", "ENV: Demo "), "demo"),
        (("env:dev", "env:staging", "env:production"), "production"),
        (("env:dev", "env:staging"), "staging"),
    ],
)
def test_an_environment_is_named_by_a_tag(tags: tuple[str, ...], name: str) -> None:
    assert environment_of(tags) == name
    assert is_production(tags) is (name == "production")
