"""Clouds are asked which host keys a machine of ours printed: the very machine, with rights to read, in their words."""

from __future__ import annotations

import asyncio
import base64
import random
import urllib.parse
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from machina_desktop.core.domain.host_pin import origin_of
from machina_desktop.core.domain.machine import Machine, MachineFacts, MachineStatus, ProvisioningMethod, learnt
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.http_terms import Patience
from machina_desktop.core.providers.aws import Aws
from machina_desktop.core.providers.base import Access
from machina_desktop.core.providers.cloud_errors import DENIED, NOT_FOUND
from machina_desktop.core.providers.digitalocean import DigitalOcean
from machina_desktop.core.providers.gcp_console import keys_printed_by
from machina_desktop.core.providers.hetzner import Hetzner
from machina_desktop.core.secret import Secret
from tests.fakes.clouds.gcp import PROJECT, key_file
from tests.fakes.clouds.gcp_stage import ZONE, GcpStage, discovery, gcp_stage
from tests.fakes.clouds.served import Fault, serving
from tests.fakes.clouds.stage import AT, PACE, WAITS
from tests.fakes.console import console
from tests.fakes.discovery import Documented
from tests.fakes.evil_server import Evil, answer, answering
from tests.fakes.preferences import PREFERENCES
from tests.fakes.sshd import KeyPair, running

ED, RSA = KeyPair(), KeyPair("rsa")
SERIAL = f"/compute/v1/projects/{PROJECT}/zones/{ZONE}/instances/web-1/serialPort"
PRINTS = [ED.fingerprint, RSA.fingerprint]


@pytest.fixture
def stage() -> Iterator[GcpStage]:
    with gcp_stage() as made:
        yield made


def marked(stage: GcpStage, machine_id: str = "machine-1") -> str:
    """A machine that runs and is marked as that one; its id."""
    resource_id = stage.add()
    stage.fake.instances[f"{ZONE}/web-1"]["labels"] = {"machina-machine": machine_id}
    return resource_id


async def gcp_prints(stage: GcpStage, resource_id: str, *, is_newborn: bool = False) -> list[str]:
    access = stage.access(may_write=False, reading=stage.reading())
    keys = await stage.provider.host_keys(access, stage.machine(resource_id), is_newborn=is_newborn)
    return [each.fingerprint for each in keys]


# Google Cloud


async def test_google_is_asked_for_the_serial_console_with_the_account_that_only_reads(stage: GcpStage) -> None:
    resource_id = marked(stage)
    stage.fake.consoles[f"{ZONE}/web-1"] = console(ED, RSA)
    assert await gcp_prints(stage, resource_id) == PRINTS
    assert {scope for scope, _ in stage.fake.tokens.values()} == {"https://www.googleapis.com/auth/compute.readonly"}
    assert stage.asked("POST") == []


async def test_what_googles_own_agent_told_of_a_newborn_counts_where_the_console_has_no_keys(stage: GcpStage) -> None:
    resource_id = marked(stage)
    stage.fake.consoles[f"{ZONE}/web-1"] = "Debian GNU/Linux 12 web-1 ttyS0\n\nweb-1 login: "
    told = [tuple(key.public.split()[:2]) for key in (ED, RSA)]
    stage.fake.told[f"{ZONE}/web-1"] = [*told, ("ecdsa-sha2-nistp256", "bm9uZQ==")]  # type: ignore[list-item]
    assert await gcp_prints(stage, resource_id, is_newborn=True) == PRINTS


async def test_what_any_program_on_a_machine_of_google_can_write_does_not_count_later(stage: GcpStage) -> None:
    resource_id = marked(stage)
    stage.fake.told[f"{ZONE}/web-1"] = [tuple(ED.public.split()[:2])]  # type: ignore[list-item]
    assert await gcp_prints(stage, resource_id) == []
    assert not [each for each in stage.asked("GET") if "getGuestAttributes" in each]


@pytest.mark.parametrize(("known", "pin"), [(None, ED.fingerprint), (SERIAL[12:-11], None)], ids=["new", "known"])
async def test_only_the_run_that_makes_a_machine_believes_its_attributes(
    stage: GcpStage, known: str | None, pin: str | None
) -> None:
    stage.fake.told[f"{ZONE}/web-1"] = [tuple(ED.public.split()[:2])]  # type: ignore[list-item]
    assert (await made(stage, 1, provider_resource_id=known)).host_key == pin


async def test_a_machine_that_has_told_google_nothing_yet_has_no_keys(stage: GcpStage) -> None:
    assert await gcp_prints(stage, marked(stage)) == []


async def test_another_machine_of_the_same_name_is_not_believed(stage: GcpStage) -> None:
    resource_id = marked(stage, "machine-2")
    stage.fake.consoles[f"{ZONE}/web-1"] = console(ED)
    assert await gcp_prints(stage, resource_id) == []
    assert not [each for each in stage.asked("GET") if "serialPort" in each]


@pytest.mark.parametrize("part", ["serialPort", "getGuestAttributes"])
async def test_whoever_may_not_read_googles_console_is_told_so(stage: GcpStage, part: str) -> None:
    resource_id = marked(stage)
    stage.fake.faults.append(Fault(match=f"GET /compute/v1/{resource_id}/{part}", status=403, code="forbidden"))
    with pytest.raises(Unavailable) as caught:
        await gcp_prints(stage, resource_id, is_newborn=True)
    assert caught.value.code == DENIED


async def test_a_machine_that_google_does_not_have_is_no_reason_to_believe_anything(stage: GcpStage) -> None:
    with pytest.raises(Unavailable) as caught:
        await gcp_prints(stage, "projects/machina-test-1234/zones/europe-west3-b/instances/gone")
    assert caught.value.code == NOT_FOUND


async def test_whatever_googles_document_allows_of_consoles_is_read() -> None:
    dice = random.Random("consoles")
    with gcp_stage() as stage, serving(fake := Documented(discovery(), dice)):
        access = stage.access(key=key_file(fake.url), endpoint=fake.url)
        async with stage.provider.open(access) as api:
            for _ in range(20):
                assert (
                    await keys_printed_by(api, "/projects/machina-test-1234/zones/z-a/instances/web", is_newborn=True)
                    == ()
                )
    assert fake.complaints == []


# Pinned when it is made


async def made(stage: GcpStage, port: int, **changes: object) -> MachineFacts:
    """What a run learns of the machine that it has just made, which answers at that port."""
    outputs = {"provider_resource_id": marked(stage), "public_ip": "127.0.0.1", "private_ip": None}
    context = stage.context(None)
    machine = replace(context.machine, ssh_port=port, **changes)  # type: ignore[arg-type]
    return await stage.provider.after_apply(replace(context, machine=machine), outputs)


async def test_the_key_that_a_new_machine_shows_and_has_printed_is_pinned_by_its_run(
    stage: GcpStage, tmp_path: Path
) -> None:
    with running(tmp_path) as server:
        (key,) = server.host_keys.values()
        stage.fake.consoles[f"{ZONE}/web-1"] = console(RSA, key)
        # It answers before it has printed them.
        stage.fake.faults.append(Fault(match=f"GET {SERIAL}", status=0, raw='{"contents": "[   20.1] systemd"}'))
        stage.provider.waits = replace(WAITS, keys_s=20.0)
        facts = await made(stage, server.port)
    assert facts.host_key == key.fingerprint
    learned = learnt(stage.machine(), facts, AT)
    origin = origin_of(learned)
    assert origin is not None
    assert origin.person == ""
    assert (
        stage.lines[-1]
        == f"At its first boot it printed the host key {key.fingerprint} on its console, which is pinned now."
    )


async def test_a_key_that_was_not_printed_is_not_pinned_even_if_the_machine_shows_it(
    stage: GcpStage, tmp_path: Path
) -> None:
    stage.fake.consoles[f"{ZONE}/web-1"] = console(ED)
    with running(tmp_path) as server:
        facts = await made(stage, server.port)
    assert facts.host_key == ED.fingerprint


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(match=f"GET {SERIAL}", raw='{"contents": ""}', status=0, times=99), "has printed no host keys"),
        (Fault(match=f"GET {SERIAL}", code="forbidden", status=403), "could not be asked: Google Cloud does not"),
    ],
    ids=["nothing yet", "denied"],
)
async def test_a_run_succeeds_without_a_pin_where_nothing_is_told(stage: GcpStage, fault: Fault, said: str) -> None:
    stage.fake.faults.append(fault)
    facts = await made(stage, 1)
    assert (facts.status, facts.host_key) == (MachineStatus.RUNNING, None)
    assert said in stage.lines[-1]


@pytest.mark.parametrize(
    "changes",
    [{"host_key": RSA.fingerprint}, {"provisioning_method": ProvisioningMethod.IMPORTED}],
    ids=["pinned", "taken over"],
)
async def test_a_run_leaves_other_pins_alone(stage: GcpStage, changes: dict[str, object]) -> None:
    stage.fake.consoles[f"{ZONE}/web-1"] = console(ED)
    assert (await made(stage, 1, **changes)).host_key is None


# AWS

INSTANCE = "i-0123456789abcdef0"


@dataclass
class Ec2:
    """EC2, as far as consoles go.

    Attributes:
        newest, kept: What is told with ``Latest`` and without it; ``None`` refuses with ``refusal``.
        tells_of: The instance that the answer is about.
        asked: The fields of each request.
    """

    newest: str | None = ""
    kept: str | None = ""
    refusal: str = "UnsupportedOperation"
    tells_of: str = INSTANCE
    evil: Evil | None = None

    @property
    def asked(self) -> list[dict[str, str]]:
        assert self.evil is not None
        bodies = (request.partition(b"\r\n\r\n")[2].decode() for request in self.evil.requests)
        return [dict(urllib.parse.parse_qsl(body)) for body in bodies]

    async def say(self, writer: asyncio.StreamWriter) -> None:
        text = self.newest if self.asked[-1].get("Latest") == "true" else self.kept
        if text is None:
            body = f"<Response><Errors><Error><Code>{self.refusal}</Code><Message>No.</Message></Error></Errors>"
            whole = answer(f"{body}<RequestID>r-1</RequestID></Response>".encode(), status="400 No", kind="text/xml")
        else:
            body = (
                '<GetConsoleOutputResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r-1</requestId>'
                f"<instanceId>{self.tells_of}</instanceId><timestamp>2026-11-23T04:00:00.000Z</timestamp>"
                f"<output>{base64.b64encode(text.encode()).decode()}</output></GetConsoleOutputResponse>"
            )
            whole = answer(body.encode(), kind="text/xml")
        writer.write(whole)


@pytest.fixture
async def ec2() -> AsyncIterator[Ec2]:
    made = Ec2()
    async with answering(made.say) as made.evil:
        yield made


async def aws_prints(ec2: Ec2, resource_id: str = INSTANCE) -> list[str]:
    assert ec2.evil is not None
    access = Access(
        settings={"access_key_id": "AKIAIOSFODNN7EXAMPLE", "endpoint": ec2.evil.url, "region": "us-east-1"},
        secrets={"secret_access_key": Secret("wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY00")},
        preferences=PREFERENCES,
    )
    machine = Machine(
        machine_id="machine-1",
        team_id="team-1",
        name="web-1",
        provider=ProviderType.AWS,
        provider_account_id="account-1",
        region="eu-central-1",
        provider_resource_id=resource_id,
        created_at=AT,
        updated_at=AT,
    )
    aws = Aws(pace=PACE, patience=Patience(connect_s=2.0, read_s=10.0, call_s=20.0))
    return [each.fingerprint for each in await aws.host_keys(access, machine)]


async def test_aws_is_asked_for_the_newest_console_of_the_instance_in_its_own_region(ec2: Ec2) -> None:
    ec2.newest = console(ED, RSA)
    assert await aws_prints(ec2) == PRINTS
    (asked,) = ec2.asked
    assert (asked["Action"], asked["InstanceId"], asked["Latest"]) == ("GetConsoleOutput", INSTANCE, "true")
    assert ec2.evil is not None
    assert b"/eu-central-1/ec2/" in ec2.evil.requests[0]


@pytest.mark.parametrize("newest", [None, "web-1 login: "])
async def test_what_aws_kept_of_the_start_counts_where_the_newest_tells_nothing(ec2: Ec2, newest: str | None) -> None:
    ec2.newest, ec2.kept = newest, console(ED, RSA)
    assert await aws_prints(ec2) == PRINTS
    assert [each.get("Latest") for each in ec2.asked] == ["true", None]


async def test_an_instance_that_has_printed_nothing_yet_has_no_keys(ec2: Ec2) -> None:
    assert await aws_prints(ec2) == []


async def test_the_console_of_another_instance_is_not_believed(ec2: Ec2) -> None:
    ec2.newest = ec2.kept = console(ED)
    ec2.tells_of = "i-0fedcba9876543210"
    assert await aws_prints(ec2) == []


async def test_whoever_may_not_read_awss_console_is_told_so(ec2: Ec2) -> None:
    ec2.newest, ec2.refusal = None, "UnauthorizedOperation"
    with pytest.raises(Unavailable) as caught:
        await aws_prints(ec2)
    assert caught.value.code == DENIED
    assert len(ec2.asked) == 1


async def test_an_id_that_is_none_is_not_asked_for(ec2: Ec2) -> None:
    assert await aws_prints(ec2, "../../x") == []
    assert ec2.asked == []


# The others


@pytest.mark.parametrize("provider", [DigitalOcean(), Hetzner()])
def test_the_others_are_not_asked_for_they_show_nobody_a_console(provider: DigitalOcean | Hetzner) -> None:
    assert not provider.tells_host_keys
