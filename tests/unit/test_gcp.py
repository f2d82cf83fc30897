"""Google Cloud: accounts, tokens, the catalogue, machines and their power, all as Google's document says."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

import pytest

from machina_desktop.core.domain.firewall import rule_of
from machina_desktop.core.domain.machine import MachineStatus, ProvisioningMethod
from machina_desktop.core.domain.provider import CredentialStatus, Instance
from machina_desktop.core.errors import InvalidInput, MachinaError, Unavailable
from machina_desktop.core.providers.base import Access, Cancelled, HookContext, MachineParts
from machina_desktop.core.providers.cloud_errors import CloudError
from machina_desktop.core.providers.gcp import Gcp
from tests.fakes.clouds.gcp import FULL_EMAIL, PROJECT, READ_EMAIL, ZONES, key_file, key_of
from tests.fakes.clouds.gcp_stage import ZONE, GcpStage, discovery, gcp_stage
from tests.fakes.clouds.served import Asked, Fault, serving
from tests.fakes.clouds.stage import IMPATIENCE, KEY, PACE, PATIENCE, WAITS
from tests.fakes.discovery import Documented
from tests.fakes.hosts import until

CALM = 5
"""How often a request is sent that changes nothing."""


@pytest.fixture
def stage() -> Iterator[GcpStage]:
    with gcp_stage() as made:
        yield made


# Accounts


async def test_an_account_says_who_it_is_and_what_its_project_may_have(stage: GcpStage) -> None:
    stage.add()
    found = await stage.provider.verify(stage.access())
    assert (found.status, found.identity) == (CredentialStatus.VALID, f"{FULL_EMAIL}, project {PROJECT}")
    assert [(each.name, each.limit, each.used) for each in found.quota] == [
        ("vCPUs in all regions", 32, 1),
        ("Machines in europe-west3", 24, 1),
    ]


KEYS: dict[str, tuple[Callable[[str], str], str]] = {
    "nothing": (lambda _: "", "no key of a service account"),
    "no JSON": (lambda _: "my-secret-key", "no JSON"),
    "a list": (lambda _: "[]", "no JSON"),
    "deep JSON": (lambda _: "[" * 100_000, "no JSON"),
    "a private key alone": (lambda url: json.loads(key_file(url))["private_key"], "private key alone"),
    "a person's": (lambda _: '{"type": "authorized_user", "refresh_token": "x"}', "a person's own credentials"),
    "an OAuth client": (lambda _: '{"installed": {"client_id": "x"}}', "an OAuth client"),
    "a workload identity": (lambda _: '{"type": "external_account"}', "workload identity"),
    "another": (lambda _: '{"kind": "pods"}', "JSON of another kind"),
    "without an address": (lambda url: key_file(url, client_email=""), "lacks its field client_email"),
    "without a key": (lambda url: key_file(url, private_key=""), "lacks its field private_key"),
    "a field of another kind": (lambda url: key_file(url).replace(f'"{FULL_EMAIL}"', "7"), "client_email"),
    "half a key": (lambda url: key_file(url, private_key="-----BEGIN PRIVATE KEY-----\nMII="), "cannot be read"),
    "a token endpoint in clear": (lambda _: key_file("http://evil.example.org"), "token_uri"),
}


@pytest.mark.parametrize("name", KEYS)
async def test_a_key_that_is_none_is_invalid_and_said_to_be_what_it_is(stage: GcpStage, name: str) -> None:
    make, reason = KEYS[name]
    text = make(stage.fake.url)
    found = await stage.provider.verify(stage.access(key=text))
    assert found.status is CredentialStatus.INVALID
    assert reason in found.reason
    assert stage.fake.requests == []
    assert "MII" not in found.reason


async def test_a_key_that_was_deleted_is_invalid(stage: GcpStage) -> None:
    file = json.loads(key_file(stage.fake.url)) | {"private_key": json.loads(key_file("x", "other"))["private_key"]}
    found = await stage.provider.verify(stage.access(key=json.dumps(file)))
    assert (found.status, "Invalid JWT Signature" in found.reason) == (CredentialStatus.INVALID, True)


async def test_a_clock_that_is_wrong_is_named_and_the_account_not_blamed(stage: GcpStage) -> None:
    stage.fake.ahead_s = 7200
    found = await stage.provider.verify(stage.access())
    assert found.status is CredentialStatus.UNKNOWN
    assert "its clock says" in found.reason


async def test_a_project_that_the_account_may_not_see_is_invalid_and_both_are_named(stage: GcpStage) -> None:
    found = await stage.provider.verify(stage.access(project="another-project"))
    assert found.status is CredentialStatus.INVALID
    assert f"belongs to the project {PROJECT}" in found.reason
    assert "another-project" in found.reason


async def test_what_can_be_no_project_is_refused(stage: GcpStage) -> None:
    found = await stage.provider.verify(stage.access(project="../../x"))
    assert (found.status, "no project ID" in found.reason) == (CredentialStatus.INVALID, True)
    assert stage.fake.requests == []


@pytest.mark.parametrize("match", ["GET", "POST /token"])
@pytest.mark.parametrize("status", [429, 500, 503])
async def test_an_account_is_unknown_when_google_cannot_say(stage: GcpStage, status: int, match: str) -> None:
    stage.fake.faults.append(Fault(match=match, status=status, times=99))
    assert (await stage.provider.verify(stage.access())).status is CredentialStatus.UNKNOWN


async def test_a_token_is_used_until_a_minute_before_its_end(stage: GcpStage) -> None:
    async with stage.provider.open(stage.access()) as api:
        for _ in range(3):
            await stage.provider.machines(api)
    assert [str(each) for each in stage.fake.requests].count("POST /token") == 1
    stage.fake.lasts_s = 59
    async with stage.provider.open(stage.access()) as api:
        await stage.provider.machines(api)
    assert [str(each) for each in stage.fake.requests].count("POST /token") == 3


async def test_a_token_is_asked_for_again_after_a_fault_that_passes(stage: GcpStage) -> None:
    stage.fake.faults.append(Fault(match="POST /token", status=503, times=CALM - 1))
    assert await stage.provider.instances(stage.access()) == ()


async def test_browsing_uses_the_account_that_only_reads(stage: GcpStage) -> None:
    access = stage.access(key="of no use", reading=stage.reading(), may_write=False)
    assert await stage.provider.instances(access) == ()


async def test_browsing_with_the_full_account_gets_a_token_that_can_change_nothing(stage: GcpStage) -> None:
    resource_id = stage.add()
    async with stage.provider.open(stage.access(may_write=False)) as api:
        with pytest.raises(CloudError, match="insufficient authentication scopes"):
            await api.write("POST", f"/{resource_id}/stop", dict[str, object])


async def test_a_wrong_reading_account_makes_the_account_invalid(stage: GcpStage) -> None:
    found = await stage.provider.verify(stage.access(reading='{"type": "authorized_user"}'))
    assert (found.status, found.reason[:24]) == (CredentialStatus.INVALID, "The half that only reads")
    assert (await stage.provider.verify(stage.access(reading=stage.reading()))).status is CredentialStatus.VALID


async def test_terraform_gets_the_key_the_project_and_the_endpoint(stage: GcpStage) -> None:
    found = await stage.provider.environment(stage.access(reading=stage.reading(), may_write=False))
    assert json.loads(found.pop("GOOGLE_CREDENTIALS"))["client_email"] == FULL_EMAIL
    assert found == {
        "GOOGLE_PROJECT": PROJECT,
        "GOOGLE_COMPUTE_CUSTOM_ENDPOINT": f"{stage.fake.url}/compute/v1/",
    }
    own = replace(stage.access(), settings={"project_id": PROJECT})
    assert "GOOGLE_COMPUTE_CUSTOM_ENDPOINT" not in await stage.provider.environment(own)


async def test_neither_key_nor_token_is_in_logs_or_errors(stage: GcpStage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    resource_id = stage.add()
    stage.fake.unreachable = {ZONES[0]}
    await stage.provider.instances(stage.access())
    for token in tuple(stage.fake.tokens):
        stage.fake.faults.append(Fault(match="GET", status=400, code="invalid", message=f"bad {token} x"))
    with pytest.raises(CloudError) as caught:
        await stage.provider.observe(stage.context(resource_id))
    text = f"{caplog.text} {caught.value} {caught.value.complaint}"
    pem = json.loads(key_file(stage.fake.url))["private_key"].splitlines()[1]
    assert pem not in text
    assert "cannot be reached" in text or ZONES[0] in text
    assert "eyJ" not in text


# Catalogue


async def test_the_catalogue_has_zones_types_and_the_newest_image_of_each_family(stage: GcpStage) -> None:
    stage.fake.page = 7
    found = await stage.provider.catalogue(stage.access())
    assert [(each.slug, len(each.zones)) for each in found.regions] == [
        ("asia-east1", 3),
        ("europe-west3", 3),
        ("us-central1", 3),
    ]
    sizes = {each.slug: each for each in found.sizes}
    assert (sizes["e2-micro"].vcpus, sizes["e2-micro"].memory_mb, sizes["e2-micro"].kind) == (2, 1024, "Shared CPU")
    assert (sizes["e2-micro"].price_hourly, sizes["e2-micro"].regions) == (
        None,
        ("asia-east1", "europe-west3", "us-central1"),
    )
    assert (sizes["t2a-standard-1"].architecture, sizes["n2-standard-4"].architecture) == ("arm64", "x86_64")
    images = {each.slug: each for each in found.images}
    assert images["debian-cloud/debian-12"].title == "debian-12-v3, built on 2026-03-01"
    assert images["debian-cloud/debian-12-arm64"].architecture == "arm64"
    assert "debian-cloud/debian-11" not in images
    assert [each.slug for each in found.images if each.is_own] == [f"projects/{PROJECT}/global/images/golden"]


async def test_types_of_all_zones_are_asked_at_once_and_a_zone_in_trouble_is_left_out(stage: GcpStage) -> None:
    stage.provider.pace = replace(stage.provider.pace, tries=1)
    stage.fake.unreachable = {each for each in ZONES if not each.startswith("us-central1")}
    found = await stage.provider.catalogue(stage.access())
    assert {each.regions for each in found.sizes} == {("us-central1",)}
    assert len(found.regions) == 3
    stage.fake.unreachable = set(ZONES)
    with pytest.raises(CloudError) as caught:
        await stage.provider.catalogue(stage.access())
    assert caught.value.code == "E-CLOUD-FAULT"
    stage.fake.unreachable = set()
    # There are fewer lines than zones.
    stage.fake.meet(f"GET /compute/v1/projects/{PROJECT}/zones/", len(ZONES) // 3)
    assert len((await stage.provider.catalogue(stage.access())).regions) == 3


# Machines


async def test_five_hundred_machines_of_all_zones_are_listed_over_all_pages(stage: GcpStage) -> None:
    stage.fake.page = 120
    stage.fake.add_machines(500, prefix="web")
    found = await stage.provider.instances(stage.access())
    assert len({each.resource_id for each in found}) == 500
    first = next(each for each in found if each.name == "web-0")
    assert first == replace(
        first,
        resource_id=f"projects/{PROJECT}/zones/{ZONES[0]}/instances/web-0",
        zone=ZONES[0],
        region="europe-west3",
        status="running",
        size="e2-micro",
        image="debian-12-bookworm",
    )
    assert (first.public_ip[:4], first.private_ip[:3], first.created_at is not None) == ("203.", "10.", True)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("PROVISIONING", "provisioning"),
        ("STAGING", "provisioning"),
        ("RUNNING", "running"),
        ("STOPPING", "stopping"),
        ("SUSPENDED", "stopped"),
        ("TERMINATED", "stopped"),
        ("NEWLY_INVENTED", ""),
    ],
)
async def test_a_machine_that_google_calls_terminated_is_off(stage: GcpStage, theirs: str, ours: str) -> None:
    # What a later version of the document may name is in none of today.
    answer = stage.fake.make("web", ZONE) | {"status": theirs}
    stage.fake.faults.append(Fault(match="GET", status=200, raw=json.dumps(_shown(answer))))
    async with stage.provider.open(stage.access()) as api:
        assert (await stage.provider.look(api, f"projects/{PROJECT}/zones/{ZONE}/instances/web")).status == ours


def _shown(thing: dict[str, object]) -> dict[str, object]:
    return {name: each for name, each in thing.items() if not name.startswith("_")}


async def test_a_machine_is_found_by_its_label(stage: GcpStage) -> None:
    stage.fake.add_machines(30)
    resource_id = stage.add()
    stage.fake.instances[f"{ZONE}/web-1"]["labels"] = {"machina-machine": "machine-1", "machina-team": "team-1"}
    found = await stage.provider.find(stage.access(), "machine-1")
    assert [(each.resource_id, each.machine_id, each.team_id) for each in found] == [
        (resource_id, "machine-1", "team-1")
    ]


async def test_a_zone_that_cannot_be_asked_hides_only_its_own_machines(
    stage: GcpStage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.fake.add_machines(len(ZONES))
    stage.fake.unreachable = {ZONE}
    assert len(await stage.provider.instances(stage.access())) == len(ZONES) - 1
    assert ZONE in caplog.text


async def test_a_machine_is_not_said_to_be_missing_while_a_zone_cannot_be_asked(stage: GcpStage) -> None:
    stage.fake.unreachable = {ZONE}
    with pytest.raises(CloudError, match=f"cannot ask {ZONE}") as caught:
        await stage.provider.find(stage.access(), "machine-1")
    assert caught.value.code == "E-CLOUD-FAULT"


def test_a_machine_that_is_there_is_taken_over_by_its_whole_name(stage: GcpStage) -> None:
    resource_id = f"projects/{PROJECT}/zones/{ZONE}/instances/web"
    assert stage.provider.imports(stage.machine(), Instance(resource_id=resource_id, name="web")) == (
        ("google_compute_instance.machine", resource_id),
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("name", "1web"), ("zone", None), ("zone", "us-central1-a"), ("region", ""), ("size", "")],
)
def test_a_machine_that_google_would_not_make_is_refused(stage: GcpStage, field: str, value: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        stage.provider.check(replace(stage.machine(), **{field: value}))  # type: ignore[arg-type]
    assert caught.value.field == field
    stage.provider.check(stage.machine())


def test_the_module_gets_public_keys_and_the_name_that_they_let_in(stage: GcpStage) -> None:
    found = stage.provider.variables(stage.machine(), MachineParts(account_id="account-1", keys=(KEY,)))
    assert found["public_keys"] == [KEY.public_key.strip()]
    assert (found["zone"], found["user"], "key_ids" in found) == (ZONE, "machina", False)


def test_neither_rules_nor_a_login_of_ours_reach_a_machine_that_was_taken_over(stage: GcpStage) -> None:
    imported = replace(stage.machine(), provisioning_method=ProvisioningMethod.IMPORTED)
    assert stage.provider.variables(imported, MachineParts())["rules"] is None
    assert (stage.provider.login_of(imported), stage.provider.login_of(stage.machine())) == ("", "machina")
    with pytest.raises(InvalidInput, match="keeps its own network tags") as caught:
        stage.provider.variables(imported, MachineParts(rules=()))
    assert caught.value.code == "E-FIREWALL-TAGS"


RULES = (rule_of("tcp:22"), rule_of("out udp:53 to 10.0.0.0/8"))


async def test_firewall_rules_that_a_broken_run_has_made_are_found_by_their_names(stage: GcpStage) -> None:
    machine = stage.machine()
    wanted = stage.provider.firewalls(machine, MachineParts(rules=RULES))
    assert len(wanted) == 5
    stage.fake.firewalls = ["default-allow-ssh", *wanted.values()]
    stage.fake.page = 2
    names = frozenset(list(wanted.values())[1:])
    found = await stage.provider.find_firewalls(stage.access(), machine, names)
    assert found == {name: f"projects/{PROJECT}/global/firewalls/{name}" for name in names}
    assert stage.provider.firewalls(machine, MachineParts()) == {}


async def test_an_account_is_given_no_keys(stage: GcpStage) -> None:
    assert await stage.provider.put_key(stage.access(), KEY) == ""
    await stage.provider.remove_key(stage.access(), "")
    assert stage.fake.requests == []


# Power


@pytest.mark.parametrize(
    ("action", "before", "after", "verb"),
    [
        ("reboot", "RUNNING", MachineStatus.RUNNING, "reset"),
        ("stop", "RUNNING", MachineStatus.STOPPED, "stop"),
        ("start", "TERMINATED", MachineStatus.RUNNING, "start"),
        ("start", "SUSPENDED", MachineStatus.RUNNING, "resume"),
        ("snapshot", "RUNNING", MachineStatus.RUNNING, "createSnapshot"),
    ],
)
async def test_power_is_done_and_waited_for(
    stage: GcpStage, action: str, before: str, after: MachineStatus, verb: str
) -> None:
    resource_id = stage.add(status=before)
    facts = await stage.provider.power(stage.context(resource_id), action)
    assert (facts.status, facts.provider_resource_id) == (after, resource_id)
    assert [each.rpartition("/")[2] for each in stage.asked("POST")] == [verb]
    assert all(each["status"] == "DONE" for each in stage.fake.operations.values())


async def test_each_write_carries_an_id_of_its_own(stage: GcpStage) -> None:
    resource_id = stage.add()
    for _ in range(2):
        await stage.provider.power(stage.context(resource_id), "reboot")
    ids = {each.query["requestId"] for each in stage.fake.requests if each.method == "POST" and each.path != "/token"}
    assert len(ids) == 2


async def test_a_snapshot_keeps_the_name_that_was_wished_for_in_its_description(stage: GcpStage) -> None:
    resource_id = stage.add()
    await stage.provider.power(stage.context(resource_id, name="2. Before the Ümlaut!"), "snapshot")
    (snapshot,) = stage.fake.snapshots.values()
    assert snapshot["description"] == "2. Before the Ümlaut!"
    assert snapshot["labels"] == {"machina-machine": "machine-1", "machina-team": "team-1"}


async def test_an_operation_that_failed_says_why(stage: GcpStage) -> None:
    resource_id = stage.add(status="TERMINATED")
    stage.fake.stuck["start"] = ("ZONE_RESOURCE_POOL_EXHAUSTED", "The zone does not have enough resources")
    with pytest.raises(Unavailable, match="does not have enough resources") as caught:
        await stage.provider.power(stage.context(resource_id), "start")
    assert caught.value.code == "E-POWER"


async def test_an_operation_waits_for_the_one_that_is_under_way(stage: GcpStage) -> None:
    resource_id = stage.add()
    stage.fake.held = True
    stage.provider.waits = replace(WAITS, action_s=0.0)
    with pytest.raises(Unavailable, match="not done with snapshot"):
        await stage.provider.power(stage.context(resource_id), "snapshot")
    stage.provider.waits = WAITS
    rebooting = asyncio.create_task(stage.provider.power(stage.context(resource_id), "reboot"))
    await until(lambda: any(line.startswith("Waiting:") for line in stage.lines))
    stage.fake.held = False
    await rebooting


async def test_a_wait_ends_when_the_run_is_cancelled(stage: GcpStage) -> None:
    resource_id = stage.add()
    stage.fake.held = True
    threading.Timer(0.1, stage.cancelled.set).start()
    with pytest.raises(Cancelled):
        await stage.provider.power(stage.context(resource_id), "reboot")


async def test_a_machine_that_was_removed_there_is_said_to_be_gone(stage: GcpStage) -> None:
    resource_id = stage.add()
    assert (await stage.provider.observe(stage.context(resource_id))).status is MachineStatus.RUNNING
    stage.fake.instances.clear()
    facts = await stage.provider.observe(stage.context(resource_id))
    assert (facts.status, "no longer has this machine" in facts.status_reason) == (MachineStatus.ERROR, True)


async def test_an_id_of_another_kind_is_not_asked_for(stage: GcpStage) -> None:
    async with stage.provider.open(stage.access()) as api:
        with pytest.raises(CloudError, match="has nothing with the id"):
            await stage.provider.look(api, "../../secrets")
    assert stage.asked("GET") == []


# Faults


FAULTS: dict[str, tuple[Fault, str, int]] = {
    "401": (Fault(match="", status=401, code="authError"), "E-CLOUD-DENIED", 1),
    "403": (Fault(match="", status=403, code="forbidden"), "E-CLOUD-DENIED", 1),
    "the API is off": (Fault(match="", status=403, code="accessNotConfigured"), "E-CLOUD-DENIED", 1),
    "404": (Fault(match="", status=404, code="notFound"), "E-CLOUD-NOT-FOUND", 1),
    "409": (Fault(match="", status=409, code="alreadyExists"), "E-CLOUD-NAME-TAKEN", 1),
    "not ready": (Fault(match="", status=400, code="resourceNotReady"), "E-CLOUD-CONFLICT", 1),
    "quota": (Fault(match="", status=403, code="quotaExceeded"), "E-CLOUD-QUOTA", 1),
    "sold out": (Fault(match="", status=503, message="does not have enough resources"), "E-CLOUD-SOLD-OUT", 1),
    "400": (Fault(match="", status=400, code="invalid"), "E-CLOUD-REFUSED", 1),
    "429": (Fault(match="", status=429, code="rateLimitExceeded"), "E-CLOUD-BUSY", CALM),
    "403 of a limit": (Fault(match="", status=403, code="rateLimitExceeded"), "E-CLOUD-BUSY", CALM),
    "429 for long": (Fault(match="", status=429, headers={"Retry-After": "3600"}), "E-CLOUD-BUSY", 1),
    "500": (Fault(match="", status=500, code="internalError"), "E-CLOUD-FAULT", CALM),
    "502 of a gateway": (Fault(match="", status=502, raw="<html>Bad gateway"), "E-CLOUD-FAULT", CALM),
    "reset": (Fault(match="", status=0, drop=True), "E-OFFLINE", CALM),
    "late": (Fault(match="", status=0, delay_s=5.0), "E-OFFLINE", 2),
    "empty body": (Fault(match="", status=200, raw=""), "E-CLOUD-ANSWER", 1),
    "a web page": (Fault(match="", status=200, raw="<!doctype html>"), "E-CLOUD-ANSWER", 1),
    "a page to log in at": (Fault(match="", status=403, raw="<html>Log in"), "E-CLOUD-ANSWER", 1),
    "no JSON": (Fault(match="", status=200, raw="{'a'"), "E-CLOUD-ANSWER", 1),
    "another JSON": (Fault(match="", status=200, raw='{"items":7}'), "E-CLOUD-ANSWER", 1),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_of_a_list_has_a_code_and_a_next_step(stage: GcpStage, name: str) -> None:
    fault, code, reads = FAULTS[name]
    if name == "late":
        stage.provider.pace, stage.provider.patience = replace(PACE, tries=2), IMPATIENCE
    stage.fake.faults.append(replace(fault, match="GET", times=99))
    with pytest.raises(Unavailable) as caught:
        await stage.provider.instances(stage.access())
    assert (caught.value.code, len(stage.asked("GET"))) == (code, reads)
    assert caught.value.hint
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize("name", FAULTS)
async def test_a_write_is_sent_once_whatever_becomes_of_it(stage: GcpStage, name: str) -> None:
    resource_id = stage.add()
    fault, code, _ = FAULTS[name]
    if name == "late":
        stage.provider.patience = IMPATIENCE
    stage.fake.faults.append(replace(fault, match="POST /compute"))
    stage.provider.waits = replace(WAITS, busy_s=0.0)
    with pytest.raises(MachinaError) as caught:
        await stage.provider.power(stage.context(resource_id), "reboot")
    assert len(stage.asked("POST")) == 1
    if code in {"E-CLOUD-FAULT", "E-OFFLINE"}:
        assert "may have been carried out" in caught.value.hint


async def test_a_page_that_repeats_ends_the_list(stage: GcpStage) -> None:
    stage.fake.add_machines(1)
    page = {"items": {}, "nextPageToken": "again"}
    stage.fake.faults.append(Fault(match="GET", status=200, raw=json.dumps(page), times=99))
    with pytest.raises(CloudError, match="again and again"):
        await stage.provider.instances(stage.access())
    assert len(stage.asked("GET")) == 2


@pytest.mark.parametrize("raw", ["<html>", '{"access_token": ""}', '{"access_token": "a\\nb"}', "{}"])
async def test_what_answers_without_a_token_is_not_google(stage: GcpStage, raw: str) -> None:
    stage.fake.faults.append(Fault(match="POST /token", status=200, raw=raw))
    with pytest.raises(CloudError) as caught:
        await stage.provider.instances(stage.access())
    assert caught.value.code == "E-CLOUD-ANSWER"
    assert stage.asked("GET") == []


# The document

ASKED: dict[str, Callable[[GcpStage, Access], Awaitable[object]]] = {
    "verify": lambda stage, access: stage.provider.verify(access),
    "catalogue": lambda stage, access: stage.provider.catalogue(access),
    "instances": lambda stage, access: stage.provider.instances(access),
    "find": lambda stage, access: stage.provider.find(access, "machine-1"),
    "firewalls": lambda stage, access: stage.provider.find_firewalls(access, stage.machine(), ("machina-1",)),
    "observe": lambda stage, access: stage.provider.observe(_at(stage, access)),
    **{
        action: lambda stage, access, action=action: stage.provider.power(_at(stage, access), action)  # type: ignore[misc]
        for action in Gcp.info.power_actions
    },
}


def _at(stage: GcpStage, access: Access) -> HookContext:
    context = stage.context(f"projects/{PROJECT}/zones/{ZONE}/instances/web")
    account = replace(context.account, settings=dict(access.settings))
    return replace(context, account=account, credentials=access.secrets)


@pytest.mark.parametrize("name", ASKED)
async def test_whatever_googles_document_allows_is_read(name: str) -> None:
    """Forty answers to each question, made up by dice; what failed and what could not be asked may be among them."""
    fake = Documented(discovery(), random.Random(name))
    with gcp_stage() as stage, serving(fake):
        stage.provider.waits = replace(WAITS, action_s=0.02, busy_s=0.02, shutdown_s=0.02, settle_s=0.0, poll_s=0.005)
        access = stage.access(key=key_file(fake.url), endpoint=fake.url)
        refused: set[str] = set()
        for _ in range(40):
            refused |= await _refusals(ASKED[name](stage, access))
    assert not [each for each in refused if "E-POWER" not in each and "cannot ask" not in each]
    assert fake.complaints == []
    assert len(fake.requests) > 40


async def _refusals(asked: Awaitable[object]) -> set[str]:
    try:
        await asked
    except MachinaError as error:
        return {f"{error.code}: {error.message}"}
    return set()


def test_a_request_that_the_document_does_not_know_is_noticed() -> None:
    root = f"/compute/v1/projects/{PROJECT}"
    wrong = (
        Asked(method="GET", path=f"{root}/droplets", query={}, body={}),
        Asked(method="GET", path=f"{root}/zones", query={"per_page": "5"}, body={}),
        Asked(method="POST", path=f"{root}/zones/z/instances/a/reset", query={}, body={"force": True}),
        Asked(method="POST", path=f"{root}/zones/z/disks/a/createSnapshot", query={}, body={"naem": "x"}),
        Asked(method="POST", path=f"{root}/zones/z/disks/a/createSnapshot", query={}, body={"name": "No Good"}),
        Asked(method="POST", path=f"{root}/zones/z/instances/a/stop", query={"noGracefulShutdown": "yes"}, body={}),
    )
    assert [len(discovery().problems(each)) for each in wrong] == [1] * len(wrong)


def test_the_two_service_accounts_of_the_stand_in_have_keys_of_their_own() -> None:
    assert key_of(FULL_EMAIL).public_key() != key_of(READ_EMAIL).public_key()
    assert Gcp(pace=PACE, patience=PATIENCE).info.has_keys is False
