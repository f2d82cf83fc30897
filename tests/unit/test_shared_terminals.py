"""Terminals on machines of a shared team: the key stays here, the trace is at the home, and nobody is locked out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from machina_desktop.core.domain.terminal import Answer, SessionState
from machina_desktop.core.services.keys import ImportKey
from machina_desktop.core.terminal.session import Session
from machina_desktop.core.workers import terminals as terminals_module
from tests.fakes.hosts import until
from tests.fakes.keyed_provider import KeyedProvider
from tests.fakes.provider import install
from tests.fakes.server import Site, settled
from tests.fakes.sessions import NO_HOME
from tests.fakes.shared_desks import Desk, desk
from tests.fakes.sshd import USER, KeyPair, Sshd, running

KEY = KeyPair()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd"), options=(NO_HOME,)) as sshd:
        sshd.authorize(KEY)
        yield sshd


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with settled(tmp_path / "server") as made:
        install(KeyedProvider())
        yield made


@pytest.fixture
async def ben(tmp_path: Path, site: Site) -> AsyncIterator[Desk]:
    async with desk(tmp_path / "ben", site, "Ben") as made:
        yield made


async def machine_of(ben: Desk, server: Sshd, *, pin: str) -> str:
    """A machine of the team at that server, with a key whose private half is on Ben's computer."""
    key = await ben.call(ImportKey(team_id=ben.team_id, name="deploy", private_key=KEY.private))
    account = await ben.account("token")
    where = {"host": "127.0.0.1", "port": server.port, "user": USER, "host_key": pin}
    return (await ben.create(account, "web-1", key_ids=(key.ssh_key_id,), **where)).machine_id


async def in_state(session: Session, state: SessionState) -> None:
    await until(lambda: session.state is state, what=f"{state}, not {session.state} {session.reason}")


async def closed(at: Desk, session: Session) -> None:
    session.close()
    await until(lambda: not at.core.host.terminals.open_lines, what="the end of the terminal")


def trail(site: Site) -> list[tuple[object, ...]]:
    found = site.sql("SELECT action, actor_name, outcome FROM audit_event WHERE action LIKE '%terminal' ORDER BY seq")
    return [tuple(row) for row in found]


async def test_the_home_hears_of_a_terminal_and_never_of_the_key(site: Site, ben: Desk, server: Sshd) -> None:
    machine_id = await machine_of(ben, server, pin=server.fingerprint)
    session = ben.core.host.terminals.open(machine_id, 80, 24)
    await in_state(session, SessionState.LIVE)
    await closed(ben, session)
    opened, ended = trail(site)
    assert opened[:2] == ("machine.open_terminal", "Ben")
    assert ended[:2] == ("machine.close_terminal", "Ben")
    assert not any(b"PRIVATE KEY" in body for body in ben.line.bodies)


async def test_a_host_key_that_one_accepts_is_pinned_for_all(site: Site, ben: Desk, server: Sshd) -> None:
    machine_id = await machine_of(ben, server, pin="")
    session = ben.core.host.terminals.open(machine_id, 80, 24)
    await in_state(session, SessionState.ASKING)
    session.answer(Answer(is_yes=True))
    await in_state(session, SessionState.LIVE)
    await closed(ben, session)
    [(pinned,)] = site.sql("SELECT host_key FROM machine WHERE machine_id = ?", machine_id)
    assert pinned == server.fingerprint


async def test_a_machine_can_be_mended_while_the_home_is_away(
    site: Site, ben: Desk, server: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminals_module, "AGAIN_S", 0.1)
    machine_id = await machine_of(ben, server, pin=server.fingerprint)
    ben.line.is_cut = True
    session = ben.core.host.terminals.open(machine_id, 80, 24)
    await in_state(session, SessionState.LIVE)
    assert trail(site) == []
    ben.line.is_cut = False
    await closed(ben, session)
    assert [row[0] for row in trail(site)] == ["machine.open_terminal", "machine.close_terminal"]


async def test_whose_computer_lacks_the_key_is_told_where_it_is(
    tmp_path: Path, site: Site, ben: Desk, server: Sshd
) -> None:
    machine_id = await machine_of(ben, server, pin=server.fingerprint)
    config = tmp_path / "config"
    config.write_text("Host *\n  IdentityAgent none\n  IdentityFile none\n")
    async with desk(tmp_path / "ada", site, "Ada") as ada:
        terminals = ada.core.host.terminals
        terminals.ways = type(terminals.ways)(known_hosts=tmp_path / "known_hosts", config_file=config)
        session = terminals.open(machine_id, 80, 24)
        await in_state(session, SessionState.LOST)
        assert session.reason is not None
        assert "deploy" in session.reason.hint
