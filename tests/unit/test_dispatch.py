"""Every request goes one way: authorised, in one transaction, with one audit event, announced once."""

from __future__ import annotations

import asyncio
import inspect
import typing
from collections.abc import AsyncIterator
from dataclasses import MISSING, fields, replace
from pathlib import Path

import pytest

from machina_desktop.core.domain.audit import AuditOutcome
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.domain.team import Actor, Right, TeamRole, is_granted, right_of
from machina_desktop.core.errors import Bug, Forbidden, MachinaError, NotFound
from machina_desktop.core.events import Changed
from machina_desktop.core.secret import Secret
from machina_desktop.core.services import catalogue
from machina_desktop.core.services.accounts import EnterAccount, OpenAccount, SetPassword
from machina_desktop.core.services.agents import MarkAgents, SuspectAgent
from machina_desktop.core.services.audit import ListAuditEvents, VerifyAudit
from machina_desktop.core.services.deployments import (
    ApproveDeployment,
    CancelDeployment,
    GetDeployment,
    ListDeployments,
    ReadLog,
)
from machina_desktop.core.services.findings import KeepKeyId, KeepLockFile, ReportAccount, ReportFallback
from machina_desktop.core.services.keys import (
    DeleteKey,
    ExportKey,
    GenerateKey,
    GetKey,
    ImportKey,
    ListKeys,
    RecordExport,
)
from machina_desktop.core.services.machines import (
    CreateMachine,
    DestroyMachine,
    GetMachine,
    ListMachines,
    RebootMachine,
    RefreshMachine,
    RetryMachine,
    StartMachine,
    StopMachine,
    UpdateMachine,
)
from machina_desktop.core.services.offers import ListCatalogue
from machina_desktop.core.services.providers import (
    AddAccount,
    DeleteAccount,
    ListAccounts,
    ListProviders,
    VerifyAccount,
)
from machina_desktop.core.services.reports import (
    AppendLog,
    ClaimDeployment,
    ExpireApproval,
    RenewLease,
    ReportFacts,
    ReportOutcome,
    ReportPhase,
    ReportPlan,
    RequeueDeployment,
    RescueState,
    SaveState,
    TakeOver,
)
from machina_desktop.core.services.run_here import KeepState
from machina_desktop.core.services.runner_keys import RegisterRunnerKey
from machina_desktop.core.services.teams import ListTeams, Settle, WhoAmI
from machina_desktop.core.services.use_case import REGISTRY, Request, UseCase, use_case
from tests.fakes.hosts import ON_ONE_STORE, STRANGER, Core, core, new_team_id, until

RUNNER_REQUESTS = (
    ClaimDeployment,
    TakeOver,
    RenewLease,
    ReportPhase,
    ReportPlan,
    AppendLog,
    SaveState,
    ReportFacts,
    ReportOutcome,
    ExpireApproval,
    RequeueDeployment,
    RescueState,
    RegisterRunnerKey,
    Settle,
    KeepLockFile,
    KeepKeyId,
    ReportAccount,
    ReportFallback,
)
# The host itself sends these, once it has compared or hashed a password, has heard an agent, or keeps a state.
OF_ACCOUNTS = (EnterAccount, OpenAccount, SetPassword, MarkAgents, SuspectAgent, KeepState)
CASES = tuple(REGISTRY.by_request.values())


@pytest.fixture
async def made(tmp_path: Path, each_store: str) -> AsyncIterator[Core]:
    async with core(tmp_path / "home") as started:
        yield started


def filler(hint: object) -> object:
    """Some value of a field's type."""
    base = typing.get_origin(hint) or hint
    simple: dict[object, object] = {str: "x", int: 1, float: 1.0, bool: False, bytes: b"x", tuple: (), dict: {}}
    return simple.get(base, "x")


def some(request: type[Request[typing.Any]], **known: object) -> Request[typing.Any]:
    """A request of that class; what has no default and is not ``known`` is filled with something."""
    hints = typing.get_type_hints(request)
    required = {
        entry.name: filler(hints[entry.name])
        for entry in fields(request)
        if entry.default is MISSING and entry.default_factory is MISSING
    }
    taken = {name: value for name, value in known.items() if name in hints}
    return request(**{**required, **taken})


# The registry


def test_every_area_is_in_the_registry() -> None:
    assert CASES
    assert {case.run.__module__ for case in CASES} == {area.__name__ for area in catalogue.AREAS}


def test_actions_and_routes_are_unique() -> None:
    assert len({case.action for case in CASES}) == len(CASES)
    assert len({(case.method, case.path) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.action)
def test_a_use_case_is_documented_and_its_route_is_made_of_its_request(case: UseCase) -> None:
    assert inspect.getdoc(case.run)
    assert inspect.getdoc(case.request)
    names = {entry.name for entry in fields(case.request)}
    assert {part.strip("{}") for part in case.path.split("/") if part.startswith("{")} <= names
    noun, _, verb = case.action.partition(".")
    assert noun
    assert verb


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.action)
def test_a_use_case_is_granted_to_somebody(case: UseCase) -> None:
    admin = Actor(user_id="u", display_name="U", team_roles=(("t", TeamRole.ADMIN),))
    runner = Actor(user_id="r", display_name="R", is_runner=True)
    granted = [is_granted(actor, case.action, "t", is_read=case.is_read) for actor in (admin, runner)]
    assert any(granted)
    assert granted[0] is (case.request not in (*RUNNER_REQUESTS, *OF_ACCOUNTS))


def test_a_request_cannot_have_two_use_cases() -> None:
    def another(_tx: object, _actor: Actor, ask: ListTeams) -> None:
        """Take its place."""

    with pytest.raises(Bug):
        use_case("team.list_again", "GET /api/again")(another)


async def test_a_request_without_a_use_case_is_our_own_mistake(made: Core) -> None:
    class Unknown(Request[None]):
        """Nobody answers this."""

    with pytest.raises(Bug):
        await made.call(Unknown())


# Audit: exactly one event per write, none for reads


async def events(
    made: Core, ask: Request[typing.Any], actor: Actor | None = None
) -> list[tuple[str, AuditOutcome, str]]:
    """Which audit events the request leaves, as action, outcome and error code."""
    before = len(await made.audit())
    try:
        await (made.door(actor) if actor else made.host.gateway).call(ask)
    except MachinaError as error:
        code = error.code
    else:
        code = ""
    found = [(event.action, event.outcome, event.detail) for event in (await made.audit())[before:]]
    assert all(detail == code for _action, _outcome, detail in found)
    return found


async def test_every_write_leaves_exactly_one_audit_event(made: Core, tmp_path: Path) -> None:
    team = made.team_id
    done = AuditOutcome.SUCCEEDED
    add = AddAccount(team_id=team, type=ProviderType.SANDBOX, label="rack")
    account = add.account_id
    generate = GenerateKey(team_id=team, name="k1")
    public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDrXb3t7xQ3NbcHTQxPjmZzbQzW4rVtP8v2yXyVYcBqL"
    create = CreateMachine(team_id=team, account_id=account, name="m1")
    machine = create.machine_id
    steps: list[tuple[Request[typing.Any], str]] = [
        (add, "provider_account.add"),
        (VerifyAccount(account_id=account), "provider_account.verify"),
        (generate, "ssh_key.generate"),
        (ImportKey(team_id=team, name="k2", public_key=public), "ssh_key.import"),
        (ExportKey(key_id=generate.key_id, to=str(tmp_path / "exported")), "ssh_key.export"),
        (DeleteKey(key_id=generate.key_id), "ssh_key.delete"),
        (create, "machine.create"),
        (create, "machine.create"),
        (UpdateMachine(machine_id=machine, notes="hello"), "machine.update"),
        (CancelDeployment(deployment_id=create.deployment_id), "deployment.cancel"),
        (DeleteAccount(account_id=account), "provider_account.delete"),
    ]
    for ask, action in steps:
        assert await events(made, ask) == [(action, done, "")], action
    assert (await made.call(VerifyAudit(team_id=team))).broken_at is None


async def test_reading_leaves_no_audit_event(made: Core) -> None:
    ask = await made.create()
    key = await made.call(GenerateKey(team_id=made.team_id, name="k"))
    for read in (
        ListMachines(team_id=made.team_id),
        GetMachine(machine_id=ask.machine_id),
        ListDeployments(team_id=made.team_id),
        GetDeployment(deployment_id=ask.deployment_id),
        ReadLog(deployment_id=ask.deployment_id),
        ListKeys(team_id=made.team_id),
        GetKey(key_id=key.ssh_key_id),
        ListAccounts(team_id=made.team_id),
        ListCatalogue(account_id=ask.account_id),
        ListProviders(),
        ListTeams(),
        WhoAmI(),
        ListAuditEvents(team_id=made.team_id),
        VerifyAudit(team_id=made.team_id),
        GetMachine(machine_id="absent"),
    ):
        assert await events(made, read) == []


async def test_the_audit_names_who_did_what_to_which_thing(made: Core) -> None:
    ask = await made.create()
    event = (await made.audit())[-1]
    assert event.actor_id == made.host.actor.user_id
    assert event.action == "machine.create"
    assert event.target == f"machine:{ask.machine_id}"


async def test_refused_and_failed_writes_leave_their_event_with_the_code(made: Core) -> None:
    ask = await made.create()
    failed, refused = AuditOutcome.FAILED, AuditOutcome.REFUSED
    twin = replace(ask, machine_id="machine-other", deployment_id="deployment-other")
    assert await events(made, twin) == [("machine.create", failed, "E-NAME-TAKEN")]
    reboot = RebootMachine(machine_id=ask.machine_id)
    assert await events(made, reboot) == [("machine.reboot", failed, "E-MACHINE-STATE")]
    bad = ImportKey(team_id=made.team_id, name="k", private_key=Secret("nonsense"))
    [(action, outcome, _code)] = await events(made, bad)
    assert (action, outcome) == ("ssh_key.import", failed)
    assert await events(made, twin, made.reader) == [("machine.create", refused, "E-FORBIDDEN")]
    for request in RUNNER_REQUESTS:
        [(_action, outcome, code)] = await events(made, some(request, team_id=made.team_id))
        assert (outcome, code) == (refused, "E-FORBIDDEN")


async def test_the_event_of_a_refusal_can_be_stored_whatever_was_asked_for(made: Core) -> None:
    await made.account()
    for name, told in (("x" * 100_000, "x" * 200), ("m\udcff", "m\\udcff")):
        ask = GenerateKey(team_id=made.team_id, name=name, key_id=name)
        [_event] = await events(made, ask)
        assert (await made.audit())[-1].target == told


async def test_a_failed_export_leaves_one_event_and_no_file(made: Core, tmp_path: Path) -> None:
    key = await made.call(GenerateKey(team_id=made.team_id, name="k"))
    nowhere = ExportKey(key_id=key.ssh_key_id, to=str(tmp_path / "absent" / "key"))
    assert await events(made, nowhere) == [("ssh_key.export", AuditOutcome.FAILED, "E-FILE-WRITE")]


# Who may do what


WRITES = tuple(
    case
    for case in CASES
    if not case.is_read
    and right_of(case.action, is_read=False) is not Right.SIGN_IN
    and case.request not in RUNNER_REQUESTS
)


@ON_ONE_STORE
@pytest.mark.parametrize("case", WRITES, ids=lambda case: case.action)
async def test_who_may_only_read_may_not_write(made: Core, case: UseCase) -> None:
    ask = some(case.request, team_id=made.team_id)
    with pytest.raises(Forbidden) as caught:
        await made.door(made.reader).call(ask)
    assert case.action in caught.value.message


async def test_who_may_only_read_may_read(made: Core) -> None:
    ask = await made.create()
    door = made.door(made.reader)
    assert [machine.name for machine in await door.call(ListMachines(team_id=made.team_id))] == ["m1"]
    assert (await door.call(GetDeployment(deployment_id=ask.deployment_id))).machine_id == ask.machine_id


@ON_ONE_STORE
@pytest.mark.parametrize("request_class", RUNNER_REQUESTS, ids=lambda request: request.__name__)
async def test_what_only_runners_report_is_refused_to_people(made: Core, request_class: type[Request[object]]) -> None:
    with pytest.raises(Forbidden):
        await made.call(some(request_class))


async def test_a_stranger_finds_nothing_and_learns_nothing(made: Core) -> None:
    ask = await made.create()
    key = await made.call(GenerateKey(team_id=made.team_id, name="k"))
    door = made.door(STRANGER)
    about: list[Request[typing.Any]] = [
        GetMachine(machine_id=ask.machine_id),
        GetDeployment(deployment_id=ask.deployment_id),
        ReadLog(deployment_id=ask.deployment_id),
        GetKey(key_id=key.ssh_key_id),
        ListCatalogue(account_id=ask.account_id),
        VerifyAccount(account_id=ask.account_id),
        DeleteAccount(account_id=ask.account_id),
        DeleteKey(key_id=key.ssh_key_id),
        ExportKey(key_id=key.ssh_key_id, to="/tmp/stolen"),
        RecordExport(team_id="team-foreign", key_id=key.ssh_key_id),
        UpdateMachine(machine_id=ask.machine_id, notes="mine"),
        DestroyMachine(machine_id=ask.machine_id),
        RebootMachine(machine_id=ask.machine_id),
        StartMachine(machine_id=ask.machine_id),
        StopMachine(machine_id=ask.machine_id),
        RefreshMachine(machine_id=ask.machine_id),
        RetryMachine(machine_id=ask.machine_id),
        ApproveDeployment(deployment_id=ask.deployment_id),
        CancelDeployment(deployment_id=ask.deployment_id),
        ListMachines(team_id=made.team_id),
        ListDeployments(team_id=made.team_id),
        ListKeys(team_id=made.team_id),
        ListAccounts(team_id=made.team_id),
        ListAuditEvents(team_id=made.team_id),
        VerifyAudit(team_id=made.team_id),
        replace(ask, machine_id="machine-x", deployment_id="deployment-x"),
        replace(ask, machine_id="machine-x", deployment_id="deployment-x", team_id="team-foreign"),
        GenerateKey(team_id=made.team_id, name="theirs"),
        AddAccount(team_id=made.team_id, type=ProviderType.SANDBOX, label="theirs"),
    ]
    before = await made.audit()
    for request in about:
        with pytest.raises(NotFound):
            await door.call(request)
    assert await made.audit() == before
    assert not await asyncio.to_thread(Path("/tmp/stolen").exists)


async def test_a_team_that_does_not_exist_answers_like_one_that_is_foreign(made: Core) -> None:
    answers = set()
    for team_id in (made.team_id, new_team_id()):
        with pytest.raises(NotFound) as caught:
            await made.door(STRANGER).call(ListMachines(team_id=team_id))
        answers.add(str(caught.value))
    assert len(answers) == 1


async def test_what_belongs_to_another_team_of_mine_cannot_be_mixed_in(made: Core) -> None:
    ask = await made.create()
    both = replace(made.host.actor, team_roles=(*made.host.actor.team_roles, ("team-foreign", TeamRole.ADMIN)))
    with pytest.raises(NotFound):
        await made.door(both).call(
            replace(ask, machine_id="machine-x", deployment_id="deployment-x", team_id="team-foreign")
        )


# Announcing


async def test_what_was_committed_is_announced_once_in_order(made: Core) -> None:
    await made.account()
    heads = made.sql("SELECT change_seq FROM counter")[0][0]
    await made.quiet()
    ask = await made.create()
    await until(lambda: any(isinstance(event, Changed) for event in made.events))
    [event] = [event for event in made.events if isinstance(event, Changed)]
    assert [change.seq for change in event.changes] == list(range(int(str(heads)) + 1, int(str(heads)) + 4))
    assert [change.entity for change in event.changes] == ["machine", "deployment", "machine"]
    assert event.changes[-1].row is not None
    assert event.changes[-1].row["machine_id"] == ask.machine_id


async def test_what_was_refused_is_not_announced(made: Core) -> None:
    ask = await made.create()
    await made.quiet()
    with pytest.raises(MachinaError):
        await made.call(replace(ask, machine_id="machine-x", deployment_id="deployment-x"))
    await made.call(ListTeams())
    assert made.events == []
