"""Scenarios of cloud accounts: what they offer and have, imports, upkeep, firewalls, keys in accounts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from machina_desktop.core.domain.firewall import FirewallDirection, FirewallProtocol, FirewallRule
from machina_desktop.core.domain.provider import Instance
from machina_desktop.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from machina_desktop.core.services import findings, firewalls, inventory, key_sync, keys, machines, providers, upkeep
from machina_desktop.core.services.use_case import Request
from tests.contract.scenarios import scenario
from tests.contract.world import World

Ask = Request[Any]
AT = datetime(2026, 1, 1, tzinfo=UTC)
RULE = FirewallRule(
    direction=FirewallDirection.INBOUND,
    protocol=FirewallProtocol.TCP,
    ports="8000-8100",
    sources=("203.0.113.7/24", "2001:db8::/32"),
    description="Öffentlich ☃",
)


async def cloud_machine(w: World, status: str = "running", **row: object) -> str:
    """A machine whose provider has sizes, images and a rescue system."""
    machine_id = await w.machine(status)
    values = {"provider": "hetzner", "size": "cx22", "image": "debian-12", **row}
    setting = ", ".join(f"{name} = :{name}" for name in values)
    await w.sql(f"UPDATE machine SET {setting} WHERE machine_id = :key", **values, key=machine_id)
    return machine_id


async def cloud_account(w: World) -> str:
    account_id = (await w.spare_account()).provider_account_id
    statement = "UPDATE provider_account SET provider_type = 'hetzner' WHERE provider_account_id = :key"
    await w.sql(statement, key=account_id)
    return account_id


async def firewall(w: World) -> str:
    ask = firewalls.CreateFirewall(team_id=w.team_id, name=w.fresh("firewall"), template="ssh")
    return (await w.here("admin", ask)).profile_id


# Firewalls


@scenario(firewalls.ListFirewallTemplates, who="reader")
async def templates_are_listed(w: World) -> Ask:
    return firewalls.ListFirewallTemplates()


# Accounts


@scenario(providers.UpdateAccount, who="member")
async def an_account_gets_another_label_and_a_colour(w: World) -> Ask:
    account_id = (await w.spare_account()).provider_account_id
    return providers.UpdateAccount(account_id=account_id, label=w.fresh("label"), colour="teal")


@scenario(providers.UpdateAccount, fails=(InvalidInput, "E-INPUT"))
async def a_colour_that_is_none_is_refused(w: World) -> Ask:
    return providers.UpdateAccount(account_id=w.account.provider_account_id, colour="mauve-ish")


@scenario(providers.UpdateAccount, fails=(Conflict, "E-LABEL-TAKEN"))
async def two_accounts_have_not_the_same_label(w: World) -> Ask:
    account_id = (await w.spare_account()).provider_account_id
    return providers.UpdateAccount(account_id=account_id, label=w.account.label)


@scenario(providers.UpdateAccount, who="reader", fails=(Forbidden, "E-FORBIDDEN"))
async def who_only_reads_changes_no_account(w: World) -> Ask:
    return providers.UpdateAccount(account_id=w.account.provider_account_id, colour="teal")


@scenario(providers.ForgetPlugins)
async def the_plugins_of_an_account_are_forgotten(w: World) -> Ask:
    deployment_id, fence = await w.held()
    await w.here("admin", findings.KeepLockFile(deployment_id=deployment_id, fence=fence, engine="terraform", text="x"))
    return providers.ForgetPlugins(account_id=w.account.provider_account_id)


@scenario(inventory.ListInstances, who="reader")
async def accounts_without_a_list_are_left_out(w: World) -> Ask:
    return inventory.ListInstances(team_id=w.team_id)


@scenario(inventory.ListInstances, who="stranger", fails=(NotFound, "E-NOT-FOUND"))
async def a_foreign_teams_instances_are_not_listed(w: World) -> Ask:
    return inventory.ListInstances(team_id=w.team_id)


@scenario(inventory.GetConsole, who="reader")
async def a_console_is_found_at_the_provider(w: World) -> Ask:
    machine = await w.here("admin", await found_machine(w, "4700"))
    return inventory.GetConsole(machine_id=machine.machine_id)


@scenario(inventory.GetConsole, fails=(NotFound, "E-NO-CONSOLE"))
async def a_machine_that_is_not_made_yet_has_no_console(w: World) -> Ask:
    return inventory.GetConsole(machine_id=await w.machine())


@scenario(inventory.GetConsole, who="stranger", fails=(NotFound, "E-NOT-FOUND"))
async def a_foreign_machines_console_is_not_told(w: World) -> Ask:
    return inventory.GetConsole(machine_id=await w.machine())


# Imports


@scenario(inventory.ImportMachine, fails=(NotFound, "E-ADOPT-GONE"))
async def what_is_not_there_is_not_imported(w: World) -> Ask:
    account_id = w.account.provider_account_id
    return inventory.ImportMachine(team_id=w.team_id, account_id=account_id, resource_id="7", name=w.fresh("old"))


@scenario(inventory.ImportMachine, who="reader", fails=(Forbidden, "E-FORBIDDEN"))
async def who_only_reads_imports_nothing(w: World) -> Ask:
    account_id = w.account.provider_account_id
    return inventory.ImportMachine(team_id=w.team_id, account_id=account_id, resource_id="7", name=w.fresh("old"))


async def found_machine(w: World, resource_id: str) -> inventory.RecordImport:
    return inventory.RecordImport(
        team_id=w.team_id,
        account_id=await cloud_account(w),
        found=Instance(resource_id=resource_id, name="Old_One", region="nbg1", size="cx22", image="debian-12"),
        name=w.fresh("old"),
        tags=("legacy",),
    )


@scenario(inventory.RecordImport)
async def a_machine_made_by_hand_is_recorded(w: World) -> Ask:
    return await found_machine(w, "4711")


@scenario(inventory.RecordImport, fails=(Conflict, "E-ADOPT-KNOWN"))
async def a_machine_is_not_imported_twice(w: World) -> Ask:
    ask = await found_machine(w, "4712")
    await w.here("admin", ask)
    return inventory.RecordImport(team_id=w.team_id, account_id=ask.account_id, found=ask.found, name=w.fresh("again"))


@scenario(inventory.RecordImport, fails=(InvalidInput, "E-PROVIDER-CANNOT"))
async def practice_machines_are_not_imported(w: World) -> Ask:
    return inventory.RecordImport(
        team_id=w.team_id,
        account_id=w.account.provider_account_id,
        found=Instance(resource_id="1", name="x"),
        name=w.fresh("old"),
    )


# Upkeep


@scenario(upkeep.ResizeMachine, who="member")
async def a_machine_is_to_be_resized(w: World) -> Ask:
    return upkeep.ResizeMachine(machine_id=await cloud_machine(w), size="cx32", grow_disk=True)


@scenario(upkeep.ResizeMachine, fails=(Conflict, "E-SAME-SIZE"))
async def a_machine_has_its_size_already(w: World) -> Ask:
    return upkeep.ResizeMachine(machine_id=await cloud_machine(w), size="cx22")


@scenario(upkeep.ResizeMachine, fails=(Conflict, "E-NO-POWER"))
async def a_practice_machine_has_no_size(w: World) -> Ask:
    return upkeep.ResizeMachine(machine_id=await w.machine(), size="cx32")


@scenario(upkeep.ResizeMachine, fails=(Conflict, "E-MACHINE-STATE"))
async def a_machine_that_reboots_is_not_resized(w: World) -> Ask:
    return upkeep.ResizeMachine(machine_id=await cloud_machine(w, "rebooting"), size="cx32")


@scenario(upkeep.ResizeMachine, who="reader", fails=(Forbidden, "E-FORBIDDEN"))
async def who_only_reads_resizes_nothing(w: World) -> Ask:
    return upkeep.ResizeMachine(machine_id=await cloud_machine(w), size="cx32")


@scenario(upkeep.RebuildMachine)
async def a_machine_is_to_be_rebuilt(w: World) -> Ask:
    return upkeep.RebuildMachine(machine_id=await cloud_machine(w), image="ubuntu-24.04")


@scenario(upkeep.RebuildMachine, fails=(Conflict, "E-PROTECTED"))
async def a_protected_machine_is_not_rebuilt_unconfirmed(w: World) -> Ask:
    machine_id = await cloud_machine(w)
    await w.here("admin", machines.UpdateMachine(machine_id=machine_id, is_protected=True))
    return upkeep.RebuildMachine(machine_id=machine_id)


@scenario(upkeep.RebuildMachine, fails=(Conflict, "E-NO-POWER"))
async def a_practice_machine_is_not_rebuilt(w: World) -> Ask:
    return upkeep.RebuildMachine(machine_id=await w.machine(), image="debian-12")


@scenario(upkeep.SnapshotMachine)
async def a_machine_is_to_be_kept_as_an_image(w: World) -> Ask:
    return upkeep.SnapshotMachine(machine_id=await cloud_machine(w, "stopped"), name="before the upgrade")


@scenario(upkeep.SnapshotMachine, fails=(InvalidInput, "E-INPUT"))
async def a_snapshot_has_a_name_that_can_be_printed(w: World) -> Ask:
    return upkeep.SnapshotMachine(machine_id=await cloud_machine(w), name="a\nb")


@scenario(upkeep.RescueMachine)
async def a_machine_is_to_start_its_rescue_system(w: World) -> Ask:
    return upkeep.RescueMachine(machine_id=await cloud_machine(w, "error"))


@scenario(upkeep.RescueMachine, fails=(Conflict, "E-MACHINE-GONE"))
async def a_machine_that_is_gone_is_not_rescued(w: World) -> Ask:
    return upkeep.RescueMachine(machine_id=await cloud_machine(w, "terminated"), is_on=False)


@scenario(upkeep.SetFirewall)
async def a_machine_is_to_get_a_firewall(w: World) -> Ask:
    return upkeep.SetFirewall(machine_id=await cloud_machine(w), profile_id=await firewall(w))


@scenario(upkeep.SetFirewall, fails=(NotFound, "E-NOT-FOUND"))
async def a_firewall_that_is_none_is_not_set(w: World) -> Ask:
    return upkeep.SetFirewall(machine_id=await cloud_machine(w), profile_id="firewall-of-nobody")


@scenario(upkeep.SetFirewall, fails=(InvalidInput, "E-PROVIDER-CANNOT"))
async def a_practice_machine_has_no_firewall(w: World) -> Ask:
    return upkeep.SetFirewall(machine_id=await w.machine(), profile_id=await firewall(w))


@scenario(firewalls.ListFirewalls, who="reader")
async def firewalls_are_listed(w: World) -> Ask:
    await firewall(w)
    return firewalls.ListFirewalls(team_id=w.team_id, search=f"firewall{w.count}")


@scenario(firewalls.GetFirewall)
async def a_firewall_is_shown(w: World) -> Ask:
    return firewalls.GetFirewall(profile_id=await firewall(w))


@scenario(firewalls.GetFirewall, who="stranger", fails=(NotFound, "E-NOT-FOUND"))
async def a_foreign_firewall_is_not_found(w: World) -> Ask:
    return firewalls.GetFirewall(profile_id=await firewall(w))


@scenario(firewalls.ListFirewallUsers)
async def who_has_a_firewall_is_listed(w: World) -> Ask:
    profile_id = await firewall(w)
    await cloud_machine(w, firewall_profile_id=profile_id)
    return firewalls.ListFirewallUsers(profile_id=profile_id)


@scenario(firewalls.CreateFirewall, who="member")
async def a_firewall_is_made(w: World) -> Ask:
    return firewalls.CreateFirewall(team_id=w.team_id, name=w.fresh("firewall"), template="web", rules=(RULE,))


@scenario(firewalls.CreateFirewall, fails=(InvalidInput, "E-INPUT"))
async def a_range_that_is_none_is_refused(w: World) -> Ask:
    rule = FirewallRule(direction=RULE.direction, protocol=RULE.protocol, ports="22", sources=("10.0.0.0/40",))
    return firewalls.CreateFirewall(team_id=w.team_id, name=w.fresh("firewall"), rules=(RULE, rule))


@scenario(firewalls.CreateFirewall, who="reader", fails=(Forbidden, "E-FORBIDDEN"))
async def who_only_reads_makes_no_firewall(w: World) -> Ask:
    return firewalls.CreateFirewall(team_id=w.team_id, name=w.fresh("firewall"), template="web")


@scenario(firewalls.UpdateFirewall)
async def a_firewall_is_changed(w: World) -> Ask:
    return firewalls.UpdateFirewall(profile_id=await firewall(w), name=w.fresh("firewall"), rules=(RULE,))


@scenario(firewalls.UpdateFirewall, fails=(Conflict, "E-NAME-TAKEN"))
async def two_firewalls_have_not_the_same_name(w: World) -> Ask:
    one = await w.here("admin", firewalls.GetFirewall(profile_id=await firewall(w)))
    return firewalls.UpdateFirewall(profile_id=await firewall(w), name=one.name)


@scenario(firewalls.DeleteFirewall)
async def a_firewall_is_deleted(w: World) -> Ask:
    return firewalls.DeleteFirewall(profile_id=await firewall(w))


@scenario(firewalls.DeleteFirewall, fails=(Conflict, "E-FIREWALL-IN-USE"))
async def a_firewall_that_machines_have_stays(w: World) -> Ask:
    profile_id = await firewall(w)
    await cloud_machine(w, firewall_profile_id=profile_id)
    return firewalls.DeleteFirewall(profile_id=profile_id)


# Keys in accounts


@scenario(key_sync.SyncKey, fails=(InvalidInput, "E-PROVIDER-CANNOT"))
async def an_account_for_practice_takes_no_key(w: World) -> Ask:
    return key_sync.SyncKey(key_id=await w.key(), account_id=w.account.provider_account_id)


@scenario(key_sync.SyncKey, who="reader", fails=(Forbidden, "E-FORBIDDEN"))
async def who_only_reads_puts_no_key_anywhere(w: World) -> Ask:
    return key_sync.SyncKey(key_id=await w.key(), account_id=w.account.provider_account_id)


@scenario(key_sync.UnsyncKey)
async def a_key_that_an_account_does_not_know_is_taken_out(w: World) -> Ask:
    return key_sync.UnsyncKey(key_id=await w.key(), account_id=w.account.provider_account_id)


@scenario(key_sync.RecordSync)
async def an_accounts_id_of_a_key_is_recorded(w: World) -> Ask:
    return key_sync.RecordSync(key_id=await w.key(), account_id=w.account.provider_account_id, provider_key_id="12")


@scenario(keys.EraseKey)
async def a_key_is_erased(w: World) -> Ask:
    return keys.EraseKey(key_id=await w.key())
