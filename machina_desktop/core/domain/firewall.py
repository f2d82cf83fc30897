"""Firewall profiles (spec 3.3): what their rules may say, and what a profile may begin with."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from machina_desktop.core.errors import InvalidInput

LONGEST_NAME = 100
MOST_RULES = 50
MOST_SOURCES = 100
ANYWHERE = ("0.0.0.0/0", "::/0")
ALL_PORTS = "all"


class FirewallDirection(StrEnum):
    """Which way traffic flows."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class FirewallProtocol(StrEnum):
    """What traffic a rule speaks of; ports apply to TCP and UDP."""

    TCP = "tcp"
    UDP = "udp"
    ICMP = "icmp"


@dataclass(frozen=True, kw_only=True)
class FirewallRule:
    """Traffic that is let through. ``ports`` is ``80``, ``8000-8100`` or ``all``; ``sources`` are CIDR ranges.

    Of an outbound rule the ranges are where it goes to.
    """

    direction: FirewallDirection
    protocol: FirewallProtocol
    ports: str = ALL_PORTS
    sources: tuple[str, ...] = ANYWHERE
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class FirewallProfile:
    """Network rules that machines share."""

    profile_id: str
    team_id: str | None
    name: str
    rules: tuple[FirewallRule, ...]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class FirewallTemplate:
    """Rules to begin a profile with; ``name`` is how commands call it."""

    name: str
    title: str
    summary: str
    rules: tuple[FirewallRule, ...]


def _inbound(protocol: FirewallProtocol, ports: str, description: str) -> FirewallRule:
    return FirewallRule(direction=FirewallDirection.INBOUND, protocol=protocol, ports=ports, description=description)


_SSH = _inbound(FirewallProtocol.TCP, "22", "SSH")
_PING = _inbound(FirewallProtocol.ICMP, ALL_PORTS, "Ping")
_HTTP = _inbound(FirewallProtocol.TCP, "80", "HTTP")
_HTTPS = _inbound(FirewallProtocol.TCP, "443", "HTTPS")

TEMPLATES = (
    FirewallTemplate(name="ssh", title="SSH only", summary="Log in and ping; nothing else.", rules=(_SSH, _PING)),
    FirewallTemplate(
        name="web",
        title="Web server",
        summary="HTTP and HTTPS, SSH and ping.",
        rules=(_SSH, _HTTP, _HTTPS, _inbound(FirewallProtocol.UDP, "443", "HTTP/3"), _PING),
    ),
    FirewallTemplate(
        name="mail",
        title="Mail server",
        summary="SMTP, submission, IMAP, HTTPS for certificates, SSH and ping.",
        rules=(
            _SSH,
            _inbound(FirewallProtocol.TCP, "25", "SMTP"),
            _inbound(FirewallProtocol.TCP, "465", "Submission over TLS"),
            _inbound(FirewallProtocol.TCP, "587", "Submission"),
            _inbound(FirewallProtocol.TCP, "993", "IMAP over TLS"),
            _HTTP,
            _HTTPS,
            _PING,
        ),
    ),
    FirewallTemplate(
        name="wireguard",
        title="WireGuard gateway",
        summary="A VPN on port 51820, SSH and ping.",
        rules=(_SSH, _inbound(FirewallProtocol.UDP, "51820", "WireGuard"), _PING),
    ),
    FirewallTemplate(
        name="open",
        title="Open",
        summary="Everything gets in: the machine has to protect itself.",
        rules=(
            _inbound(FirewallProtocol.TCP, ALL_PORTS, "All TCP"),
            _inbound(FirewallProtocol.UDP, ALL_PORTS, "All UDP"),
            _PING,
        ),
    ),
)


@dataclass(frozen=True, kw_only=True)
class RuleChanges:
    """What one set of rules lets through beside another one; descriptions do not count."""

    added: tuple[FirewallRule, ...]
    removed: tuple[FirewallRule, ...]
    kept: tuple[FirewallRule, ...]


def changes_between(before: tuple[FirewallRule, ...], after: tuple[FirewallRule, ...]) -> RuleChanges:
    """What ``after`` adds to ``before``, takes from it and leaves, each in its own order."""
    old, new = {_traffic(rule) for rule in before}, {_traffic(rule) for rule in after}
    return RuleChanges(
        added=tuple(rule for rule in after if _traffic(rule) not in old),
        removed=tuple(rule for rule in before if _traffic(rule) not in new),
        kept=tuple(rule for rule in after if _traffic(rule) in old),
    )


def sources_of_port(rules: tuple[FirewallRule, ...], port: int) -> tuple[str, ...]:
    """From where a TCP port can be reached behind these rules, as CIDR ranges; empty where from nowhere."""
    found = (
        rule.sources
        for rule in rules
        if rule.direction is FirewallDirection.INBOUND
        and rule.protocol is FirewallProtocol.TCP
        and _has_port(rule.ports, port)
    )
    return tuple(dict.fromkeys(source for sources in found for source in sources))


def _traffic(rule: FirewallRule) -> tuple[object, ...]:
    return rule.direction, rule.protocol, rule.ports, frozenset(rule.sources)


def _has_port(ports: str, port: int) -> bool:
    if ports == ALL_PORTS:
        return True
    first, _, last = ports.partition("-")
    return int(first) <= port <= int(last or first)


def template_of(name: str) -> FirewallTemplate:
    """The template of that name.

    Raises:
        InvalidInput: there is none.
    """
    found = next((template for template in TEMPLATES if template.name == name), None)
    if found is None:
        names = ", ".join(template.name for template in TEMPLATES)
        raise InvalidInput(f"There is no template {name[:40]}.", field="template", hint=f"There are: {names}.")
    return found


def checked_name(name: str) -> str:
    """The name without spaces around it.

    Raises:
        InvalidInput: it cannot name a profile.
    """
    found = name.strip()
    if not found:
        raise InvalidInput("Give the firewall a name.", field="name")
    if len(found) > LONGEST_NAME or not found.isprintable():
        raise InvalidInput(f"The name has at most {LONGEST_NAME} printable characters.", field="name")
    return found


def checked_rules(rules: tuple[FirewallRule, ...]) -> tuple[FirewallRule, ...]:
    """The rules as every provider can have them: ranges with their network's address, no rule twice.

    Raises:
        InvalidInput: names the field, such as ``rules.0.ports``.
    """
    if len(rules) > MOST_RULES:
        raise InvalidInput(f"A firewall has at most {MOST_RULES} rules.", field="rules")
    checked = tuple(_checked(rule, f"rules.{number}") for number, rule in enumerate(rules))
    seen: set[tuple[object, ...]] = set()
    for number, rule in enumerate(checked):
        about = (rule.direction, rule.protocol, rule.ports, rule.sources)
        if about in seen:
            raise InvalidInput(f"Rule {number + 1} is there twice.", field=f"rules.{number}")
        seen.add(about)
    return checked


def _checked(rule: FirewallRule, field: str) -> FirewallRule:
    if len(rule.description) > LONGEST_NAME or not rule.description.isprintable():
        raise InvalidInput(
            f"A description has at most {LONGEST_NAME} printable characters.", field=f"{field}.description"
        )
    if not rule.sources:
        raise InvalidInput(
            "A rule needs a range of addresses.", field=f"{field}.sources", hint="Everywhere is 0.0.0.0/0."
        )
    if len(rule.sources) > MOST_SOURCES:
        raise InvalidInput(f"A rule has at most {MOST_SOURCES} ranges.", field=f"{field}.sources")
    sources = dict.fromkeys(_checked_range(source, f"{field}.sources") for source in rule.sources)
    return replace(
        rule,
        ports=_checked_ports(rule, f"{field}.ports"),
        sources=tuple(sources),
        description=rule.description.strip(),
    )


_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", re.ASCII)


def _checked_ports(rule: FirewallRule, field: str) -> str:
    ports = rule.ports.strip() or ALL_PORTS
    if ports == ALL_PORTS:
        return ALL_PORTS
    if rule.protocol is FirewallProtocol.ICMP:
        raise InvalidInput("ICMP has no ports.", field=field, hint="Write all.")
    found = _PORTS.fullmatch(ports)
    if found is None:
        raise InvalidInput(
            f"{ports[:40]} is no port.", field=field, hint="Write one such as 80, a range such as 8000-8100, or all."
        )
    first, last = int(found[1]), int(found[2] or found[1])
    if not 1 <= first <= last <= 65_535:
        raise InvalidInput(
            f"{ports} are no ports.", field=field, hint="They go from 1 to 65535, the smaller one first."
        )
    return str(first) if first == last else f"{first}-{last}"


def _checked_range(source: str, field: str) -> str:
    text = source.strip()
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise InvalidInput(
            f"{text[:60] or 'An empty text'} is no range of addresses.",
            field=field,
            hint="Write one such as 203.0.113.0/24, or 2001:db8::/32.",
        ) from None
    if "%" in text:
        raise InvalidInput(f"{text[:60]} is an address of one link only.", field=field)
    return str(network)


_RULE = re.compile(
    r"(?:(?P<way>in|out)\s+)?(?P<protocol>[a-z]+)(?:[:/\s]\s*(?P<ports>[0-9-]+|all))?"
    r"(?:\s+(?:from|to)\s+(?P<sources>\S+))?"
)


def rule_of(text: str) -> FirewallRule:
    """A rule as people type it: ``tcp:22``, ``tcp:8000-8100 from 203.0.113.0/24,2001:db8::/32``, ``out udp:53``.

    Raises:
        InvalidInput: it is none.
    """
    found = _RULE.fullmatch(text.strip().lower())
    protocols = {each.value: each for each in FirewallProtocol}
    if found is None or found["protocol"] not in protocols:
        raise InvalidInput(
            f"{text[:60]} is no rule.",
            field="rules",
            hint="Write one such as tcp:22, icmp, tcp:8000-8100 from 203.0.113.0/24, or out udp:53 to 9.9.9.9.",
        )
    rule = FirewallRule(
        direction=FirewallDirection.OUTBOUND if found["way"] == "out" else FirewallDirection.INBOUND,
        protocol=protocols[found["protocol"]],
        ports=found["ports"] or ALL_PORTS,
        sources=tuple(found["sources"].split(",")) if found["sources"] else ANYWHERE,
    )
    return _checked(rule, "rules")


def rule_text(rule: FirewallRule) -> str:
    """The rule as :func:`rule_of` reads it."""
    ports = "" if rule.ports == ALL_PORTS else f":{rule.ports}"
    way = "" if rule.direction is FirewallDirection.INBOUND else "out "
    where = "" if set(rule.sources) == set(ANYWHERE) else (f" {'to' if way else 'from'} {','.join(rule.sources)}")
    return f"{way}{rule.protocol.value}{ports}{where}"
