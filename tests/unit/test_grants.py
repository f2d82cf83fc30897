"""Who may do what: every action there is, for every role, and what grants take from a member."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from machina_desktop.core.domain.deployment import DeploymentState
from machina_desktop.core.domain.team import Access, Actor, Grant, SystemRole, TeamRole, is_granted
from machina_desktop.core.errors import Forbidden
from machina_desktop.core.ids import now
from machina_desktop.core.services import catalogue
from machina_desktop.core.services.deployments import ApproveDeployment, CancelDeployment
from machina_desktop.core.services.keys import GenerateKey
from machina_desktop.core.services.machines import (
    CreateMachine,
    DestroyMachine,
    ListMachines,
    RefreshMachine,
    UpdateMachine,
)
from machina_desktop.core.services.members import AddGrant, LeaveTeam
from machina_desktop.core.services.teams import CreateTeam
from machina_desktop.core.services.use_case import REGISTRY
from machina_desktop.core.sync.gateway import LocalGateway
from tests.fakes.hosts import Core, core
from tests.fakes.people import joined, place_of

TEAM = "team-1"
A, M, R = "admin", "member", "readonly"
EVERYBODY, PEOPLE, ADMINS, NOBODY = {A, M, R}, {A, M}, {A}, set[str]()

# From the spec: all resources belong to a team (9.2), administrators look after it and its people (4.6, 4.7), members
# work with its resources, who may only read changes nothing (3.1), and on a run reports whoever carries it out: a
# runner, or a program on the computer of the person who asked for it.
# Whoever has an account comes and goes as they like, and what is left of a password reaches the store from no person.
EXPECTED: dict[str, set[str]] = {
    "account.change_password": EVERYBODY,
    "account.enter": NOBODY,
    "account.login": EVERYBODY,
    "account.open": NOBODY,
    "account.register": EVERYBODY,
    "account.set_password": NOBODY,
    "agent.beat": EVERYBODY,
    "agent.issue_token": PEOPLE,
    "agent.mark": NOBODY,
    "agent.revoke_token": PEOPLE,
    "agent.suspect": NOBODY,
    "audit.export": EVERYBODY,
    "audit.get": EVERYBODY,
    "audit.list": EVERYBODY,
    "audit.verify": EVERYBODY,
    "deployment.append_log": NOBODY,
    "deployment.approve": PEOPLE,
    "deployment.cancel": PEOPLE,
    "deployment.claim": NOBODY,
    "deployment.expire": NOBODY,
    "deployment.get": EVERYBODY,
    "deployment.keep_key_id": NOBODY,
    "deployment.keep_lock_file": NOBODY,
    "deployment.report_fallback": NOBODY,
    "deployment.list": EVERYBODY,
    "deployment.keep_state": NOBODY,
    "deployment.read_lease": EVERYBODY,
    "deployment.read_log": EVERYBODY,
    "deployment.read_run": EVERYBODY,
    "deployment.renew": NOBODY,
    "deployment.report_account": NOBODY,
    "deployment.report_facts": NOBODY,
    "deployment.report_outcome": NOBODY,
    "deployment.report_phase": NOBODY,
    "deployment.report_plan": NOBODY,
    "deployment.requeue": NOBODY,
    "deployment.rescue_state": NOBODY,
    "deployment.save_state": NOBODY,
    "deployment.take_over": NOBODY,
    "firewall_profile.create": PEOPLE,
    "firewall_profile.delete": PEOPLE,
    "firewall_profile.get": EVERYBODY,
    "firewall_profile.list": EVERYBODY,
    "firewall_profile.templates": EVERYBODY,
    "firewall_profile.update": PEOPLE,
    "firewall_profile.users": EVERYBODY,
    "grant.add": ADMINS,
    "grant.remove": ADMINS,
    "invite.create": ADMINS,
    "invite.list": ADMINS,
    "invite.record": ADMINS,
    "invite.revoke": ADMINS,
    "machine.accept_jump_host": PEOPLE,
    "machine.close_terminal": PEOPLE,
    "machine.copy": PEOPLE,
    "machine.create": PEOPLE,
    "machine.destroy": PEOPLE,
    "machine.get": EVERYBODY,
    "machine.console": EVERYBODY,
    "machine.hand_over": PEOPLE,
    "machine.import": PEOPLE,
    "machine.instances": EVERYBODY,
    "machine.list": EVERYBODY,
    "machine.files": PEOPLE,
    "machine.open_terminal": PEOPLE,
    "machine.rebuild": PEOPLE,
    "machine.record_import": PEOPLE,
    "machine.rescue": PEOPLE,
    "machine.resize": PEOPLE,
    "machine.set_firewall": PEOPLE,
    "machine.snapshot": PEOPLE,
    "machine.tunnel": PEOPLE,
    "machine.pin_host_key": PEOPLE,
    "machine.pin_printed_host_key": PEOPLE,
    "machine.read_state": EVERYBODY,
    "machine.reboot": PEOPLE,
    "machine.record_hand_over": PEOPLE,
    "machine.refresh": PEOPLE,
    "machine.retry": PEOPLE,
    "machine.ssh": PEOPLE,
    "machine.start": PEOPLE,
    "machine.stop": PEOPLE,
    "machine.update": PEOPLE,
    "member.exposure": EVERYBODY,
    "member.get": EVERYBODY,
    "member.list": EVERYBODY,
    "member.remove": ADMINS,
    "member.update": ADMINS,
    "provider.list": EVERYBODY,
    "provider.probe_host": EVERYBODY,
    "provider_account.add": PEOPLE,
    "provider_account.catalogue": EVERYBODY,
    "provider_account.check": PEOPLE,
    "provider_account.compare": EVERYBODY,
    "provider_account.delete": PEOPLE,
    "provider_account.forget_plugins": PEOPLE,
    "provider_account.keep_catalogue": PEOPLE,
    "provider_account.list": EVERYBODY,
    "provider_account.record": PEOPLE,
    "provider_account.record_credentials": PEOPLE,
    "provider_account.record_verification": PEOPLE,
    "provider_account.replace_credentials": PEOPLE,
    "provider_account.update": PEOPLE,
    "provider_account.verify": PEOPLE,
    "recording.decide": EVERYBODY,
    "recording.delete": PEOPLE,
    "recording.end": PEOPLE,
    "recording.export": PEOPLE,
    "recording.forget": PEOPLE,
    "recording.get": EVERYBODY,
    "recording.keep": PEOPLE,
    "recording.list": EVERYBODY,
    "recording.note": PEOPLE,
    "recording.search": EVERYBODY,
    "recording.set_policy": PEOPLE,
    "recording.start": PEOPLE,
    "recording.tidy": PEOPLE,
    "recording_rule.add": ADMINS,
    "recording_rule.list": EVERYBODY,
    "recording_rule.remove": ADMINS,
    "runner.register_key": NOBODY,
    "runner.show_key": EVERYBODY,
    "secret.forget": PEOPLE,
    "secret.keep": PEOPLE,
    "secret.pin_key": PEOPLE,
    "secret.record_custody": PEOPLE,
    "secret.share": PEOPLE,
    "secret.stop_sharing": PEOPLE,
    "secret.trust_key": ADMINS,
    "server.create_team": EVERYBODY,
    "server.describe": EVERYBODY,
    "server.join": EVERYBODY,
    "server.list": EVERYBODY,
    "server.probe": EVERYBODY,
    "server.reconnect": EVERYBODY,
    "server.register": EVERYBODY,
    "server.sign_in": EVERYBODY,
    "server.sign_out": EVERYBODY,
    "session.list": EVERYBODY,
    "session.logout": EVERYBODY,
    "session.revoke": EVERYBODY,
    "session.rotate": EVERYBODY,
    "snippet.create": ADMINS,
    "snippet.delete": ADMINS,
    "snippet.list": EVERYBODY,
    "snippet.run": PEOPLE,
    "snippet.update": ADMINS,
    "ssh_key.delete": PEOPLE,
    "ssh_key.erase": PEOPLE,
    "ssh_key.export": PEOPLE,
    "ssh_key.generate": PEOPLE,
    "ssh_key.get": EVERYBODY,
    "ssh_key.import": PEOPLE,
    "ssh_key.list": EVERYBODY,
    "ssh_key.record": PEOPLE,
    "ssh_key.record_export": PEOPLE,
    "ssh_key.record_sync": PEOPLE,
    "ssh_key.sync": PEOPLE,
    "ssh_key.unsync": PEOPLE,
    "sync.pull": EVERYBODY,
    "sync.snapshot": EVERYBODY,
    "team.create": PEOPLE,
    "team.delete": ADMINS,
    "team.departure": EVERYBODY,
    "team.drop_import": PEOPLE,
    "team.export": ADMINS,
    "team.get": EVERYBODY,
    "team.import": PEOPLE,
    "team.import_part": PEOPLE,
    "team.read_import": EVERYBODY,
    "team.release": ADMINS,
    "team.join": PEOPLE,
    "team.leave": PEOPLE,
    "team.list": EVERYBODY,
    "team.move": ADMINS,
    "team.settle": NOBODY,
    "team.update": ADMINS,
    "user.me": EVERYBODY,
    "user.update": PEOPLE,
}
# What concerns no team is asked without one.
WITHOUT_TEAM = {"team.create", "team.join", "team.import", "team.import_part", "team.drop_import", "user.update"}
# Of one's own device: everybody looks, who may only read changes nothing.
OF_THE_DEVICE = {"vault", "engine", "setting", "storage", "diagnostics", "intent", "own_snippet"}
CASES = {case.action: case for case in REGISTRY.by_request.values()}


def actor(role: TeamRole | None, system: SystemRole = SystemRole.USER, *grants: Grant) -> Actor:
    roles = ((TEAM, role),) if role else (("team-2", TeamRole.ADMIN),)
    return Actor(user_id="u", display_name="U", system_role=system, team_roles=roles, grants=grants)


def expected(action: str) -> set[str]:
    if action.partition(".")[0] in OF_THE_DEVICE:
        return EVERYBODY if CASES[action].is_read else PEOPLE
    return EXPECTED[action]


def grant(access: Access, tag: str = "", team_id: str = TEAM) -> Grant:
    return Grant(
        grant_id=f"{access}-{tag}",
        team_id=team_id,
        user_id="u",
        access=access,
        tag=tag,
        granted_by="a",
        created_at=now(),
    )


def may(action: str, *grants: Grant, tags: tuple[str, ...] | None = None) -> bool:
    return is_granted(actor(TeamRole.MEMBER, SystemRole.USER, *grants), action, TEAM, is_read=False, tags=tags)


def test_the_table_names_every_action_and_no_other() -> None:
    assert catalogue.AREAS
    of_teams = {action for action in CASES if action.partition(".")[0] not in OF_THE_DEVICE}
    assert of_teams == set(EXPECTED)


@pytest.mark.parametrize("action", sorted(CASES))
def test_an_action_is_granted_to_exactly_the_roles_of_the_table(action: str) -> None:
    team_id = "" if action in WITHOUT_TEAM or action.partition(".")[0] in OF_THE_DEVICE else TEAM
    is_read = CASES[action].is_read
    for system, role in itertools.product(SystemRole, TeamRole):
        who = R if system is SystemRole.READONLY else {TeamRole.ADMIN: A, TeamRole.MEMBER: M}[role]
        wanted = who in expected(action)
        assert is_granted(actor(role, system), action, team_id, is_read=is_read) is wanted, (system, role)
    assert is_granted(Actor(user_id="r", display_name="R", is_runner=True), action, TEAM, is_read=is_read)


@pytest.mark.parametrize("action", sorted(set(CASES) & set(EXPECTED)))
def test_no_role_anywhere_opens_another_team(action: str) -> None:
    for system in SystemRole:
        assert not is_granted(actor(None, system), action, TEAM, is_read=CASES[action].is_read)


def test_a_write_nobody_has_thought_of_is_for_administrators() -> None:
    assert is_granted(actor(TeamRole.ADMIN), "novelty.make", TEAM, is_read=False)
    assert not is_granted(actor(TeamRole.MEMBER), "novelty.make", TEAM, is_read=False)


# Grants


@pytest.mark.parametrize(
    ("access", "deploys", "cancels", "approves"),
    [
        (Access.VIEWER, False, False, False),
        (Access.DEPLOYER, True, True, False),
        (Access.APPROVER, False, True, True),
    ],
)
def test_a_grant_without_a_tag_says_what_a_member_may_do_with_any_machine(
    access: Access, *, deploys: bool, cancels: bool, approves: bool
) -> None:
    mine = grant(access)
    for tags in ((), ("prod",), None):
        assert may("machine.destroy", mine, tags=tags) is deploys
        assert may("deployment.cancel", mine, tags=tags) is cancels
        assert may("deployment.approve", mine, tags=tags) is approves
    assert not may("ssh_key.export", mine)
    assert not may("provider_account.add", mine)
    assert may("team.leave", mine)
    assert is_granted(actor(TeamRole.MEMBER, SystemRole.USER, mine), "machine.list", TEAM, is_read=True)


def test_a_tagged_grant_narrows_only_the_machines_of_its_tag() -> None:
    mine = grant(Access.VIEWER, "env:prod")
    assert not may("machine.stop", mine, tags=("web", "env:prod"))
    assert not may("machine.stop", mine, tags=("Env:Prod",))
    assert may("machine.stop", mine, tags=("web",))
    assert may("machine.stop", mine, tags=None)
    assert may("ssh_key.generate", mine)


def test_who_may_only_look_may_do_more_where_a_tag_says_so() -> None:
    mine = (grant(Access.VIEWER), grant(Access.DEPLOYER, "staging"))
    assert may("machine.create", *mine, tags=("staging",))
    assert not may("machine.create", *mine, tags=("prod",))
    assert not may("machine.create", *mine, tags=())
    assert may("machine.create", *mine, tags=None)
    assert not may("deployment.approve", *mine, tags=("staging",))
    assert not may("deployment.approve", *mine, tags=None)


def test_grants_of_one_tag_add_up_and_several_tags_must_all_allow_it() -> None:
    both = (grant(Access.DEPLOYER, "prod"), grant(Access.APPROVER, "prod"))
    assert may("machine.stop", *both, tags=("prod",))
    assert may("deployment.approve", *both, tags=("prod",))
    mixed = (grant(Access.VIEWER, "prod"), grant(Access.DEPLOYER, "eu"))
    assert not may("machine.stop", *mixed, tags=("prod", "eu"))
    assert may("machine.stop", *mixed, tags=("eu",))


def test_grants_give_no_right_that_the_role_lacks_and_bind_no_administrator() -> None:
    deployer = grant(Access.DEPLOYER)
    reader = actor(TeamRole.MEMBER, SystemRole.READONLY, deployer)
    assert not is_granted(reader, "machine.stop", TEAM, is_read=False, tags=())
    admin = actor(TeamRole.ADMIN, SystemRole.USER, grant(Access.VIEWER))
    assert is_granted(admin, "machine.stop", TEAM, is_read=False, tags=())
    elsewhere = grant(Access.VIEWER, team_id="team-2")
    assert may("machine.stop", elsewhere, tags=())


def test_asking_takes_microseconds() -> None:
    mine = tuple(grant(access, f"tag{number}") for number in range(10) for access in Access)
    began = time.process_time()
    for _ in range(1000):
        may("machine.stop", *mine, tags=("tag1", "tag2"))
    assert time.process_time() - began < 0.5


# Through the door


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Core]:
    async with core(tmp_path / "home") as started:
        yield started


async def granted(made: Core, *grants: tuple[Access, str]) -> LocalGateway:
    zoe = await joined(made, "Zoe")
    for access, tag in grants:
        await made.call(AddGrant(team_id=made.team_id, member_id=place_of(made, zoe), access=access, tag=tag))
    return zoe


async def ask_for(made: Core, name: str, *tags: str, auto_approve: bool = False) -> CreateMachine:
    account = await made.account()
    return CreateMachine(
        team_id=made.team_id,
        account_id=account.provider_account_id,
        name=name,
        tags=tags,
        auto_approve=auto_approve,
    )


async def test_a_deployer_of_staging_leaves_production_alone(made: Core) -> None:
    zoe = await granted(made, (Access.VIEWER, ""), (Access.DEPLOYER, "staging"))
    prod, staging = await made.create("p1", tags=("prod",)), await made.create("s1", tags=("staging",))
    assert len(await zoe.call(ListMachines(team_id=made.team_id))) == 2
    await zoe.call(await ask_for(made, "s2", "staging"))
    await zoe.call(UpdateMachine(machine_id=staging.machine_id, notes="mine"))
    await zoe.call(CancelDeployment(deployment_id=staging.deployment_id))
    for ask in (
        await ask_for(made, "p2", "prod"),
        UpdateMachine(machine_id=prod.machine_id, notes="mine"),
        DestroyMachine(machine_id=prod.machine_id),
        CancelDeployment(deployment_id=prod.deployment_id),
        GenerateKey(team_id=made.team_id, name="k"),
    ):
        with pytest.raises(Forbidden):
            await zoe.call(ask)
    assert (await made.machine(prod.machine_id)).notes == ""
    assert (await made.deployment(prod.deployment_id)).state is DeploymentState.QUEUED


async def test_nobody_tags_a_machine_into_or_out_of_their_reach(made: Core) -> None:
    zoe = await granted(made, (Access.VIEWER, ""), (Access.DEPLOYER, "staging"))
    prod, staging = await made.create("p1", tags=("prod",)), await made.create("s1", tags=("staging",))
    for machine_id in (prod.machine_id, staging.machine_id):
        for tags in (("staging", "prod"), ("prod",), ()):
            if machine_id == staging.machine_id and "staging" in tags:
                continue
            with pytest.raises(Forbidden):
                await zoe.call(UpdateMachine(machine_id=machine_id, tags=tags))
    with pytest.raises(Forbidden):
        await zoe.call(UpdateMachine(machine_id=prod.machine_id, tags=("staging",)))


async def test_who_may_not_approve_cannot_do_so_beforehand(made: Core) -> None:
    zoe = await granted(made, (Access.DEPLOYER, ""))
    with pytest.raises(Forbidden) as caught:
        await zoe.call(await ask_for(made, "m1", auto_approve=True))
    assert caught.value.code == "E-MAY-NOT-APPROVE"
    ask = await ask_for(made, "m1")
    await zoe.call(ask)
    made.sql("UPDATE deployment SET state = 'awaiting_approval'")
    with pytest.raises(Forbidden):
        await zoe.call(ApproveDeployment(deployment_id=ask.deployment_id))
    assert (await made.call(ApproveDeployment(deployment_id=ask.deployment_id))).approved_by
    made.sql("UPDATE machine SET actual_status = 'running'")
    await zoe.call(RefreshMachine(machine_id=ask.machine_id))


async def test_a_viewer_may_leave_and_found_a_team_of_their_own(made: Core) -> None:
    zoe = await granted(made, (Access.VIEWER, ""))
    own = await zoe.call(CreateTeam(name="Own", handle="own"))
    await zoe.call(GenerateKey(team_id=own.team_id, name="k"))
    await zoe.call(LeaveTeam(team_id=made.team_id))
    assert zoe.actor.grants == ()
