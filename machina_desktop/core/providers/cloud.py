"""What all clouds do alike: accounts are verified, keys put once, machines found by their mark and waited for."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from typing import Generic, TypeVar

from machina_desktop.core.domain.firewall import FirewallRule
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import DISK, Machine, MachineFacts, MachineStatus, name_problem
from machina_desktop.core.domain.provider import AccountField, Catalogue, CredentialStatus, Instance, Verification
from machina_desktop.core.errors import InvalidInput, MachinaError, Unavailable
from machina_desktop.core.http_terms import Patience
from machina_desktop.core.ids import now
from machina_desktop.core.providers.base import Access, HookContext, MachineParts, Provider
from machina_desktop.core.providers.cloud_api import Pace, pause
from machina_desktop.core.providers.cloud_birth import answered, lacks_pin, printed_pin
from machina_desktop.core.providers.cloud_errors import CONFLICT, DENIED, NAME_TAKEN, NOT_FOUND
from machina_desktop.core.providers.cloud_power import Command, Errand, Progress, Waits, do
from machina_desktop.core.ssh.client import Target

A = TypeVar("A")
"""What stands for an opened API: a :class:`~machina_desktop.core.providers.cloud_api.CloudApi`, a session of boto3."""

MACHINE_MARK = "machina-machine"
TEAM_MARK = "machina-team"
ENDPOINT = AccountField(
    name="endpoint",
    title="API endpoint",
    help="Only for private clouds and proxies; empty for the provider's own.",
    placeholder="https://api.example.org",
    is_advanced=True,
)


def _load_http() -> None:
    from machina_desktop.core import http  # noqa: PLC0415 - brings httpx

    http.load()


def never() -> bool:
    """Nothing is cancelled."""
    return False


class Cloud(Provider, Generic[A]):
    """A provider with accounts, an API and machines of its own.

    Attributes:
        bills_when_off: A machine that is off costs as much as one that runs.
        pace: How often its API is asked again.
        waits: How long things are waited for.
        patience: How long one answer is waited for.
    """

    bills_when_off = True

    def __init__(
        self, *, pace: Pace | None = None, waits: Waits | None = None, patience: Patience | None = None
    ) -> None:
        self.pace, self.waits, self.patience = pace or Pace(), waits or Waits(), patience or Patience(read_s=20.0)

    # What each cloud knows

    @abstractmethod
    def open(self, access: Access, cancelled: Callable[[], bool] = never) -> AbstractAsyncContextManager[A]:
        """Its API, with the account's read-only half unless ``access.may_write``.

        Raises:
            InvalidInput: the account's fields cannot be used; names the field.
        """

    @abstractmethod
    def has_reading_half(self, access: Access) -> bool:
        """Whether the account has credentials of their own for browsing."""

    @abstractmethod
    async def identify(self, api: A) -> Verification:
        """Whose the credentials are; raises what the API says no with."""

    @abstractmethod
    async def offers(self, api: A) -> Catalogue:
        """What there is to choose from; all requests at once."""

    @abstractmethod
    async def machines(self, api: A, machine_id: str = "") -> tuple[Instance, ...]:
        """All machines, or those marked as that one of ours."""

    @abstractmethod
    async def look(self, api: A, resource_id: str) -> Instance:
        """One machine.

        Raises:
            CloudError: E-CLOUD-NOT-FOUND.
        """

    @abstractmethod
    async def find_key(self, api: A, key: SSHKey) -> str:
        """The provider's id of a key that is there, under whatever name; empty for none."""

    @abstractmethod
    async def add_key(self, api: A, key: SSHKey, name: str) -> str:
        """Add it under that name; its id.

        Raises:
            CloudError: E-CLOUD-NAME-TAKEN or E-CLOUD-CONFLICT, key or name are there already.
        """

    @abstractmethod
    async def list_keys(self, api: A) -> frozenset[str]:
        """The ids of all keys that are there."""

    @abstractmethod
    async def drop_key(self, api: A, provider_key_id: str) -> None:
        """Delete it; :class:`CloudError` E-CLOUD-NOT-FOUND where it is gone."""

    @abstractmethod
    async def begin(self, api: A, context: HookContext, command: Command) -> str:
        """Have the provider begin it with the machine of ``context``; the action's id, empty where it has none.

        Raises:
            CloudError: E-CLOUD-CONFLICT, another action is under way.
        """

    @abstractmethod
    async def progress(self, api: A, context: HookContext, action_id: str, command: Command) -> Progress:
        """How far what :meth:`begin` began has come."""

    # What all do alike

    async def load(self) -> None:
        """What speaks HTTP; signing for Google and boto3 have threads of their own in any case."""
        await asyncio.to_thread(_load_http)

    async def verify(self, access: Access) -> Verification:
        """Invalid when the provider says so or the fields cannot be right; unknown when it cannot be asked.

        The read-only half is tried as well, where there is one.
        """
        found = await self._verified(replace(access, may_write=True))
        if found.status is not CredentialStatus.VALID or not self.has_reading_half(access):
            return found
        reading = await self._verified(replace(access, may_write=False))
        if reading.status is CredentialStatus.VALID:
            return found
        reason = f"The half that only reads: {reading.reason}"
        return replace(found, status=reading.status, reason=reason, field=reading.field)

    async def _verified(self, access: Access) -> Verification:
        await self.load()
        try:
            async with self.open(access) as api:
                return await self.identify(api)
        except InvalidInput as error:
            return Verification(status=CredentialStatus.INVALID, reason=str(error), field=error.field)
        except MachinaError as error:
            is_denied = error.code == DENIED
            status = CredentialStatus.INVALID if is_denied else CredentialStatus.UNKNOWN
            return Verification(status=status, reason=str(error))

    async def catalogue(self, access: Access) -> Catalogue:
        """Regions, sizes and images as they are on offer now."""
        async with self.open(access) as api:
            return await self.offers(api)

    async def instances(self, access: Access) -> tuple[Instance, ...]:
        """Every machine in the account."""
        async with self.open(access) as api:
            return await self.machines(api)

    async def find(self, access: Access, machine_id: str, *, is_expected: bool = False) -> tuple[Instance, ...]:
        """Machines marked as that one of ours, but for what is being deleted.

        With ``is_expected`` they are asked for ``waits.settle_s`` until there is one.
        """
        async with self.open(access) as api:
            until = time.monotonic() + (self.waits.settle_s if is_expected else 0.0)
            while not (found := tuple(each for each in await self.machines(api, machine_id) if _stays(each))):
                left = until - time.monotonic()
                if left <= 0:
                    break
                await pause(min(self.waits.settle_s / 3, left), never)
            return found

    async def put_key(self, access: Access, key: SSHKey) -> str:
        """The provider's id of the key, added unless it is there, whoever put it and whatever it is called."""
        async with self.open(access) as api:
            # Somebody else may put the same key meanwhile, or another one may have its name.
            for name in (key.name, f"{key.name} {key.fingerprint[7:15]}"):
                if found := await self.find_key(api, key):
                    return found
                try:
                    return await self.add_key(api, key, name)
                except Unavailable as error:
                    if error.code not in {NAME_TAKEN, CONFLICT}:
                        raise
                    refused = error
            if found := await self.find_key(api, key):
                return found
            raise refused

    async def known_key(self, access: Access, key: SSHKey) -> str:
        """Told by its fingerprint, whatever it is called there."""
        async with self.open(access) as api:
            return await self.find_key(api, key)

    async def held_keys(self, access: Access) -> frozenset[str]:
        """As its list says; with the read-only half unless ``access.may_write``."""
        async with self.open(access) as api:
            return await self.list_keys(api)

    async def remove_key(self, access: Access, provider_key_id: str) -> None:
        """Delete the key from the account; one that is gone is no error."""
        async with self.open(access) as api:
            try:
                await self.drop_key(api, provider_key_id)
            except Unavailable as error:
                if error.code != NOT_FOUND:
                    raise

    def check(self, machine: Machine) -> None:
        """Refuse what cannot be made anywhere.

        Raises:
            InvalidInput: names the field of the request to create the machine.
        """
        if problem := name_problem(machine.name):
            raise InvalidInput(problem, field="name")
        for field, what in (("region", "a region"), ("size", "a size"), ("image", "an image")):
            if not getattr(machine, field):
                raise InvalidInput(f"Choose {what}.", field=field)
        if not machine.ssh_key_ids:
            raise InvalidInput("Choose an SSH key to log in with.", field="key_ids")

    def variables(self, machine: Machine, parts: MachineParts) -> dict[str, object]:
        """The variables of every cloud's module; what one of them has beside these, it adds."""
        known = (key.provider_key_ids.get(parts.account_id, "") for key in parts.keys)
        rules = None if parts.rules is None else [rule_values(rule) for rule in parts.rules]
        return {
            "machine_id": machine.machine_id,
            "team_id": machine.team_id,
            "name": machine.name,
            "tags": list(machine.tags),
            "region": machine.region,
            "size": machine.size,
            "image": machine.image,
            "key_ids": [each for each in known if each],
            "rules": rules,
            "user_data": parts.user_data,
            **({"grow_disk": True} if parts.grow_disk else {}),
        }

    def imports(self, machine: Machine, found: Instance) -> tuple[tuple[str, str], ...]:
        """The machine itself; a firewall is made anew where the profile wants one."""
        return ((self.main_resource, found.resource_id),)

    async def after_apply(self, context: HookContext, outputs: Mapping[str, object]) -> MachineFacts:
        """What the outputs tell, once it answers; one that does not answer in time is running all the same.

        A host key is pinned where the machine printed it on a console that its provider shows; nobody else vouches.
        """
        machine = context.machine
        resource_id, public, private = (
            str(outputs.get(name) or "") for name in ("provider_resource_id", "public_ip", "private_ip")
        )
        host = public or private
        shown = await answered(context, Target(host=public, port=machine.ssh_port), self.waits) if public else ""
        pin = MachineFacts()
        if self.tells_host_keys and resource_id and lacks_pin(machine):
            made = replace(machine, provider_resource_id=resource_id)
            ask = partial(self.host_keys, context.access, made, is_newborn=machine.provider_resource_id != resource_id)
            pin = await printed_pin(context, ask, shown, self.waits)
        disk = await self._disk(context, resource_id) if resource_id and self.info.has_disk_in_size else {}
        return MachineFacts(
            status=MachineStatus.RUNNING,
            public_ip=public or None,
            private_ip=private or None,
            ssh_host=host or None,
            ssh_port=machine.ssh_port,
            ssh_user=machine.ssh_user or self.login_of(machine) or None,
            provider_resource_id=resource_id or None,
            host_key=pin.host_key,
            extra={**disk, **pin.extra},
        )

    async def _disk(self, context: HookContext, resource_id: str) -> dict[str, str]:
        """How large its disk is now; forgotten where the provider does not tell: it may have grown."""
        try:
            async with self.open(context.access, context.cancelled.is_set) as api:
                found = await self.look(api, resource_id)
        except Unavailable as error:
            context.log(f"How large its disk is could not be asked: {error.message}")
            return {DISK: ""}
        return {DISK: f"{found.disk_gb} GB" if found.disk_gb else ""}

    def login_of(self, machine: Machine) -> str:
        """The name that the machine's image lets in."""
        return self.info.login

    async def power(self, context: HookContext, action: str) -> MachineFacts:
        """Do it through the API and wait; see :mod:`~machina_desktop.core.providers.cloud_power`."""
        resource_id = resource_id_of(context)
        async with self.open(context.access, context.cancelled.is_set) as api:
            errand = Errand(
                title=self.info.title,
                context=context,
                waits=self.waits,
                bills_when_off=self.bills_when_off,
                begin=partial(self.begin, api, context),
                progress=partial(self.progress, api, context),
                look=partial(self.look, api, resource_id),
            )
            await do(errand, action)
            facts = facts_of(await self.look(api, resource_id))
        # A system that was put there anew has a new host key, which nobody has vouched for.
        return replace(facts, host_key="") if action == "rebuild" else facts

    async def observe(self, context: HookContext) -> MachineFacts:
        """What the provider shows; a machine that is missing is looked for once more before it is said to be gone."""
        resource_id = context.machine.provider_resource_id
        if not resource_id:
            return MachineFacts()
        async with self.open(context.access, context.cancelled.is_set) as api:
            try:
                return facts_of(await self.look(api, resource_id))
            except Unavailable as error:
                if error.code != NOT_FOUND:
                    raise
            await pause(min(self.waits.poll_s, self.waits.settle_s), context.cancelled.is_set)
            try:
                return facts_of(await self.look(api, resource_id))
            except Unavailable as error:
                if error.code != NOT_FOUND:
                    raise
        reason = f"{self.info.title} no longer has this machine; it was removed there."
        context.log(f"{reason} The record still has it: deploy again to make it anew, or destroy it.")
        return MachineFacts(status=MachineStatus.ERROR, status_reason=reason)


def _stays(found: Instance) -> bool:
    return found.status not in {MachineStatus.TERMINATING, MachineStatus.TERMINATED}


def resource_id_of(context: HookContext) -> str:
    """The provider's id of the machine.

    Raises:
        Unavailable: E-POWER, there is none on record.
    """
    if found := context.machine.provider_resource_id:
        return found
    raise Unavailable(
        f"{context.machine.name} has no id at its provider on record.",
        hint="Refresh the machine, or deploy it again.",
        code="E-POWER",
    )


def snapshot_name(context: HookContext) -> str:
    """What a snapshot is called: as its person wished, or by the machine and the time."""
    return context.options.get("name") or f"{context.machine.name} {now():%Y-%m-%d %H:%M}"


def rule_values(rule: FirewallRule) -> dict[str, object]:
    """A rule as the variable ``rules`` of a module has it."""
    return {
        "direction": rule.direction.value,
        "protocol": rule.protocol.value,
        "ports": rule.ports,
        "sources": list(rule.sources),
    }


def marks_of(labels: Mapping[str, str]) -> dict[str, str]:
    """``machine_id`` and ``team_id`` of a machine of ours, by its labels; a plain tag is ``machina-machine-<id>``."""
    found = {"machine_id": labels.get(MACHINE_MARK, ""), "team_id": labels.get(TEAM_MARK, "")}
    for label in labels:
        for name, mark in (("machine_id", MACHINE_MARK), ("team_id", TEAM_MARK)):
            if label.startswith(f"{mark}-"):
                found[name] = label.removeprefix(f"{mark}-")
    return found


def facts_of(found: Instance) -> MachineFacts:
    """What a list or a look tells of a machine."""
    return MachineFacts(
        status=MachineStatus(found.status) if found.status else None,
        public_ip=found.public_ip,
        private_ip=found.private_ip,
        ssh_host=found.public_ip or found.private_ip or None,
        provider_resource_id=found.resource_id,
        extra={DISK: f"{found.disk_gb} GB"} if found.disk_gb else {},
    )
