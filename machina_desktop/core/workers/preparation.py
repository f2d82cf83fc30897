"""What has to be so at the provider before a plan is made: for the plan of a new machine asks no provider anything."""

from __future__ import annotations

from dataclasses import dataclass, replace

from machina_desktop.core.domain.adoption import check_takeover
from machina_desktop.core.domain.deployment import Deployment, DeploymentType
from machina_desktop.core.domain.fallback import first_to_be_had
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.log_line import LogLevel
from machina_desktop.core.domain.machine import Machine, MachineFacts, ProvisioningMethod
from machina_desktop.core.domain.offer import check_offer, check_shrink
from machina_desktop.core.domain.plan import PlanSummary
from machina_desktop.core.domain.provider import Catalogue, CredentialStatus, Instance, Verification
from machina_desktop.core.errors import Conflict, NotFound, Unavailable
from machina_desktop.core.providers.base import HookContext, Provider
from machina_desktop.core.services.findings import KeepKeyId, ReportAccount, ReportFallback
from machina_desktop.core.services.reports import ReportFacts
from machina_desktop.core.services.runs import FALLBACKS, SIZE, ordered
from machina_desktop.core.terraform.state_file import StateFile
from machina_desktop.core.workers.log_pump import LogPump
from machina_desktop.core.workers.subject import Report, Subject

PHASE = "prepare"
_OFFERED = frozenset({DeploymentType.CREATE, DeploymentType.UPDATE})


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What the plan is made of: the subject as it is now, and what exists and is to be taken into the record.

    Attributes:
        imports: Address in the module and import id of each resource.
    """

    subject: Subject
    imports: tuple[tuple[str, str], ...] = ()


class Preparation:
    """Looks at the account, the offer, the keys and what is there already. Changes nothing but keys in the account."""

    def __init__(
        self,
        provider: Provider,
        deployment: Deployment,
        fence: int,
        pump: LogPump,
        report: Report,
    ) -> None:
        self._provider = provider
        self._deployment = deployment
        self._fence = fence
        self._pump = pump
        self._report = report
        self._is_checked = False
        self._status: CredentialStatus | None = None

    async def prepare(self, subject: Subject, hook: HookContext) -> Prepared:
        """Everything in order; a provider without accounts needs nothing of it.

        Raises:
            Unavailable: E-ACCOUNT-INVALID, E-ACCOUNT-READS, the provider does not accept the credentials for this.
            InvalidInput: E-OFFER, there is no such region, size or image; E-DISK-SHRINK, the size has too small a disk.
            Conflict: E-CLOUD-SOLD-OUT; E-ADOPT-TWO, several machines are marked as this one.
        """
        if not self._has_account:
            return Prepared(subject=subject)
        await self.check_account(subject, hook)
        imports = await self._find(subject, hook) if self._deployment.type is DeploymentType.CREATE else ()
        if self._deployment.type in _OFFERED:
            # What is there already needs no offer, and must not become another size or go to another region.
            subject = subject if imports else await self._check_offer(subject, hook)
            subject = await self._put_keys(subject, hook)
            imports += await self._find_firewalls(subject, hook)
        return Prepared(subject=subject, imports=imports)

    @property
    def _has_account(self) -> bool:
        return bool(self._provider.main_resource) or _has_credentials(self._provider)

    async def check_account(self, subject: Subject, hook: HookContext) -> None:
        """Once for this process's part of the run.

        Raises:
            Unavailable: E-ACCOUNT-INVALID, the provider does not accept the credentials; E-ACCOUNT-READS, they may
                change nothing.
        """
        if self._is_checked or not self._has_account:
            return
        self._is_checked = True
        found = await self._verified(subject, hook)
        if found.status is CredentialStatus.UNKNOWN:
            self._pump.say(PHASE, f"The account could not be checked: {found.reason}", level=LogLevel.WARNING)
        if found.status is CredentialStatus.INVALID:
            raise Unavailable(
                f"{self._provider.info.title} does not accept the credentials of {subject.account.label}. "
                f"{found.reason}".strip(),
                hint="Nothing was changed. Replace the account's credentials with ones that are valid.",
                code="E-ACCOUNT-INVALID",
            )
        if self._deployment.type is not DeploymentType.REFRESH and found.scopes == ("read",):
            raise Unavailable(
                f"The credentials of {subject.account.label} may only read at {self._provider.info.title}.",
                hint="Nothing was changed. Give the account a token that may read and write.",
                code="E-ACCOUNT-READS",
            )

    def check_plan(self, machine: Machine, state: StateFile | None, plan: PlanSummary) -> None:
        """Refuse a plan by which a machine that is taken over would be lost, or changed unseen.

        Raises:
            Conflict: E-ADOPT-CHANGES.
        """
        is_new = state is None or self._provider.main_resource not in state.resources
        if machine.provisioning_method is ProvisioningMethod.IMPORTED and is_new and self._deployment.type in _OFFERED:
            is_seen = not self._deployment.auto_approve
            check_takeover(plan, self._provider.main_resource, machine.name, is_seen=is_seen)

    async def look_again(self, subject: Subject, hook: HookContext) -> None:
        """Have an account whose credentials were withdrawn meanwhile be known for it, after a run that failed."""
        if self._has_account and (await self._verified(subject, hook)).status is CredentialStatus.INVALID:
            hook.log(
                f"{self._provider.info.title} does not accept the credentials of {subject.account.label} any more."
            )

    async def _verified(self, subject: Subject, hook: HookContext) -> Verification:
        """What the provider says of the account; recorded where that is new."""
        found = await self._provider.verify(hook.access)
        if found.status not in {CredentialStatus.UNKNOWN, self._status or subject.account.credential_status}:
            self._status = found.status
            await self._report(
                ReportAccount(deployment_id=self._deployment.deployment_id, fence=self._fence, found=found)
            )
        return found

    async def _check_offer(self, subject: Subject, hook: HookContext) -> Subject:
        wanted = await self._bought(subject, hook)
        if wanted is None:
            return subject
        try:
            catalogue = await self._provider.catalogue(hook.access)
        except Unavailable as error:
            self._pump.say(PHASE, f"What can be had could not be asked: {error.message}", level=LogLevel.WARNING)
            return subject
        try:
            check_offer(wanted, catalogue)
        except Conflict as error:
            subject = await self._fall_back(subject, wanted, catalogue, error)
        if self._deployment.type is DeploymentType.UPDATE and self._provider.info.has_disk_in_size:
            check_shrink(wanted, catalogue)
        return await self._learn_login(subject, catalogue)

    async def _fall_back(self, subject: Subject, wanted: Machine, catalogue: Catalogue, sold_out: Conflict) -> Subject:
        """Take the first of the run's fallbacks that is to be had, before anything is made.

        Raises:
            Conflict: E-CLOUD-SOLD-OUT, there is none.
        """
        texts = self._deployment.options.get(FALLBACKS, "").split()
        found = first_to_be_had(wanted, texts, catalogue)
        if found is None and texts:
            named = ", ".join(texts)
            message = f"{sold_out.message} Nothing of what was to be taken instead is to be had either: {named}."
            raise Conflict(message, hint=sold_out.hint, code=sold_out.code) from sold_out
        if found is None:
            raise sold_out
        self._pump.say(PHASE, f"{sold_out.message} {found.size} in {found.region} is taken instead, as was asked for.")
        taken = ReportFallback(
            deployment_id=self._deployment.deployment_id, fence=self._fence, size=found.size, region=found.region
        )
        return replace(subject, machine=ordered(await self._report(taken), self._deployment))

    async def _learn_login(self, subject: Subject, catalogue: Catalogue) -> Subject:
        """Note whom the image lets in, where that differs from image to image."""
        machine = subject.machine
        login = next((image.user for image in catalogue.images if image.slug == machine.image), "")
        if machine.ssh_user or not login:
            return subject
        facts = ReportFacts(
            deployment_id=self._deployment.deployment_id, fence=self._fence, machine=MachineFacts(ssh_user=login)
        )
        return replace(subject, machine=ordered(await self._report(facts), self._deployment))

    async def _bought(self, subject: Subject, hook: HookContext) -> Machine | None:
        """What has to be on offer now; a machine that exists may be of a size or an image that is on offer no more."""
        machine = hook.machine
        if self._deployment.type is DeploymentType.UPDATE:
            return replace(machine, image="") if SIZE in self._deployment.options else None
        if machine.provisioning_method is ProvisioningMethod.IMPORTED or await self._is_made(subject, hook):
            return None
        return machine

    async def _is_made(self, subject: Subject, hook: HookContext) -> bool:
        """Whether an earlier try has made the machine already, and it stays; what it bought may be sold out by now."""
        state, main = subject.state, self._provider.main_resource
        if state is None or main not in state.resources or main in state.tainted:
            return False
        machine = subject.machine
        try:
            if await self._provider.find(hook.access, machine.machine_id, is_expected=True):
                return True
            # Somebody may have taken our marks off it; as another size it would be made anew.
            everything = await self._provider.instances(hook.access)
        except Unavailable as error:
            self._pump.say(PHASE, f"Whether it is there could not be asked: {error.message}", level=LogLevel.WARNING)
            return True
        return any(each.resource_id == machine.provider_resource_id for each in everything)

    async def _put_keys(self, subject: Subject, hook: HookContext) -> Subject:
        """Have the account know the machine's keys; a machine refers to them by their ids there."""
        if not self._provider.info.has_keys:
            return subject
        return replace(subject, keys=tuple([await self._put(key, subject, hook) for key in subject.keys]))

    async def _put(self, key: SSHKey, subject: Subject, hook: HookContext) -> SSHKey:
        account_id = subject.account.provider_account_id
        found = await self._provider.put_key(hook.access, key)
        if not found or key.provider_key_ids.get(account_id) == found:
            return key
        self._pump.say(PHASE, f"The account knows the key {key.name} now.")
        await self._report(
            KeepKeyId(
                deployment_id=self._deployment.deployment_id,
                fence=self._fence,
                ssh_key_id=key.ssh_key_id,
                provider_key_id=found,
            )
        )
        return replace(key, provider_key_ids={**key.provider_key_ids, account_id: found})

    async def _find(self, subject: Subject, hook: HookContext) -> tuple[tuple[str, str], ...]:
        """What is there and in no record: a machine that a broken run has made, or one to be taken over."""
        if subject.state is not None and self._provider.main_resource in subject.state.resources:
            return ()
        found = await self._candidates(subject, hook)
        if not found:
            return ()
        if len(found) > 1:
            names = ", ".join(f"{each.name} ({each.resource_id})" for each in found)
            raise Conflict(
                f"Several machines at {self._provider.info.title} are marked as this one: {names}.",
                hint="Look at them there, delete those that are not wanted, and try again.",
                code="E-ADOPT-TWO",
            )
        self._pump.say(PHASE, f"{found[0].name} ({found[0].resource_id}) exists already; it is taken into the record.")
        return self._provider.imports(subject.machine, found[0])

    async def _find_firewalls(self, subject: Subject, hook: HookContext) -> tuple[tuple[str, str], ...]:
        """Those that a broken run has made: a second one of its name would be refused."""
        parts = subject.parts(self._deployment.options, main_resource=self._provider.main_resource)
        known = subject.state.instances if subject.state is not None else frozenset()
        wanted = {
            address: name
            for address, name in self._provider.firewalls(subject.machine, parts).items()
            if address not in known
        }
        if not wanted:
            return ()
        try:
            found = await self._provider.find_firewalls(hook.access, subject.machine, frozenset(wanted.values()))
        except Unavailable as error:
            why = f"Whether it has a firewall already could not be asked: {error.message}"
            self._pump.say(PHASE, why, level=LogLevel.WARNING)
            return ()
        for import_id in found.values():
            self._pump.say(PHASE, f"Its firewall ({import_id}) exists already; it is taken into the record.")
        return tuple((address, found[name]) for address, name in wanted.items() if name in found)

    async def _candidates(self, subject: Subject, hook: HookContext) -> tuple[Instance, ...]:
        machine = subject.machine
        if machine.provisioning_method is not ProvisioningMethod.IMPORTED:
            # Where an earlier run left something, the machine itself may be too new for the provider's lists.
            is_expected = subject.state is not None or self._deployment.attempt > 1
            return await self._provider.find(hook.access, machine.machine_id, is_expected=is_expected)
        found = tuple(
            each
            for each in await self._provider.instances(hook.access)
            if each.resource_id == machine.provider_resource_id
        )
        if not found:
            raise NotFound(
                f"{self._provider.info.title} has no machine {machine.provider_resource_id} any more.",
                hint="Look whether it was deleted there.",
                code="E-ADOPT-GONE",
            )
        return found


def _has_credentials(provider: Provider) -> bool:
    return any(field.is_required for field in provider.info.account_fields)
