"""Scenarios of machines and their agents, provider accounts and keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from machina_desktop.core.domain.agent import Heartbeat
from machina_desktop.core.domain.key import SSHKeyType
from machina_desktop.core.domain.machine import AgentStatus, MachineStatus
from machina_desktop.core.domain.provider import CredentialStatus, ProviderType, Verification
from machina_desktop.core.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated
from machina_desktop.core.ids import new_id
from machina_desktop.core.secret import Secret
from machina_desktop.core.services import (
    account_credentials,
    agents,
    keys,
    machines,
    offers,
    providers,
)
from machina_desktop.core.services.sealing import Sealed
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.ssh.keys import generate
from tests.contract.scenarios import scenario
from tests.contract.world import World

Ask = Request[Any]
AT = datetime(2026, 1, 1, tzinfo=UTC)
FOUND = Verification(status=CredentialStatus.VALID, identity="me", scopes=("a", "b"))


# Machines


@scenario(machines.CreateMachine, who="member")
async def a_machine_is_asked_for(w: World) -> Ask:
    return machines.CreateMachine(
        team_id=w.team_id,
        account_id=w.account.provider_account_id,
        name=w.fresh("web"),
        tags=("prod", "ümlaut"),
        notes="Line one\nline two ☃",
    )


@scenario(machines.CreateMachine, fails=(InvalidInput, "E-MACHINE-NAME"))
async def a_machine_needs_a_good_name(w: World) -> Ask:
    return machines.CreateMachine(team_id=w.team_id, account_id=w.account.provider_account_id, name="No good!")


@scenario(machines.CreateMachine, who="reader", fails=(Forbidden, "E-FORBIDDEN"))
async def who_only_reads_makes_no_machine(w: World) -> Ask:
    return machines.CreateMachine(team_id=w.team_id, account_id=w.account.provider_account_id, name=w.fresh("web"))


@scenario(machines.CopyMachine, who="member")
async def another_machine_like_one_is_asked_for(w: World) -> Ask:
    return machines.CopyMachine(machine_id=await w.machine())


@scenario(machines.CopyMachine, who="reader", fails=(Forbidden, "E-FORBIDDEN"))
async def who_only_reads_copies_no_machine(w: World) -> Ask:
    return machines.CopyMachine(machine_id=await w.machine())


@scenario(machines.ListMachines, who="reader")
async def machines_are_listed(w: World) -> Ask:
    await w.machine()
    return machines.ListMachines(team_id=w.team_id, limit=3, offset=1)


@scenario(machines.ListMachines)
async def machines_are_looked_for(w: World) -> Ask:
    await w.machine("stopped")
    return machines.ListMachines(team_id=w.team_id, status=MachineStatus.STOPPED, provider=ProviderType.SANDBOX)


@scenario(machines.ListMachines, who="stranger", fails=(NotFound, "E-NOT-FOUND"))
async def machines_of_a_foreign_team_are_not_listed(w: World) -> Ask:
    return machines.ListMachines(team_id=w.team_id)


@scenario(machines.GetMachine)
async def a_machine_is_shown(w: World) -> Ask:
    return machines.GetMachine(machine_id=await w.machine())


@scenario(machines.GetMachine, fails=(NotFound, "E-NOT-FOUND"))
async def a_machine_that_is_none_is_not_found(w: World) -> Ask:
    return machines.GetMachine(machine_id="machine that is/none?")


@scenario(machines.GetMachine, who="stranger", fails=(NotFound, "E-NOT-FOUND"))
async def a_foreign_machine_is_not_found(w: World) -> Ask:
    return machines.GetMachine(machine_id=await w.machine())


@scenario(machines.UpdateMachine)
async def notes_and_tags_are_changed(w: World) -> Ask:
    return machines.UpdateMachine(machine_id=await w.machine(), notes="ñ", tags=("a", "b"), is_protected=True)


@scenario(machines.UpdateMachine)
async def tags_are_taken_away(w: World) -> Ask:
    return machines.UpdateMachine(machine_id=await w.machine(), tags=())


@scenario(machines.DestroyMachine)
async def a_machine_is_to_be_destroyed(w: World) -> Ask:
    return machines.DestroyMachine(machine_id=await w.machine(), auto_approve=True)


@scenario(machines.DestroyMachine, fails=(Conflict, "E-PROTECTED"))
async def a_protected_machine_stays(w: World) -> Ask:
    machine_id = await w.machine()
    await w.here("admin", machines.UpdateMachine(machine_id=machine_id, is_protected=True))
    return machines.DestroyMachine(machine_id=machine_id)


@scenario(machines.RebootMachine)
async def a_machine_is_to_be_rebooted(w: World) -> Ask:
    return machines.RebootMachine(machine_id=await w.machine())


@scenario(machines.StartMachine)
async def a_machine_is_to_be_started(w: World) -> Ask:
    return machines.StartMachine(machine_id=await w.machine("stopped"))


@scenario(machines.StopMachine)
async def a_machine_is_to_be_stopped(w: World) -> Ask:
    return machines.StopMachine(machine_id=await w.machine())


@scenario(machines.RefreshMachine)
async def a_machine_is_to_be_looked_at(w: World) -> Ask:
    return machines.RefreshMachine(machine_id=await w.machine())


@scenario(machines.RetryMachine)
async def a_machine_in_error_is_tried_again(w: World) -> Ask:
    return machines.RetryMachine(machine_id=await w.machine("error"))


# Agents


@scenario(agents.IssueAgentToken)
async def an_agent_gets_a_token(w: World) -> Ask:
    return agents.IssueAgentToken(machine_id=await w.machine())


@scenario(agents.RevokeAgentToken)
async def an_agent_is_heard_no_more(w: World) -> Ask:
    return agents.RevokeAgentToken(machine_id=(await w.agent())[0])


BEAT = Heartbeat(boot_id="01234567-89ab-cdef-0123-456789abcdef", seq=1, sent_at=AT, load=(0.5, 1.25, 2.0))


@scenario(agents.Beat, is_once=True)
async def a_heartbeat_is_heard(w: World) -> tuple[str, Ask]:
    _, token = await w.agent()
    return token, agents.Beat(token=Secret(token), heartbeat=BEAT)


@scenario(agents.Beat, fails=(Unauthenticated, "E-AGENT"))
async def nobody_is_no_agent(w: World) -> tuple[str, Ask]:
    token = "machina_agent_" + "x" * 43
    return token, agents.Beat(token=Secret(token), heartbeat=BEAT)


@scenario(agents.MarkAgents, who="runner")
async def an_agent_is_listed_as_online(w: World) -> Ask:
    machine_id, _ = await w.agent()
    return agents.MarkAgents(team_id=w.team_id, machine_ids=(machine_id,), status=AgentStatus.ONLINE)


@scenario(agents.SuspectAgent, who="runner")
async def an_agent_is_suspected(w: World) -> Ask:
    machine_id, _ = await w.agent()
    return agents.SuspectAgent(machine_id=machine_id, token_hash="0" * 64)


# Provider accounts


@scenario(providers.ListProviders, who="reader")
async def providers_are_listed(w: World) -> Ask:
    return providers.ListProviders()


@scenario(providers.ListAccounts)
async def accounts_are_listed(w: World) -> Ask:
    return providers.ListAccounts(team_id=w.team_id, type=ProviderType.SANDBOX, search=w.account.label)


@scenario(providers.AddAccount)
async def an_account_is_added(w: World) -> Ask:
    return providers.AddAccount(team_id=w.team_id, type=ProviderType.SANDBOX, label=w.fresh("practice"))


@scenario(providers.AddAccount, who="reader", fails=(Forbidden, "E-FORBIDDEN"))
async def who_only_reads_adds_no_account(w: World) -> Ask:
    return providers.AddAccount(team_id=w.team_id, type=ProviderType.SANDBOX, label=w.fresh("practice"))


@scenario(providers.RecordAccount, who="runner")
async def an_account_is_recorded(w: World) -> Ask:
    return providers.RecordAccount(
        team_id=w.team_id,
        type=ProviderType.SANDBOX,
        label=w.fresh("practice"),
        settings={},
        found=FOUND,
        sealed=Sealed(),
    )


@scenario(providers.VerifyAccount)
async def an_account_is_verified(w: World) -> Ask:
    return providers.VerifyAccount(account_id=(await w.spare_account()).provider_account_id)


@scenario(providers.RecordVerification, who="runner")
async def what_a_provider_answered_is_recorded(w: World) -> Ask:
    return providers.RecordVerification(account_id=(await w.spare_account()).provider_account_id, found=FOUND)


@scenario(account_credentials.ReplaceCredentials, fails=(InvalidInput, "E-INPUT"))
async def an_account_without_secrets_has_none_to_replace(w: World) -> Ask:
    account_id = (await w.spare_account()).provider_account_id
    return account_credentials.ReplaceCredentials(account_id=account_id, fields={"api_token": Secret("x")})


@scenario(account_credentials.ReplaceCredentials, who="reader", fails=(Forbidden, "E-FORBIDDEN"))
async def who_only_reads_replaces_no_credentials(w: World) -> Ask:
    account_id = w.account.provider_account_id
    return account_credentials.ReplaceCredentials(account_id=account_id, fields={"api_token": Secret("x")})


@scenario(account_credentials.RecordCredentials)
async def what_replaces_credentials_is_recorded(w: World) -> Ask:
    account_id = (await w.spare_account()).provider_account_id
    return account_credentials.RecordCredentials(account_id=account_id, settings={}, found=FOUND, sealed=Sealed())


@scenario(providers.DeleteAccount)
async def an_account_is_deleted(w: World) -> Ask:
    return providers.DeleteAccount(account_id=(await w.spare_account()).provider_account_id)


@scenario(offers.ListCatalogue)
async def a_catalogue_is_shown(w: World) -> Ask:
    return offers.ListCatalogue(account_id=w.account.provider_account_id, type=ProviderType.SANDBOX)


@scenario(offers.CompareSizes, fails=(NotFound, "E-NOT-FOUND"))
async def a_size_that_is_not_offered_is_compared_with_nothing(w: World) -> Ask:
    return offers.CompareSizes(team_id=w.team_id, account_id=w.account.provider_account_id, size="none-such")


# Keys


@scenario(keys.ListKeys)
async def keys_are_listed(w: World) -> Ask:
    await w.key()
    return keys.ListKeys(team_id=w.team_id, search="key")


@scenario(keys.GetKey)
async def a_key_is_shown(w: World) -> Ask:
    return keys.GetKey(key_id=await w.key())


@scenario(keys.GenerateKey)
async def a_key_is_made(w: World) -> Ask:
    return keys.GenerateKey(team_id=w.team_id, name=w.fresh("key"))


@scenario(keys.ImportKey)
async def a_public_key_is_imported(w: World) -> Ask:
    public = generate(SSHKeyType.ED25519, 0, "me").public_line
    return keys.ImportKey(team_id=w.team_id, name=w.fresh("key"), public_key=public)


@scenario(keys.ImportKey, fails=(InvalidInput, "E-KEY-PUBLIC"))
async def what_is_no_key_is_refused(w: World) -> Ask:
    return keys.ImportKey(team_id=w.team_id, name=w.fresh("key"), public_key="ssh-ed25519 nonsense")


@scenario(keys.RecordKey, who="runner")
async def a_public_key_is_recorded(w: World) -> Ask:
    public = generate(SSHKeyType.ED25519, 0, "me").public_line
    return keys.RecordKey(
        team_id=w.team_id, name=w.fresh("key"), public_key=public, has_private_key=False, sealed=Sealed()
    )


@scenario(keys.RecordExport, who="runner")
async def an_export_is_recorded(w: World) -> Ask:
    return keys.RecordExport(team_id=w.team_id, key_id=await w.key())


@scenario(keys.DeleteKey)
async def a_key_is_deleted(w: World) -> Ask:
    return keys.DeleteKey(key_id=await w.key())


@scenario(keys.DeleteKey, fails=(NotFound, "E-NOT-FOUND"))
async def a_key_that_is_none_is_not_deleted(w: World) -> Ask:
    return keys.DeleteKey(key_id=new_id("key"))
