"""The command line before it acts: what may be typed, how it is read, what names mean, how results look."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from machina_desktop import __version__, cli
from machina_desktop.cli import rendering, terminal
from machina_desktop.cli.commands import area_summary, commands, find_command
from machina_desktop.cli.options import Order, UsageError, options_of, parse
from machina_desktop.cli.references import Named, References, pick
from machina_desktop.core.config import Paths, Settings
from machina_desktop.core.domain.audit import ChainReport
from machina_desktop.core.domain.key import SSHKeyType
from machina_desktop.core.domain.log_line import LogLevel, LogLine
from machina_desktop.core.domain.plan import AttributeChange, PlanAction, PlanSummary, ResourceChange
from machina_desktop.core.domain.provider import ProviderAccount, ProviderType
from machina_desktop.core.errors import InvalidInput, NotFound, Unavailable
from machina_desktop.core.events import EventBus
from machina_desktop.core.host import Host
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.deployments import CancelDeployment
from machina_desktop.core.services.invites import CreateInvite
from machina_desktop.core.services.keys import GenerateKey, ListKeys
from machina_desktop.core.services.machines import CreateMachine, DestroyMachine, ListMachines
from machina_desktop.core.services.members import Exposure, ListMembers
from machina_desktop.core.services.providers import AddAccount
from machina_desktop.core.services.teams import CreateTeam
from machina_desktop.core.services.use_case import REGISTRY
from tests.fakes.rows import accounts, keys, machine

ALL = commands()


def typed(line: str) -> Order:
    area, verb, *words = line.split(" ")
    return parse(find_command(area, verb), tuple(words))


# What may be typed


@pytest.mark.parametrize(
    "line",
    [
        "keys generate",
        "keys export",
        "providers add",
        "providers delete",
        "machines create",
        "machines list",
        "machines get",
        "machines reboot",
        "machines stop",
        "machines start",
        "machines destroy",
        "deployments list",
        "deployments get",
        "deployments logs",
        "deployments approve",
        "deployments cancel",
        "deployments resume",
        "audit list",
        "audit verify",
        "settings change",
        "teams list",
        "teams join",
        "teams leave",
        "members list",
        "members remove",
        "grants add",
        "invites create",
        "audit export",
    ],
)
def test_the_command_is_offered(line: str) -> None:
    assert find_command(*line.split()).words == f"machina {line}"


def test_nothing_that_only_runners_and_hosts_send_is_offered() -> None:
    offered = {command.request for command in ALL}
    assert offered.isdisjoint(case.request for case in REGISTRY.by_request.values() if case.is_internal)


def test_every_other_use_case_has_exactly_one_command() -> None:
    words = [command.words for command in ALL]
    assert len(set(words)) == len(words)
    cases = REGISTRY.by_request.values()
    missing = {case.action for case in cases if not case.is_internal and not case.needs_accounts}
    between_homes = {case.action for case in cases if case.path.startswith("/api/sync/")} | {"team.release"}
    assert missing - {command.action for command in ALL} == {"vault.unlock", "vault.lock", *between_homes}


@pytest.mark.parametrize("command", ALL, ids=lambda command: command.words)
def test_every_command_explains_itself_and_each_of_its_options(
    command: object, capsys: pytest.CaptureFixture[str]
) -> None:
    area, verb = command.words.split()[1:]
    assert cli.main([area, verb, "--help"]) == 0
    said = capsys.readouterr().out
    assert command.description in said
    assert all(option.name in said for option in options_of(command))


@pytest.mark.parametrize("words", [[], ["--help"], ["help"], ["machines", "--help"], ["help", "machines"]])
def test_help_is_no_error(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 0
    assert "machina" in capsys.readouterr().out


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"machina {__version__}\n"


@pytest.mark.parametrize(
    "line, suggestion",
    [
        ("machins list", "machines"),
        ("machines destory", "destroy"),
        ("machines create --nmae x", "--name"),
        ("keys generate --name k --type ed2551", "ed25519"),
    ],
)
def test_a_slip_is_a_usage_error_that_suggests_the_nearest(
    line: str, suggestion: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(line.split()) == 2
    said = capsys.readouterr().err
    assert said.startswith("error E-USAGE: ")
    assert f"hint: Did you mean {suggestion}?" in said


def test_each_area_is_explained_by_the_module_of_most_of_its_commands() -> None:
    assert area_summary("teams").startswith("People and teams")
    assert area_summary("members").startswith("Who is in a team")


# How it is read


def test_options_become_the_fields_of_the_request() -> None:
    order = typed("machines create --account here --name m1 --key k1 --key k2 --tag a --port=2222 --host-key SHA256:x")
    assert order.values == {
        "account_id": "here",
        "name": "m1",
        "key_ids": ("k1", "k2"),
        "tags": ("a",),
        "port": 2222,
        "host_key": "SHA256:x",
    }


def test_switches_of_the_command_line_are_no_fields() -> None:
    order = typed("machines destroy m1 --yes --wait --json")
    assert order.values == {"machine_id": "m1"}
    assert order.switches == {"yes", "wait", "json"}


def test_what_a_command_is_about_may_be_given_with_its_option() -> None:
    assert typed("machines get --machine m1") == typed("machines get m1")


def test_a_choice_is_read_as_its_kind() -> None:
    assert typed("keys generate --name k --type rsa").values["type"] is SSHKeyType.RSA


def test_a_flag_can_be_turned_off() -> None:
    assert typed("machines refresh m1 --no-auto-approve").values["auto_approve"] is False
    assert typed("machines update m1 --protected").values["is_protected"] is True


def test_a_time_without_zone_is_local() -> None:
    since = typed("deployments list --since 2026-01-31T18:30").values["since"]
    assert since == datetime(2026, 1, 31, 18, 30).astimezone()


def test_ids_that_we_make_are_not_offered() -> None:
    names = {option.name for command in ALL for option in options_of(command) if command.queues_run}
    assert "--deployment" not in names


@pytest.mark.parametrize(
    "line, complaint",
    [
        ("keys generate", "--name is needed."),
        ("machines get", "--machine is needed."),
        ("machines list m1", "machina machines list takes no 'm1'."),
        ("machines get m1 m2", "machina machines get takes no 'm2'."),
        ("keys generate --name", "--name needs a value."),
        ("keys generate --name --json", "--name needs a value."),
        ("keys generate --name k --json=yes", "--json takes no value."),
        ("machines create --account a --name m --port ssh", "--port is a whole number, not 'ssh'."),
        ("deployments list --since yesterday", "--since is a time"),
        ("providers add --type sandbox --label x --field broken", "--field needs NAME=VALUE."),
        ("machines get m1 --no-json", "has no option --no-json."),
    ],
)
def test_what_cannot_be_understood_is_named(line: str, complaint: str) -> None:
    with pytest.raises(UsageError) as raised:
        typed(line)
    assert complaint in raised.value.message


def test_the_fields_of_a_providers_account_are_options_too() -> None:
    fields = typed("providers add --type baremetal --label rack --reboot-check reconnect --field stop_command=x").values
    assert fields["fields"] == {"reboot_check": Secret("reconnect"), "stop_command": Secret("x")}


def test_a_secret_comes_from_a_file_and_never_from_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2\n")
    given = typed(f"providers add --type baremetal --label rack --sudo-password-file {file}").values["fields"]
    assert given == {"sudo_password": Secret("hunter2")}
    with pytest.raises(UsageError):
        typed("providers add --type baremetal --label rack --sudo-password hunter2")


def test_credentials_are_replaced_from_files_and_settings_are_typed(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("hunter2\n")
    given = typed(f"providers replace-credentials acme --api-token-file {file} --region= --save-elsewhere").values
    assert given["fields"] == {"api_token": Secret("hunter2"), "region": Secret("")}
    assert (given["account_id"], given["save_elsewhere"]) == ("acme", True)
    with pytest.raises(UsageError):
        typed("providers replace-credentials acme --api-token hunter2")


def test_a_secret_is_read_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("pässword\n".encode())))
    assert typed("keys import --name k --passphrase-file -").values["passphrase"] == Secret("pässword")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="missing cannot be read") as raised:
        typed(f"keys import --name k --private-key-file {tmp_path / 'missing'}")
    assert raised.value.code == "E-FILE-READ"


def test_a_script_comes_from_a_file(tmp_path: Path) -> None:
    script = tmp_path / "setup.sh"
    script.write_text("#!/bin/sh\necho hello\n")
    order = typed(f"machines create --account a --name m --bootstrap-script-file {script}")
    assert order.values["bootstrap_script"] == "#!/bin/sh\necho hello"


# What names mean


@pytest.fixture
async def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Host]:
    """A host with an account ``here`` that carries nothing out."""
    monkeypatch.setenv("MACHINA_VAULT", "key-file")
    paths = Paths(tmp_path / "home")
    running = Host(paths, Settings(paths.settings), EventBus())
    await running.start(watch=False)
    yield running
    await running.stop()


@pytest.fixture
async def account(host: Host) -> ProviderAccount:
    return await host.gateway.call(AddAccount(team_id=team_of(host), type=ProviderType.SANDBOX, label="here"))


def team_of(host: Host) -> str:
    return host.actor.team_roles[0][0]


async def ask_for(host: Host, account: ProviderAccount, name: str) -> CreateMachine:
    team_id = team_of(host)
    keys = await host.gateway.call(ListKeys(team_id=team_id))
    key = keys[0] if keys else await host.gateway.call(GenerateKey(team_id=team_id, name="k1"))
    ask = CreateMachine(team_id=team_id, account_id=account.provider_account_id, name=name, key_ids=(key.ssh_key_id,))
    await host.gateway.call(ask)
    return ask


async def test_a_name_an_id_and_an_account_label_are_found(host: Host, account: ProviderAccount) -> None:
    references = References(host.gateway, team_of(host))
    ask = await ask_for(host, account, "m1")
    assert await references.resolve("machine", "m1") == ask.machine_id
    assert await references.resolve("machine", ask.machine_id) == ask.machine_id
    assert await references.resolve("account", "HERE") == account.provider_account_id


async def test_a_deployment_is_known_by_the_end_of_its_id_and_by_its_machine(
    host: Host, account: ProviderAccount
) -> None:
    references = References(host.gateway, team_of(host))
    ask = await ask_for(host, account, "m1")
    destroy = DestroyMachine(machine_id=ask.machine_id)
    await host.gateway.call(destroy)
    assert await references.resolve("deployment", ask.deployment_id[-8:]) == ask.deployment_id
    assert await references.resolve("deployment", "m1") == destroy.deployment_id


async def test_a_name_that_was_used_again_means_the_living_machine(host: Host, account: ProviderAccount) -> None:
    references = References(host.gateway, team_of(host))
    first = await ask_for(host, account, "m1")
    await host.gateway.call(CancelDeployment(deployment_id=first.deployment_id))
    assert await references.resolve("machine", "m1") == first.machine_id
    second = await ask_for(host, account, "m1")
    assert len(await host.gateway.call(ListMachines(team_id=team_of(host), include_gone=True))) == 2
    assert await references.resolve("machine", "m1") == second.machine_id


async def test_an_unknown_name_suggests_the_nearest(host: Host, account: ProviderAccount) -> None:
    with pytest.raises(NotFound, match="There is no account called hree") as raised:
        await References(host.gateway, team_of(host)).resolve("account", "hree")
    assert raised.value.hint == "Did you mean here?"


async def test_a_team_is_known_by_its_handle_and_by_its_name(host: Host) -> None:
    references = References(host.gateway, team_of(host))
    made = await host.gateway.call(CreateTeam(name="Web team", handle="web"))
    twin = await host.gateway.call(CreateTeam(name="web", handle="other"))
    assert await references.resolve("team", "web") == made.team_id
    assert await references.resolve("team", "web TEAM") == made.team_id
    assert await references.resolve("team", "other") == twin.team_id


async def test_a_member_is_known_by_name_and_grants_and_invites_by_the_end_of_their_id(host: Host) -> None:
    references = References(host.gateway, team_of(host))
    [me] = await host.gateway.call(ListMembers(team_id=team_of(host)))
    name = me.user.display_name
    assert await references.resolve("member", name.upper()) == me.member.team_member_id
    assert await references.resolve("person", name) == me.user.user_id
    issued = await host.gateway.call(CreateInvite(team_id=team_of(host)))
    assert await references.resolve("invite", issued.invite_id[-8:]) == issued.invite_id
    with pytest.raises(NotFound) as raised:
        await references.resolve("grant", "absent")
    assert raised.value.hint == "machina members list shows them all."


def test_what_somebody_may_know_is_listed_under_what_to_do_about_it() -> None:
    assert rendering.text_of(Exposure()) == "No secret of the team could be read."
    said = rendering.text_of(Exposure(accounts=accounts()[:1], keys=keys()[:1])).splitlines()
    assert said[0] == "Renew at the provider:"
    assert "Replace on the machines:" in said


def test_a_name_of_several_things_lists_them() -> None:
    known = (Named("key-1", "Key"), Named("key-2", "KEY"))
    with pytest.raises(InvalidInput) as raised:
        pick("key", "key", known)
    assert raised.value.code == "E-AMBIGUOUS"
    assert "key-1" in raised.value.hint
    assert "key-2" in raised.value.hint
    assert pick("key", "KEY", known) == "key-2"


# How results look


def test_a_table_is_aligned_and_leaves_empty_columns_out() -> None:
    rows = ({"name": "a", "tags": (), "status": "ok"}, {"name": "日本", "tags": (), "status": "ok"})
    assert rendering.table(rows) == "NAME  STATUS\na     ok\n日本  ok"


def test_a_machine_is_shown_with_the_command_that_logs_in() -> None:
    shown = rendering.text_of(replace(machine(1), ssh_host="192.0.2.7", ssh_port=2222, ssh_user="ada"))
    assert shown.endswith("\n\nssh -p 2222 ada@192.0.2.7")


def test_nothing_in_a_result_can_steer_the_terminal() -> None:
    shown = rendering.text_of(replace(machine(1), notes="a\x1b[2Jb\u202ec"))
    assert "a\\x1b[2Jb\\u202ec" in shown


def test_a_plan_tells_its_counts_resources_and_attributes_but_no_secret() -> None:
    changes = (
        AttributeChange(path="port", before="22", after="2222", forces_replacement=True),
        AttributeChange(path="id", unknown=True),
        AttributeChange(path="token", sensitive=True),
    )
    resource = ResourceChange(address="a.b", type="a", name="b", action=PlanAction.REPLACE, attributes=changes)
    assert rendering.plan_text(PlanSummary(add=1, remove=1, resources=(resource,))).splitlines() == [
        "Plan: 1 to add, 0 to change, 1 to remove.",
        "  ± a.b: replace",
        "      port = 22 -> 2222 (the reason for replacing it)",
        "      id = (known after apply)",
        "      token = (withheld)",
    ]


def test_a_log_line_marks_what_matters() -> None:
    line = LogLine(at=datetime(2026, 1, 1, tzinfo=UTC), phase="plan", level=LogLevel.ERROR, text="No.")
    assert rendering.log_line(line).endswith("  plan      error: No.")


def test_the_audit_chain_is_told_in_a_sentence() -> None:
    assert rendering.text_of(ChainReport(events=8)) == "The chain of 8 events is whole."


def test_an_error_has_code_message_and_hint(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.complain(Unavailable("It is away.", hint="Wait.", code="E-AWAY"))
    assert capsys.readouterr().err == "error E-AWAY: It is away.\nhint: Wait.\n"


def test_the_command_line_never_loads_qt() -> None:
    script = "import sys, machina_desktop.cli.session; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert [name for name in loaded if name.partition(".")[0] in {"PySide6", "qasync", "shiboken6"}] == []
