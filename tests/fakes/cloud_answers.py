"""What the fake gateway answers about accounts at clouds: firewalls, what lives there, and a machine's later days."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from machina_desktop.core.domain.deployment import Deployment, DeploymentType
from machina_desktop.core.domain.firewall import FirewallProfile, template_of
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.core.domain.similar import nearest
from machina_desktop.core.errors import Conflict
from machina_desktop.core.ids import now
from machina_desktop.core.services import firewalls, inventory, key_sync, offers, providers, upkeep
from tests.fakes.rows import CATALOGUES

if TYPE_CHECKING:
    from tests.fakes.gateway import FakeGateway


class CloudAnswers:
    """Answers from the gateway's rows, and to its rows."""

    def __init__(self, gateway: FakeGateway) -> None:
        self._rows = gateway

    def answers(self) -> dict[type[Any], Callable[[Any], object]]:
        """A function for each kind of request."""
        rows = self._rows
        return {
            firewalls.ListFirewalls: lambda _ask: tuple(
                sorted(rows.all(FirewallProfile), key=lambda profile: profile.name)
            ),
            firewalls.CreateFirewall: self._create_firewall,
            offers.CompareSizes: self._compare,
            inventory.ListInstances: lambda _ask: (),
            inventory.ImportMachine: self._import,
            providers.UpdateAccount: self._update_account,
            providers.ForgetPlugins: lambda _ask: None,
            key_sync.SyncKey: lambda ask: key_sync.SyncedKey(key=self._note_key(ask, "4711"), was_there=False),
            key_sync.UnsyncKey: lambda ask: self._note_key(ask, ""),
            upkeep.ResizeMachine: lambda ask: self._run(ask, DeploymentType.UPDATE),
            upkeep.SetFirewall: lambda ask: self._run(ask, DeploymentType.UPDATE),
            upkeep.RebuildMachine: lambda ask: self._run(ask, DeploymentType.REBUILD),
            upkeep.SnapshotMachine: lambda ask: self._run(ask, DeploymentType.SNAPSHOT),
            upkeep.RescueMachine: lambda ask: self._run(ask, DeploymentType.RESCUE),
        }

    def _compare(self, ask: offers.CompareSizes) -> tuple[offers.Elsewhere, ...]:
        accounts = {each.provider_account_id: each for each in self._rows.all(ProviderAccount)}
        own = CATALOGUES[accounts[ask.account_id].provider_type]
        wanted = next(each for each in own.sizes if each.slug == ask.size)
        others = (each for key, each in accounts.items() if key != ask.account_id)
        return tuple(
            offers.Elsewhere(
                account_id=each.provider_account_id,
                label=each.label,
                type=each.provider_type,
                sizes=nearest(wanted, ask.region, CATALOGUES[each.provider_type], most=ask.most),
                fetched_at=now(),
            )
            for each in others
            if CATALOGUES[each.provider_type].sizes
        )

    def _create_firewall(self, ask: firewalls.CreateFirewall) -> FirewallProfile:
        if any(each.name == ask.name for each in self._rows.all(FirewallProfile)):
            raise Conflict(f"There is already a firewall {ask.name}.", code="E-NAME-TAKEN")
        at = now()
        begun = template_of(ask.template).rules if ask.template else ()
        return self._rows.put(
            FirewallProfile(
                profile_id=ask.profile_id,
                team_id=ask.team_id,
                name=ask.name,
                rules=(*begun, *ask.rules),
                created_at=at,
                updated_at=at,
            )
        )

    def _import(self, ask: inventory.ImportMachine) -> Machine:
        account = self._rows.get(ProviderAccount, ask.account_id)
        at = now()
        machine = Machine(
            machine_id=ask.machine_id,
            team_id=ask.team_id,
            name=ask.name,
            provider=account.provider_type,
            provider_account_id=ask.account_id,
            provider_resource_id=ask.resource_id,
            ssh_key_ids=ask.key_ids,
            created_at=at,
            updated_at=at,
        )
        self._rows.put(machine)
        self._rows._queue(machine, DeploymentType.CREATE, ask.deployment_id, auto_approve=ask.auto_approve)
        return machine

    def _update_account(self, ask: providers.UpdateAccount) -> ProviderAccount:
        row = self._rows.get(ProviderAccount, ask.account_id)
        given = {"label": ask.label, "colour": ask.colour}
        return self._rows.put(replace(row, **{name: value for name, value in given.items() if value is not None}))

    def _note_key(self, ask: key_sync.SyncKey | key_sync.UnsyncKey, known: str) -> SSHKey:
        row = self._rows.get(SSHKey, ask.key_id)
        ids = {account: each for account, each in row.provider_key_ids.items() if account != ask.account_id}
        return self._rows.put(replace(row, provider_key_ids=ids | ({ask.account_id: known} if known else {})))

    def _run(self, ask: Any, kind: DeploymentType) -> Deployment:
        return self._rows._queue(self._rows.get(Machine, ask.machine_id), kind, ask.deployment_id)
