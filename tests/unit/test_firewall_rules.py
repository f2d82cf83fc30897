"""Rules of firewalls: what people type, what is refused, and what every provider can have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from machina_desktop.core.domain.firewall import (
    ANYWHERE,
    MOST_RULES,
    TEMPLATES,
    FirewallDirection,
    FirewallProtocol,
    FirewallRule,
    checked_name,
    checked_rules,
    rule_of,
    rule_text,
)
from machina_desktop.core.errors import InvalidInput

RULE = FirewallRule(direction=FirewallDirection.INBOUND, protocol=FirewallProtocol.TCP, ports="22")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"protocol": FirewallProtocol.ICMP}, "ports"),
        ({"ports": "0"}, "ports"),
        ({"ports": "65536"}, "ports"),
        ({"ports": "90-80"}, "ports"),
        ({"ports": "22,80"}, "ports"),
        ({"ports": "\u0662\u0662"}, "ports"),
        ({"sources": ()}, "sources"),
        ({"sources": ("::/129",)}, "sources"),
        ({"sources": ("10.0.0.0/8", "example.org")}, "sources"),
        ({"sources": ("fe80::1%eth0",)}, "sources"),
        ({"sources": ANYWHERE * 51}, "sources"),
        ({"description": "x" * 101}, "description"),
        ({"description": "a\nb"}, "description"),
    ],
)
def test_a_rule_that_no_firewall_could_have_names_its_field(change: dict[str, object], field: str) -> None:
    wrong = replace(RULE, **change)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput) as caught:
        checked_rules((RULE, wrong))
    assert caught.value.field == f"rules.1.{field}"


def test_what_is_said_in_two_ways_is_kept_in_one() -> None:
    loose = replace(RULE, ports=" 080-80 ", sources=("203.0.113.7/24", "203.0.113.0/24", "192.0.2.1"))
    (rule,) = checked_rules((loose,))
    assert (rule.ports, rule.sources) == ("80", ("203.0.113.0/24", "192.0.2.1/32"))


def test_the_same_rule_twice_is_refused_whatever_is_said_of_it() -> None:
    with pytest.raises(InvalidInput, match="twice"):
        checked_rules((RULE, replace(RULE, description="again")))


def test_a_firewall_has_so_many_rules_and_no_more() -> None:
    many = tuple(replace(RULE, ports=str(port)) for port in range(1, MOST_RULES + 2))
    assert len(checked_rules(many[:-1])) == MOST_RULES
    with pytest.raises(InvalidInput):
        checked_rules(many)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\x07b"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        checked_name(name)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda each: each.name)
def test_a_template_is_a_firewall_as_it_is(template: object) -> None:
    rules = template.rules  # type: ignore[attr-defined]
    assert checked_rules(rules) == rules


@pytest.mark.parametrize(
    "text",
    [
        "tcp:22",
        "icmp",
        "udp",
        "out udp:53 to 9.9.9.9/32",
        "tcp:8000-8100 from 203.0.113.0/24,2001:db8::/32",
    ],
)
def test_a_rule_is_read_as_it_is_written(text: str) -> None:
    assert rule_text(rule_of(text)) == text


@pytest.mark.parametrize("text", ["", "22", "tcp:22 from", "sctp:9", "tcp:22 from nowhere", "tcp;22", "tcp:99999"])
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        rule_of(text)
