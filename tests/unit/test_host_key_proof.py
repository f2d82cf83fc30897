"""What a machine printed at its first boot decides about its host key before a person is asked; a real sshd answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from machina_desktop.core.domain.host_pin import REMADE, origin_of, printed_story
from machina_desktop.core.domain.machine import PIN, Machine, MachineFacts, MachineStatus
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.domain.terminal import NO, Answer, Question, SessionState
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.ids import now
from machina_desktop.core.providers import registry
from machina_desktop.core.providers.base import HookContext
from machina_desktop.core.providers.gcp import Gcp
from machina_desktop.core.secret import Secret
from machina_desktop.core.services import host_keys
from machina_desktop.core.services.keys import ImportKey
from machina_desktop.core.services.machines import CreateMachine
from machina_desktop.core.services.providers import AddAccount
from machina_desktop.core.services.terminals import OpenTerminal, PinHostKey
from machina_desktop.core.workers.hosted_session import HostedSession
from tests.fakes.clouds.gcp import PROJECT, READ_EMAIL, key_file
from tests.fakes.clouds.gcp import Gcp as GcpFake
from tests.fakes.clouds.gcp_stage import ZONE
from tests.fakes.clouds.served import Fault, serving
from tests.fakes.clouds.stage import PACE, PATIENCE, WAITS
from tests.fakes.console import console
from tests.fakes.hosts import Core, core, until
from tests.fakes.provider import RecordProvider, install
from tests.fakes.sessions import NO_HOME
from tests.fakes.sshd import USER, KeyPair, Sshd, running

KEY, OTHER = KeyPair(), KeyPair()
YES = Answer(is_yes=True)
HERE = f"{ZONE}/web-1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd"), host_keys=("ed25519", "rsa"), options=(NO_HOME,)) as sshd:
        sshd.authorize(KEY)
        yield sshd


@dataclass
class Site:
    """A started host with a machine that it made at a cloud, where an SSH server runs."""

    made: Core
    cloud: GcpFake
    machine_id: str

    @property
    def lane(self) -> list[str]:
        """What was asked of the machine's console."""
        return [str(each) for each in self.cloud.requests if "serialPort" in each.path]

    async def machine(self) -> Machine:
        return await self.made.machine(self.machine_id)

    def prints(self, *keys: KeyPair) -> None:
        """Have it print a first boot with these keys."""
        self.cloud.consoles[HERE] = console(*keys)

    def remember(self, fingerprint: str, **facts: str) -> None:
        """Have that key pinned, with these facts."""
        told = json.dumps(facts)
        self.made.sql(
            "UPDATE machine SET host_key = ?, facts = ? WHERE machine_id = ?", fingerprint, told, self.machine_id
        )

    async def login(self, answer: Answer = NO) -> list[Question]:
        """Log in as files and tunnels do, giving that answer to whatever is asked; what was asked.

        Raises:
            Unavailable: it is refused.
        """
        asked: list[Question] = []

        def ask(question: Question) -> Answer:
            asked.append(question)
            return answer

        terminals = self.made.host.terminals
        (await asyncio.to_thread(terminals.connect, self.machine_id, ask, lambda: False)).close()
        return asked

    async def asks(self) -> Question:
        """A person is asked about the host key, and says no."""
        asked: list[Question] = []

        def ask(question: Question) -> Answer:
            asked.append(question)
            return NO

        terminals = self.made.host.terminals
        with pytest.raises(Unavailable, match="was not accepted"):
            await asyncio.to_thread(terminals.connect, self.machine_id, ask, lambda: False)
        (question,) = asked
        assert question.host_key is not None
        return question

    async def refuses(self) -> str:
        """The login is refused, whatever a person would say; why."""
        with pytest.raises(Unavailable) as caught:
            await self.login(YES)
        assert caught.value.code == "E-SSH-HOST-KEY"
        assert caught.value.hint
        return caught.value.message

    async def trail(self) -> list[tuple[str, str]]:
        return [(each.action, each.detail) for each in await self.made.audit() if "host_key" in each.action]


@pytest.fixture
async def site(tmp_path: Path, server: Sshd, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    # What a busy computer makes of a few seconds is not what these are about.
    monkeypatch.setattr(host_keys, "ASK_S", 60.0)
    known = registry.PROVIDERS[ProviderType.GCP]
    try:
        with serving(GcpFake()) as cloud:
            assert isinstance(cloud, GcpFake)
            async with core(tmp_path / "home") as made:
                install(Gcp(pace=PACE, waits=WAITS, patience=PATIENCE))
                yield Site(made, cloud, await _machine(made, cloud, server))
    finally:
        registry.PROVIDERS[ProviderType.GCP] = known
        registry.provider_for.cache_clear()


async def _machine(made: Core, cloud: GcpFake, server: Sshd) -> str:
    """A machine as a run leaves it, at the address of the server."""
    fields = {
        "project_id": Secret(PROJECT),
        "service_account_json": Secret(key_file(cloud.url)),
        "read_service_account_json": Secret(key_file(cloud.url, READ_EMAIL)),
        "endpoint": Secret(cloud.url),
    }
    account = await made.call(AddAccount(team_id=made.team_id, type=ProviderType.GCP, label="Acme", fields=fields))
    key = await made.call(ImportKey(team_id=made.team_id, name="ada", private_key=KEY.private))
    ask = CreateMachine(
        team_id=made.team_id,
        account_id=account.provider_account_id,
        name="web-1",
        region="europe-west3",
        zone=ZONE,
        size="e2-micro",
        image="debian-cloud/debian-12",
        key_ids=(key.ssh_key_id,),
    )
    await made.call(ask)
    cloud.make("web-1", ZONE)["labels"] = {"machina-machine": ask.machine_id.lower()}
    made.sql(
        "UPDATE machine SET ssh_host = '127.0.0.1', ssh_port = ?, ssh_user = ?, provider_resource_id = ?, "
        "actual_status = 'running' WHERE machine_id = ?",
        server.port,
        USER,
        f"projects/{PROJECT}/zones/{ZONE}/instances/web-1",
        ask.machine_id,
    )
    return ask.machine_id


# A key that nobody has pinned yet


async def test_a_key_that_the_machine_printed_is_pinned_without_a_question(site: Site, server: Sshd) -> None:
    site.prints(*server.host_keys.values())
    assert await site.login() == []
    pinned = await site.machine()
    assert pinned.host_key == server.fingerprint
    origin = origin_of(pinned)
    assert origin is not None
    assert origin.person == ""
    assert await site.trail() == [("machine.pin_printed_host_key", server.fingerprint)]
    access = await site.made.call(OpenTerminal(machine_id=site.machine_id))
    assert (
        access.route[-1].known == f"The pinned key was printed on its console at its first boot, read on {origin.at}."
    )
    asked = len(site.lane)
    assert await site.login() == []
    assert len(site.lane) == asked


async def test_one_printed_key_is_enough_whatever_the_server_shows_first(site: Site, server: Sshd) -> None:
    site.prints(server.host_keys["rsa"])
    assert await site.login() == []
    assert (await site.machine()).host_key == server.host_keys["rsa"].fingerprint


async def test_another_key_than_the_printed_ones_is_a_hard_stop_with_both(site: Site, server: Sshd) -> None:
    site.prints(OTHER, KeyPair("rsa"))
    message = await site.refuses()
    assert f"none of those that web-1 printed at its first boot: printed {OTHER.fingerprint} or " in message
    assert f"shown {server.fingerprint}, {server.host_keys['rsa'].fingerprint}." in message
    assert "web-1 was made on" in message
    assert "Google Cloud told" in message
    assert (await site.machine()).host_key == ""
    assert await site.trail() == []


async def test_a_key_of_a_type_that_was_not_printed_is_no_way_around(site: Site, server: Sshd) -> None:
    """Somebody in between chooses what they show; the machine would have shown a key of the printed type as well."""
    site.prints(KeyPair("ecdsa"))
    assert "printed at its first boot" in await site.refuses()


async def test_while_nothing_is_printed_a_person_is_asked_and_told_so(site: Site, server: Sshd) -> None:
    site.cloud.consoles[HERE] = f"[    0.0] Linux\n{OTHER.public}\nweb-1 login: "
    question = await site.asks()
    assert "no host key of it was recorded" in question.known
    assert question.known.endswith(
        "Google Cloud knows of none that it printed at its first boot; that may take some minutes."
    )
    assert (await site.machine()).host_key == ""


async def test_whoever_accepts_a_key_is_named_as_before(site: Site) -> None:
    assert len(await site.login(YES)) == 1
    origin = origin_of(await site.machine())
    assert origin is not None
    assert origin.person == site.made.host.actor.display_name
    assert [action for action, _ in await site.trail()] == ["machine.pin_host_key"]


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (
            Fault(match="GET", status=403, code="forbidden", message="Required 'x' permission"),
            "Required 'x' permission.",
        ),
        (Fault(match="POST /token", times=99, drop=True), "broke the line"),
        (Fault(match="GET", raw="<html>Log in</html>", status=0), "never does."),
    ],
    ids=["denied", "away", "something else"],
)
async def test_a_provider_that_cannot_tell_leaves_it_to_a_person_and_says_why(
    site: Site, fault: Fault, why: str
) -> None:
    site.cloud.faults.append(fault)
    question = await site.asks()
    assert "Google Cloud could not tell which host keys it printed at its first boot: " in question.known
    assert why in question.known


async def test_nobody_waits_long_for_a_provider(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_keys, "ASK_S", 0.1)
    site.cloud.faults.append(Fault(match="POST /token", status=0, delay_s=1.0))
    assert (await site.asks()).known.endswith("did not tell in time which host keys it printed at its first boot.")


async def test_what_stands_on_a_console_is_never_shown(site: Site, server: Sshd) -> None:
    site.cloud.consoles[HERE] = console(KeyPair()).replace("root@web-1", "\x1b]0;evil\x07 s3cret")
    assert "evil" not in await site.refuses()
    site.cloud.consoles[HERE] = "\x1b]0;evil\x07 s3cret"
    assert "evil" not in (await site.asks()).known


# Machines that this program has not made


@pytest.mark.parametrize("method", ["imported", "registered"])
async def test_of_a_machine_that_was_taken_over_nobody_is_asked(site: Site, server: Sshd, method: str) -> None:
    site.prints(OTHER)
    site.made.sql("UPDATE machine SET provisioning_method = ?", method)
    question = await site.asks()
    assert "Google" not in question.known
    assert site.lane == []


# Every way there


async def test_a_shell_in_the_process_of_shells_goes_by_the_same_decision(site: Site, server: Sshd) -> None:
    site.prints(OTHER)
    session = site.made.host.terminals.open(site.machine_id, 80, 24)
    assert isinstance(session, HostedSession)
    await until(lambda: session.state is SessionState.LOST, what="a refusal")
    assert "printed at its first boot" in str(session.reason)
    site.prints(*server.host_keys.values())
    session.reconnect()
    await until(lambda: session.state is SessionState.LIVE, what="a login")
    assert (await site.machine()).host_key == server.fingerprint
    session.close()
    await until(lambda: not site.made.host.terminals.open_lines, what="the end of the terminal")


async def test_a_bastion_proves_itself_by_its_own_console(site: Site, server: Sshd) -> None:
    site.prints(OTHER)
    inner = await site.made.create("inner", tags=("bastion:web-1",))
    site.made.sql(
        "UPDATE machine SET ssh_host = '127.0.0.1', ssh_port = ?, ssh_user = ?, host_key = ?, ssh_key_ids = "
        "(SELECT ssh_key_ids FROM machine WHERE machine_id = ?) WHERE machine_id = ?",
        server.port,
        USER,
        server.fingerprint,
        site.machine_id,
        inner.machine_id,
    )
    access = await site.made.call(OpenTerminal(machine_id=inner.machine_id))
    printed = [[each.fingerprint for each in hop.printed] for hop in access.route]
    assert printed == [[OTHER.fingerprint], []]
    with pytest.raises(Unavailable, match="web-1 printed at its first boot"):
        await replace(site, machine_id=inner.machine_id).login(YES)


# Machines that were put there anew


def anew(fingerprint: str) -> dict[str, str]:
    """The facts of a machine that a run has put there anew since a key was accepted."""
    story = f"{fingerprint}, accepted by Ada on 2026-11-20 at 10:00 UTC"
    return {PIN: story, REMADE: "on 2026-11-22 at 08:30 UTC"}


async def test_after_a_run_put_it_there_anew_the_printed_key_takes_the_old_ones_place(site: Site, server: Sshd) -> None:
    site.remember(OTHER.fingerprint, **anew(OTHER.fingerprint), os="Debian")
    site.prints(*server.host_keys.values())
    assert await site.login() == []
    machine = await site.machine()
    assert machine.host_key == server.fingerprint
    assert machine.facts.keys() == {"os", PIN}
    assert await site.trail() == [("machine.pin_printed_host_key", server.fingerprint)]


async def test_the_old_key_does_not_hold_any_more_where_the_new_one_was_printed(site: Site, server: Sshd) -> None:
    site.remember(server.fingerprint, **anew(server.fingerprint))
    site.prints(OTHER)
    assert "printed at its first boot" in await site.refuses()


async def test_without_its_console_another_key_stays_a_hard_stop_that_tells_of_the_run(
    site: Site, server: Sshd
) -> None:
    site.remember(OTHER.fingerprint, **anew(OTHER.fingerprint))
    message = await site.refuses()
    assert f"pinned {OTHER.fingerprint}, shown {server.fingerprint}" in message
    assert "accepted by Ada on 2026-11-20 at 10:00 UTC" in message
    assert "web-1 was put there anew by a run on 2026-11-22 at 08:30 UTC" in message
    assert "Google Cloud knows of none" in message


async def test_without_a_run_of_ours_a_printed_key_replaces_nothing(site: Site, server: Sshd) -> None:
    facts = anew(OTHER.fingerprint)
    del facts[REMADE]
    site.remember(OTHER.fingerprint, **facts)
    site.prints(*server.host_keys.values())
    assert "is not the pinned one" in await site.refuses()
    assert site.lane == []


async def test_a_person_who_stores_the_new_key_ends_it(site: Site, server: Sshd) -> None:
    site.remember(OTHER.fingerprint, **anew(OTHER.fingerprint))
    store = PinHostKey(machine_id=site.machine_id, host_key=server.fingerprint, instead_of=OTHER.fingerprint)
    machine = await site.made.call(store)
    assert REMADE not in machine.facts
    assert await site.login() == []
    assert site.lane == []


class Printing(RecordProvider):
    """Its machines show a key that they have printed by the time their run ends."""

    main_resource = "terraform_data.machine"

    async def after_apply(self, context: HookContext, outputs: Mapping[str, object]) -> MachineFacts:
        story = printed_story(OTHER.fingerprint, now())
        return MachineFacts(status=MachineStatus.RUNNING, host_key=OTHER.fingerprint, extra={PIN: story})


async def test_a_key_that_the_run_itself_pinned_is_not_taken_for_one_of_the_time_before(tmp_path: Path) -> None:
    async with core(tmp_path, provider=Printing(), deployer=True) as made:
        machine = await made.made()
    assert machine.host_key == OTHER.fingerprint
    assert machine.facts.keys() == {PIN}
