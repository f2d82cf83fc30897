"""Credentials are replaced only by ones that work and are of the same project, wherever the account's secrets lie."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from machina_desktop.core.domain.custody import Custody
from machina_desktop.core.domain.provider import (
    AccountField,
    CredentialStatus,
    Instance,
    ProviderAccount,
    ProviderType,
    Verification,
)
from machina_desktop.core.errors import Conflict, Forbidden, InvalidInput, Locked, MachinaError, Unavailable
from machina_desktop.core.providers.base import Access
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.account_credentials import CheckCredentials, ReplaceCredentials
from machina_desktop.core.services.device import LockVault
from machina_desktop.core.services.providers import AddAccount, ListAccounts, VerifyAccount
from tests.fakes.hosts import Core, core
from tests.fakes.provider import RecordProvider, install
from tests.fakes.server import Site, settled
from tests.fakes.shared_desks import Desk, desk

TOKEN, ROTATED = "token-0123456789-abcdefghij", "token-9876543210-jihgfedcba"
FOREIGN = "token-of-another-project-42"


class Rotating(RecordProvider):
    """Knows two tokens of one project and one of another.

    Attributes:
        is_away: It cannot be asked.
        resources: What is in the first project.
    """

    main_resource = "machine.machine"
    info = replace(
        RecordProvider.info,
        account_fields=(
            AccountField(name="api_token", title="Token", is_secret=True, is_required=True, way="Token"),
            AccountField(name="profile", title="Profile", is_required=True, way="Profile"),
            AccountField(name="read_token", title="Read-only token", is_secret=True),
            AccountField(name="region", title="Region"),
        ),
    )

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False
        self.resources: list[str] = []
        self.asked_with: list[str] = []

    async def verify(self, access: Access) -> Verification:
        if self.is_away:
            return Verification(status=CredentialStatus.UNKNOWN, reason="It does not answer.")
        token = access.secrets.get("api_token", Secret(access.settings.get("profile", ""))).reveal()
        self.asked_with.append(token)
        if token not in {TOKEN, ROTATED, FOREIGN}:
            return Verification(status=CredentialStatus.INVALID, reason="The token is wrong.")
        whose = "project 2" if token == FOREIGN else "project 1"
        return Verification(status=CredentialStatus.VALID, identity=whose, scopes=tuple(access.secrets))

    async def instances(self, access: Access) -> tuple[Instance, ...]:
        is_first = access.secrets["api_token"].reveal() != FOREIGN
        return tuple(Instance(resource_id=each, name=each) for each in (self.resources if is_first else ["other"]))


@pytest.fixture
def provider() -> Rotating:
    return Rotating()


@pytest.fixture
async def made(tmp_path: Path, provider: Rotating) -> AsyncIterator[Core]:
    async with core(tmp_path / "home", provider=provider) as started:
        yield started


async def added(made: Core, **fields: str) -> ProviderAccount:
    given = {name: Secret(value) for name, value in {"api_token": TOKEN, **fields}.items()}
    made._account = await made.call(
        AddAccount(team_id=made.team_id, type=ProviderType.SANDBOX, label="cloud", fields=given)
    )
    return made._account


def replacing(account: ProviderAccount, *, confirm: str = "", **fields: str) -> ReplaceCredentials:
    return ReplaceCredentials(
        account_id=account.provider_account_id,
        fields={name: Secret(value) for name, value in fields.items()},
        save_unverified=confirm == "unverified",
        save_elsewhere=confirm == "elsewhere",
    )


async def refused(made: Core | Desk, ask: ReplaceCredentials, error: type[MachinaError] = Unavailable) -> MachinaError:
    with pytest.raises(error) as caught:
        await made.call(ask)
    return caught.value


async def works_with(made: Core | Desk, provider: Rotating, account: ProviderAccount) -> str:
    provider.asked_with.clear()
    await made.call(VerifyAccount(account_id=account.provider_account_id))
    (token,) = provider.asked_with
    return token


async def test_a_rotated_token_takes_the_place_of_the_old_one(made: Core, provider: Rotating) -> None:
    account = await added(made, region="north", read_token="reading-0123456789")
    changed = await made.call(replacing(account, api_token=ROTATED))
    assert (changed.credential_status, changed.identity) == (CredentialStatus.VALID, "project 1")
    assert (changed.settings, changed.scopes) == ({"region": "north"}, ("api_token", "read_token"))
    assert await works_with(made, provider, account) == ROTATED
    assert not {each for each in (TOKEN, ROTATED) if each.encode() in made.stored()}
    [event] = [each for each in await made.audit() if each.action == "provider_account.replace_credentials"]
    assert (event.target, event.detail) == (f"provider_account:{account.provider_account_id}", "api_token")


async def test_a_setting_changes_alone_and_what_is_empty_goes(made: Core, provider: Rotating) -> None:
    account = await added(made, region="north", read_token="reading-0123456789")
    changed = await made.call(replacing(account, region="south", read_token=""))
    assert (changed.settings, changed.scopes) == ({"region": "south"}, ("api_token",))
    assert made.sql("SELECT field FROM sealed") == [("api_token",)]


async def test_another_way_to_sign_in_takes_the_place_of_the_first(made: Core, provider: Rotating) -> None:
    account = await added(made)
    changed = await made.call(replacing(account, profile=ROTATED))
    assert (changed.settings, changed.credential_status) == ({"profile": ROTATED}, CredentialStatus.VALID)
    assert made.sql("SELECT count(*) FROM sealed") == [(0,)]
    with pytest.raises(InvalidInput) as caught:
        await made.call(replacing(account, profile=TOKEN, api_token=TOKEN))
    assert "not both" in caught.value.message


async def test_what_the_provider_refuses_changes_nothing(made: Core, provider: Rotating) -> None:
    account = await added(made)
    error = await refused(made, replacing(account, api_token="wrong-token-0123"))
    assert (error.code, error.message) == ("E-ACCOUNT-REFUSED", "The token is wrong.")
    assert await made.call(ListAccounts(team_id=made.team_id)) == (account,)
    assert await works_with(made, provider, account) == TOKEN


async def test_while_the_provider_is_away_they_are_saved_only_when_that_is_said(made: Core, provider: Rotating) -> None:
    account = await added(made)
    provider.is_away = True
    assert (await refused(made, replacing(account, api_token=ROTATED))).code == "E-ACCOUNT-UNVERIFIED"
    changed = await made.call(replacing(account, api_token=ROTATED, confirm="unverified"))
    assert (changed.credential_status, changed.last_verified_at) == (CredentialStatus.UNKNOWN, None)
    provider.is_away = False
    assert await works_with(made, provider, account) == ROTATED


async def test_those_of_another_project_are_refused_while_machines_are_in_the_first(
    made: Core, provider: Rotating
) -> None:
    account = await added(made)
    assert (await made.call(replacing(account, api_token=FOREIGN))).identity == "project 2"
    await made.call(replacing(account, api_token=TOKEN))
    ask = await made.create()
    made.sql("UPDATE machine SET provider_resource_id = 'i-1' WHERE machine_id = ?", ask.machine_id)
    provider.resources = ["i-0", "i-1"]
    error = await refused(made, replacing(account, api_token=FOREIGN), Conflict)
    assert (error.code, "they belong to project 2" in error.message) == ("E-ACCOUNT-ELSEWHERE", True)
    assert (await made.call(replacing(account, api_token=ROTATED))).identity == "project 1"
    moved = await made.call(replacing(account, api_token=FOREIGN, confirm="elsewhere"))
    assert moved.identity == "project 2"
    made.sql("UPDATE machine SET actual_status = 'terminated'")
    assert (await made.call(replacing(account, api_token=TOKEN))).identity == "project 1"


async def test_what_is_tried_is_stored_nowhere(made: Core, provider: Rotating) -> None:
    ask = CheckCredentials(team_id=made.team_id, type=ProviderType.SANDBOX, fields={"api_token": Secret(ROTATED)})
    assert (await made.call(ask)).identity == "project 1"
    assert await made.call(ListAccounts(team_id=made.team_id)) == ()
    account = await added(made, read_token="reading-0123456789")
    found = await made.call(replace(ask, account_id=account.provider_account_id))
    assert found.scopes == ("api_token", "read_token")
    assert await works_with(made, provider, account) == TOKEN


async def test_nothing_is_replaced_without_a_field_the_right_or_an_open_vault(made: Core) -> None:
    account = await added(made)
    for ask, field in (
        (replacing(account), "fields"),
        (replacing(account, password="x"), "password"),
        (replacing(account, api_token=""), "api_token"),
    ):
        with pytest.raises(InvalidInput) as caught:
            await made.call(ask)
        assert caught.value.field == field
    with pytest.raises(Forbidden):
        await made.door(made.reader).call(replacing(account, api_token=ROTATED))
    await made.call(LockVault())
    await refused(made, replacing(account, api_token=ROTATED), Locked)


# Shared teams


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with settled(tmp_path / "server") as at:
        yield at


@pytest.fixture
async def ben(tmp_path: Path, site: Site, provider: Rotating) -> AsyncIterator[Desk]:
    install(provider)
    async with desk(tmp_path / "ben", site, "Ben") as at:
        yield at


async def test_in_a_shared_team_they_stay_on_the_computer_that_keeps_them(
    tmp_path: Path, site: Site, ben: Desk, provider: Rotating
) -> None:
    account = await ben.account(TOKEN, more={"read_token": Secret("reading-0123456789")})
    changed = await ben.call(replacing(account, api_token=ROTATED, read_token=""))
    assert (changed.custody, changed.keeper) == (Custody.LOCAL, ben.device_id)
    assert await works_with(ben, provider, account) == ROTATED
    assert ben.core.sql("SELECT field FROM sealed WHERE record_id = ?", account.provider_account_id) == [("api_token",)]
    assert ROTATED.encode() not in b"".join(ben.line.bodies)
    async with desk(tmp_path / "ada", site, "Ada") as ada:
        error = await refused(ada, replacing(account, api_token=TOKEN), Conflict)
    assert error.code == "E-NOT-HERE"


async def test_what_the_servers_runners_have_is_sealed_for_them_anew(site: Site, ben: Desk) -> None:
    account = await ben.account(TOKEN, custody=Custody.SERVER)
    sealed = "SELECT envelope FROM sealed WHERE record_id = ?"
    before = site.sql(sealed, account.provider_account_id)
    changed = await ben.call(replacing(account, api_token=ROTATED))
    [(envelope,)] = site.sql(sealed, account.provider_account_id)
    assert (changed.custody, changed.keeper) == (Custody.SERVER, ben.device_id)
    assert [(envelope,)] != before


async def test_what_the_home_refuses_leaves_the_former_ones_here(site: Site, ben: Desk, provider: Rotating) -> None:
    account = await ben.account(TOKEN)
    site.sql("DELETE FROM provider_account WHERE provider_account_id = ?", account.provider_account_id)
    with pytest.raises(MachinaError):
        await ben.call(replacing(account, api_token=ROTATED))
    provider.asked_with.clear()
    with pytest.raises(MachinaError):
        await ben.call(VerifyAccount(account_id=account.provider_account_id))
    assert provider.asked_with == [TOKEN]
