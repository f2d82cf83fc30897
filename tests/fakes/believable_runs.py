"""The believable team's deployments: one or more per machine, in every state, with plans and logs as Terraform's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from machina_desktop.core.domain.deployment import Deployment, DeploymentState, DeploymentType
from machina_desktop.core.domain.log_line import LogLevel, LogLine
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.plan import AttributeChange, PlanAction, PlanSummary, ResourceChange
from machina_desktop.core.domain.provider import ProviderType

_SERVERS = {
    ProviderType.HETZNER: "hcloud_server",
    ProviderType.AWS: "aws_instance",
    ProviderType.DIGITALOCEAN: "digitalocean_droplet",
    ProviderType.BAREMETAL: "terraform_data",
    ProviderType.SANDBOX: "terraform_data",
}


@dataclass(frozen=True, kw_only=True)
class Story:
    """What happened to one machine: who asked for what, how long ago and how it went.

    Attributes:
        ago_s: Seconds since it was asked for.
        took_s: Seconds from its start to its end; of a run under way, none.
    """

    machine: str
    type: DeploymentType
    state: DeploymentState
    by: str
    ago_s: int
    took_s: int = 0
    approved_by: str = ""
    phase: str = ""
    error: tuple[str, str, str] = ("", "", "")


_REFUSED = (
    "E-TF-APPLY",
    "AWS refused the change: the access key is not valid any more.",
    "Verify the account Telemetry under Providers, give it a new access key, then retry.",
)
_UNREACHABLE = (
    "E-SSH-TIMEOUT",
    "build-arm did not answer on 10.20.7.42 port 22 within 120 s.",
    "Check that it has power and is on the network, then start it again.",
)
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_T, _S = DeploymentType, DeploymentState

STORIES = (
    Story(machine="web-4", type=_T.CREATE, state=_S.APPLYING, by="ada", ago_s=104, approved_by="ada", phase="apply"),
    Story(
        machine="db-primary", type=_T.UPDATE, state=_S.AWAITING_APPROVAL, by="grace", ago_s=4 * _MINUTE, phase="plan"
    ),
    Story(machine="preview-142", type=_T.CREATE, state=_S.PLANNING, by="linus", ago_s=19, phase="init"),
    Story(machine="preview-139", type=_T.DESTROY, state=_S.APPLYING, by="linus", ago_s=71, approved_by="linus",
          phase="apply"),
    Story(machine="sim-2", type=_T.REBOOT, state=_S.APPLYING, by="ada", ago_s=32, phase="apply"),
    Story(machine="preview-142", type=_T.REFRESH, state=_S.QUEUED, by="linus", ago_s=9),
    Story(machine="db-primary", type=_T.REFRESH, state=_S.QUEUED, by="ada", ago_s=2 * _MINUTE),
    Story(machine="demo-hannover", type=_T.DESTROY, state=_S.AWAITING_APPROVAL, by="margaret", ago_s=47 * _MINUTE,
          phase="plan"),
    Story(machine="telemetry-ingest-3", type=_T.UPDATE, state=_S.FAILED, by="ken", ago_s=26 * _MINUTE, took_s=48,
          approved_by="ken", error=_REFUSED),
    Story(machine="grafana", type=_T.REFRESH, state=_S.SUCCEEDED, by="ada", ago_s=38 * _MINUTE, took_s=9),
    Story(machine="api-2", type=_T.UPDATE, state=_S.SUCCEEDED, by="grace", ago_s=2 * _HOUR, took_s=74,
          approved_by="ada"),
    Story(machine="build-arm", type=_T.START, state=_S.FAILED, by="margaret", ago_s=3 * _HOUR, took_s=121,
          error=_UNREACHABLE),
    Story(machine="vision-train-1", type=_T.STOP, state=_S.SUCCEEDED, by="ken", ago_s=5 * _HOUR, took_s=31),
    Story(machine="vision-train-2", type=_T.REBOOT, state=_S.SUCCEEDED, by="ken", ago_s=6 * _HOUR, took_s=42),
    Story(machine="nas", type=_T.UPDATE, state=_S.CANCELLED, by="margaret", ago_s=_DAY - _HOUR, took_s=310),
    Story(machine="web-2", type=_T.REBOOT, state=_S.SUCCEEDED, by="grace", ago_s=_DAY + _HOUR, took_s=24),
    Story(machine="scratch", type=_T.STOP, state=_S.SUCCEEDED, by="ada", ago_s=_DAY + 2 * _HOUR, took_s=2),
    Story(machine="queue-1", type=_T.UPDATE, state=_S.SUCCEEDED, by="linus", ago_s=3 * _DAY, took_s=66,
          approved_by="grace"),
    Story(machine="staging-db", type=_T.UPDATE, state=_S.SUCCEEDED, by="barbara", ago_s=4 * _DAY, took_s=83,
          approved_by="barbara"),
)  # fmt: skip
_MAKERS = ("ada", "grace", "linus", "ken", "margaret", "barbara")


def stories(machines: tuple[Machine, ...], at: datetime) -> tuple[Story, ...]:
    """What is told above, and how each machine was made."""
    made = (
        Story(
            machine=each.name,
            type=_T.CREATE,
            state=_S.SUCCEEDED,
            by=_MAKERS[number % len(_MAKERS)],
            ago_s=int((at - each.created_at).total_seconds()),
            took_s=37 + number * 11 % 90,
            approved_by=_MAKERS[number % len(_MAKERS)],
        )
        for number, each in enumerate(machines)
        if each.actual_status not in {MachineStatus.PENDING, MachineStatus.PROVISIONING}
    )
    return (*STORIES, *made)


def deployment(
    story: Story, machine: Machine, at: datetime, deployment_id: str, user: Callable[[str], str]
) -> Deployment:
    """The story as a row."""
    asked = at - timedelta(seconds=story.ago_s)
    plan = plan_of(story, machine) if story.type.is_planned and story.state not in _UNPLANNED else None
    code, message, hint = story.error
    return Deployment(
        deployment_id=deployment_id,
        team_id=machine.team_id,
        machine_id=machine.machine_id,
        machine_name=machine.name,
        type=story.type,
        state=story.state,
        terraform_workspace=machine.terraform_workspace,
        plan_summary=plan,
        plan_digest=hashlib.sha256(deployment_id.encode()).hexdigest() if plan else "",
        plan_serial=3,
        initiated_by=user(story.by),
        approved_by=user(story.approved_by) if story.approved_by else "",
        error_message=message or None,
        error_code=code,
        error_hint=hint,
        phase_detail=story.phase,
        created_at=asked,
        started_at=None if story.state is _S.QUEUED else asked + timedelta(seconds=2),
        finished_at=asked + timedelta(seconds=2 + story.took_s) if story.state.is_final else None,
        updated_at=asked + timedelta(seconds=2 + story.took_s),
    )


_UNPLANNED = frozenset({DeploymentState.QUEUED, DeploymentState.PLANNING})


def plan_of(story: Story, machine: Machine) -> PlanSummary:
    """What Terraform planned for it."""
    server = ResourceChange(
        address=f"{_SERVERS[machine.provider]}.machine",
        type=_SERVERS[machine.provider],
        name="machine",
        action=PlanAction.CREATE,
    )
    if story.type is _T.CREATE:
        return _creation(server, machine)
    if story.type is _T.DESTROY:
        return PlanSummary(
            remove=3,
            resources=(
                replace(server, action=PlanAction.DELETE),
                ResourceChange(
                    address="digitalocean_firewall.machine",
                    type="digitalocean_firewall",
                    name="machine",
                    action=PlanAction.DELETE,
                ),
                ResourceChange(
                    address='digitalocean_ssh_key.machine["deploy"]',
                    type="digitalocean_ssh_key",
                    name="machine",
                    action=PlanAction.DELETE,
                ),
            ),
        )
    return PlanSummary() if story.type is _T.REFRESH else _resize(server, machine)


def _creation(server: ResourceChange, machine: Machine) -> PlanSummary:
    kind = server.type
    created = replace(
        server,
        attributes=(
            AttributeChange(path="name", after=f'"{machine.name}"'),
            AttributeChange(path="location", after=f'"{machine.region}"'),
            AttributeChange(path="server_type", after=f'"{machine.size}"'),
            AttributeChange(path="image", after=f'"{machine.image}"'),
            AttributeChange(path="user_data", sensitive=True),
            AttributeChange(path="ipv4_address", unknown=True),
            AttributeChange(path="id", unknown=True),
        ),
    )
    if kind == "terraform_data":
        return PlanSummary(add=1, resources=(created,), outputs=("public_ip",))
    parts = tuple(
        ResourceChange(
            address=f"{kind.partition('_')[0]}_{each}",
            type=f"{kind.partition('_')[0]}_{each.partition('.')[0]}",
            name="machine",
            action=PlanAction.CREATE,
        )
        for each in ("firewall.machine", 'ssh_key.machine["deploy"]', 'ssh_key.machine["laptop"]', "volume.data")
    )
    return PlanSummary(add=5, resources=(created, *parts), outputs=("public_ip",))


def _resize(server: ResourceChange, machine: Machine) -> PlanSummary:
    provider = server.type.partition("_")[0]
    return PlanSummary(
        add=1,
        change=2,
        remove=1,
        resources=(
            ResourceChange(
                address=f"{provider}_volume_attachment.data",
                type=f"{provider}_volume_attachment",
                name="data",
                action=PlanAction.REPLACE,
                reason="server_id cannot be changed in place",
                attributes=(
                    AttributeChange(path="server_id", before='"48213004"', unknown=True, forces_replacement=True),
                    AttributeChange(path="automount", before="false", after="true"),
                ),
            ),
            replace(
                server,
                action=PlanAction.UPDATE,
                attributes=(
                    AttributeChange(path="server_type", before=f'"{machine.size}"', after='"ccx43"'),
                    AttributeChange(path="labels.tier", before='"standard"', after='"critical"'),
                    AttributeChange(path="backups", before="false", after="true"),
                ),
            ),
            ResourceChange(
                address=f"{provider}_firewall.machine",
                type=f"{provider}_firewall",
                name="machine",
                action=PlanAction.UPDATE,
                attributes=(
                    AttributeChange(path="rule[2].source_ips[0]", before='"0.0.0.0/0"', after='"10.0.1.0/24"'),
                ),
            ),
        ),
        outputs=("public_ip",),
    )


def log_of(run: Deployment, machine: Machine) -> tuple[LogLine, ...]:
    """What the run has said so far, spread over the time it took."""
    said = [
        (phase, text, level)
        for phase, text, level in _script(run, machine)
        if _REACHED.get(run.state, _ALL) >= _ALL_PHASES.index(phase)
    ]
    start = run.started_at or run.created_at
    end = run.finished_at or run.updated_at + timedelta(seconds=17)
    step = max(timedelta(milliseconds=40), (end - start) / (len(said) + 1))
    return tuple(
        LogLine(at=start + step * number, phase=phase, level=level, text=text)
        for number, (phase, text, level) in enumerate(said)
    )


_ALL_PHASES = ("prepare", "init", "plan", "show", "apply", "bootstrap", "finish")
_ALL = len(_ALL_PHASES)
_REACHED = {
    DeploymentState.QUEUED: -1,
    DeploymentState.PLANNING: 1,
    DeploymentState.AWAITING_APPROVAL: 3,
    DeploymentState.CANCELLED: 3,
}


def _script(run: Deployment, machine: Machine) -> list[tuple[str, str, LogLevel]]:
    info, server = LogLevel.INFO, f"{_SERVERS[machine.provider]}.machine"
    provider = server.partition("_")[0]
    said: list[tuple[str, str, LogLevel]] = [("prepare", f"Preparing the workspace of {machine.name}.", info)]
    if run.type.is_planned:
        said += [
            ("init", "Initializing the backend...", info),
            ("init", "Initializing provider plugins...", info),
            ("init", f"- Reusing previous version of {provider} from the dependency lock file", info),
            ("init", f"- Using previously-installed {provider} v1.52.0", info),
            ("init", "Terraform has been successfully initialized!", info),
            ("plan", f"{server}: Refreshing state... [id={machine.provider_resource_id or '–'}]", info),
            ("plan", f"{provider}_firewall.machine: Refreshing state...", info),
        ]
    if plan := run.plan_summary:
        said.append(("show", f"Plan: {plan.add} to add, {plan.change} to change, {plan.remove} to destroy.", info))
        said += [("apply", text, info) for change in _reached(plan, run) for text in _applied(change, run)]
    else:
        said.append(("apply", f"{machine.name}: asked to {run.type.value}", info))
        said += [("apply", f"{machine.name}: waiting for port 22 [{n}0s elapsed]", info) for n in range(1, 4)]
    if run.state is DeploymentState.FAILED:
        warning = "Warning: the account was last verified 9 days ago"
        said += [("apply", warning, LogLevel.WARNING), ("apply", f"Error: {run.error_message}", LogLevel.ERROR)]
    elif run.state.is_final:
        said += [("finish", "Apply complete! The state was sealed.", info)]
    return said


_VERBS = {
    PlanAction.CREATE: ("Creating", "Creation"),
    PlanAction.DELETE: ("Destroying", "Destruction"),
    PlanAction.REPLACE: ("Creating", "Creation"),
    PlanAction.UPDATE: ("Modifying", "Modifications"),
}


def _reached(plan: PlanSummary, run: Deployment) -> tuple[ResourceChange, ...]:
    """Of a run that failed, nothing follows the server."""
    if run.state is not DeploymentState.FAILED:
        return plan.resources
    last = next(place for place, change in enumerate(plan.resources) if change.type in _SERVERS.values())
    return plan.resources[: last + 1]


def _applied(change: ResourceChange, run: Deployment) -> tuple[str, ...]:
    verb, noun = _VERBS[change.action]
    is_server = change.name == "machine" and change.type in _SERVERS.values()
    waiting = tuple(f"{change.address}: Still {verb.lower()}... [{n}0s elapsed]" for n in range(1, 4))
    begun = (f"{change.address}: {verb}...", *(waiting if is_server else ()))
    is_under_way = run.state in {DeploymentState.APPLYING, DeploymentState.FAILED} and is_server
    return begun if is_under_way else (*begun, f"{change.address}: {noun} complete after {34 if is_server else 2}s")
