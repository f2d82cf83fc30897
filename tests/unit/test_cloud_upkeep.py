"""Upkeep at a cloud, end to end: sizes, images, firewalls, and machines that were made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from machina_desktop.cli.rendering import text_of
from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.domain.firewall import FirewallRule, rule_of
from machina_desktop.core.domain.host_pin import REMADE
from machina_desktop.core.domain.machine import PIN, MachineStatus, ProvisioningMethod, in_rescue, out_of_rescue
from machina_desktop.core.errors import Conflict, InvalidInput
from machina_desktop.core.services.deployments import CancelDeployment
from machina_desktop.core.services.firewalls import CreateFirewall, DeleteFirewall, UpdateFirewall
from machina_desktop.core.services.inventory import ImportMachine, ListInstances
from machina_desktop.core.services.machines import DestroyMachine, RebootMachine, RefreshMachine, RetryMachine
from machina_desktop.core.services.terminals import OpenTerminal, PinHostKey
from machina_desktop.core.services.upkeep import (
    RebuildMachine,
    RescueMachine,
    ResizeMachine,
    SetFirewall,
    SnapshotMachine,
)
from machina_desktop.core.services.use_case import Request
from tests.fakes.clouds.served import Fault, Thing
from tests.fakes.rows import AT, machine
from tests.unit import test_cloud_runs

Site = test_cloud_runs.Site
site = test_cloud_runs.site
SUCCEEDED, FAILED = DeploymentState.SUCCEEDED, DeploymentState.FAILED
OLD = "SHA256:" + "o" * 43


async def done(site: Site, ask: Request[Deployment]) -> Deployment:
    """The run of ``ask``, which must have succeeded."""
    run = await site.ended((await site.made.call(ask)).deployment_id)
    assert run.state is SUCCEEDED, "\n".join(await site.made.log(run.deployment_id))
    return run


def only_server(site: Site) -> Thing:
    (server,) = site.cloud.servers.values()
    return server


async def test_a_resize_shows_its_plan_and_then_the_server_has_the_new_type(site: Site) -> None:
    machine_id = (await site.running()).machine_id
    ask = ResizeMachine(machine_id=machine_id, size="cx32")
    await site.made.call(ask)
    planned = await site.made.resting(ask.deployment_id)
    assert planned.plan_summary is not None, await site.made.log(ask.deployment_id)
    assert (planned.plan_summary.add, planned.plan_summary.change, planned.plan_summary.remove) == (0, 1, 0)
    (resource,) = (each for each in planned.plan_summary.resources if each.attributes)
    assert ("server_type", '"cx22"', '"cx32"') in {(each.path, each.before, each.after) for each in resource.attributes}
    assert (await site.made.machine(machine_id)).size == "cx22"

    applied = await site.made.approve(ask.deployment_id)
    assert applied.state is SUCCEEDED, await site.made.log(ask.deployment_id)
    server = only_server(site)
    assert (server["server_type"]["name"], server["primary_disk_size"], server["status"]) == ("cx32", 40, "running")
    machine = await site.made.machine(machine_id)
    assert (machine.size, machine.actual_status) == ("cx32", MachineStatus.RUNNING)


async def test_a_disk_grows_with_the_size_where_that_is_wanted_and_never_shrinks_again(site: Site) -> None:
    machine_id = (await site.running()).machine_id
    assert (await site.made.machine(machine_id)).disk_gb == 40
    await done(site, ResizeMachine(machine_id=machine_id, size="cx32", grow_disk=True, auto_approve=True))
    assert only_server(site)["primary_disk_size"] == 80
    assert (await site.made.machine(machine_id)).disk_gb == 80
    back = await site.made.call(ResizeMachine(machine_id=machine_id, size="cx22", auto_approve=True))
    run = await site.ended(back.deployment_id)
    assert (run.state, run.error_code, run.plan_summary) == (FAILED, "E-DISK-SHRINK", None)
    assert only_server(site)["server_type"]["name"] == "cx32"


async def test_a_disk_that_stayed_lets_the_machine_be_made_smaller_again(site: Site) -> None:
    machine_id = (await site.running()).machine_id
    for size in ("cx32", "cx22"):
        await done(site, ResizeMachine(machine_id=machine_id, size=size, auto_approve=True))
    assert (await site.made.machine(machine_id)).disk_gb == only_server(site)["primary_disk_size"] == 40


async def test_a_disk_that_is_a_thing_of_its_own_grows_with_no_size(site: Site) -> None:
    machine_id = (await site.running()).machine_id
    site.made.sql("UPDATE machine SET provider = 'aws' WHERE machine_id = ?", machine_id)
    with pytest.raises(InvalidInput) as caught:
        await site.made.call(ResizeMachine(machine_id=machine_id, size="t3.large", grow_disk=True))
    assert (caught.value.code, caught.value.field) == ("E-PROVIDER-CANNOT", "grow_disk")
    assert "console" in caught.value.hint


async def test_a_resize_that_is_not_approved_leaves_the_machine_as_it_was(site: Site) -> None:
    machine_id = (await site.running()).machine_id
    ask = ResizeMachine(machine_id=machine_id, size="cx32")
    await site.made.call(ask)
    await site.made.resting(ask.deployment_id)
    await site.made.call(CancelDeployment(deployment_id=ask.deployment_id))
    machine = await site.made.machine(machine_id)
    assert (machine.size, machine.actual_status, machine.desired_status) == (
        "cx22",
        MachineStatus.RUNNING,
        MachineStatus.RUNNING,
    )


async def test_a_resize_that_broke_is_tried_again_towards_the_new_size(site: Site) -> None:
    machine_id = (await site.running()).machine_id
    path = f"POST /v1/servers/{only_server(site)['id']}/actions/change_type"
    site.cloud.faults.append(Fault(match=path, times=9, status=422, code="invalid_input"))
    ask = ResizeMachine(machine_id=machine_id, size="cx32", auto_approve=True)
    await site.made.call(ask)
    assert (await site.ended(ask.deployment_id)).state is FAILED
    machine = await site.made.machine(machine_id)
    assert (machine.size, machine.actual_status) == ("cx32", MachineStatus.ERROR)


async def test_a_size_that_is_not_there_is_refused_before_anything_is_planned(site: Site) -> None:
    machine_id = (await site.running()).machine_id
    ask = ResizeMachine(machine_id=machine_id, size="cx99", auto_approve=True)
    await site.made.call(ask)
    run = await site.ended(ask.deployment_id)
    assert (run.state, run.error_code, run.plan_summary) == (FAILED, "E-OFFER", None)
    assert (await site.made.machine(machine_id)).size == "cx22"


async def test_a_rebuild_puts_another_system_on_it_and_forgets_its_host_key(site: Site) -> None:
    machine_id = (await site.running()).machine_id
    await site.made.call(PinHostKey(machine_id=machine_id, host_key=OLD))
    await done(site, RebuildMachine(machine_id=machine_id, image="ubuntu-24.04"))
    assert only_server(site)["image"]["name"] == "ubuntu-24.04"
    machine = await site.made.machine(machine_id)
    assert (machine.image, machine.host_key, machine.actual_status) == ("ubuntu-24.04", "", MachineStatus.RUNNING)
    assert PIN not in machine.facts
    known = (await site.made.call(OpenTerminal(machine_id=machine_id))).route[-1].known
    assert "web-1 was put there anew on 20" in known
    assert known.endswith("Hetzner Cloud has no way to tell which host keys it printed at its first boot.")


async def test_a_machine_that_a_run_made_anew_keeps_its_pin_and_is_known_to_need_another(site: Site) -> None:
    machine_id = (await site.running()).machine_id
    first = await site.made.call(PinHostKey(machine_id=machine_id, host_key=OLD))
    assert REMADE not in first.facts
    site.cloud.servers.clear()
    await done(site, RefreshMachine(machine_id=machine_id))
    assert REMADE not in (await site.made.machine(machine_id)).facts
    await done(site, RetryMachine(machine_id=machine_id, auto_approve=True))
    machine = await site.made.machine(machine_id)
    assert machine.provider_resource_id != first.provider_resource_id
    assert machine.host_key == OLD
    known = (await site.made.call(OpenTerminal(machine_id=machine_id))).route[-1].known
    assert "The pinned key was accepted by " in known
    assert "web-1 was put there anew by a run on 20" in known


async def test_a_snapshot_is_an_image_of_its_name_in_the_account(site: Site) -> None:
    machine_id = (await site.running()).machine_id
    await done(site, SnapshotMachine(machine_id=machine_id, name="before the upgrade"))
    assert "before the upgrade" in {each["description"] for each in site.cloud.images.values()}
    assert (await site.made.machine(machine_id)).actual_status is MachineStatus.RUNNING


async def test_a_snapshot_that_is_refused_leaves_the_machine_as_it_is(site: Site) -> None:
    machine_id = (await site.running()).machine_id
    path = f"POST /v1/servers/{only_server(site)['id']}/actions/create_image"
    site.cloud.faults.append(Fault(match=path, status=403, code="resource_limit_exceeded"))
    run = await site.ended((await site.made.call(SnapshotMachine(machine_id=machine_id))).deployment_id)
    assert (run.state, run.error_code) == (FAILED, "E-CLOUD-QUOTA")
    assert (await site.made.machine(machine_id)).actual_status is MachineStatus.RUNNING


async def test_the_rescue_system_is_switched_on_and_off(site: Site) -> None:
    machine_id = (await site.running()).machine_id
    for is_on in (True, False):
        await done(site, RescueMachine(machine_id=machine_id, is_on=is_on))
        assert only_server(site)["rescue_enabled"] is is_on
        assert (await site.made.machine(machine_id)).is_in_rescue is is_on


async def test_a_reboot_leaves_the_rescue_system_and_a_look_does_not(site: Site) -> None:
    machine_id = (await site.running()).machine_id
    site.made.sql("UPDATE machine SET ssh_user = 'ada' WHERE machine_id = ?", machine_id)
    own = f"SHA256:{'o' * 43}"
    before = await site.made.call(PinHostKey(machine_id=machine_id, host_key=own))
    await done(site, RescueMachine(machine_id=machine_id))
    assert (await site.made.machine(machine_id)).host_key == ""
    rescue_key = f"SHA256:{'r' * 43}"
    await site.made.call(PinHostKey(machine_id=machine_id, host_key=rescue_key))
    await done(site, RefreshMachine(machine_id=machine_id))
    there = await site.made.machine(machine_id)
    assert (there.is_in_rescue, there.login) == (True, "root")
    assert "machina machines rescue web-1 --no-on" in text_of(there)
    await done(site, RebootMachine(machine_id=machine_id))
    back = await site.made.machine(machine_id)
    assert (back.is_in_rescue, back.login, back.host_key) == (False, "ada", own)
    assert back.facts == before.facts


async def test_a_look_finds_that_somebody_has_left_the_rescue_system_at_the_provider(site: Site) -> None:
    machine_id = (await site.running()).machine_id
    own = f"SHA256:{'o' * 43}"
    await site.made.call(PinHostKey(machine_id=machine_id, host_key=own))
    await done(site, RescueMachine(machine_id=machine_id))
    site.cloud.do_at_its_console(only_server(site), "reset")
    await done(site, RefreshMachine(machine_id=machine_id))
    back = await site.made.machine(machine_id)
    assert (back.is_in_rescue, back.host_key) == (False, own)


def test_a_second_start_of_the_rescue_system_forgets_its_key_and_keeps_the_machines_own() -> None:
    own = f"SHA256:{'o' * 43}"
    there = in_rescue(machine(1, host_key=own, facts={}), AT)
    again = in_rescue(replace(there, host_key="SHA256:rescue"), AT)
    assert (again.host_key, out_of_rescue(again).host_key) == ("", own)


def test_a_system_that_was_put_there_anew_has_no_pin_of_the_old_one() -> None:
    there = in_rescue(machine(1, host_key=f"SHA256:{'o' * 43}", facts={"os": "Debian"}), AT)
    anew = out_of_rescue(there, is_new=True)
    assert (anew.host_key, anew.facts) == ("", {"os": "Debian"})


# Firewalls


async def firewall(site: Site, *rules: str, name: str = "web") -> str:
    ask = CreateFirewall(team_id=site.made.team_id, name=name, rules=tuple(map(rule_of, rules)))
    return (await site.made.call(ask)).profile_id


def ports(site: Site) -> list[str | None]:
    """Of the one firewall there is, which holds the one server."""
    (found,) = site.cloud.firewalls.values()
    assert [each["server"]["id"] for each in found["applied_to"]] == [only_server(site)["id"]]
    return [rule.get("port") for rule in found["rules"]]


async def test_a_machine_is_born_with_the_rules_of_its_firewall(site: Site) -> None:
    profile_id = await firewall(site, "tcp:22", "tcp:443 from 203.0.113.0/24")
    ask = await site.create(firewall_profile_id=profile_id)
    run = await site.ended(ask.deployment_id)
    assert run.state is SUCCEEDED, await site.made.log(ask.deployment_id)
    assert ports(site) == ["22", "443"]
    with pytest.raises(Conflict) as caught:
        await site.made.call(DeleteFirewall(profile_id=profile_id))
    assert caught.value.code == "E-FIREWALL-IN-USE"
    assert "web-1" in caught.value.message
    ending = DestroyMachine(machine_id=ask.machine_id, auto_approve=True)
    await done(site, ending)
    assert not site.cloud.firewalls
    await site.made.call(DeleteFirewall(profile_id=profile_id))


async def test_a_firewall_is_put_before_a_machine_changed_and_taken_away_again(site: Site) -> None:
    machine_id = (await site.running()).machine_id
    assert not site.cloud.firewalls
    profile_id = await firewall(site, "tcp:22")
    await done(site, SetFirewall(machine_id=machine_id, profile_id=profile_id, auto_approve=True))
    assert ports(site) == ["22"]
    assert (await site.made.machine(machine_id)).firewall_profile_id == profile_id

    rules: tuple[FirewallRule, ...] = (rule_of("tcp:22"), rule_of("udp:51820"))
    await site.made.call(UpdateFirewall(profile_id=profile_id, rules=rules))
    assert ports(site) == ["22"]
    await done(site, SetFirewall(machine_id=machine_id, auto_approve=True))
    assert ports(site) == ["22", "51820"]

    await done(site, SetFirewall(machine_id=machine_id, profile_id="", auto_approve=True))
    assert not site.cloud.firewalls
    assert (await site.made.machine(machine_id)).firewall_profile_id is None


# What was made by hand


async def test_a_machine_made_by_hand_is_taken_over_and_nothing_is_destroyed(site: Site) -> None:
    site.cloud.add_machines(1)
    server = only_server(site)
    server["public_net"]["firewalls"] = [{"id": 7, "status": "applied"}]
    server["labels"] = {"env": "prod", "web": ""}
    (listed,) = await site.made.call(ListInstances(team_id=site.made.team_id, is_unmanaged=True))
    (found,) = listed.instances
    account_id = site.account.provider_account_id
    ask = ImportMachine(
        team_id=site.made.team_id, account_id=account_id, resource_id=found.resource_id, name="old", key_ids=()
    )
    await site.made.call(ask)
    planned = await site.made.resting(ask.deployment_id)
    assert planned.plan_summary is not None, await site.made.log(ask.deployment_id)
    plan = planned.plan_summary
    assert (plan.imports, plan.add, plan.remove) == (1, 0, 0)
    assert server["name"] == "other-0"

    run = await site.made.approve(ask.deployment_id)
    assert run.state is SUCCEEDED, await site.made.log(ask.deployment_id)
    assert [each["id"] for each in site.cloud.servers.values()] == [server["id"]]
    assert server["public_net"]["firewalls"] == [{"id": 7, "status": "applied"}]
    machine = await site.made.machine(ask.machine_id)
    assert (machine.actual_status, machine.provisioning_method) == (MachineStatus.RUNNING, ProvisioningMethod.IMPORTED)
    assert (machine.size, machine.region, machine.image) == ("cx22", "nbg1", "debian-12")
    assert machine.tags == ("env:prod", "web")
    assert {"env": "prod", "web": ""}.items() <= server["labels"].items()
    (listed,) = await site.made.call(ListInstances(team_id=site.made.team_id))
    assert listed.machine_ids == {found.resource_id: ask.machine_id}
    again = ImportMachine(team_id=site.made.team_id, account_id=account_id, resource_id=found.resource_id, name="twice")
    with pytest.raises(Conflict) as caught:
        await site.made.call(again)
    assert caught.value.code == "E-ADOPT-KNOWN"
    await done(site, DestroyMachine(machine_id=ask.machine_id, auto_approve=True))
    assert not site.cloud.servers
