"""Provider accounts: verified when added, labelled once, sealed, and kept while machines live on them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from machina_desktop.core.domain.provider import AccountField, CredentialStatus, ProviderType, Verification
from machina_desktop.core.errors import Conflict, InvalidInput, Locked, NotFound, Unavailable
from machina_desktop.core.providers.base import Access
from machina_desktop.core.providers.registry import PROVIDERS, provider_for
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.device import LockVault
from machina_desktop.core.services.offers import ListCatalogue
from machina_desktop.core.services.providers import (
    AddAccount,
    DeleteAccount,
    ListAccounts,
    VerifyAccount,
)
from tests.fakes.hosts import Core, core
from tests.fakes.provider import RecordProvider

TOKEN = Secret("token-0123456789-abcdefghij")


class TokenProvider(RecordProvider):
    """Wants a token, and says whether it is the right one."""

    info = replace(
        RecordProvider.info,
        account_fields=(
            AccountField(name="token", title="Token", is_secret=True, is_required=True),
            AccountField(name="area", title="Area"),
        ),
    )

    async def verify(self, access: Access) -> Verification:
        if access.secrets["token"] == TOKEN:
            return Verification(status=CredentialStatus.VALID, identity="me", scopes=("all",))
        return Verification(status=CredentialStatus.INVALID, reason="The token is wrong.")


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Core]:
    async with core(tmp_path / "home", provider=TokenProvider()) as started:
        yield started


def adding(made: Core, label: str = "here", **fields: str) -> AddAccount:
    values = {"token": TOKEN, **{name: Secret(value) for name, value in fields.items()}}
    return AddAccount(team_id=made.team_id, type=ProviderType.SANDBOX, label=label, fields=values)


async def test_an_account_is_verified_and_its_secret_sealed(made: Core) -> None:
    account = await made.call(adding(made, area="north"))
    assert account.credential_status is CredentialStatus.VALID
    assert (account.identity, account.scopes, account.settings) == ("me", ("all",), {"area": "north"})
    assert account.last_verified_at is not None
    [(field, envelope)] = made.sql("SELECT field, envelope FROM sealed")
    assert field == "token"
    assert isinstance(envelope, bytes)
    assert envelope.startswith(b"MVE1")
    assert TOKEN.reveal().encode() not in made.paths.database.read_bytes()


async def test_an_account_whose_credentials_are_wrong_is_kept_and_says_so(made: Core) -> None:
    account = await made.call(adding(made, token="wrong-token-value"))
    assert account.credential_status is CredentialStatus.INVALID
    assert account.status_reason == "The token is wrong."
    again = await made.call(VerifyAccount(account_id=account.provider_account_id))
    assert again.credential_status is CredentialStatus.INVALID


async def test_a_repeated_request_adds_nothing(made: Core) -> None:
    ask = adding(made)
    first = await made.call(ask)
    assert await made.call(ask) == first
    assert await made.call(ListAccounts(team_id=made.team_id)) == (first,)


async def test_a_label_that_is_taken_is_refused_and_nothing_is_sealed(made: Core) -> None:
    await made.call(adding(made))
    with pytest.raises(Conflict) as caught:
        await made.call(adding(made, " here "))
    assert caught.value.code == "E-LABEL-TAKEN"
    assert made.sql("SELECT count(*) FROM sealed") == [(1,)]


@pytest.mark.parametrize("label", ["", "  ", "x" * 101, "a\nb", "a\0b", "a\u202eb", "\udcff"], ids=ascii)
async def test_a_label_nobody_could_read_is_refused(made: Core, label: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await made.call(adding(made, label))
    assert caught.value.field == "label"
    assert await made.call(ListAccounts(team_id=made.team_id)) == ()


@pytest.mark.parametrize("label", ["🦄", "Ünïcödé", '${file("/etc/passwd")}', "x" * 100, "'; DROP TABLE machine"])
async def test_a_label_is_any_printable_text(made: Core, label: str) -> None:
    assert (await made.call(adding(made, label))).label == label


async def test_a_field_that_is_missing_or_unknown_is_named(made: Core) -> None:
    for fields, field in (({}, "token"), ({"token": TOKEN, "password": TOKEN}, "password")):
        with pytest.raises(InvalidInput) as caught:
            await made.call(AddAccount(team_id=made.team_id, type=ProviderType.SANDBOX, label="x", fields=fields))
        assert caught.value.field == field


async def test_a_provider_this_version_does_not_know_is_refused(made: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(PROVIDERS, ProviderType.AWS)
    provider_for.cache_clear()
    with pytest.raises(InvalidInput) as caught:
        await made.call(replace(adding(made), type=ProviderType.AWS))
    assert caught.value.code == "E-PROVIDER-UNKNOWN"


async def test_with_the_vault_locked_no_account_is_added(made: Core) -> None:
    await made.call(LockVault())
    with pytest.raises(Locked) as caught:
        await made.call(adding(made))
    assert caught.value.code == "E-VAULT-LOCKED"
    assert await made.call(ListAccounts(team_id=made.team_id)) == ()


async def test_an_account_with_machines_cannot_be_deleted(made: Core) -> None:
    account = await made.call(adding(made))
    made._account = account
    ask = await made.create()
    with pytest.raises(Conflict) as caught:
        await made.call(DeleteAccount(account_id=account.provider_account_id))
    assert caught.value.code == "E-ACCOUNT-IN-USE"
    made.sql("UPDATE machine SET actual_status = 'terminated' WHERE machine_id = ?", ask.machine_id)
    await made.call(DeleteAccount(account_id=account.provider_account_id))
    assert await made.call(ListAccounts(team_id=made.team_id)) == ()


async def test_a_deleted_account_leaves_no_envelope(made: Core) -> None:
    account = await made.call(adding(made))
    await made.call(DeleteAccount(account_id=account.provider_account_id))
    assert made.sql("SELECT count(*) FROM sealed") == [(0,)]
    with pytest.raises(NotFound):
        await made.call(VerifyAccount(account_id=account.provider_account_id))


async def test_an_envelope_of_another_account_does_not_open(made: Core) -> None:
    one, two = await made.call(adding(made, "one")), await made.call(adding(made, "two"))
    made.sql("DELETE FROM sealed WHERE record_id = ?", one.provider_account_id)
    made.sql("UPDATE sealed SET record_id = ?", one.provider_account_id)
    with pytest.raises(Unavailable) as caught:
        await made.call(ListCatalogue(account_id=one.provider_account_id))
    assert caught.value.code.startswith("E-VAULT")
    assert two.label == "two"


async def test_accounts_are_listed_by_label(made: Core) -> None:
    for label in ("b", "a", "c"):
        await made.call(adding(made, label))
    listed = await made.call(ListAccounts(team_id=made.team_id))
    assert [account.label for account in listed] == ["a", "b", "c"]
    assert await made.call(ListAccounts(team_id=made.team_id, type=ProviderType.BAREMETAL)) == ()


async def test_the_choices_of_an_account_are_not_those_of_another_provider(made: Core) -> None:
    account = await made.call(adding(made))
    with pytest.raises(InvalidInput) as caught:
        await made.call(ListCatalogue(account_id=account.provider_account_id, type=ProviderType.BAREMETAL))
    assert caught.value.field == "account_id"
