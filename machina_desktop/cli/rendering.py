"""Results as text for people: lists as tables, single things as cards, plans and logs line by line."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from functools import singledispatch
from types import NoneType

from machina_desktop.cli.account_rows import comparison, inventory
from machina_desktop.cli.references import SHORT_ID, short
from machina_desktop.cli.rows import Row, fields_of, row_of, size_text
from machina_desktop.cli.terminal import printable
from machina_desktop.core.domain.audit import ChainReport
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.firewall import FirewallRule, rule_text
from machina_desktop.core.domain.log_line import LogLevel, LogLine
from machina_desktop.core.domain.machine import RESCUE, Machine
from machina_desktop.core.domain.plan import AttributeChange, PlanAction, PlanSummary
from machina_desktop.core.domain.provider import Catalogue, Quota
from machina_desktop.core.domain.team import Grant
from machina_desktop.core.services.deployments import LogChunk
from machina_desktop.core.services.diagnostics import OwnLog
from machina_desktop.core.services.invites import IssuedInvite
from machina_desktop.core.services.key_sync import SyncedKey
from machina_desktop.core.services.members import Exposure, Membership
from machina_desktop.core.services.storage import Storage

_SIGNS = {
    PlanAction.CREATE: "+",
    PlanAction.UPDATE: "~",
    PlanAction.REPLACE: "±",
    PlanAction.DELETE: "-",
}


@singledispatch
def text_of(result: object) -> str:
    """``result`` of any use case, without a line end; empty when there is nothing to say."""
    return card(result)


@text_of.register(NoneType)
def _(_result: None) -> str:
    return ""


@text_of.register(str)
def _(result: str) -> str:
    return printable(result)


@text_of.register(tuple)
def _(result: tuple[object, ...]) -> str:
    for of_accounts in (inventory(result), comparison(result)):
        if of_accounts is not None:
            return "\n".join((table(of_accounts.rows) if of_accounts.rows else "Nothing here.", *of_accounts.notes))
    return table([row_of(each) for each in result]) if result else "Nothing here."


@text_of.register(LogChunk)
def _(result: LogChunk) -> str:
    return "\n".join(log_line(line) for line in result.lines)


@text_of.register(OwnLog)
def _(result: OwnLog) -> str:
    return "\n".join(log_line(line) for line in result.lines)


@text_of.register(Storage)
def _(result: Storage) -> str:
    return f"{text_of(result.parts)}\n\n{size_text(result.size_bytes)} in {printable(result.home)}"


@text_of.register(Catalogue)
def _(result: Catalogue) -> str:
    parts = {"Regions": result.regions, "Sizes": result.sizes, "Images": result.images}
    texts = [f"{title}\n{text_of(rows)}" for title, rows in parts.items()]
    asked = [f"As of {_cell(result.fetched_at)}."] if result.fetched_at else []
    return "\n\n".join((*texts, *asked))


@text_of.register(Membership)
def _(result: Membership) -> str:
    return _lines(row_of(result))


@text_of.register(IssuedInvite)
def _(result: IssuedInvite) -> str:
    return f"{card(result)}\n\nThe code is shown only here; whoever has it joins as {result.role}."


@text_of.register(Exposure)
def _(result: Exposure) -> str:
    if not result.accounts and not result.keys:
        return "No secret of the team could be read."
    parts = {"Renew at the provider": result.accounts, "Replace on the machines": result.keys}
    return "\n\n".join(f"{title}:\n{text_of(rows)}" for title, rows in parts.items() if rows)


@text_of.register(ChainReport)
def _(result: ChainReport) -> str:
    return f"The chain of {result.events} events is whole." if result.broken_at is None else ""


@text_of.register(Deployment)
def _(result: Deployment) -> str:
    return card(result) + (f"\n\n{plan_text(result.plan_summary)}" if result.plan_summary else "")


@text_of.register(Machine)
def _(result: Machine) -> str:
    return card(result) + _how_to_connect(result)


@text_of.register(SyncedKey)
def _(result: SyncedKey) -> str:
    said = "The account knew the key already." if result.was_there else "The account knows the key now."
    return f"{card(result.key)}\n\n{said}"


# Tables


def table(rows: Sequence[Row]) -> str:
    """Aligned columns under their headings; columns in which nothing stands are left out."""
    texts = [{name: _cell(value).partition("\n")[0] for name, value in row.items()} for row in rows]
    names = [name for name in texts[0] if any(row[name] for row in texts)]
    widths = {name: max(_width(name), *(_width(row[name]) for row in texts)) for name in names}
    lines = [{name: name.upper() for name in names}, *texts]
    return "\n".join("  ".join(_padded(line[name], widths[name]) for name in names).rstrip() for line in lines)


# Cards


def card(thing: object) -> str:
    """One line per field that says something."""
    return _lines(fields_of(thing))


def _lines(row: Row) -> str:
    rows = {name.replace("_", " "): _cell(value) for name, value in row.items() if name != "team_id"}
    said = {name: text.replace("\n", "\n    ") for name, text in rows.items() if text}
    width = max((_width(name) for name in said), default=0)
    return "\n".join(f"{_padded(name, width)}  {text}" for name, text in said.items())


def _how_to_connect(machine: Machine) -> str:
    if machine.is_gone or not machine.ssh_host or not machine.login:
        return ""
    return f"\n\nssh -p {machine.ssh_port} {machine.login}@{machine.ssh_host}{_about_rescue(machine)}"


def _about_rescue(machine: Machine) -> str:
    if not machine.is_in_rescue:
        return ""
    return (
        f"\n\nIt runs its provider's rescue system {printable(machine.facts[RESCUE])}: one with another host key,\n"
        "which lets the machine's keys in as root and leaves its disk alone.\n"
        f"Back into its own system: machina machines rescue {printable(machine.name)} --no-on, or a reboot."
    )


# Plans and logs


def plan_text(plan: PlanSummary) -> str:
    """The counts, then each resource with its attributes."""
    lines = [f"Plan: {plan.add} to add, {plan.change} to change, {plan.remove} to remove."]
    for resource in plan.resources:
        if resource.action in {PlanAction.NOTHING, PlanAction.READ}:
            continue
        lines.append(f"  {_SIGNS.get(resource.action, ' ')} {resource.address}: {resource.action.value}")
        lines += [f"      {_attribute(change)}" for change in resource.attributes]
    lines += [f"  changed outside: {resource.address}" for resource in plan.drift]
    return printable("\n".join(lines))


def _attribute(change: AttributeChange) -> str:
    if change.sensitive:
        return f"{change.path} = (withheld)"
    after = "(known after apply)" if change.unknown else change.after
    if change.before is None:
        return f"{change.path} = {after}"
    why = " (the reason for replacing it)" if change.forces_replacement else ""
    return f"{change.path} = {change.before} -> {'(gone)' if after is None else after}{why}"


def log_line(line: LogLine) -> str:
    """Local time, phase and text of one line of a run's log."""
    mark = f"{line.level.value}: " if line.level in {LogLevel.WARNING, LogLevel.ERROR} else ""
    return printable(f"{line.at.astimezone():%H:%M:%S}  {line.phase:<8}  {mark}{line.text}")


def headline(deployment: Deployment) -> str:
    """One run in one line."""
    return printable(
        f"{deployment.machine_name}: {deployment.type.value} {deployment.state.value.replace('_', ' ')} "
        f"({short(deployment)})"
    )


@singledispatch
def _cell(value: object) -> str:
    return printable(str(value))


@_cell.register(NoneType)
def _(_value: None) -> str:
    return ""


@_cell.register(bool)
def _(value: bool) -> str:  # noqa: FBT001 - one kind of value among others
    return "yes" if value else "no"


@_cell.register(datetime)
def _(value: datetime) -> str:
    return f"{value.astimezone():%Y-%m-%d %H:%M:%S}"


@_cell.register(Enum)
def _(value: Enum) -> str:
    return str(value.value)


@_cell.register(dict)
def _(value: dict[str, object]) -> str:
    return ", ".join(f"{name}={_cell(each)}" for name, each in value.items())


@_cell.register(tuple)
def _(value: tuple[object, ...]) -> str:
    return ", ".join(_cell(each) for each in value)


@_cell.register(Grant)
def _(value: Grant) -> str:
    return printable(f"{value.access} of {value.tag or 'the rest'} ({value.grant_id[-SHORT_ID:]})")


@_cell.register(FirewallRule)
def _(value: FirewallRule) -> str:
    return printable(rule_text(value))


@_cell.register(Quota)
def _(value: Quota) -> str:
    return printable(f"{value.name} {'?' if value.used is None else value.used} of {value.limit}")


@_cell.register(PlanSummary)
def _(value: PlanSummary) -> str:
    return f"{value.add} to add, {value.change} to change, {value.remove} to remove"


def _width(text: str) -> int:
    """Columns a terminal gives to ``text``: two to East Asian wide characters and emoji, none to combining ones."""
    return sum(0 if unicodedata.combining(each) else 1 + (unicodedata.east_asian_width(each) in "WF") for each in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
