"""AWS: accounts, roles, the catalogue, machines, keys and power, at a server that plays EC2 and STS."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from machina_desktop.core.domain.key import SSHKeyType
from machina_desktop.core.domain.machine import Machine, MachineStatus, learnt
from machina_desktop.core.domain.provider import CredentialStatus, Instance, ProviderAccount, ProviderType
from machina_desktop.core.errors import InvalidInput, MachinaError, Unavailable
from machina_desktop.core.http_terms import NoAnswer, Patience
from machina_desktop.core.providers import aws_session
from machina_desktop.core.providers.aws import Aws
from machina_desktop.core.providers.aws_keys import pair_name
from machina_desktop.core.providers.base import Access, Cancelled, HookContext, MachineParts
from machina_desktop.core.providers.cloud_errors import CloudError
from machina_desktop.core.providers.cloud_power import Command
from machina_desktop.core.secret import Secret
from machina_desktop.core.ssh.keys import generate
from tests.fakes.clouds.aws_served import moto
from tests.fakes.clouds.stage import AT, KEY, PACE, WAITS
from tests.fakes.evil_server import answer, answering
from tests.fakes.preferences import PREFERENCES

# One server for all of these; it takes a while before it knows its instance types.
pytestmark = [pytest.mark.xdist_group("moto"), pytest.mark.timeout(120)]
SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY00"
ROLE = "arn:aws:iam::123456789012:role/machina"
REGION = "eu-central-1"
IMAGE = "ami-0deb1200000000002"
CALM = 5
"""How often a request is sent that changes nothing."""


@dataclass(kw_only=True)
class AwsStage:
    """The provider before the server at ``url``."""

    url: str
    provider: Aws = field(
        default_factory=lambda: Aws(
            pace=PACE, waits=replace(WAITS, shutdown_s=3.0), patience=Patience(connect_s=2.0, read_s=30.0, call_s=40.0)
        )
    )
    cancelled: threading.Event = field(default_factory=threading.Event)
    lines: list[str] = field(default_factory=list)

    def access(self, changed: dict[str, str] | None = None, *, may_write: bool = True, secret: str = SECRET) -> Access:
        """The account, opened; its one region unless told otherwise."""
        settings = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "endpoint": self.url, "region": REGION}
        return Access(
            settings=settings | (changed or {}),
            secrets={"secret_access_key": Secret(secret)},
            preferences=PREFERENCES,
            may_write=may_write,
        )

    async def add(self, count: int = 1, *, machine_id: str = "", region: str = REGION) -> str:
        """Instances that somebody made; the id of the last."""
        tags = [{"Key": "Name", "Value": "web-1"}]
        if machine_id:
            tags += [{"Key": "machina-machine", "Value": machine_id}, {"Key": "machina-team", "Value": "team-1"}]
        given = {
            "ImageId": IMAGE,
            "InstanceType": "t3.micro",
            "MinCount": count,
            "MaxCount": count,
            "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}],
        }
        async with self.provider.open(self.access()) as api:
            made = await api.write("run_instances", given, region=region)
        return str(made["Instances"][-1]["InstanceId"])

    def machine(self, resource_id: str | None = None) -> Machine:
        """A machine of ours."""
        return Machine(
            machine_id="machine-1",
            team_id="team-1",
            name="web-1",
            provider=ProviderType.AWS,
            provider_account_id="account-1",
            region=REGION,
            size="t3.micro",
            image=IMAGE,
            provider_resource_id=resource_id,
            ssh_key_ids=("key-1",),
            created_at=AT,
            updated_at=AT,
        )

    def context(self, resource_id: str | None, *, access: Access | None = None, **options: str) -> HookContext:
        """A run of that machine."""
        access = access or self.access({"region": "us-east-1"})
        account = ProviderAccount(
            provider_account_id="account-1",
            team_id="team-1",
            provider_type=ProviderType.AWS,
            label="Acme",
            settings=dict(access.settings),
            created_at=AT,
            updated_at=AT,
        )
        return HookContext(
            machine=self.machine(resource_id),
            account=account,
            credentials=access.secrets,
            keys=(KEY,),
            private_keys={},
            practice=Path("/nonexistent"),
            log=self.lines.append,
            cancelled=self.cancelled,
            preferences=PREFERENCES,
            options=options,
        )


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    with moto() as url:
        yield url


@pytest.fixture
def stage(served: str) -> AwsStage:
    urllib.request.urlopen(urllib.request.Request(f"{served}/moto-api/reset", method="POST"), timeout=30).close()
    return AwsStage(url=served)


# Accounts


async def test_an_account_says_who_it_is_and_what_it_may_have(stage: AwsStage) -> None:
    found = await stage.provider.verify(stage.access())
    assert found.status is CredentialStatus.VALID
    assert found.identity == "arn:aws:sts::123456789012:user/moto, account 123456789012"
    assert [(each.name, each.limit) for each in found.quota] == [
        (f"Machines on demand in {REGION}", 20),
        (f"Elastic IPs in {REGION}", 5),
    ]


async def test_a_role_is_taken_on_and_terraform_gets_its_credentials(stage: AwsStage) -> None:
    access = stage.access({"assume_role_arn": ROLE})
    assert "assumed-role/machina" in (await stage.provider.verify(access)).identity
    found = await stage.provider.environment(access)
    assert found["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert SECRET not in found.values()
    assert found["AWS_SESSION_TOKEN"]


async def test_browsing_takes_on_the_role_that_only_reads(stage: AwsStage) -> None:
    reader = "arn:aws:iam::123456789012:role/reader"
    access = stage.access({"assume_role_arn": ROLE, "read_role_arn": reader})
    async with stage.provider.open(replace(access, may_write=False)) as api:
        assert api.login.role == reader
    assert stage.provider.has_reading_half(access)
    assert (await stage.provider.verify(access)).status is CredentialStatus.VALID


async def test_credentials_of_a_role_are_renewed_before_they_end(stage: AwsStage) -> None:
    async with stage.provider.open(stage.access({"assume_role_arn": ROLE})) as api:
        first = await api.keys()
        assert await api.keys() is first
        api._keys = replace(first, until=datetime.now(UTC) + timedelta(seconds=59))
        assert (await api.keys()).access_key_id != first.access_key_id


async def test_terraform_gets_keys_region_and_endpoints_and_never_the_metadata_service(stage: AwsStage) -> None:
    assert await stage.provider.environment(stage.access(may_write=False)) == {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL_EC2": stage.url,
        "AWS_ENDPOINT_URL_STS": stage.url,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@pytest.mark.parametrize(
    ("changed", "secret", "field"),
    [
        ({"access_key_id": ""}, SECRET, "access_key_id"),
        ({}, "", "secret_access_key"),
        ({"access_key_id": "AKIA EXAMPLE"}, SECRET, "access_key_id"),
        ({}, f"{SECRET}\n", "secret_access_key"),
        ({}, "sécret", "secret_access_key"),
        ({"region": "../x"}, SECRET, "region"),
        ({"region": "Frankfurt"}, SECRET, "region"),
        ({"assume_role_arn": "machina"}, SECRET, "assume_role_arn"),
        ({"endpoint": "http://ec2.example.org"}, SECRET, "endpoint"),
    ],
)
async def test_fields_that_cannot_be_right_are_refused_before_anything_is_sent(
    changed: dict[str, str], secret: str, field: str
) -> None:
    async with answering(b"") as evil:
        stage = AwsStage(url=evil.url)
        access = stage.access(changed, secret=secret)
        with pytest.raises(InvalidInput) as caught:
            await stage.provider.instances(access)
        assert caught.value.field == field
        assert (await stage.provider.verify(access)).status is CredentialStatus.INVALID
    assert evil.requests == []
    assert "sécret" not in str(caught.value)


# Profiles and what surrounds us

PROBE = """
import asyncio, sys
from machina_desktop.core.providers.aws import Aws
from machina_desktop.core.providers.base import Access
from machina_desktop.core.secret import Secret
from tests.fakes.preferences import PREFERENCES
url, key, profile = sys.argv[1:]
settings = {"access_key_id": key, "profile": profile, "endpoint": url, "region": "eu-central-1"}
access = Access(settings=settings, secrets={"secret_access_key": Secret("x" * 40)}, preferences=PREFERENCES)
found = asyncio.run(Aws().verify(access))
print(found.status, found.reason)
async def used():
    async with Aws().open(access) as api:
        return (await api.keys()).access_key_id
try:
    print(asyncio.run(used()))
except Exception as error:
    print(type(error).__name__)
"""


def probe(home: Path, url: str, *, key: str = "", profile: str = "", **around: str) -> list[str]:
    """What a process with these files and this environment finds."""
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", **around}
    command = [sys.executable, "-c", PROBE, url, key, profile]
    ended = subprocess.run(
        command, env=environment, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    return ended.stdout.splitlines()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text(
        "[default]\naws_access_key_id=AKIADEFAULT\naws_secret_access_key=y\n"
        "[work]\naws_access_key_id=AKIAWORK\naws_secret_access_key=y\n"
    )
    (folder / "config").write_text("[default]\nendpoint_url=http://127.0.0.1:1\n[profile empty]\nregion=x\n")
    return tmp_path


def test_neither_files_nor_the_environment_are_read_for_keys(stage: AwsStage, home: Path) -> None:
    around = {"AWS_ACCESS_KEY_ID": "AKIAOTHER", "AWS_SECRET_ACCESS_KEY": "z", "AWS_PROFILE": "missing"}
    found = probe(home, stage.url, key="AKIAMINE", AWS_ENDPOINT_URL="http://127.0.0.1:1", **around)
    assert found == ["valid ", "AKIAMINE"]


def test_a_profile_is_read_from_its_files(stage: AwsStage, home: Path) -> None:
    assert probe(home, stage.url, profile="work", AWS_ACCESS_KEY_ID="AKIAOTHER") == ["valid ", "AKIAWORK"]


@pytest.mark.parametrize(("profile", "reason"), [("missing", "no profile missing"), ("empty", "has no credentials")])
def test_a_profile_that_gives_nothing_is_invalid(stage: AwsStage, home: Path, profile: str, reason: str) -> None:
    found = probe(home, stage.url, profile=profile)
    assert found[0].startswith("invalid")
    assert reason in found[0]


def test_who_has_to_sign_in_again_is_told_with_which_words(stage: AwsStage, home: Path) -> None:
    """The token of a single sign-on lies in a file, if there is one."""
    (home / ".aws" / "config").write_text(
        "[profile dev]\nsso_session=acme\nsso_account_id=123456789012\nsso_role_name=Admin\n"
        "[sso-session acme]\nsso_start_url=https://acme.example.org/start\nsso_region=eu-central-1\n"
    )
    words = "Sign in on this computer with: aws sso login --profile dev"
    found = probe(home, stage.url, profile="dev")
    assert found[0] == f"invalid Nobody is signed in to the profile dev. {words}"

    cache = home / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    token = {"accessToken": "old", "expiresAt": "2026-01-01T00:00:00Z", "region": "eu-central-1"}
    (cache / f"{hashlib.sha1(b'acme').hexdigest()}.json").write_text(json.dumps(token))
    found = probe(home, stage.url, profile="dev")
    assert found[0] == f"invalid The sign-in to the profile dev has ended. {words}"


# Catalogue and machines


async def test_the_catalogue_of_a_region_has_zones_types_and_the_newest_images(stage: AwsStage) -> None:
    await stage.provider.power(stage.context(await stage.add(), name="before"), "snapshot")
    found = await stage.provider.catalogue(stage.access())
    assert [(each.slug, each.zones) for each in found.regions] == [(REGION, tuple(f"{REGION}{each}" for each in "abc"))]
    sizes = {each.slug: each for each in found.sizes}
    assert (sizes["t3.micro"].vcpus, sizes["t3.micro"].memory_mb, sizes["t3.micro"].architecture) == (2, 1024, "x86_64")
    assert (sizes["t4g.small"].architecture, sizes["t4g.small"].price_hourly) == ("arm64", None)
    assert len(sizes) > 300
    assert [(each.title, each.slug, each.user) for each in found.images if not each.is_own] == [
        ("Amazon Linux 2023, x86_64", "ami-0ama2300000000001", "ec2-user"),
        ("Debian 12, arm64", "ami-0deb1200000000003", "admin"),
        ("Debian 12, x86_64", IMAGE, "admin"),
        ("Rocky Linux 9, x86_64", "ami-0roc0900000000001", "rocky"),
        ("Ubuntu 24.04, x86_64", "ami-0ubu2400000000001", "ubuntu"),
    ]
    assert [each.title for each in found.images if each.is_own] == ["before"]
    assert all(each.regions == (REGION,) and each.min_disk_gb > 0 for each in found.images)


async def test_five_hundred_machines_are_listed_over_all_pages(stage: AwsStage) -> None:
    await stage.add(500)
    async with stage.provider.open(stage.access()) as api:
        pages = await api.listed("describe_instances", "Reservations", {"MaxResults": 100})
        assert sum(len(page["Instances"]) for page in pages) == 500
    found = await stage.provider.instances(stage.access())
    assert len({each.resource_id for each in found}) == 500
    assert found[0] == replace(
        found[0], name="web-1", status="running", size="t3.micro", region=REGION, image=IMAGE, labels={"Name": "web-1"}
    )


async def test_an_account_without_a_region_has_the_machines_of_all(stage: AwsStage) -> None:
    await stage.add()
    await stage.add(region="us-west-2")
    found = await stage.provider.instances(stage.access({"region": ""}))
    assert {each.region for each in found} == {REGION, "us-west-2"}
    assert len(await stage.provider.instances(stage.access())) == 1


async def test_a_machine_is_found_by_its_tag(stage: AwsStage) -> None:
    await stage.add(3)
    resource_id = await stage.add(machine_id="machine-1")
    found = await stage.provider.find(stage.access(), "machine-1")
    assert [(each.resource_id, each.machine_id, each.team_id) for each in found] == [
        (resource_id, "machine-1", "team-1")
    ]


async def test_a_machine_that_was_terminated_there_is_said_to_be_gone(stage: AwsStage) -> None:
    resource_id = await stage.add()
    assert (await stage.provider.observe(stage.context(resource_id))).status is MachineStatus.RUNNING
    async with stage.provider.open(stage.access()) as api:
        await api.write("terminate_instances", {"InstanceIds": [resource_id]})
    facts = await stage.provider.observe(stage.context(resource_id))
    assert (facts.status, "no longer has this machine" in facts.status_reason) == (MachineStatus.ERROR, True)
    assert await stage.provider.instances(stage.access()) == ()


def test_a_machine_that_is_there_is_taken_over_by_its_id(served: str) -> None:
    stage = AwsStage(url=served)
    found = Instance(resource_id="i-0123456789abcdef0", name="web")
    assert stage.provider.imports(stage.machine(), found) == (("aws_instance.machine", found.resource_id),)
    with pytest.raises(InvalidInput) as caught:
        stage.provider.check(replace(stage.machine(), zone="us-east-1a"))
    assert caught.value.field == "zone"
    keys = (replace(KEY, provider_key_ids={"account-1": "machina-x"}),)
    given = stage.provider.variables(stage.machine(), MachineParts(account_id="account-1", keys=keys))
    assert (given["zone"], given["key_ids"]) == ("", ["machina-x"])


# Keys


@pytest.mark.parametrize("kind", [SSHKeyType.ED25519, SSHKeyType.RSA])
async def test_a_key_is_put_once_and_can_be_removed_twice(stage: AwsStage, kind: SSHKeyType) -> None:
    pair = generate(kind, comment="ada")
    key = replace(KEY, fingerprint=pair.fingerprint, public_key=pair.public_line, key_type=kind)
    for _ in range(2):
        assert await stage.provider.put_key(stage.access(), key) == pair_name(key)
    assert await pairs(stage) == [pair_name(key)]
    for _ in range(2):
        await stage.provider.remove_key(stage.access(), pair_name(key))
    assert await pairs(stage) == []


async def test_a_key_that_is_there_under_another_name_is_used(stage: AwsStage) -> None:
    async with stage.provider.open(stage.access()) as api:
        material = KEY.public_key.strip().encode()
        await api.write("import_key_pair", {"KeyName": "by hand", "PublicKeyMaterial": material})
    assert await stage.provider.put_key(stage.access(), KEY) == "by hand"
    assert await pairs(stage) == ["by hand"]


async def test_a_key_has_one_name_in_all_regions(stage: AwsStage) -> None:
    async with stage.provider.open(stage.access()) as api:
        material = KEY.public_key.strip().encode()
        await api.write("import_key_pair", {"KeyName": "by hand", "PublicKeyMaterial": material})
    assert await stage.provider.put_key(stage.access({"region": ""}), KEY) == pair_name(KEY)
    assert await pairs(stage) == ["by hand", pair_name(KEY)]
    assert await stage.provider.held_keys(stage.access({"region": ""})) == {"by hand", pair_name(KEY)}
    assert await pairs(stage, "us-west-2") == [pair_name(KEY)]


async def test_a_key_that_one_region_has_lost_is_still_held_and_removed_from_the_others(stage: AwsStage) -> None:
    access = stage.access({"region": ""})
    name = await stage.provider.put_key(access, KEY)
    async with stage.provider.open(access) as api:
        await api.write("delete_key_pair", {"KeyName": name}, region="us-west-2")
    assert await stage.provider.held_keys(access) == {name}
    assert await stage.provider.put_key(access, KEY) == name
    assert await pairs(stage, "us-west-2") == [name]
    await stage.provider.remove_key(access, name)
    assert await stage.provider.held_keys(access) == set()


async def pairs(stage: AwsStage, region: str = REGION) -> list[str]:
    async with stage.provider.open(stage.access()) as api:
        return sorted(each["KeyName"] for each in (await api.ask("describe_key_pairs", region=region))["KeyPairs"])


async def test_a_security_group_that_a_broken_run_has_made_is_found_by_name_and_mark(stage: AwsStage) -> None:
    machine = stage.machine()
    ((address, name),) = stage.provider.firewalls(machine, MachineParts()).items()
    assert address == "aws_security_group.machine[0]"
    assert stage.provider.firewalls(machine, MachineParts(keeps_firewall=True)) == {}
    tags = [{"ResourceType": "security-group", "Tags": [{"Key": "machina-machine", "Value": machine.machine_id}]}]
    given = {"GroupName": name, "Description": "a firewall"}
    async with stage.provider.open(stage.access({"region": machine.region})) as api:
        await api.write("create_security_group", {**given, "GroupName": "another", "TagSpecifications": tags})
        made = await api.write("create_security_group", {**given, "TagSpecifications": tags})
    assert await stage.provider.find_firewalls(stage.access(), machine, (name,)) == {name: made["GroupId"]}
    assert await stage.provider.find_firewalls(stage.access(), replace(machine, machine_id="machine-2"), (name,)) == {}


# Power


@pytest.mark.parametrize(
    ("action", "before", "after"),
    [
        ("reboot", "running", MachineStatus.RUNNING),
        ("stop", "running", MachineStatus.STOPPED),
        ("start", "stopped", MachineStatus.RUNNING),
        ("snapshot", "running", MachineStatus.RUNNING),
    ],
)
async def test_power_is_done_in_the_machines_own_region(
    stage: AwsStage, action: str, before: str, after: MachineStatus
) -> None:
    resource_id = await stage.add()
    if before == "stopped":
        async with stage.provider.open(stage.access()) as api:
            await api.write("stop_instances", {"InstanceIds": [resource_id]})
    facts = await stage.provider.power(stage.context(resource_id), action)
    assert (facts.status, facts.provider_resource_id) == (after, resource_id)


async def test_a_machine_that_is_off_is_not_rebooted(stage: AwsStage) -> None:
    resource_id = await stage.add()
    await stage.provider.power(stage.context(resource_id), "stop")
    with pytest.raises(Unavailable, match="is off"):
        await stage.provider.power(stage.context(resource_id), "reboot")


async def test_a_machine_that_is_off_has_no_public_address_and_is_said_to_cost_no_more_than_its_disk(
    stage: AwsStage,
) -> None:
    facts = await stage.provider.power(stage.context(await stage.add()), "stop")
    assert facts.public_ip == ""
    assert learnt(replace(stage.machine(), public_ip="198.51.100.7"), facts, AT).public_ip is None
    assert stage.lines[-1] == "It is off; its disk stays, and only that is still paid for."


@pytest.mark.parametrize(
    ("code", "problem"), [("Client.UserInitiatedShutdown", ""), ("Client.InternalError", "The key of its disk is gone")]
)
async def test_a_start_has_failed_only_when_aws_gives_another_reason_than_the_last_stop(
    code: str, problem: str
) -> None:
    """EC2 is consistent in the end only: right after its start a machine may be told as it was before."""
    reason = f"<stateReason><code>{code}</code><message>The key of its disk is gone</message></stateReason>"
    machine = f"<item><instanceState><name>stopped</name></instanceState>{reason}</item>"
    listed = f"<reservationSet><item><instancesSet>{machine}</instancesSet></item></reservationSet>"
    body = f"<DescribeInstancesResponse><requestId>r</requestId>{listed}</DescribeInstancesResponse>"
    async with answering(plain(body.encode())) as evil:
        stage = AwsStage(url=evil.url)
        async with stage.provider.open(stage.access()) as api:
            found = await stage.provider.progress(api, stage.context("i-0123456789abcdef0"), "", Command.START)
    assert (found.is_done, found.problem) == (bool(problem), problem)


async def test_a_snapshot_is_marked_as_the_machines(stage: AwsStage) -> None:
    resource_id = await stage.add()
    await stage.provider.power(stage.context(resource_id, name="before: the upgrade"), "snapshot")
    async with stage.provider.open(stage.access()) as api:
        (image,) = await api.listed("describe_images", "Images", {"Owners": ["self"]})
    assert image["Name"] == "before- the upgrade"
    assert {each["Key"]: each["Value"] for each in image["Tags"]} == {
        "machina-machine": "machine-1",
        "machina-team": "team-1",
    }


async def test_an_id_of_another_kind_is_not_asked_for() -> None:
    async with answering(b"") as evil:
        stage = AwsStage(url=evil.url)
        async with stage.provider.open(stage.access()) as api:
            with pytest.raises(CloudError, match="has no instance"):
                await stage.provider.look(api, "../../x")
    assert evil.requests == []


async def test_a_console_without_host_keys_tells_none_and_one_of_an_instance_that_is_gone_is_refused(
    stage: AwsStage,
) -> None:
    machine = stage.machine(await stage.add())
    assert await stage.provider.host_keys(stage.access(may_write=False), machine) == ()
    with pytest.raises(CloudError) as caught:
        await stage.provider.host_keys(stage.access(), stage.machine("i-0123456789abcdef0"))
    assert caught.value.code == "E-CLOUD-NOT-FOUND"


# Faults


def refusal(status: int, code: str, words: str = "told to fail") -> bytes:
    """An error as EC2 words it."""
    body = f"<Response><Errors><Error><Code>{code}</Code><Message>{words}</Message></Error></Errors>"
    return answer(f"{body}<RequestID>r-1</RequestID></Response>".encode(), status=f"{status} No", kind="text/xml")


def plain(body: bytes, status: str = "200 OK", kind: str = "text/xml") -> bytes:
    return answer(body, status=status, kind=kind)


FAULTS: dict[str, tuple[bytes, str, int]] = {
    "a wrong key": (refusal(401, "AuthFailure"), "E-CLOUD-DENIED", 1),
    "a key that is gone": (refusal(403, "InvalidClientTokenId"), "E-CLOUD-DENIED", 1),
    "a wrong secret": (refusal(403, "SignatureDoesNotMatch", "does not match"), "E-CLOUD-DENIED", 1),
    "no right": (refusal(403, "UnauthorizedOperation"), "E-CLOUD-DENIED", 1),
    "a session that ended": (refusal(400, "ExpiredToken"), "E-CLOUD-DENIED", 1),
    "a slow clock": (refusal(403, "SignatureDoesNotMatch", "Signature expired: 2026"), "E-CLOUD-CLOCK", 1),
    "a fast clock": (refusal(403, "SignatureDoesNotMatch", "Signature not yet current"), "E-CLOUD-CLOCK", 1),
    "an old request": (refusal(400, "RequestExpired"), "E-CLOUD-CLOCK", 1),
    "not found": (refusal(400, "InvalidInstanceID.NotFound"), "E-CLOUD-NOT-FOUND", 1),
    "busy with it": (refusal(400, "IncorrectInstanceState"), "E-CLOUD-CONFLICT", 1),
    "quota": (refusal(400, "VcpuLimitExceeded"), "E-CLOUD-QUOTA", 1),
    "sold out": (refusal(500, "InsufficientInstanceCapacity"), "E-CLOUD-SOLD-OUT", 1),
    "a name that is taken": (refusal(400, "InvalidAMIName.Duplicate"), "E-CLOUD-NAME-TAKEN", 1),
    "protected": (refusal(400, "OperationNotPermitted"), "E-CLOUD-REFUSED", 1),
    "throttled": (refusal(503, "RequestLimitExceeded"), "E-CLOUD-BUSY", CALM),
    "throttled otherwise": (refusal(400, "Throttling"), "E-CLOUD-BUSY", CALM),
    "500": (refusal(500, "InternalError"), "E-CLOUD-FAULT", CALM),
    "503": (refusal(503, "Unavailable"), "E-CLOUD-FAULT", CALM),
    "502 of a gateway": (plain(b"<html>Bad gateway", "502 Bad", "text/html"), "E-CLOUD-FAULT", CALM),
    "500 of a web server": (plain(b"<!doctype html>\n<p>Oh", "500 Oh", "text/html"), "E-CLOUD-FAULT", CALM),
    "empty body": (plain(b""), "E-CLOUD-ANSWER", 1),
    "a web page": (plain(b"<!doctype html><p>Welcome", kind="text/html"), "E-CLOUD-ANSWER", 1),
    "a tidy web page": (plain(b"<html><body/></html>", kind="text/html"), "E-CLOUD-ANSWER", 1),
    "a page to log in at": (plain(b"<html><p>Log in", "403 No", "text/html"), "E-CLOUD-ANSWER", 1),
    "JSON": (plain(b'{"pods": []}'), "E-CLOUD-ANSWER", 1),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_of_a_list_has_a_code_and_a_next_step(name: str) -> None:
    said, code, reads = FAULTS[name]
    async with answering(said) as evil:
        stage = AwsStage(url=evil.url)
        with pytest.raises(Unavailable) as caught:
            await stage.provider.instances(stage.access())
    assert (caught.value.code, len(evil.requests)) == (code, reads)
    assert caught.value.hint
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize("name", FAULTS)
async def test_a_write_is_sent_once_whatever_becomes_of_it(name: str) -> None:
    said, code, _ = FAULTS[name]
    async with answering(said) as evil:
        stage = AwsStage(url=evil.url)
        async with stage.provider.open(stage.access()) as api:
            with pytest.raises(Unavailable) as caught:
                await api.write("reboot_instances", {"InstanceIds": ["i-0123456789abcdef0"]})
    assert (caught.value.code, len(evil.requests)) == (code, 1)
    if code == "E-CLOUD-FAULT":
        assert "may have been carried out" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("a wrong key", CredentialStatus.INVALID),
        ("no right", CredentialStatus.INVALID),
        ("a slow clock", CredentialStatus.UNKNOWN),
        ("throttled", CredentialStatus.UNKNOWN),
        ("500", CredentialStatus.UNKNOWN),
        ("a web page", CredentialStatus.UNKNOWN),
    ],
)
async def test_only_what_is_refused_is_invalid(name: str, status: CredentialStatus) -> None:
    async with answering(FAULTS[name][0]) as evil:
        stage = AwsStage(url=evil.url)
        found = await stage.provider.verify(stage.access())
    assert found.status is status
    if "clock" in name:
        assert "its clock says" in found.reason


async def cut(writer: asyncio.StreamWriter) -> None:
    writer.close()


@pytest.mark.parametrize("kind", ["read", "write"])
async def test_a_line_that_breaks_is_no_answer_and_a_write_is_not_sent_again(kind: str) -> None:
    is_write = kind == "write"
    async with answering(cut) as evil:
        stage = AwsStage(url=evil.url)
        async with stage.provider.open(stage.access()) as api:
            with pytest.raises(NoAnswer) as caught:
                await (api.write("stop_instances", {"InstanceIds": []}) if is_write else api.ask("describe_regions"))
    assert len(evil.requests) == (1 if is_write else CALM)
    assert ("may have been carried out" in caught.value.hint) is is_write


async def test_what_does_not_answer_in_time_is_given_up() -> None:
    async def trickle(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        for _ in range(300):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.1)

    async with answering(trickle) as evil:
        provider = Aws(pace=replace(PACE, tries=1), patience=Patience(connect_s=1.0, read_s=1.0, call_s=0.6))
        stage = AwsStage(url=evil.url, provider=provider)
        with pytest.raises(NoAnswer) as caught:
            await asyncio.wait_for(stage.provider.instances(stage.access()), 20)
    assert caught.value.is_late


async def test_what_waits_for_its_turn_is_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def slowly(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.25)
        writer.write(plain(b"<DescribeRegionsResponse><requestId>r</requestId></DescribeRegionsResponse>"))

    monkeypatch.setattr(aws_session, "THREADS", 1)
    async with answering(slowly) as evil:
        # Longer than any one of them takes, shorter than all together.
        provider = Aws(pace=replace(PACE, tries=1), patience=Patience(connect_s=9.0, read_s=9.0, call_s=1.5))
        stage = AwsStage(url=evil.url, provider=provider)
        async with stage.provider.open(stage.access()) as api:
            await api.ask("describe_regions")
            await asyncio.gather(*(api.ask("describe_regions") for _ in range(6)))


async def test_a_server_that_is_not_there_is_offline() -> None:
    stage = AwsStage(url="http://127.0.0.1:1")
    with pytest.raises(Unavailable) as caught:
        await stage.provider.instances(stage.access())
    assert caught.value.code == "E-OFFLINE"
    assert (await stage.provider.verify(stage.access())).status is CredentialStatus.UNKNOWN


async def test_a_page_that_repeats_ends_the_list() -> None:
    body = (
        b"<DescribeInstancesResponse><requestId>r</requestId><nextToken>again</nextToken></DescribeInstancesResponse>"
    )
    async with answering(plain(body)) as evil:
        stage = AwsStage(url=evil.url)
        with pytest.raises(CloudError, match="again and again"):
            await stage.provider.instances(stage.access())
    assert len(evil.requests) == 2


async def test_a_wait_before_the_next_try_ends_when_the_run_is_cancelled() -> None:
    async with answering(FAULTS["throttled"][0]) as evil:
        stage = AwsStage(url=evil.url, provider=Aws(pace=replace(PACE, pause_s=30.0), waits=WAITS))
        asyncio.get_running_loop().call_later(0.3, stage.cancelled.set)
        with pytest.raises(Cancelled):
            await asyncio.wait_for(stage.provider.power(stage.context("i-0123456789abcdef0"), "reboot"), 20)


async def test_no_secret_is_in_logs_or_errors(stage: AwsStage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await stage.provider.instances(stage.access({"assume_role_arn": ROLE}))
    async with answering(refusal(400, "InvalidParameter", f"bad {SECRET}&#10;" + "x" * 4000)) as evil:
        other = AwsStage(url=evil.url)
        with pytest.raises(MachinaError) as caught:
            await other.provider.instances(other.access())
    text = f"{caplog.text} {caught.value} {other.access()}"
    assert SECRET not in text
    assert "Signature=" not in text
    assert len(caught.value.message) < 400


async def test_regions_that_are_closed_to_the_account_are_left_out(stage: AwsStage) -> None:
    """An organisation may close some; who is let into none is denied."""
    await stage.add()
    asked: list[str] = []
    async with stage.provider.open(stage.access({"region": ""})) as api:
        listed: Callable[..., object] = api.listed

        async def closed(operation: str, part: str, given: object = None, *, region: str = "") -> object:
            asked.append(region)
            if region != REGION:
                raise CloudError("AWS does not allow this.", hint="", code="E-CLOUD-DENIED")
            return await listed(operation, part, given, region=region)  # type: ignore[misc]

        api.listed = closed  # type: ignore[assignment, method-assign]
        assert len(await stage.provider.machines(api)) == 1
    assert len(asked) > 10


def test_no_library_of_amazons_is_loaded_before_an_account_is_asked() -> None:
    code = (
        "import sys, json; from machina_desktop.core.providers.registry import *;"
        "[provider_for(kind).info for kind in available_types()];"
        "print(json.dumps([name for name in sys.modules if name.split('.')[0] in {'boto3', 'botocore', 'google'}]))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) == []
