"""Terminals through the door: who may open one, the trace it leaves, how pins and jump hosts come about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.team import Access, Grant
from machina_desktop.core.domain.terminal import Answer, SessionState
from machina_desktop.core.errors import Conflict, Forbidden, Locked, NotFound
from machina_desktop.core.ids import now
from machina_desktop.core.services.device import LockVault
from machina_desktop.core.services.keys import ImportKey
from machina_desktop.core.services.machines import ListMachines, UpdateMachine
from machina_desktop.core.services.terminals import OpenTerminal, PinHostKey, bastion_of
from machina_desktop.core.terminal.session import Session
from tests.fakes.hosts import Core, core, until
from tests.fakes.ports import free_port
from tests.fakes.sessions import NO_HOME
from tests.fakes.sshd import USER, KeyPair, Sshd, running

KEY = KeyPair()
YES = Answer(is_yes=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd"), options=(NO_HOME,)) as sshd:
        sshd.authorize(KEY)
        yield sshd


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Core]:
    async with core(tmp_path / "home") as started:
        yield started


async def machine_at(desk: Core, server: Sshd, name: str = "web-1", *, pin: str | None = None) -> Machine:
    """A machine whose address is that server's and whose key is in the vault."""
    key = await desk.call(ImportKey(team_id=desk.team_id, name=f"key of {name}", private_key=KEY.private))
    ask = await desk.create(name, key_ids=(key.ssh_key_id,))
    desk.sql(
        "UPDATE machine SET ssh_host = ?, ssh_port = ?, ssh_user = ?, host_key = ? WHERE machine_id = ?",
        "127.0.0.1",
        server.port,
        USER,
        server.fingerprint if pin is None else pin,
        ask.machine_id,
    )
    return await desk.machine(ask.machine_id)


async def in_state(session: Session, state: SessionState) -> None:
    await until(lambda: session.state is state, what=f"{state}, not {session.state} {session.reason}")


async def closed(desk: Core, session: Session) -> None:
    session.close()
    await until(lambda: not desk.host.terminals.open_lines, what="the end of the terminal")


async def test_a_shell_opens_with_the_machines_own_key_and_leaves_its_trace(desk: Core, server: Sshd) -> None:
    machine = await machine_at(desk, server)
    session = desk.host.terminals.open(machine.machine_id, 80, 24)
    await in_state(session, SessionState.LIVE)
    await closed(desk, session)
    trail = [(event.action, event.target) for event in await desk.audit()][-2:]
    assert trail == [("machine.ssh", machine.machine_id), ("machine.close_terminal", machine.machine_id)]
    opened, ended = (await desk.audit())[-2:]
    assert opened.detail.startswith("terminal-")
    assert ended.detail == f"{opened.detail}, 0 s"


async def test_an_accepted_host_key_is_pinned_with_who_accepted_it(desk: Core, server: Sshd) -> None:
    machine = await machine_at(desk, server, pin="")
    session = desk.host.terminals.open(machine.machine_id, 80, 24)
    await in_state(session, SessionState.ASKING)
    assert session.question is not None
    assert "no host key of it was recorded" in session.question.known
    session.answer(YES)
    await in_state(session, SessionState.LIVE)
    await closed(desk, session)
    pinned = await desk.machine(machine.machine_id)
    assert pinned.host_key == server.fingerprint
    assert "machine.pin_host_key" in [event.action for event in await desk.audit()]
    access = await desk.call(OpenTerminal(machine_id=machine.machine_id))
    assert f"accepted by {desk.host.actor.display_name}" in access.route[-1].known


async def test_a_changed_host_key_is_a_hard_stop_that_says_what_is_known(desk: Core, server: Sshd) -> None:
    machine = await machine_at(desk, server, pin=KeyPair().fingerprint)
    session = desk.host.terminals.open(machine.machine_id, 80, 24)
    await in_state(session, SessionState.LOST)
    assert session.reason is not None
    assert session.reason.code == "E-SSH-HOST-KEY"
    assert "was recorded when web-1 was made on" in session.reason.message


async def test_a_pin_is_not_overwritten_by_whoever_knows_an_older_one(desk: Core, server: Sshd) -> None:
    machine = await machine_at(desk, server)
    with pytest.raises(Conflict) as refusal:
        await desk.call(PinHostKey(machine_id=machine.machine_id, host_key=KeyPair().fingerprint))
    assert refusal.value.code == "E-SSH-HOST-KEY"


async def test_who_may_only_read_opens_no_terminal_and_the_attempt_is_noted(desk: Core, server: Sshd) -> None:
    machine = await machine_at(desk, server)
    with pytest.raises(Forbidden):
        await desk.door(desk.reader).call(OpenTerminal(machine_id=machine.machine_id))


async def test_a_grant_for_other_machines_opens_no_terminal_on_this_one(desk: Core, server: Sshd) -> None:
    machine = await machine_at(desk, server)
    await desk.call(UpdateMachine(machine_id=machine.machine_id, tags=("env:prod",)))
    viewer = Grant(
        grant_id="grant-1",
        team_id=desk.team_id,
        user_id="user-member",
        access=Access.VIEWER,
        tag="env:prod",
        granted_by="user",
        created_at=now(),
    )
    member = replace(desk.member(), grants=(viewer,))
    with pytest.raises(Forbidden):
        await desk.door(member).call(OpenTerminal(machine_id=machine.machine_id))


async def test_a_locked_vault_is_the_reason_why_no_shell_opens(desk: Core, server: Sshd) -> None:
    machine = await machine_at(desk, server)
    await desk.call(LockVault())
    session = desk.host.terminals.open(machine.machine_id, 80, 24)
    await in_state(session, SessionState.LOST)
    assert isinstance(session.reason, Locked)


async def test_a_machine_with_only_a_private_address_is_reached_over_its_bastion(desk: Core, server: Sshd) -> None:
    inner = await machine_at(desk, server, "inner")
    await desk.create("outer", tags=("bastion",))
    [outer] = await desk.call(ListMachines(team_id=desk.team_id, search="outer"))
    desk.sql(
        "UPDATE machine SET ssh_host = '127.0.0.1', public_ip = '127.0.0.1', actual_status = 'running', ssh_port = ?, "
        "ssh_user = ?, host_key = ?, ssh_key_ids = (SELECT ssh_key_ids FROM machine WHERE machine_id = ?) "
        "WHERE machine_id = ?",
        server.port,
        USER,
        server.fingerprint,
        inner.machine_id,
        outer.machine_id,
    )
    desk.sql(
        "UPDATE machine SET ssh_host = '127.0.0.1', private_ip = '127.0.0.1' WHERE machine_id = ?", inner.machine_id
    )
    access = await desk.call(OpenTerminal(machine_id=inner.machine_id))
    assert [each.machine.name for each in access.route] == ["outer", "inner"]
    session = desk.host.terminals.open(inner.machine_id, 80, 24)
    await in_state(session, SessionState.LIVE)
    await closed(desk, session)


async def test_a_tag_names_the_machine_that_the_way_leads_over(desk: Core) -> None:
    asks = [
        await desk.create(name, tags=tags) for name, tags in (("a", ("bastion:B",)), ("b", ()), ("c", ("bastion:x",)))
    ]
    machines = tuple([await desk.machine(ask.machine_id) for ask in asks])
    found = bastion_of(machines[0], machines)
    assert found is not None
    assert found.name == "b"
    with pytest.raises(NotFound) as refusal:
        bastion_of(machines[2], machines)
    assert refusal.value.code == "E-SSH-JUMP"


async def test_sessions_end_with_their_host_and_are_told_of(tmp_path: Path, server: Sshd) -> None:
    async with core(tmp_path / "home") as desk:
        machine = await machine_at(desk, server)
        session = desk.host.terminals.open(machine.machine_id, 80, 24)
        await in_state(session, SessionState.LIVE)
    assert session.state is SessionState.ENDED
    async with core(tmp_path / "home") as again:
        assert (await again.audit())[-1].action == "machine.close_terminal"


async def test_the_loop_is_never_held_up_while_a_session_connects(desk: Core, server: Sshd) -> None:
    machine = await machine_at(desk, server)
    await desk.call(ListMachines(team_id=desk.team_id))
    loop = asyncio.get_running_loop()
    began = loop.time()
    session = desk.host.terminals.open(machine.machine_id, 80, 24)
    assert loop.time() - began < 0.5
    await in_state(session, SessionState.LIVE)
    await closed(desk, session)


async def test_a_jump_host_of_ones_own_is_asked_about_once_and_noted(desk: Core, server: Sshd, tmp_path: Path) -> None:
    machine = await machine_at(desk, server)
    config = tmp_path / "config"
    key_file = KEY.write(tmp_path / "id")
    config.write_text(
        f"Host gate\n  HostName 127.0.0.1\n  Port {server.port}\n  User {USER}\n  IdentityFile {key_file}\n"
        "  UserKnownHostsFile none\n  GlobalKnownHostsFile none\nHost web-1\n  ProxyJump gate\n"
    )
    terminals = desk.host.terminals
    terminals.ways = replace(terminals.ways, config_file=config)
    session = terminals.open(machine.machine_id, 80, 24)
    await in_state(session, SessionState.ASKING)
    assert session.question is not None
    assert session.question.name == "gate"
    session.answer(YES)
    await in_state(session, SessionState.LIVE)
    await closed(desk, session)
    noted = next(event for event in await desk.audit() if event.action == "machine.accept_jump_host")
    assert server.fingerprint in noted.detail
    session.reconnect()
    await in_state(session, SessionState.LIVE)
    await closed(desk, session)


async def test_two_sessions_of_one_machine_end_apart(desk: Core, server: Sshd) -> None:
    machine = await machine_at(desk, server)
    first, second = (desk.host.terminals.open(machine.machine_id, 80, 24) for _ in range(2))
    await in_state(first, SessionState.LIVE)
    await in_state(second, SessionState.LIVE)
    first.close()
    await until(lambda: len(desk.host.terminals.open_lines) == 1, what="the end of the first")
    assert second.state is SessionState.LIVE
    await closed(desk, second)


async def test_a_private_address_that_nothing_answers_at_tells_of_bastions(desk: Core, server: Sshd) -> None:
    machine = await machine_at(desk, server)
    terminals = desk.host.terminals
    for host, is_told in (("", True), ("127.0.0.1", False)):
        desk.sql(
            "UPDATE machine SET ssh_host = ?, private_ip = '127.0.0.2', ssh_port = ? WHERE machine_id = ?",
            host,
            free_port(),
            machine.machine_id,
        )
        session = terminals.open(machine.machine_id, 80, 24)
        await in_state(session, SessionState.LOST)
        assert session.reason is not None
        assert session.reason.code == "E-SSH-REFUSED"
        assert ("tag bastion" in session.reason.hint) is is_told
        await until(lambda: not terminals.open_lines, what="the trace of the attempt")


async def test_a_key_that_is_kept_elsewhere_is_named_with_the_next_step(
    desk: Core, server: Sshd, tmp_path: Path
) -> None:
    machine = await machine_at(desk, server)
    desk.sql("UPDATE ssh_key SET keeper = 'device-elsewhere'")
    config = tmp_path / "config"
    config.write_text("Host *\n  IdentityAgent none\n  IdentityFile none\n")
    terminals = desk.host.terminals
    terminals.ways = replace(terminals.ways, config_file=config)
    session = terminals.open(machine.machine_id, 80, 24)
    await in_state(session, SessionState.LOST)
    assert session.reason is not None
    assert session.reason.code == "E-SSH-KEY"
    assert "key of web-1" in session.reason.hint
    await until(lambda: not terminals.open_lines, what="the trace of the attempt")
    assert (await desk.audit())[-1].action == "machine.close_terminal"
