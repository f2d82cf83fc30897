"""Ways to unlock the vault are added, changed and removed through the door, and the command line offers the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from machina_desktop.core.errors import Conflict, InvalidInput, Locked, MachinaError
from machina_desktop.core.events import VaultChanged
from machina_desktop.core.ids import made_at, new_id, now
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.device import (
    AddVaultSlot,
    ChangePassphrase,
    GetVault,
    LockVault,
    RemoveVaultSlot,
    UnlockVault,
    VaultStatus,
)
from machina_desktop.core.services.sessions import ListSessions
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.vault.cipher import Argon2Cost
from tests.fakes.command_line import Machina
from tests.fakes.hosts import Core, core, until

OLD, NEW, WRONG = Secret("correct horse"), Secret("battery staple"), Secret("tr0ub4dor&3")


@pytest_asyncio.fixture
async def here(tmp_path: Path) -> AsyncIterator[Core]:
    async with core(tmp_path / "home") as made:
        # What a passphrase costs by default takes a second each time.
        made.host.vault._slot_keys._cost = Argon2Cost(memory_kib=8, passes=1, lanes=1)
        yield made


@pytest.fixture
def machina(tmp_path: Path) -> Iterator[Machina]:
    made = Machina(tmp_path)
    yield made
    made.end_leftovers()


async def refused(here: Core, ask: Request[VaultStatus]) -> MachinaError:
    with pytest.raises(MachinaError) as caught:
        await here.call(ask)
    return caught.value


async def test_a_way_that_was_added_opens_the_vault(here: Core) -> None:
    status = await here.call(AddVaultSlot(slot="passphrase", passphrase=OLD))
    assert status.slots == ("key-file", "passphrase")
    await here.call(LockVault())
    assert (await here.call(UnlockVault(slot="passphrase", passphrase=OLD))).is_open


async def test_each_way_tells_since_when_it_stands(here: Core) -> None:
    status = await here.call(AddVaultSlot(slot="passphrase", passphrase=OLD))
    assert len(status.since) == len(status.slots)
    assert all(at is not None and timedelta() <= now() - at < timedelta(minutes=1) for at in status.since)


async def test_a_change_is_announced_to_everybody(here: Core) -> None:
    here.events.clear()
    await here.call(AddVaultSlot(slot="passphrase", passphrase=OLD))
    await until(lambda: VaultChanged(True) in here.events)


async def test_the_last_way_stays(here: Core) -> None:
    error = await refused(here, RemoveVaultSlot(slot="key-file"))
    assert isinstance(error, Conflict)
    assert (error.code, error.hint) == ("E-VAULT-LAST-SLOT", "Add another one first.")


async def test_a_removed_way_no_longer_opens_the_vault(here: Core) -> None:
    await here.call(AddVaultSlot(slot="passphrase", passphrase=OLD))
    assert (await here.call(RemoveVaultSlot(slot="key-file"))).slots == ("passphrase",)
    await here.call(LockVault())
    assert (await refused(here, UnlockVault(slot="key-file"))).code == "E-VAULT-NO-SLOT"


async def test_after_a_change_only_the_new_passphrase_opens_the_vault(here: Core) -> None:
    await here.call(AddVaultSlot(slot="passphrase", passphrase=OLD))
    await here.call(ChangePassphrase(current=OLD, new=NEW))
    await here.call(LockVault())
    assert (await refused(here, UnlockVault(slot="passphrase", passphrase=OLD))).code == "E-VAULT-PASSPHRASE"
    assert (await here.call(UnlockVault(slot="passphrase", passphrase=NEW))).is_open


@pytest.mark.parametrize(("current", "new", "field"), [(WRONG, NEW, "current"), (OLD, Secret("short"), "new")])
async def test_a_refused_change_names_its_field(here: Core, current: Secret, new: Secret, field: str) -> None:
    await here.call(AddVaultSlot(slot="passphrase", passphrase=OLD))
    error = await refused(here, ChangePassphrase(current=current, new=new))
    assert isinstance(error, InvalidInput)
    assert error.field == field


async def test_who_guesses_the_old_passphrase_has_to_wait(here: Core) -> None:
    await here.call(AddVaultSlot(slot="passphrase", passphrase=OLD))
    for _ in range(5):
        assert (await refused(here, ChangePassphrase(current=WRONG, new=NEW))).code == "E-VAULT-PASSPHRASE"
    error = await refused(here, ChangePassphrase(current=OLD, new=NEW))
    assert isinstance(error, Locked)
    assert (error.code, error.hint) == ("E-VAULT-WAIT", "Try again in 1 s.")


async def test_a_locked_vault_changes_nothing(here: Core) -> None:
    await here.call(LockVault())
    assert (await refused(here, AddVaultSlot(slot="passphrase", passphrase=OLD))).code == "E-VAULT-LOCKED"
    assert (await refused(here, RemoveVaultSlot(slot="key-file"))).code == "E-VAULT-LOCKED"
    assert (await here.call(GetVault())).slots == ("key-file",)


async def test_this_computer_is_where_one_is_at_work(here: Core) -> None:
    [session] = await here.call(ListSessions())
    assert session.is_current
    assert (session.home, bool(session.name)) == (str(here.paths.home), True)
    assert session.started_at <= now()


def test_an_identifier_tells_when_it_was_made() -> None:
    made = made_at(new_id("slot"))
    assert made is not None
    assert abs(now() - made) < timedelta(seconds=5)
    assert made_at("slot-1") is None


def test_the_command_line_adds_changes_and_removes_ways(machina: Machina, tmp_path: Path) -> None:
    (old, new) = (tmp_path / "old", tmp_path / "new")
    old.write_text("correct horse")
    new.write_text("battery staple")
    assert machina.json("vault", "add-slot", "passphrase", "--passphrase-file", old)["slots"] == [
        "key-file",
        "passphrase",
    ]
    machina.done("vault", "change-passphrase", "--current-file", old, "--new-file", new)
    assert "E-VAULT-PASSPHRASE" in machina.refused(
        "vault", "change-passphrase", "--current-file", old, "--new-file", new
    )
    assert machina.json("vault", "remove-slot", "passphrase", "--yes")["slots"] == ["key-file"]
    assert "E-VAULT-LAST-SLOT" in machina.refused("vault", "remove-slot", "key-file", "--yes")


def test_a_person_at_the_terminal_types_the_passphrases(machina: Machina) -> None:
    with machina.at_terminal("vault", "add-slot", "passphrase") as terminal:
        for prompt in ("New passphrase: ", "The same again: "):
            terminal.wait_for(prompt)
            terminal.type("correct horse\n")
        assert terminal.ended() == 0
    with machina.at_terminal("vault", "change-passphrase") as terminal:
        typed = {"Passphrase of the vault: ": "correct horse", "New passphrase: ": "battery staple"}
        for prompt, passphrase in (typed | {"The same again: ": "battery staple"}).items():
            terminal.wait_for(prompt)
            terminal.type(f"{passphrase}\n")
        assert terminal.ended() == 0, terminal.shown
        assert "battery" not in terminal.shown
