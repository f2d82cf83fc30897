"""Rows as nobody wishes them: names of 200 characters, from right to left, of emoji, and numbers of seven digits."""

from __future__ import annotations

from dataclasses import replace

from machina_desktop.core.domain.audit import AuditEvent
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.plan import PlanSummary
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.core.domain.team import Grant, User
from tests.fakes.people_rows import people_rows
from tests.fakes.rows import team_rows

NAMES = (
    "a-machine-with-a-name-that-was-made-by-a-program-and-that-nobody-ever-meant-to-read-aloud-" * 2 + "0123456789" * 2,
    "خادم-الإنتاج-الرئيسي-في-فرانكفورت",
    "שרת־הייצור־הראשי־בפרנקפורט",
    "🧑🏽‍🚀🛰️🏳️‍🌈-z̷̢̛a̴l̵g̶o̷-e\u0301\u0301\u0301-प्रोडक्शन-生产服务器",
    "W" * 200,
)
MANY = 1_234_567
SENTENCE = (
    "The provider answered something that nobody has ever seen before, and it did so at length: "
    "https://example.com/a/very/long/address/without/any/blank/in/it/that/cannot/be/broken/between/words?and="
    + "x"
    * 90
)


def awkward_rows() -> tuple[object, ...]:
    """The usual team, renamed."""
    rows = (*team_rows(machines=16, runs=14), *people_rows())
    return tuple(_renamed(row, number) for number, row in enumerate(rows))


def _renamed(row: object, number: int) -> object:
    name = NAMES[number % len(NAMES)]
    match row:
        case User() | Grant() | AuditEvent():
            return _person_renamed(row, name)
        case Machine():
            tags = (*NAMES[1:4], "a" * 60)
            fields = {"region": f"{name}-region"[:60], "size": f"{name}-size"[:60], "notes": SENTENCE, "tags": tags}
            reason = SENTENCE if row.status_reason else ""
            return replace(row, name=name, status_reason=reason, ssh_host=f"{'host.' * 30}example.com", **fields)
        case Deployment():
            plan = row.plan_summary
            error = SENTENCE if row.error_message else None
            return replace(row, machine_name=name, plan_summary=_many(plan) if plan else None, error_message=error)
        case ProviderAccount():
            return replace(row, label=name, identity=SENTENCE, status_reason=SENTENCE if row.status_reason else "")
        case SSHKey():
            return replace(row, name=name, public_key=f"ssh-rsa {'A' * 2000}")
        case _:
            return row


def _many(plan: PlanSummary) -> PlanSummary:
    resources = tuple(replace(each, address=f"module.{'deep.' * 20}{each.address}") for each in plan.resources)
    return replace(plan, add=MANY, change=MANY, remove=MANY, resources=resources)


def _person_renamed(row: User | Grant | AuditEvent, name: str) -> object:
    match row:
        case User():
            return replace(row, display_name=name, email=f"{'name' * 16}@{'host.' * 30}example.com")
        case Grant():
            return replace(row, tag=f"env:{name}"[:100])
        case AuditEvent():
            return replace(row, actor_name=name, user_agent=SENTENCE, detail="E-" + "LONG-" * 20)
