"""Secrets of a shared team stay on the computer they were typed on, or are sealed so that only runners open them."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from machina_desktop.core.domain.custody import BOX_MAGIC, Custody, fingerprint_of
from machina_desktop.core.domain.key import SSHKeyType
from machina_desktop.core.domain.provider import CredentialStatus, ProviderType, Verification
from machina_desktop.core.domain.team import Client
from machina_desktop.core.errors import Conflict, Forbidden, InvalidInput, MachinaError, Unavailable
from machina_desktop.core.ids import new_id
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.authentication import authenticate
from machina_desktop.core.services.handing_over import ShareSecret, StopSharingSecret, TrustRunnerKey
from machina_desktop.core.services.keys import ExportKey, GenerateKey, ImportKey, ListKeys
from machina_desktop.core.services.offers import ListCatalogue
from machina_desktop.core.services.providers import (
    AddAccount,
    DeleteAccount,
    ListAccounts,
    RecordAccount,
    VerifyAccount,
)
from machina_desktop.core.services.sealing import Sealed
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.ssh.keys import generate
from machina_desktop.core.vault import sealed_box
from machina_desktop.core.vault.runner_vault import RunnerVault
from machina_desktop.core.vault.sealed_box import Recipient
from tests.fakes.canaries import Hunt
from tests.fakes.hosts import contents, until
from tests.fakes.keyed_provider import KeyedProvider
from tests.fakes.provider import install
from tests.fakes.server import Site, settled
from tests.fakes.shared_desks import Desk, desk

CANARY = "canary-7f3a-9d21-token"
PRIVATE = bytes(range(7, 39))
VAULT = RunnerVault(PRIVATE)
KEY = sealed_box.encoded(VAULT.recipient.public_key)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A server whose runners' private key the tests have."""
    async with settled(tmp_path / "server") as made:
        made.sql("DELETE FROM runner_key")
        made.sql("INSERT INTO runner_key VALUES ('runner-key-1', ?, '2026-01-01T00:00:00+00:00', NULL)", KEY)
        yield made


@pytest.fixture
def provider(site: Site) -> KeyedProvider:
    made = KeyedProvider()
    install(made)
    return made


@pytest.fixture
async def ben(tmp_path: Path, site: Site, provider: KeyedProvider) -> AsyncIterator[Desk]:
    async with desk(tmp_path / "ben", site, "Ben") as made:
        yield made


def at_home(site: Site) -> bytes:
    """Whatever lies in the server's data folder."""
    return b"".join(data for _, data in contents(site.paths.home))


def hits(*data: bytes, canary: str = CANARY) -> set[str]:
    hunt = Hunt({"canary": canary.encode()})
    for number, each in enumerate(data):
        hunt.look(each, number)
    return hunt.hits


def envelopes(site: Site, record_id: str) -> dict[str, bytes]:
    rows = site.sql("SELECT field, envelope FROM sealed WHERE record_id = ?", record_id)
    return {field: bytes(envelope) for field, envelope in rows}


def text_of(path: str) -> str:
    return Path(path).read_text()


async def refused(door: Desk, ask: Request[Any], error: type[MachinaError] = Conflict) -> MachinaError:
    with pytest.raises(error) as caught:
        await door.call(ask)
    return caught.value


# Where secrets lie


async def test_a_secret_stays_on_this_computer(site: Site, ben: Desk, provider: KeyedProvider) -> None:
    account = await ben.account(CANARY)
    assert (account.custody, account.keeper) == (Custody.LOCAL, ben.device_id)
    assert envelopes(site, account.provider_account_id) == {}
    assert not hits(at_home(site), *ben.line.bodies)
    provider.seen.clear()
    assert (await ben.call(VerifyAccount(account_id=account.provider_account_id))).identity == "somebody"
    assert [seen["api_token"] for seen in provider.seen] == [CANARY]


async def test_what_the_server_shall_open_is_sealed_to_its_runners(site: Site, ben: Desk) -> None:
    account = await ben.account(CANARY, custody=Custody.SERVER)
    assert (account.custody, account.keeper) == (Custody.SERVER, ben.device_id)
    [(field, envelope)] = envelopes(site, account.provider_account_id).items()
    assert envelope.startswith(BOX_MAGIC)
    place = (ben.team_id, "provider_account", account.provider_account_id, field, 1)
    assert VAULT.open_(*place, envelope) == Secret(CANARY)
    assert not hits(at_home(site), *ben.line.bodies)


async def test_a_private_key_stays_on_this_computer_and_can_be_exported_here_only(
    tmp_path: Path, site: Site, ben: Desk
) -> None:
    key = await ben.call(GenerateKey(team_id=ben.team_id, name="laptop"))
    path = await ben.call(ExportKey(key_id=key.ssh_key_id, to=str(tmp_path / "key")))
    body = "".join(text_of(path).splitlines()[2:-2])
    assert (key.custody, key.keeper, key.has_private_key) == (Custody.LOCAL, ben.device_id, True)
    assert not hits(at_home(site), *ben.line.bodies, canary=body)
    assert ("ssh_key.record_export", "Ben") in site.sql("SELECT action, actor_name FROM audit_event")
    async with desk(tmp_path / "ada", site, "Ada") as ada:
        error = await refused(ada, ExportKey(key_id=key.ssh_key_id, to=str(tmp_path / "other")))
    assert error.code == "E-NOT-HERE"
    assert not (tmp_path / "other").exists()


async def test_a_private_key_can_be_sealed_to_the_runners(site: Site, ben: Desk) -> None:
    key = await ben.call(GenerateKey(team_id=ben.team_id, name="deploy", custody=Custody.SERVER))
    [(field, envelope)] = envelopes(site, key.ssh_key_id).items()
    opened = VAULT.open_(ben.team_id, "ssh_key", key.ssh_key_id, field, 1, envelope)
    assert opened.reveal().startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert not hits(at_home(site), *ben.line.bodies, canary="".join(opened.reveal().splitlines()[2:-2]))


async def test_a_public_key_has_nobody_who_keeps_it(ben: Desk) -> None:
    await ben.call(GenerateKey(team_id=ben.team_id, name="a"))
    public_line = generate(SSHKeyType.ED25519, 0, "b").public_line
    await ben.call(ImportKey(team_id=ben.team_id, name="b", public_key=public_line))
    found = {key.name: (key.custody, key.keeper) for key in await ben.call(ListKeys(team_id=ben.team_id))}
    assert found == {"a": (Custody.LOCAL, ben.device_id), "b": (Custody.LOCAL, "")}


async def test_on_another_desktop_whoever_needs_them_is_told_where_they_are(
    tmp_path: Path, site: Site, ben: Desk
) -> None:
    account = await ben.account(CANARY, custody=Custody.SERVER)
    async with desk(tmp_path / "ada", site, "Ada") as ada:
        for ask in (
            VerifyAccount(account_id=account.provider_account_id),
            ListCatalogue(account_id=account.provider_account_id),
            ShareSecret(account_id=account.provider_account_id),
        ):
            assert (await refused(ada, ask)).code == "E-NOT-HERE"


async def test_a_server_cannot_open_what_it_holds(site: Site, ben: Desk) -> None:
    """Not in the process that answers requests."""
    for custody, said in ((Custody.LOCAL, "Ben's laptop"), (Custody.SERVER, "Ben's laptop")):
        account = await ben.account(CANARY, label=custody.value, custody=custody)
        path = f"/api/providers/accounts/{account.provider_account_id}/verify"
        answer = await site.admin.http.post(path)
        assert (answer.status_code, answer.json()["code"]) == (409, "E-NOT-HERE")
        assert said in answer.json()["message"]


async def test_a_command_for_ones_own_computer_never_reaches_the_server(
    tmp_path: Path, site: Site, ben: Desk, provider: KeyedProvider
) -> None:
    more = {"start_command": Secret("wakeonlan 00:11"), "region": Secret("north")}
    account = await ben.account(CANARY, more=more, custody=Custody.SERVER)
    assert account.settings == {"region": "north"}
    assert set(envelopes(site, account.provider_account_id)) == {"api_token"}
    assert not hits(at_home(site), *ben.line.bodies, canary="wakeonlan")
    provider.seen.clear()
    await ben.call(VerifyAccount(account_id=account.provider_account_id))
    assert provider.seen == [{"region": "north", "start_command": "wakeonlan 00:11", "api_token": CANARY}]


async def test_what_the_home_refuses_is_not_kept_here(ben: Desk) -> None:
    await ben.account(CANARY)
    account_id = new_id("account")
    with pytest.raises(Conflict) as caught:
        await ben.account(CANARY, account_id=account_id)
    assert caught.value.code == "E-LABEL-TAKEN"
    assert ben.core.sql("SELECT count(*) FROM sealed WHERE record_id = ?", account_id) == [(0,)]


async def test_a_team_of_this_computer_keeps_its_secrets_as_ever(ben: Desk) -> None:
    own = AddAccount(
        team_id=ben.core.team_id, type=ProviderType.SANDBOX, label="own", fields={"api_token": Secret(CANARY)}
    )
    account = await ben.call(own)
    assert (account.custody, account.keeper) == (Custody.LOCAL, "")
    await refused(ben, replace(own, label="other", account_id=new_id("account"), custody=Custody.SERVER), InvalidInput)


# A server that is asked itself


async def test_an_account_added_at_the_server_is_sealed_to_its_runners(site: Site, provider: KeyedProvider) -> None:
    made = await site.admin.post(
        "/api/providers/sandbox/accounts", team_id=site.team_id, label="web", fields={"api_token": CANARY}
    )
    assert (made["custody"], made["keeper"], made["identity"]) == ("server", "", "somebody")
    [envelope] = envelopes(site, made["provider_account_id"]).values()
    place = (site.team_id, "provider_account", made["provider_account_id"], "api_token", 1)
    assert VAULT.open_(*place, envelope) == Secret(CANARY)
    assert not hits(at_home(site))
    answer = await site.admin.http.post(f"/api/providers/accounts/{made['provider_account_id']}/verify")
    assert answer.json()["code"] == "E-NOT-HERE"


async def test_a_server_without_runners_takes_no_secret(site: Site, provider: KeyedProvider) -> None:
    site.sql("UPDATE runner_key SET retired_at = created_at")
    body = {"team_id": site.team_id, "label": "web", "fields": {"api_token": CANARY}}
    answer = await site.admin.http.post("/api/providers/sandbox/accounts", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "E-NO-RUNNER")
    assert "machina-runner" in answer.json()["hint"]


async def test_a_command_is_not_taken_by_a_server_itself(site: Site, provider: KeyedProvider) -> None:
    fields = {"api_token": CANARY, "start_command": "rm -rf /"}
    body = {"team_id": site.team_id, "label": "web", "fields": fields}
    answer = await site.admin.http.post("/api/providers/sandbox/accounts", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, "settings")


# Forged


def record(site: Site, **fields: Any) -> dict[str, Any]:
    made = {
        "team_id": site.team_id,
        "account_id": new_id("account"),
        "type": "sandbox",
        "label": "forged",
        "settings": {},
        "found": {"status": "valid"},
        "sealed": {"custody": "local", "keeper": new_id("device"), "fields": []},
    }
    return {**made, **fields}


def sealed(envelope: bytes, name: str = "api_token", **fields: Any) -> dict[str, Any]:
    encoded = base64.b64encode(envelope).decode()
    return {"custody": "server", "keeper": "", "fields": [{"name": name, "envelope": encoded}], **fields}


def box(recipient: Recipient = VAULT.recipient) -> bytes:
    return recipient.seal("team", "provider_account", "account", "api_token", 1, b"x")


FORGED: dict[str, tuple[int, dict[str, Any]]] = {
    "a vault's envelope": (422, {"sealed": sealed(b"MVE1" + bytes(200))}),
    "a box for another key": (422, {"sealed": sealed(box(RunnerVault(bytes(32 * [9])).recipient))}),
    "a box that is too long": (422, {"sealed": sealed(box() + bytes(300_000))}),
    "a field that is no secret": (422, {"sealed": sealed(box(), name="region")}),
    "a field that does not exist": (422, {"sealed": sealed(box(), name="../etc")}),
    "another version": (
        422,
        {"sealed": sealed(b"", fields=[{"name": "api_token", "envelope": "TVNFMQ==", "version": 2}])},
    ),
    "custody without a secret": (422, {"sealed": {"custody": "server", "keeper": "", "fields": []}}),
    "a secret without custody": (422, {"sealed": {**sealed(box()), "custody": "local"}}),
    "no id of a computer": (422, {"sealed": {"custody": "local", "keeper": "device-1", "fields": []}}),
    "a setting that is a secret": (422, {"settings": {"api_token": CANARY}}),
    "a setting that stays behind": (422, {"settings": {"start_command": "x"}}),
    "no id of an account": (422, {"account_id": "account-1/../../x"}),
    "a foreign team": (404, {"team_id": "team-foreign"}),
    "a time of one's own": (422, {"created_at": "2020-01-01T00:00:00Z"}),
    "a status of one's own": (422, {"credential_status": "valid"}),
}


async def test_forged_accounts_are_refused(site: Site, provider: KeyedProvider) -> None:
    for what, (status, fields) in FORGED.items():
        answer = await site.admin.http.post("/api/providers/accounts", json=record(site, **fields))
        assert answer.status_code == status, f"{what}: {answer.status_code} {answer.text}"
    assert site.sql("SELECT count(*) FROM provider_account") == [(0,)]
    assert site.sql("SELECT count(*) FROM sealed") == [(0,)]


async def test_what_is_not_forged_is_taken_and_stamped_by_the_home(site: Site, provider: KeyedProvider) -> None:
    answer = await site.admin.http.post("/api/providers/accounts", json=record(site, sealed=sealed(box())))
    assert answer.status_code == 201, answer.text
    assert answer.json()["created_at"] > "2026"


async def test_nobody_keeps_secrets_in_the_name_of_another_computer(
    site: Site, ben: Desk, provider: KeyedProvider
) -> None:
    await ben.account(CANARY)
    forged = record(site, sealed={"custody": "local", "keeper": ben.device_id, "fields": []})
    answer = await site.admin.http.post("/api/providers/accounts", json=forged)
    assert (answer.status_code, answer.json()["code"]) == (403, "E-DEVICE")


async def test_a_computer_has_one_name(site: Site, provider: KeyedProvider) -> None:
    for expected in (201, 403):
        keeper = {"custody": "local", "keeper": new_id("device"), "fields": []}
        body = record(site, sealed=keeper, label=f"l{expected}")
        assert (await site.admin.http.post("/api/providers/accounts", json=body)).status_code == expected


async def test_a_browser_says_nothing_that_computers_say(site: Site, provider: KeyedProvider) -> None:
    actor, _session = await authenticate(site.host.database, Secret(site.admin.token), Client(address="192.0.2.1"))
    browser = replace(actor, client=replace(actor.client, is_device=False))
    ask = RecordAccount(
        team_id=site.team_id,
        type=ProviderType.SANDBOX,
        label="l",
        settings={},
        found=Verification(status=CredentialStatus.VALID),
        sealed=Sealed(),
    )
    with pytest.raises(Forbidden) as caught:
        await site.host.dispatcher.execute(browser, ask)
    assert caught.value.code == "E-DEVICE"
    await site.host.dispatcher.execute(actor, ask)


async def test_only_the_keeper_can_say_what_a_provider_answered(
    tmp_path: Path, site: Site, ben: Desk, provider: KeyedProvider
) -> None:
    account = await ben.account(CANARY)
    path = f"/api/providers/accounts/{account.provider_account_id}/verification"
    answer = await site.admin.http.post(path, json={"found": {"status": "invalid"}})
    assert (answer.status_code, answer.json()["code"]) == (403, "E-DEVICE")


# Giving custody, and taking it back


async def test_custody_is_given_and_taken_back(site: Site, ben: Desk) -> None:
    account = await ben.account(CANARY)
    account_id = account.provider_account_id
    shared = await ben.call(ShareSecret(account_id=account_id))
    assert shared.custody is Custody.SERVER
    [envelope] = envelopes(site, account_id).values()
    assert VAULT.open_(ben.team_id, "provider_account", account_id, "api_token", 1, envelope) == Secret(CANARY)
    listed = (await ben.call(ListAccounts(team_id=ben.team_id)))[0]
    assert listed.custody is Custody.SERVER
    stopped = await ben.call(StopSharingSecret(account_id=account_id))
    assert (stopped.custody, envelopes(site, account_id)) == (Custody.LOCAL, {})
    assert "Rotate" in stopped.advice
    assert not hits(at_home(site), *ben.line.bodies)
    noted = site.sql("SELECT outcome FROM audit_event WHERE action = 'secret.record_custody'")
    assert noted == [("succeeded",), ("succeeded",)]
    await ben.call(VerifyAccount(account_id=account_id))


async def test_a_key_is_shared_like_an_account(site: Site, ben: Desk) -> None:
    key = await ben.call(GenerateKey(team_id=ben.team_id, name="laptop"))
    await ben.call(ShareSecret(key_id=key.ssh_key_id))
    assert [each[:4] for each in envelopes(site, key.ssh_key_id).values()] == [BOX_MAGIC]
    await refused(ben, ShareSecret(), InvalidInput)
    await refused(ben, ShareSecret(key_id=key.ssh_key_id, account_id="account-1"), InvalidInput)


async def test_the_only_copy_is_not_deleted(tmp_path: Path, site: Site, ben: Desk) -> None:
    made = await site.admin.post(
        "/api/providers/sandbox/accounts", team_id=site.team_id, label="web", fields={"api_token": CANARY}
    )
    account_id = made["provider_account_id"]

    async def arrived() -> bool:
        return (await ben.call(ListAccounts(team_id=ben.team_id))) != ()

    await until(arrived)
    assert (await refused(ben, StopSharingSecret(account_id=account_id))).code == "E-ONLY-COPY"
    assert envelopes(site, account_id)


async def test_another_key_of_the_runners_is_a_hard_stop(site: Site, ben: Desk) -> None:
    await ben.account(CANARY, label="first", custody=Custody.SERVER)
    other = RunnerVault(bytes(32 * [9])).recipient.public_key
    site.sql("UPDATE runner_key SET public_key = ?", sealed_box.encoded(other))
    sent = len(ben.line.bodies)
    with pytest.raises(Conflict) as caught:
        await ben.account(CANARY, label="second", custody=Custody.SERVER)
    assert caught.value.code == "E-RUNNER-KEY"
    assert fingerprint_of(other).hex() in caught.value.hint
    assert not any(b"custody" in body for body in ben.line.bodies[sent:])
    known = await ben.call(ListAccounts(team_id=ben.team_id))
    assert [each.label for each in known] == ["first"]


async def test_an_administrator_confirms_the_new_key(tmp_path: Path, site: Site, provider: KeyedProvider) -> None:
    other = RunnerVault(bytes(32 * [9])).recipient.public_key
    right = fingerprint_of(other).hex()
    async with desk(tmp_path / "ada", site, "Ada") as ada, desk(tmp_path / "ben", site, "Ben") as ben:
        await ada.account(CANARY, label="first", custody=Custody.SERVER)
        site.sql("UPDATE runner_key SET public_key = ?", sealed_box.encoded(other))
        await refused(ben, TrustRunnerKey(team_id=ben.team_id, fingerprint=right), Forbidden)
        wrong = TrustRunnerKey(team_id=ada.team_id, fingerprint="00" * 16)
        assert (await refused(ada, wrong)).code == "E-RUNNER-KEY"
        await ada.call(TrustRunnerKey(team_id=ada.team_id, fingerprint=right))
        await ada.account(CANARY, label="second", custody=Custody.SERVER)


async def test_without_runners_nothing_can_be_shared(site: Site, ben: Desk) -> None:
    site.sql("UPDATE runner_key SET retired_at = created_at")
    account = await ben.account(CANARY)
    assert (await refused(ben, ShareSecret(account_id=account.provider_account_id))).code == "E-NO-RUNNER"


async def test_away_from_the_server_nothing_is_added(ben: Desk) -> None:
    ben.line.is_cut = True
    with pytest.raises(Unavailable):
        await ben.account(CANARY)


# Those who go


async def test_who_goes_may_know_what_their_own_computer_keeps(tmp_path: Path, site: Site, ben: Desk) -> None:
    async with desk(tmp_path / "ada", site, "Ada") as ada:
        await ben.account(CANARY, label="Ben's", custody=Custody.SERVER)
        await ada.account(CANARY, label="Ada's")
        await ben.call(GenerateKey(team_id=ben.team_id, name="Ben's"))
        members = await site.admin.get(f"/api/teams/{site.team_id}/members")
        place = next(each["member"]["team_member_id"] for each in members if each["user"]["display_name"] == "Ben")
        path = f"/api/teams/{site.team_id}/members/{place}"
        found = await site.admin.get(f"{path}/exposure")
        removed = (await site.admin.http.delete(path)).json()
    assert found == removed
    assert [each["label"] for each in found["accounts"]] == ["Ben's"]
    assert [each["name"] for each in found["keys"]] == ["Ben's"]


async def test_a_deleted_account_is_forgotten_at_home(site: Site, ben: Desk) -> None:
    account = await ben.account(CANARY, custody=Custody.SERVER)
    await ben.call(DeleteAccount(account_id=account.provider_account_id))
    assert envelopes(site, account.provider_account_id) == {}
