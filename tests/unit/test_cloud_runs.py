"""Runs at a cloud, end to end: real Terraform, a plugin of ours for the provider's, and a stand-in for its API."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from machina_desktop.core.config import PLUGIN_MIRROR
from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.domain.machine import MachineStatus, TerraformStateStatus
from machina_desktop.core.domain.provider import Catalogue, CredentialStatus, ProviderAccount, ProviderType
from machina_desktop.core.providers import registry
from machina_desktop.core.providers.base import Access
from machina_desktop.core.providers.hetzner import Hetzner
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.firewalls import CreateFirewall
from machina_desktop.core.services.keys import GenerateKey, GetKey
from machina_desktop.core.services.machines import (
    CreateMachine,
    DestroyMachine,
    RebootMachine,
    RefreshMachine,
    RetryMachine,
    StopMachine,
)
from machina_desktop.core.services.providers import AddAccount, ListAccounts
from machina_desktop.core.terraform.workspace import init_lock
from machina_desktop.core.workers import deployer as deployer_module
from tests.fakes.clouds.hetzner import Hetzner as Fake
from tests.fakes.clouds.served import Fault, serving
from tests.fakes.clouds.stage import PACE, PATIENCE, TOKEN, WAITS
from tests.fakes.hosts import Core, contents, core, until
from tests.fakes.plugin import mirror
from tests.fakes.provider import install

SUCCEEDED, FAILED = DeploymentState.SUCCEEDED, DeploymentState.FAILED


@dataclass
class Site:
    """A started host with an account at a cloud that is a stand-in."""

    made: Core
    cloud: Fake
    account: ProviderAccount
    key_id: str

    async def create(self, name: str = "web-1", *, auto_approve: bool = True, **changes: object) -> CreateMachine:
        """Ask for a machine."""
        wanted: dict[str, object] = {"region": "nbg1", "size": "cx22", "image": "debian-12", **changes}
        ask = CreateMachine(
            team_id=self.made.team_id,
            account_id=self.account.provider_account_id,
            name=name,
            key_ids=(self.key_id,),
            auto_approve=auto_approve,
            **wanted,  # type: ignore[arg-type]
        )
        await self.made.call(ask)
        return ask

    async def ended(self, deployment_id: str) -> Deployment:
        """The run, when it has ended."""
        return await self.made.ended(deployment_id)

    async def failed(self, ask: CreateMachine) -> Deployment:
        """The run, which must have failed."""
        run = await self.ended(ask.deployment_id)
        assert run.state is FAILED, await self.made.log(ask.deployment_id)
        return run

    async def running(self, name: str = "web-1") -> CreateMachine:
        """A machine that runs."""
        ask = await self.create(name)
        run = await self.ended(ask.deployment_id)
        assert run.state is SUCCEEDED, await self.made.log(ask.deployment_id)
        return ask


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setattr(deployer_module, "LOOK_S", 0.1)
    known = registry.PROVIDERS[ProviderType.HETZNER]
    mirror.install(tmp_path / "plugins", "hcloud", (sys.executable, "-m", "tests.fakes.plugin.hcloud"))
    try:
        with serving(Fake(token=TOKEN)) as cloud:
            async with core(tmp_path / "home", deployer=True) as made:
                install(Hetzner(pace=PACE, waits=WAITS, patience=PATIENCE))
                made.host.settings.set(PLUGIN_MIRROR, str(tmp_path / "plugins"))
                fields = {"api_token": Secret(TOKEN), "endpoint": Secret(cloud.url)}
                ask = AddAccount(team_id=made.team_id, type=ProviderType.HETZNER, label="Acme", fields=fields)
                account = await made.call(ask)
                key = await made.call(GenerateKey(team_id=made.team_id, name="ada"))
                yield Site(made, cloud, account, key.ssh_key_id)
    finally:
        registry.PROVIDERS[ProviderType.HETZNER] = known
        registry.provider_for.cache_clear()


async def test_a_whole_life_from_plan_to_destroy(site: Site) -> None:
    made, cloud = site.made, site.cloud
    ask = await site.create(auto_approve=False, tags=("web", "env:prod"))
    planned = await made.resting(ask.deployment_id)
    assert planned.state is DeploymentState.AWAITING_APPROVAL, planned.error_message
    assert planned.plan_summary is not None
    assert planned.plan_summary.add == 1
    assert not cloud.servers

    applied = await made.approve(ask.deployment_id)
    assert applied.state is SUCCEEDED, await made.log(ask.deployment_id)
    (server,) = cloud.servers.values()
    machine = await made.machine(ask.machine_id)
    assert machine.actual_status is MachineStatus.RUNNING
    assert machine.provider_resource_id == str(server["id"])
    assert machine.public_ip == server["public_net"]["ipv4"]["ip"]
    assert server["labels"]["machina-machine"] == ask.machine_id
    assert server["labels"]["env"] == "prod"
    (key_id,) = cloud.keys
    key = await made.call(GetKey(key_id=site.key_id))
    assert key.provider_key_ids == {site.account.provider_account_id: str(key_id)}

    # What changes there is seen, and nothing is put right by itself.
    server["server_type"] = {**server["server_type"], "name": "cx32"}
    refreshed = await site.ended((await made.call(RefreshMachine(machine_id=ask.machine_id))).deployment_id)
    assert refreshed.state is SUCCEEDED, refreshed.error_message
    assert refreshed.plan_summary is not None
    assert refreshed.plan_summary.drift

    ending = await made.call(DestroyMachine(machine_id=ask.machine_id, auto_approve=True))
    destroyed = await site.ended(ending.deployment_id)
    assert destroyed.state is SUCCEEDED, await made.log(ending.deployment_id)
    assert not cloud.servers
    assert (await made.machine(ask.machine_id)).terraform_state_status is TerraformStateStatus.NONE


async def test_the_second_machine_uses_the_key_that_the_first_has_put_there(site: Site) -> None:
    await site.running("web-1")
    await site.running("web-2")
    assert len(site.cloud.keys) == 1
    assert len(site.cloud.servers) == 2


class Naming(Hetzner):
    """A cloud whose images let in a name of their own, as those of AWS do."""

    async def catalogue(self, access: Access) -> Catalogue:
        offered = await super().catalogue(access)
        return replace(offered, images=tuple(replace(image, user="admin") for image in offered.images))


async def test_whom_an_image_lets_in_is_noted(site: Site) -> None:
    install(Naming(pace=PACE, waits=WAITS, patience=PATIENCE))
    ask = await site.running()
    assert (await site.made.machine(ask.machine_id)).ssh_user == "admin"


async def test_power_goes_to_the_api_and_the_record_follows(site: Site) -> None:
    made = site.made
    ask = await site.running()
    stopped = await site.ended((await made.call(StopMachine(machine_id=ask.machine_id))).deployment_id)
    assert stopped.state is SUCCEEDED, stopped.error_message
    (server,) = site.cloud.servers.values()
    assert server["status"] == "off"
    machine = await made.machine(ask.machine_id)
    assert machine.actual_status is machine.desired_status is MachineStatus.STOPPED
    log = await made.log(stopped.deployment_id)
    assert not [line for line in log if "not refreshed" in line]
    # It agrees already: a refresh finds nothing that anybody would have to look at.
    again = await site.ended((await made.call(RefreshMachine(machine_id=ask.machine_id))).deployment_id)
    assert again.plan_summary is not None
    assert not again.plan_summary.drift


async def test_a_reboot_leaves_it_running(site: Site) -> None:
    ask = await site.running()
    run = await site.ended((await site.made.call(RebootMachine(machine_id=ask.machine_id))).deployment_id)
    assert run.state is SUCCEEDED, run.error_message
    assert (await site.made.machine(ask.machine_id)).actual_status is MachineStatus.RUNNING


async def test_a_token_that_was_withdrawn_fails_before_anything_is_planned(site: Site) -> None:
    site.cloud.faults.append(Fault(match="GET /v1/servers", times=99, status=401, code="unauthorized"))
    ask = await site.create()
    run = await site.failed(ask)
    assert run.error_code == "E-ACCOUNT-INVALID"
    assert run.plan_summary is None
    (account,) = await site.made.call(ListAccounts(team_id=site.made.team_id))
    assert account.credential_status is CredentialStatus.INVALID


async def test_a_token_that_may_only_read_fails_before_anything_is_planned(site: Site) -> None:
    site.cloud.token, site.cloud.read_token = "another", TOKEN
    run = await site.failed(await site.create())
    assert (run.error_code, run.plan_summary) == ("E-ACCOUNT-READS", None)


async def test_a_token_that_is_withdrawn_while_the_plan_waits_fails_before_anything_is_applied(site: Site) -> None:
    ask = await site.create(auto_approve=False)
    await site.made.resting(ask.deployment_id)
    site.cloud.faults.append(Fault(match="GET /v1/servers", times=99, status=401, code="unauthorized"))
    run = await site.made.approve(ask.deployment_id)
    assert (run.state, run.error_code) == (FAILED, "E-ACCOUNT-INVALID")
    assert not site.cloud.servers


async def test_a_token_that_is_withdrawn_while_things_are_made_is_known_for_it_and_what_was_made_is_kept(
    site: Site,
) -> None:
    ask = await site.create(auto_approve=False)
    await site.made.resting(ask.deployment_id)

    async def withdraw() -> None:
        site.cloud.held = True
        await until(lambda: bool(site.cloud.servers), what="a server")
        site.cloud.token = "another"

    run, _ = await asyncio.gather(site.made.approve(ask.deployment_id), withdraw())
    assert (run.state, run.error_code) == (FAILED, "E-TF-APPLY")
    (account,) = await site.made.call(ListAccounts(team_id=site.made.team_id))
    assert account.credential_status is CredentialStatus.INVALID
    machine = await site.made.machine(ask.machine_id)
    assert machine.terraform_state_status is not TerraformStateStatus.NONE
    assert len(site.cloud.servers) == 1


async def test_what_is_sold_out_fails_before_anything_is_planned(site: Site) -> None:
    run = await site.failed(await site.create(size="cx99"))
    assert (run.error_code, run.plan_summary) == ("E-OFFER", None)
    assert "cx22" in run.error_hint


async def test_the_first_fallback_that_is_to_be_had_is_made_instead_of_what_is_sold_out(site: Site) -> None:
    site.cloud.sold_out.update({"cx22@nbg1", "cx32"})
    ask = await site.create(fallbacks=("cx32", "cx22@hel1", "cpx11"))
    run = await site.ended(ask.deployment_id)
    assert run.state is SUCCEEDED, await site.made.log(ask.deployment_id)
    machine = await site.made.machine(ask.machine_id)
    (server,) = site.cloud.servers.values()
    assert (machine.size, machine.region, server["location"]["name"]) == ("cx22", "hel1", "hel1")
    assert any("cx22 in hel1 is taken instead" in line for line in await site.made.log(ask.deployment_id))


async def test_where_nothing_is_to_be_had_the_run_says_so_before_anything_is_planned(site: Site) -> None:
    site.cloud.sold_out.update({"cx22", "cx32"})
    run = await site.failed(await site.create(fallbacks=("cx32", "@hel1")))
    assert (run.error_code, run.plan_summary) == ("E-CLOUD-SOLD-OUT", None)
    assert "cx32@nbg1, cx22@hel1" in (run.error_message or "")


async def test_a_machine_that_was_deleted_there_is_bought_again_as_what_is_to_be_had(site: Site) -> None:
    ask = await site.create(fallbacks=("cx32",))
    assert (await site.ended(ask.deployment_id)).state is SUCCEEDED, await site.made.log(ask.deployment_id)
    site.made.sql("UPDATE machine SET actual_status = 'error' WHERE machine_id = ?", ask.machine_id)
    site.cloud.servers.clear()
    site.cloud.sold_out.add("cx22@nbg1")
    again = await site.made.call(RetryMachine(machine_id=ask.machine_id, auto_approve=True))
    run = await site.ended(again.deployment_id)
    assert run.state is SUCCEEDED, await site.made.log(again.deployment_id)
    (server,) = site.cloud.servers.values()
    assert ((await site.made.machine(ask.machine_id)).size, server["server_type"]["name"]) == ("cx32", "cx32")


async def test_a_machine_that_is_there_without_our_marks_stays_what_it_is(site: Site) -> None:
    ask = await site.create(fallbacks=("cx32",))
    assert (await site.ended(ask.deployment_id)).state is SUCCEEDED, await site.made.log(ask.deployment_id)
    site.made.sql("UPDATE machine SET actual_status = 'error' WHERE machine_id = ?", ask.machine_id)
    (server,) = site.cloud.servers.values()
    server["labels"] = {}
    site.cloud.sold_out.add("cx22@nbg1")
    again = await site.made.call(RetryMachine(machine_id=ask.machine_id, auto_approve=True))
    run = await site.ended(again.deployment_id)
    assert run.state is SUCCEEDED, await site.made.log(again.deployment_id)
    (server_id,) = site.cloud.servers
    assert (server_id, (await site.made.machine(ask.machine_id)).size) == (server["id"], "cx22")


async def test_a_half_made_machine_is_not_given_up_where_its_size_is_sold_out_by_now(site: Site) -> None:
    ask = await site.create(auto_approve=False)
    await site.made.resting(ask.deployment_id)

    async def withdraw() -> None:
        site.cloud.held = True
        await until(lambda: bool(site.cloud.servers), what="a server")
        site.cloud.token = "another"

    await asyncio.gather(site.made.approve(ask.deployment_id), withdraw())
    site.cloud.token, site.cloud.held = TOKEN, False
    site.cloud.sold_out.add("cx22@nbg1")
    kept = set(site.cloud.servers)
    again = await site.made.call(RetryMachine(machine_id=ask.machine_id, auto_approve=True))
    run = await site.ended(again.deployment_id)
    assert (run.state, run.error_code) == (FAILED, "E-CLOUD-SOLD-OUT"), await site.made.log(again.deployment_id)
    assert set(site.cloud.servers) == kept


async def test_the_plugins_of_the_first_run_are_those_of_all_later_ones(site: Site) -> None:
    await site.running("web-1")
    # The same version with other content, as a mirror or a registry that was broken into would serve it.
    change_plugin(Path(site.made.host.settings.get(PLUGIN_MIRROR)))
    run = await site.failed(await site.create("web-2"))
    assert run.error_code == "E-TF-LOCK"
    assert "checksum" in (run.error_message or "")
    assert len(site.cloud.servers) == 1


async def test_of_two_first_runs_at_once_both_get_the_plugins_of_the_one_that_was_first(site: Site) -> None:
    text = (
        'provider "registry.terraform.io/hetznercloud/hcloud" {\n  version = "1.52.0"\n  hashes = ["h1:'
        + "A" * 43
        + '="]\n}\n'
    )
    async with init_lock(site.made.paths.plugin_cache):
        ask = await site.create()
        # What was found before the plan is the last that it asks for; its account had no lock file then.
        await until(lambda: any("label_selector" in each.query for each in site.cloud.requests), what="its search")
        row = (f"{site.account.provider_account_id}:terraform", site.made.team_id, site.account.provider_account_id)
        site.made.sql("INSERT INTO lock_file VALUES (?, ?, ?, 'terraform', ?, ?)", *row, text, "2026-11-23T00:00:00Z")
    assert (await site.failed(ask)).error_code == "E-TF-LOCK"
    assert not site.cloud.servers


def change_plugin(folder: Path) -> None:
    plugin = next(folder.glob("**/terraform-provider-hcloud*"))
    plugin.write_text(plugin.read_text() + "# changed\n")


async def test_a_machine_that_a_broken_run_has_made_is_found_by_its_mark_and_taken_over(site: Site) -> None:
    """The API makes the machine and answers 500: Terraform knows of none. It was the last one of its size."""
    site.cloud.faults.append(Fault(match="POST /v1/servers", status=500, after=True))
    ask = await site.create(fallbacks=("cx32",))
    await site.failed(ask)
    assert len(site.cloud.servers) == 1
    site.cloud.sold_out.add("cx22")
    again = await site.made.call(RetryMachine(machine_id=ask.machine_id, auto_approve=True))
    run = await site.ended(again.deployment_id)
    assert run.state is SUCCEEDED, await site.made.log(again.deployment_id)
    assert run.plan_summary is not None
    assert (run.plan_summary.imports, run.plan_summary.remove) == (1, 0)
    (server_id,) = site.cloud.servers
    machine = await site.made.machine(ask.machine_id)
    assert (machine.provider_resource_id, machine.size) == (str(server_id), "cx22")


async def test_a_firewall_that_a_broken_run_has_made_is_found_by_its_name_and_taken_over(site: Site) -> None:
    ask = CreateFirewall(team_id=site.made.team_id, name="web", template="web")
    profile = await site.made.call(ask)
    site.cloud.faults.append(Fault(match="POST /v1/firewalls", status=500, after=True))
    made = await site.create(firewall_profile_id=profile.profile_id)
    await site.failed(made)
    again = await site.made.call(RetryMachine(machine_id=made.machine_id, auto_approve=True))
    run = await site.ended(again.deployment_id)
    assert run.state is SUCCEEDED, await site.made.log(again.deployment_id)
    assert run.plan_summary is not None
    assert (run.plan_summary.imports, run.plan_summary.remove) == (1, 0)
    assert (len(site.cloud.servers), len(site.cloud.firewalls)) == (1, 1)


async def test_two_machines_with_the_same_mark_are_left_to_a_person(site: Site) -> None:
    site.cloud.faults.append(Fault(match="POST /v1/servers", status=500, after=True))
    ask = await site.create()
    await site.failed(ask)
    (server,) = site.cloud.servers.values()
    site.cloud.servers[server["id"] + 500] = {**server, "id": server["id"] + 500, "name": "web-1-again"}
    again = await site.made.call(RetryMachine(machine_id=ask.machine_id, auto_approve=True))
    run = await site.ended(again.deployment_id)
    assert (run.state, run.error_code) == (FAILED, "E-ADOPT-TWO")
    assert "web-1-again" in (run.error_message or "")


async def test_no_token_is_left_anywhere_after_a_life(site: Site) -> None:
    ask = await site.running()
    ending = await site.made.call(DestroyMachine(machine_id=ask.machine_id, auto_approve=True))
    await site.ended(ending.deployment_id)
    await site.made.wiped()
    assert TOKEN.encode() not in site.made.stored()
    assert not [path for path, data in contents(site.made.paths.home) if TOKEN.encode() in data]
