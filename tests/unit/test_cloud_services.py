"""What people ask of cloud accounts, against stand-ins for their APIs: offers kept, lists of all, keys put there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from machina_desktop.core.domain.provider import CredentialStatus, ProviderAccount, ProviderType
from machina_desktop.core.errors import Forbidden, Locked, NotFound, Unavailable
from machina_desktop.core.ids import now
from machina_desktop.core.providers import registry
from machina_desktop.core.providers.hetzner import Hetzner
from machina_desktop.core.secret import Secret
from machina_desktop.core.services import inventory
from machina_desktop.core.services.device import LockVault
from machina_desktop.core.services.inventory import Listed, ListInstances
from machina_desktop.core.services.key_sync import SyncKey, UnsyncKey
from machina_desktop.core.services.keys import DeleteKey, GenerateKey, GetKey
from machina_desktop.core.services.offers import FRESH, ListCatalogue
from machina_desktop.core.services.providers import AddAccount, ListAccounts, UpdateAccount, VerifyAccount
from machina_desktop.core.workers import account_checks
from machina_desktop.core.workers.account_checks import EVERY, AccountChecks
from tests.fakes.clouds.hetzner import Hetzner as Fake
from tests.fakes.clouds.served import Fault, serving
from tests.fakes.clouds.stage import PACE, PATIENCE, TOKEN, WAITS
from tests.fakes.hosts import Core, core
from tests.fakes.provider import install


@dataclass
class Site:
    """A started host with accounts at clouds that are stand-ins."""

    made: Core
    stack: ExitStack
    clouds: list[Fake] = field(default_factory=list)

    async def account(self, label: str = "Acme", *, machines: int = 0) -> ProviderAccount:
        """An account, and last in :attr:`clouds` what stands behind it."""
        cloud = self.stack.enter_context(serving(Fake(token=TOKEN)))
        cloud.add_machines(machines)
        fields = {"api_token": Secret(TOKEN), "endpoint": Secret(cloud.url)}
        ask = AddAccount(
            team_id=self.made.team_id, type=ProviderType.HETZNER, label=label, fields=fields, colour="teal"
        )
        account = await self.made.call(ask)
        self.clouds.append(cloud)
        return account

    async def listed(self, *accounts: ProviderAccount) -> tuple[Listed, ...]:
        """What those accounts have; all without any."""
        ids = tuple(account.provider_account_id for account in accounts)
        return await self.made.call(ListInstances(team_id=self.made.team_id, account_ids=ids))

    async def stored(self) -> ProviderAccount:
        """The one account as it stands."""
        (account,) = await self.made.call(ListAccounts(team_id=self.made.team_id))
        return account

    def age(self, by: timedelta) -> None:
        """Let the kept catalogue be that old."""
        at = (now() - by).isoformat().replace("+00:00", "Z")
        ((text,),) = self.made.sql("SELECT catalogue FROM stored_catalogue")
        head, _, _ = str(text).rpartition('"fetched_at":')
        self.made.sql("UPDATE stored_catalogue SET catalogue = ?", f'{head}"fetched_at":"{at}"}}')


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    known = registry.PROVIDERS[ProviderType.HETZNER]
    try:
        with ExitStack() as stack:
            async with core(tmp_path / "home") as made:
                install(Hetzner(pace=PACE, waits=WAITS, patience=PATIENCE))
                yield Site(made, stack)
    finally:
        registry.PROVIDERS[ProviderType.HETZNER] = known
        registry.provider_for.cache_clear()


# What an account offers


async def test_a_catalogue_is_asked_for_once_an_hour_and_whenever_somebody_wants_it_anew(site: Site) -> None:
    account = await site.account()
    (cloud,) = site.clouds
    ask = ListCatalogue(account_id=account.provider_account_id)
    first = await site.made.call(ask)
    assert first.sizes
    assert first.fetched_at is not None
    asked = len(cloud.requests)
    assert await site.made.call(ask) == first
    assert len(cloud.requests) == asked
    anew = await site.made.call(ListCatalogue(account_id=account.provider_account_id, refresh=True))
    assert anew.fetched_at is not None
    assert anew.fetched_at > first.fetched_at
    site.age(FRESH + timedelta(minutes=1))
    asked = len(cloud.requests)
    await site.made.call(ask)
    assert len(cloud.requests) > asked


async def test_while_the_provider_is_away_the_last_catalogue_is_answered_however_old(site: Site) -> None:
    account = await site.account()
    first = await site.made.call(ListCatalogue(account_id=account.provider_account_id))
    site.age(timedelta(days=90))
    site.clouds[0].faults.append(Fault(match="GET /v1/", times=999, status=503))
    old = await site.made.call(ListCatalogue(account_id=account.provider_account_id))
    assert old.sizes == first.sizes
    assert old.fetched_at is not None
    assert now() - old.fetched_at > timedelta(days=89)
    with pytest.raises(Unavailable) as caught:
        await site.made.call(ListCatalogue(account_id=account.provider_account_id, refresh=True))
    assert caught.value.code == "E-CLOUD-FAULT"


async def test_credentials_that_are_refused_are_told_rather_than_an_old_catalogue(site: Site) -> None:
    account = await site.account()
    await site.made.call(ListCatalogue(account_id=account.provider_account_id))
    site.age(timedelta(days=1))
    site.clouds[0].token = "another"
    with pytest.raises(Unavailable) as caught:
        await site.made.call(ListCatalogue(account_id=account.provider_account_id))
    assert caught.value.code == "E-CLOUD-DENIED"


async def test_who_may_only_read_sees_a_catalogue_and_keeps_none(site: Site) -> None:
    account = await site.account()
    door = site.made.door(site.made.reader)
    assert (await door.call(ListCatalogue(account_id=account.provider_account_id))).sizes
    assert not site.made.sql("SELECT * FROM stored_catalogue")
    with pytest.raises(Forbidden):
        await door.call(UpdateAccount(account_id=account.provider_account_id, colour="red"))


async def test_an_account_keeps_its_colour_and_its_limits(site: Site) -> None:
    account = await site.account()
    assert account.colour == "teal"
    changed = await site.made.call(UpdateAccount(account_id=account.provider_account_id, label="Acme 2"))
    assert (changed.label, changed.colour) == ("Acme 2", "teal")
    assert (await site.made.call(UpdateAccount(account_id=account.provider_account_id, colour=""))).colour == ""


# What accounts have


async def test_an_account_that_fails_does_not_take_the_others_with_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory, "LIST_S", 2.0)
    for label in ("a good", "b denied", "c slow"):
        await site.account(label, machines=3)
    site.clouds[1].token = "another"
    site.clouds[2].faults.append(Fault(match="GET /v1/servers", times=99, status=0, delay_s=60.0))
    good, denied, slow = await site.listed()
    assert [each.name for each in good.instances] == ["other-0", "other-1", "other-2"]
    assert (good.label, good.problem, good.machine_ids) == ("a good", "", {})
    assert (denied.code, slow.code) == ("E-CLOUD-DENIED", "E-SLOW")
    assert TOKEN not in denied.problem


async def test_four_accounts_of_500_machines_are_asked_at_the_same_time(site: Site) -> None:
    for number in range(4):
        await site.account(f"a{number}", machines=500)
    # Each page of an account is answered when all four accounts are asked for one.
    meeting = site.clouds[0].meet("GET /v1/servers", 4)
    for cloud in site.clouds:
        cloud.meeting = meeting
    assert [len(each.instances) for each in await site.listed()] == [500] * 4


async def test_a_locked_vault_is_told_and_not_each_account(site: Site) -> None:
    await site.account()
    await site.made.call(LockVault())
    with pytest.raises(Locked):
        await site.listed()


async def test_an_account_of_another_team_is_not_asked(site: Site) -> None:
    account = await site.account()
    ask = ListInstances(team_id=site.made.team_id, account_ids=("account-of-nobody", account.provider_account_id))
    with pytest.raises(NotFound):
        await site.made.call(ask)


# Keys


async def test_a_key_is_put_into_an_account_once_and_taken_out_again(site: Site) -> None:
    account = await site.account()
    (cloud,) = site.clouds
    key = await site.made.call(GenerateKey(team_id=site.made.team_id, name="ada"))
    ask = SyncKey(key_id=key.ssh_key_id, account_id=account.provider_account_id)
    for was_there in (False, True):
        synced = await site.made.call(ask)
        (known,) = cloud.keys
        assert synced.key.provider_key_ids == {account.provider_account_id: str(known)}
        assert synced.was_there is was_there
    out = await site.made.call(UnsyncKey(key_id=key.ssh_key_id, account_id=account.provider_account_id))
    assert (out.provider_key_ids, cloud.keys) == ({}, {})


async def test_a_deleted_key_is_taken_out_of_accounts_only_where_that_is_wanted(site: Site) -> None:
    account = await site.account()
    (cloud,) = site.clouds
    for name, from_accounts in (("ada", False), ("bob", True)):
        key = await site.made.call(GenerateKey(team_id=site.made.team_id, name=name))
        await site.made.call(SyncKey(key_id=key.ssh_key_id, account_id=account.provider_account_id))
        await site.made.call(DeleteKey(key_id=key.ssh_key_id, from_accounts=from_accounts))
        with pytest.raises(NotFound):
            await site.made.call(GetKey(key_id=key.ssh_key_id))
    assert len(cloud.keys) == 1


async def test_a_key_stays_where_its_account_cannot_be_asked(site: Site) -> None:
    account = await site.account()
    key = await site.made.call(GenerateKey(team_id=site.made.team_id, name="ada"))
    await site.made.call(SyncKey(key_id=key.ssh_key_id, account_id=account.provider_account_id))
    site.clouds[0].faults.append(Fault(match="DELETE /v1/ssh_keys", times=99, status=500))
    with pytest.raises(Unavailable):
        await site.made.call(DeleteKey(key_id=key.ssh_key_id, from_accounts=True))
    assert (await site.made.call(GetKey(key_id=key.ssh_key_id))).provider_key_ids


async def test_a_key_that_somebody_took_away_at_the_provider_is_missed_at_the_next_check(site: Site) -> None:
    account, other = await site.account(), await site.account("Other")
    key = await site.made.call(GenerateKey(team_id=site.made.team_id, name="ada"))
    for each in (account, other):
        await site.made.call(SyncKey(key_id=key.ssh_key_id, account_id=each.provider_account_id))
    site.clouds[0].keys.clear()
    for each in (account, other):
        await site.made.call(VerifyAccount(account_id=each.provider_account_id, is_routine=True))
    left = (await site.made.call(GetKey(key_id=key.ssh_key_id))).provider_key_ids
    assert list(left) == [other.provider_account_id]


async def test_a_key_stays_known_where_an_account_does_not_tell_which_it_has(site: Site) -> None:
    account = await site.account()
    key = await site.made.call(GenerateKey(team_id=site.made.team_id, name="ada"))
    await site.made.call(SyncKey(key_id=key.ssh_key_id, account_id=account.provider_account_id))
    site.clouds[0].faults.append(Fault(match="GET /v1/ssh_keys", times=99, status=403, code="forbidden"))
    checked = await site.made.call(VerifyAccount(account_id=account.provider_account_id))
    assert checked.credential_status is CredentialStatus.VALID
    assert (await site.made.call(GetKey(key_id=key.ssh_key_id))).provider_key_ids


# Verified again


async def overdue(site: Site) -> AccountChecks:
    await site.account()
    at = (now() - EVERY - timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    site.made.sql("UPDATE provider_account SET last_verified_at = ?", at)
    host = site.made.host
    return AccountChecks(host.gateway, host.database, lambda: host.vault.is_open)


async def test_credentials_that_were_withdrawn_show_at_the_next_routine_check(site: Site) -> None:
    checks = await overdue(site)
    site.clouds[0].token = "another"
    await checks.check_due()
    assert (await site.stored()).credential_status is CredentialStatus.INVALID


async def test_a_provider_that_is_away_leaves_an_account_as_it_is(site: Site) -> None:
    checks = await overdue(site)
    before = await site.stored()
    site.clouds[0].faults.append(Fault(match="GET /v1/", times=99, status=503))
    await checks.check_due()
    assert await site.stored() == before
    # Not again at once, although it is still due.
    asked = len(site.clouds[0].requests)
    await checks.check_due()
    assert len(site.clouds[0].requests) == asked
    # A person who asks is told.
    ask = VerifyAccount(account_id=before.provider_account_id)
    assert (await site.made.call(ask)).credential_status is CredentialStatus.UNKNOWN


async def test_checks_go_on_after_a_look_that_failed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_checks, "LOOK_S", 0.01)
    looks, has_looked_again = 0, asyncio.Event()

    def is_open() -> bool:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise Unavailable("The database is away.", hint="Wait.")
        has_looked_again.set()
        return False

    checking = asyncio.create_task(AccountChecks(site.made.host.gateway, site.made.host.database, is_open).run())
    await asyncio.wait_for(has_looked_again.wait(), 20)
    checking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await checking


async def test_what_was_verified_a_while_ago_or_lies_in_a_locked_vault_is_left_alone(site: Site) -> None:
    checks = await overdue(site)
    asked = len(site.clouds[0].requests)
    await site.made.call(LockVault())
    await checks.check_due()
    site.made.sql("UPDATE provider_account SET last_verified_at = ?", now().isoformat().replace("+00:00", "Z"))
    await checks.check_due()
    assert len(site.clouds[0].requests) == asked
