"""A machine like another one, asked for by a person on a computer of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from machina_desktop.core.domain.deployment import DeploymentType
from machina_desktop.core.domain.key import SSHKeyType
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.errors import Conflict, InvalidInput
from machina_desktop.core.services.deployments import ListDeployments
from machina_desktop.core.services.keys import GenerateKey
from machina_desktop.core.services.machines import CopyMachine, CreateMachine
from machina_desktop.core.services.providers import AddAccount
from tests.fakes.hosts import Core, core


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Core]:
    async with core(tmp_path / "home") as started:
        yield started


async def first(made: Core, kind: ProviderType = ProviderType.SANDBOX, **changes: object) -> Machine:
    account = await made.call(AddAccount(team_id=made.team_id, type=kind, label=kind))
    ask = CreateMachine(
        team_id=made.team_id,
        account_id=account.provider_account_id,
        name="web-1",
        tags=("env:prod",),
        notes="The first.",
        bootstrap_script="echo hello",
        is_protected=True,
    )
    return await made.call(replace(ask, **changes))  # type: ignore[arg-type]


async def test_it_has_the_choices_of_the_other_and_the_next_free_name(made: Core) -> None:
    one = await first(made)
    two = await made.call(CopyMachine(machine_id=one.machine_id))
    three = await made.call(CopyMachine(machine_id=one.machine_id))
    assert (two.name, three.name) == ("web-2", "web-3")
    for name in ("provider_account_id", "tags", "notes", "bootstrap_script", "is_protected", "size", "image"):
        assert getattr(two, name) == getattr(one, name)
    assert two.provider_resource_id is None
    runs = await made.call(ListDeployments(team_id=made.team_id, machine_id=two.machine_id))
    assert [run.type for run in runs] == [DeploymentType.CREATE]


async def test_asked_for_twice_it_is_made_once(made: Core) -> None:
    one = await first(made)
    ask = CopyMachine(machine_id=one.machine_id)
    assert await made.call(ask) == await made.call(ask)


async def test_a_name_that_is_taken_is_refused(made: Core) -> None:
    one = await first(made)
    with pytest.raises(Conflict) as refused:
        await made.call(CopyMachine(machine_id=one.machine_id, name="web-1"))
    assert refused.value.code == "E-NAME-TAKEN"


async def test_a_server_that_was_there_already_has_no_copy(made: Core) -> None:
    key = await made.call(GenerateKey(team_id=made.team_id, name="laptop", type=SSHKeyType.ED25519))
    host = {"host": "203.0.113.7", "user": "root", "host_key": "SHA256:" + "k" * 43}
    one = await first(made, ProviderType.BAREMETAL, key_ids=(key.ssh_key_id,), **host)
    with pytest.raises(InvalidInput) as refused:
        await made.call(CopyMachine(machine_id=one.machine_id))
    assert refused.value.code == "E-PROVIDER-CANNOT"
