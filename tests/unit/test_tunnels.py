"""Tunnels as a person has them: opened with a click, kept standing, saved for another time."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from machina_desktop.core.domain.tunnel import OpenToOthers, Tunnel, TunnelKind, TunnelState
from machina_desktop.core.errors import Forbidden, MachinaError, Unavailable
from machina_desktop.core.ssh import connection as connection_module
from machina_desktop.core.ssh.connection import Connection
from machina_desktop.core.workers.supervisor import Supervisor
from machina_desktop.core.workers.tunnels import Tunnels
from tests.fakes.file_machine import dial_to, file_server, until
from tests.fakes.ports import free_port
from tests.fakes.sshd import Sshd

MACHINE = "machine-1"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    with file_server(tmp_path / "sshd") as sshd:
        yield sshd


class Desk:
    """Tunnels, and what was recorded and announced of them."""

    def __init__(self, server: Sshd, file: Path) -> None:
        self.supervisor = Supervisor()
        self.recorded: list[Tunnel] = []
        self.announced: list[str] = []
        self.refusal: MachinaError | None = None
        self.tunnels = Tunnels(
            dial_to(server),
            file,
            record=self._record,
            announce=self.announced.append,
            spawn=self._spawn,
            retry_s=(0.05,),
            look_s=0.0,
        )

    async def _record(self, tunnel: Tunnel) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.recorded.append(tunnel)

    def _spawn(self, work: Coroutine[object, object, None], name: str) -> object:
        return self.supervisor.spawn(work, name=name)

    async def standing(self, tunnel_id: str) -> int:
        await until(lambda: self.tunnels.status(tunnel_id).state is TunnelState.LISTENING)
        return self.tunnels.status(tunnel_id).port

    async def close(self) -> None:
        await self.tunnels.close()
        await self.supervisor.stop()


@pytest_asyncio.fixture
async def desk(server: Sshd, tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(server, tmp_path / "tunnels.json")
    yield made
    await made.close()


async def stopped(server: Sshd) -> None:
    """The server answers nobody any more, and hangs up on nobody."""
    for process in server.sessions():
        process.send_signal(signal.SIGSTOP)
    await until(lambda: all(process.status() == psutil.STATUS_STOPPED for process in server.sessions()))


def nobody_listens() -> bool:
    """Whether no tunnel of this program has a port any more."""
    return all(thread.name != "tunnel-listener" for thread in threading.enumerate())


def banner(port: int) -> bytes:
    """What the machine's own sshd says at the other end of a tunnel to it; empty while there is no way."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        return client.recv(4)


async def test_a_click_on_a_port_opens_a_way_to_it(desk: Desk, server: Sshd) -> None:
    opened = await desk.tunnels.open_tunnel(MACHINE, server.port)
    # The port is the machine's own sshd on this very computer, so it is taken here, and the next free one is used.
    assert opened.port not in {0, server.port}
    assert opened.tunnel.bind_host == "127.0.0.1"
    port = await desk.standing(opened.tunnel.tunnel_id)
    assert banner(port) == b"SSH-"
    again = await desk.tunnels.open_tunnel(MACHINE, server.port)
    assert again.tunnel == opened.tunnel
    assert [each.target_port for each in desk.recorded][-1] == server.port


async def test_a_tunnel_stands_again_after_the_connection_was_lost(desk: Desk, server: Sshd) -> None:
    opened = await desk.tunnels.open_tunnel(MACHINE, server.port)
    port = await desk.standing(opened.tunnel.tunnel_id)
    server.stop()
    await until(lambda: desk.tunnels.status(opened.tunnel.tunnel_id).state is TunnelState.RECONNECTING)
    await until(lambda: desk.tunnels.status(opened.tunnel.tunnel_id).problem is not None)
    server.start()
    assert await desk.standing(opened.tunnel.tunnel_id) == port
    assert banner(port) == b"SSH-"


async def test_who_may_not_gets_no_port(desk: Desk, server: Sshd) -> None:
    desk.refusal = Forbidden("You may not.")
    with pytest.raises(Forbidden):
        await desk.tunnels.open_tunnel(MACHINE, server.port)
    assert desk.tunnels.all() == ()


async def test_a_tunnel_for_others_is_asked_about_first(desk: Desk, server: Sshd) -> None:
    wanted = Tunnel(tunnel_id="t", machine_id=MACHINE, bind_host="0.0.0.0", target_port=server.port)
    with pytest.raises(OpenToOthers):
        await desk.tunnels.open(wanted)
    opened = await desk.tunnels.open(wanted, may_be_open=True)
    assert opened.tunnel.is_open_to_others


async def test_saved_tunnels_are_there_the_next_time_and_start_on_request(
    desk: Desk, server: Sshd, tmp_path: Path
) -> None:
    desk.tunnels.save(Tunnel(tunnel_id="t", machine_id=MACHINE, target_port=server.port, label="sshd"))
    file = tmp_path / "tunnels.json"
    assert file.stat().st_mode & 0o777 == 0o600
    later = Desk(server, file)
    (saved,) = later.tunnels.all(MACHINE)
    assert (saved.state, saved.tunnel.label, saved.tunnel.is_saved) == (TunnelState.STOPPED, "sshd", True)
    await later.tunnels.start("t")
    assert banner(await later.standing("t")) == b"SSH-"
    await later.tunnels.stop("t")
    assert later.tunnels.status("t").state is TunnelState.STOPPED
    await later.tunnels.remove("t")
    assert Desk(server, file).tunnels.all() == ()
    await later.close()


async def test_a_damaged_list_of_tunnels_is_no_reason_not_to_start(server: Sshd, tmp_path: Path) -> None:
    file = tmp_path / "tunnels.json"
    file.write_text("[{")
    assert Desk(server, file).tunnels.all() == ()


async def test_a_tunnel_that_was_not_saved_is_gone_once_it_is_stopped(desk: Desk, server: Sshd) -> None:
    opened = await desk.tunnels.open_tunnel(MACHINE, server.port)
    await desk.tunnels.stop(opened.tunnel.tunnel_id)
    assert desk.tunnels.all() == ()
    assert desk.announced[-1] == opened.tunnel.tunnel_id


async def test_what_cannot_be_had_on_the_machine_fails_with_its_reason(desk: Desk, server: Sshd) -> None:
    taken = Tunnel(
        tunnel_id="t", machine_id=MACHINE, kind=TunnelKind.REMOTE, bind_port=server.port, target_port=server.port
    )
    await desk.tunnels.open(taken)
    await until(lambda: desk.tunnels.status("t").state is TunnelState.FAILED)
    problem = desk.tunnels.status("t").problem
    assert problem is not None
    assert problem.code == "E-TUNNEL-REFUSED"


async def test_a_machine_that_cannot_be_logged_in_to_is_not_tried_for_ever(server: Sshd, tmp_path: Path) -> None:
    desk = Desk(server, tmp_path / "tunnels.json")

    async def refuse(_machine_id: str) -> Connection:
        raise Unavailable("No.", code="E-SSH-AUTH")

    desk.tunnels._dial = refuse
    opened = await desk.tunnels.open_tunnel(MACHINE, 8080)
    await until(lambda: desk.tunnels.status(opened.tunnel.tunnel_id).state is TunnelState.FAILED)
    assert desk.tunnels.status(opened.tunnel.tunnel_id).port == 0
    await desk.close()


async def test_it_is_seen_whether_anything_listens_at_the_far_end(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as service:
        service.settimeout(0)
        port = service.getsockname()[1]
        opened = await desk.tunnels.open_tunnel(MACHINE, port)
        key = opened.tunnel.tunnel_id
        await until(lambda: desk.tunnels.status(key).is_answered is True)
        # To look is not to connect: some services take one connection, and then no other.
        with pytest.raises(BlockingIOError):
            service.accept()
    await until(lambda: desk.tunnels.status(key).is_answered is False)
    await desk.tunnels.stop(key)


async def test_a_machine_that_stands_still_is_noticed_and_reached_again(
    desk: Desk, server: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "SILENCE_S", 1.0)
    await desk.tunnels.open(Tunnel(tunnel_id="t", machine_id=MACHINE, kind=TunnelKind.SOCKS))
    await desk.standing("t")
    await stopped(server)
    await until(lambda: desk.tunnels.status("t").state is TunnelState.RECONNECTING)
    await desk.standing("t")


async def test_a_tunnel_ends_at_once_although_its_machine_stands_still(desk: Desk, server: Sshd) -> None:
    port = free_port()
    await desk.tunnels.open(
        Tunnel(tunnel_id="t", machine_id=MACHINE, kind=TunnelKind.REMOTE, bind_port=port, target_port=server.port)
    )
    await desk.standing("t")
    await stopped(server)
    began = time.monotonic()
    await desk.tunnels.stop("t")
    # Whoever waits for it waits until it is found silent.
    assert time.monotonic() - began < connection_module.SILENCE_S


async def test_a_tunnel_that_is_started_twice_at_once_is_one(desk: Desk, server: Sshd) -> None:
    desk.tunnels.save(Tunnel(tunnel_id="t", machine_id=MACHINE, target_port=server.port))
    await asyncio.gather(desk.tunnels.start("t"), desk.tunnels.start("t"))
    port = await desk.standing("t")
    assert banner(port) == b"SSH-"
    await desk.tunnels.stop("t")
    await until(nobody_listens)


async def test_a_tunnel_that_is_removed_while_it_begins_is_gone(desk: Desk, server: Sshd) -> None:
    desk.tunnels.save(Tunnel(tunnel_id="t", machine_id=MACHINE, target_port=server.port))
    await asyncio.gather(desk.tunnels.start("t"), desk.tunnels.remove("t"), desk.tunnels.remove("t"))
    assert desk.tunnels.all() == ()
    await until(nobody_listens)
