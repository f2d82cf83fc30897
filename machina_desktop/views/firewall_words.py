"""Firewall rules in words."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QCoreApplication

from machina_desktop.core.domain.firewall import ALL_PORTS, ANYWHERE, FirewallDirection, FirewallProtocol, FirewallRule


def _tr(text: str) -> str:
    return QCoreApplication.translate("firewalls", text)


def shown(text: str) -> str:
    """What a template says of itself, in the language in force."""
    return QCoreApplication.translate("FirewallTemplate", text)


def rule_words(rule: FirewallRule) -> str:
    """What a rule lets through: ``SSH: TCP port 22 from anywhere``."""
    is_inbound = rule.direction is FirewallDirection.INBOUND
    where = _tr("anywhere") if set(rule.sources) == set(ANYWHERE) else ", ".join(rule.sources)
    line = (_tr("{0} from {1}") if is_inbound else _tr("{0} to {1}")).format(_traffic(rule), where)
    return f"{rule.description}: {line}" if rule.description else line


def rest_words(rules: Iterable[FirewallRule]) -> str:
    """What holds for the traffic of which no rule speaks."""
    if any(each.direction is FirewallDirection.OUTBOUND for each in rules):
        return _tr("Nothing else gets in or out.")
    return _tr("Nothing else gets in; everything gets out.")


def rules_summary(rules: Iterable[FirewallRule]) -> str:
    """All rules in one line: ``SSH, HTTP, HTTPS and out: UDP port 53``; what gets in first."""
    inbound = [_short(rule) for rule in rules if rule.direction is FirewallDirection.INBOUND]
    outbound = [_short(rule) for rule in rules if rule.direction is FirewallDirection.OUTBOUND]
    parts = [_tr("In: {0}").format(", ".join(inbound) or _tr("nothing"))]
    if outbound:
        parts.append(_tr("Out: {0}").format(", ".join(outbound)))
    return " · ".join(parts)


def _short(rule: FirewallRule) -> str:
    return rule.description or _traffic(rule)


def _traffic(rule: FirewallRule) -> str:
    if rule.protocol is FirewallProtocol.ICMP:
        return "ICMP"
    protocol = rule.protocol.value.upper()
    if rule.ports == ALL_PORTS:
        return _tr("{0}, all ports").format(protocol)
    return (_tr("{0} ports {1}") if "-" in rule.ports else _tr("{0} port {1}")).format(protocol, rule.ports)
