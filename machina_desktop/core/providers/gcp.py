"""Google Cloud: machines of one project (https://cloud.google.com/compute/docs/reference/rest, v1)."""

from __future__ import annotations

import asyncio
import logging
import re
import urllib.parse
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine, ProvisioningMethod
from machina_desktop.core.domain.provider import (
    AccountField,
    Catalogue,
    CredentialStatus,
    Image,
    Instance,
    ProviderInfo,
    ProviderType,
    Verification,
)
from machina_desktop.core.domain.terminal import HostKey
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.ids import now
from machina_desktop.core.providers.base import Access, HookContext, MachineParts
from machina_desktop.core.providers.cloud import (
    ENDPOINT,
    MACHINE_MARK,
    TEAM_MARK,
    Cloud,
    never,
    resource_id_of,
    snapshot_name,
)
from machina_desktop.core.providers.cloud_api import Query, checked_endpoint
from machina_desktop.core.providers.cloud_errors import DENIED, FAULT, NOT_FOUND, CloudError, clean
from machina_desktop.core.providers.cloud_power import Command, Progress
from machina_desktop.core.providers.gcp_answers import (
    Images,
    InstanceAnswer,
    Instances,
    MachineType,
    MachineTypes,
    Operation,
    Project,
    RegionAnswer,
    Regions,
    Silence,
    ZoneAnswer,
    Zones,
    images_of,
    instance_of,
    last,
    quota_of,
    region_of_zone,
    regions_of,
    sizes_of,
)
from machina_desktop.core.providers.gcp_console import keys_printed_by
from machina_desktop.core.providers.gcp_errors import DIALECT, TITLE
from machina_desktop.core.providers.gcp_firewalls import Firewalls, firewalls_of
from machina_desktop.core.providers.gcp_token import (
    FULL,
    READ_ONLY,
    GoogleApi,
    Line,
    ServiceAccount,
    TokenLine,
    service_account_of,
)
from machina_desktop.core.secret import Secret

LOG = logging.getLogger(__name__)
LOGIN = "machina"
_ENDPOINT = "https://compute.googleapis.com/compute/v1"
_PUBLIC = (
    "debian-cloud",
    "ubuntu-os-cloud",
    "rocky-linux-cloud",
    "almalinux-cloud",
    "centos-cloud",
    "fedora-cloud",
    "opensuse-cloud",
)
"""Projects with images that cost nothing beside the machine."""
_FULL_PAGES: Query = (("maxResults", "500"),)
_TYPE_FIELDS = "items(name,zone,guestCpus,memoryMb,isSharedCpu,architecture,deprecated/state)"
_IMAGE_FIELDS = "items(name,family,status,architecture,diskSizeGb,creationTimestamp,description,deprecated/state)"
_PROJECT = re.compile(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{0,61}")
_RESOURCE = re.compile(r"projects/([a-z0-9.:-]+)/zones/([a-z0-9-]+)/instances/([a-z0-9-]+)")
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")


class Gcp(Cloud[GoogleApi]):
    """Machines of one project."""

    module = "gcp"
    main_resource = "google_compute_instance.machine"
    bills_when_off = False
    tells_host_keys = True
    info = ProviderInfo(
        type=ProviderType.GCP,
        title=TITLE,
        summary="Machines of Compute Engine all over the world, paid by the second.",
        account_fields=(
            AccountField(
                name="project_id",
                title="Project ID",
                help="Of the project in which machines are made; not its name or number.",
                placeholder="my-project-123456",
                is_required=True,
            ),
            AccountField(
                name="service_account_json",
                title="Service account key",
                help="The JSON file made in the console under IAM, Service accounts, Keys. The account needs the roles "
                "Compute Instance Admin (v1) and Compute Security Admin.",
                is_secret=True,
                is_required=True,
                is_multiline=True,
            ),
            AccountField(
                name="read_service_account_json",
                title="Read-only service account key",
                help="Of an account with the role Compute Viewer; used to browse, so that the other one is opened for "
                "runs only.",
                is_secret=True,
                is_multiline=True,
                is_advanced=True,
            ),
            ENDPOINT,
        ),
        power_actions=("reboot", "stop", "start", "snapshot"),
        has_firewalls=True,
        login=LOGIN,
        console="https://console.cloud.google.com/compute/instancesDetail/zones/{zone}/instances/{name}?project={project}",
    )

    def open(self, access: Access, cancelled: Callable[[], bool] = never) -> GoogleApi:
        """A line to the API; where nothing may be changed, with a token that can change nothing."""
        name = _key_field(access)
        account = service_account_of(access.secrets.get(name, Secret("")), name)
        line = Line(preferences=access.preferences, cancelled=cancelled, pace=self.pace, patience=self.patience)
        project, endpoint = _project_of(access, account), _endpoint(access)
        tokens = TokenLine(account, FULL if access.may_write else READ_ONLY, name, line)
        return GoogleApi(endpoint, account=account, project=project, tokens=tokens, dialect=DIALECT, line=line)

    def has_reading_half(self, access: Access) -> bool:
        """Whether there is a service account for browsing."""
        return bool(access.secrets.get("read_service_account_json"))

    async def environment(self, access: Access) -> dict[str, str]:
        """Key, project and endpoint of the google provider."""
        name = _key_field(replace(access, may_write=True))
        account = service_account_of(access.secrets.get(name, Secret("")), name)
        found = {"GOOGLE_CREDENTIALS": account.text.reveal(), "GOOGLE_PROJECT": _project_of(access, account)}
        endpoint = _endpoint(access)
        return found if endpoint == _ENDPOINT else found | {"GOOGLE_COMPUTE_CUSTOM_ENDPOINT": f"{endpoint}/"}

    async def identify(self, api: GoogleApi) -> Verification:
        """The service account, which is believed since it got a token; whether the project lets it in is asked."""
        who = f"{api.account.client_email}, project {api.project}"
        try:
            project, regions = await asyncio.gather(
                api.get(f"/projects/{api.project}", Project),
                api.listed(f"/projects/{api.project}/regions", Regions, lambda page: page.items, _FULL_PAGES),
            )
        except CloudError as error:
            if error.code not in {DENIED, NOT_FOUND}:
                raise
            reason = error.message
            if api.account.project_id not in {"", api.project}:
                reason += (
                    f" The service account belongs to the project {api.account.project_id}; give it a role in "
                    f"{api.project}, or correct the project ID."
                )
            elif error.code == NOT_FOUND:
                reason += " Check the project ID: it is neither the project's name nor its number."
            return Verification(status=CredentialStatus.INVALID, identity=who, reason=reason)
        return Verification(status=CredentialStatus.VALID, identity=who, quota=quota_of(project, regions))

    async def offers(self, api: GoogleApi) -> Catalogue:
        """Regions, machine types of all zones, the newest image of each family and the project's own images."""
        (regions, zones, kinds), images = await asyncio.gather(
            _places(api), asyncio.gather(*(_images(api, project) for project in (*_PUBLIC, api.project)))
        )
        return Catalogue(
            regions=regions_of(regions, zones),
            sizes=sizes_of(kinds),
            images=tuple(image for found in images for image in found),
            fetched_at=now(),
        )

    async def machines(self, api: GoogleApi, machine_id: str = "") -> tuple[Instance, ...]:
        """Machines of the project; while some zones cannot be asked, those of the others.

        Raises:
            CloudError: E-CLOUD-FAULT, whether that one of ours exists cannot be told now.
        """
        query = _FULL_PAGES
        if machine_id:
            query = (*query, ("filter", f'labels.{MACHINE_MARK}="{machine_id.lower()}"'))
        told = await api.listed(
            f"/projects/{api.project}/aggregated/instances", Instances, lambda page: page.told, query
        )
        found = tuple(instance_of(api.project, each) for each in told if isinstance(each, InstanceAnswer))
        silent = clean(", ".join(dict.fromkeys(each.where for each in told if isinstance(each, Silence))))
        if silent and machine_id and not found:
            raise CloudError(
                f"Google Cloud cannot ask {silent} just now, so it is not known whether the machine is there.",
                hint="Nothing is wrong here; try again in a few minutes.",
                code=FAULT,
            )
        if silent:
            LOG.warning("Google Cloud lists no machines of %s just now", silent)
        return found

    async def look(self, api: GoogleApi, resource_id: str) -> Instance:
        """One machine."""
        where, answer = await _answer(api, resource_id)
        return instance_of(where[1], answer)

    async def host_keys(self, access: Access, machine: Machine, *, is_newborn: bool = False) -> tuple[HostKey, ...]:
        """On its serial console, or of a newborn in its guest attributes; of one that only has its name, none."""
        async with self.open(access) as api:
            where, answer = await _answer(api, machine.provider_resource_id or "")
            is_it = instance_of(where[1], answer).machine_id == machine.machine_id.lower()
            return await keys_printed_by(api, f"/{where[0]}", is_newborn=is_newborn) if is_it else ()

    def firewalls(self, machine: Machine, parts: MachineParts) -> Mapping[str, str]:
        """As many as its rules have directions and families of addresses, and what closes the rest."""
        return firewalls_of(machine.machine_id, parts.rules)

    async def find_firewalls(self, access: Access, machine: Machine, names: Collection[str]) -> Mapping[str, str]:
        """Among all of the project."""
        async with self.open(access) as api:
            path = f"/projects/{api.project}/global/firewalls"
            query = (*_FULL_PAGES, ("fields", "items(name),nextPageToken"))
            found = await api.listed(path, Firewalls, lambda page: page.items, query)
        return {
            each.name: f"projects/{api.project}/global/firewalls/{each.name}" for each in found if each.name in names
        }

    async def put_key(self, access: Access, key: SSHKey) -> str:
        """Nothing: keys are given to each machine in its metadata."""
        return ""

    async def remove_key(self, access: Access, provider_key_id: str) -> None:
        """Nothing: no account holds keys."""

    async def find_key(self, api: GoogleApi, key: SSHKey) -> str:
        """None."""
        return ""

    async def add_key(self, api: GoogleApi, key: SSHKey, name: str) -> str:
        """Nothing."""
        return ""

    async def list_keys(self, api: GoogleApi) -> frozenset[str]:
        """None."""
        return frozenset()

    async def drop_key(self, api: GoogleApi, provider_key_id: str) -> None:
        """Nothing."""

    async def begin(self, api: GoogleApi, context: HookContext, command: Command) -> str:
        """Post it; what lies in the request's id keeps Google from doing it twice, whoever repeats it on the way."""
        where, answer = await _answer(api, resource_id_of(context))
        zone = f"/projects/{where[1]}/zones/{where[2]}"
        more = {"requestId": str(uuid.uuid4())}
        if command is Command.SNAPSHOT:
            disk = next((each.source for each in answer.disks if each.boot and each.source), "")
            if not disk:
                raise CloudError(
                    f"{context.machine.name} has no boot disk of its own to take a snapshot of.",
                    hint="Look at its disks in Google's console.",
                    code="E-POWER",
                )
            path, body = f"{zone}/disks/{last(disk)}/createSnapshot", _snapshot(context)
        else:
            verb = {Command.START: "start", Command.SHUT_DOWN: "stop", Command.POWER_OFF: "stop"}.get(command, "reset")
            # What is on its disk of a machine that sleeps is not what was in its memory.
            verb = "resume" if verb == "start" and answer.status == "SUSPENDED" else verb
            more |= {"noGracefulShutdown": "true"} if command is Command.POWER_OFF else {}
            path, body = f"{zone}/instances/{where[3]}/{verb}", None
        operation = await api.write("POST", f"{path}?{urllib.parse.urlencode(more)}", Operation, body)
        return f"{zone}/operations/{operation.name}"

    async def progress(self, api: GoogleApi, context: HookContext, action_id: str, command: Command) -> Progress:
        """Look at the operation."""
        operation = await api.get(action_id, Operation)
        is_done = operation.status == "DONE"
        return Progress(is_done=is_done, percent=operation.progress, problem=operation.problem if is_done else "")

    def check(self, machine: Machine) -> None:
        """A machine lies in a zone, and its name is one of Google's."""
        super().check(machine)
        if not _NAME.fullmatch(machine.name):
            raise InvalidInput("At Google Cloud a name begins with a letter and has at most 63.", field="name")
        if not machine.zone:
            raise InvalidInput("Choose a zone of the region.", field="zone")
        if region_of_zone(machine.zone) != machine.region:
            raise InvalidInput(f"The zone {machine.zone} is not in {machine.region}.", field="zone")

    def login_of(self, machine: Machine) -> str:
        """The name that keys in a machine's metadata let in; one that was taken over has keys of its own there."""
        return "" if machine.provisioning_method is ProvisioningMethod.IMPORTED else self.info.login

    def variables(self, machine: Machine, parts: MachineParts) -> dict[str, object]:
        """Keys go into the machine's metadata, with the name that they let in.

        Raises:
            InvalidInput: E-FIREWALL-TAGS, rules would never reach a machine that was taken over.
        """
        if machine.provisioning_method is ProvisioningMethod.IMPORTED and parts.rules is not None:
            raise InvalidInput(
                f"{machine.name} was taken over and keeps its own network tags, by which Google's rules find it.",
                field="firewall_profile_id",
                hint="Change the rules of its network in Google's console, and leave it without a firewall here.",
                code="E-FIREWALL-TAGS",
            )
        found = super().variables(machine, parts)
        del found["key_ids"]
        return found | {
            "zone": machine.zone or "",
            "public_keys": [key.public_key.strip() for key in parts.keys],
            "user": machine.ssh_user or self.info.login,
        }


async def _answer(api: GoogleApi, resource_id: str) -> tuple[re.Match[str], InstanceAnswer]:
    match = _RESOURCE.fullmatch(resource_id)
    if match is None:
        raise CloudError(
            f"Google Cloud has nothing with the id {resource_id[:80]!r}.", hint="Refresh it.", code=NOT_FOUND
        )
    return match, await api.get(f"/{match[0]}", InstanceAnswer)


async def _places(
    api: GoogleApi,
) -> tuple[tuple[RegionAnswer, ...], tuple[ZoneAnswer, ...], tuple[MachineType, ...]]:
    """Regions, zones, and the types of each zone. The list of all at once has a hundred pages, one after the other."""
    root = f"/projects/{api.project}"
    regions, zones = await asyncio.gather(
        api.listed(f"{root}/regions", Regions, lambda page: page.items, _FULL_PAGES),
        api.listed(f"{root}/zones", Zones, lambda page: page.items, _FULL_PAGES),
    )
    kinds = await asyncio.gather(*(_types(api, zone) for zone in zones))
    if zones and all(found is None for found in kinds):
        raise CloudError(
            "Google Cloud lists no machine types just now.",
            hint="Nothing is wrong here; try again in a few minutes.",
            code=FAULT,
        )
    return regions, zones, tuple(each for found in kinds for each in found or ())


async def _types(api: GoogleApi, zone: ZoneAnswer) -> tuple[MachineType, ...] | None:
    """What a zone has; ``None`` where it cannot be asked now."""
    query: Query = (*_FULL_PAGES, ("fields", f"{_TYPE_FIELDS},nextPageToken"))
    path = f"/projects/{api.project}/zones/{zone.name}/machineTypes"
    try:
        return await api.listed(path, MachineTypes, lambda page: page.items, query)
    except CloudError as error:
        # Whoever chooses from the others does not need to wait for a zone that is in trouble.
        if error.code not in {FAULT, NOT_FOUND}:
            raise
        LOG.warning("Google Cloud lists no machine types of %s just now", zone.name)
        return None


async def _images(api: GoogleApi, project: str) -> tuple[Image, ...]:
    is_own = project == api.project
    query: Query = (*_FULL_PAGES, ("fields", f"{_IMAGE_FIELDS},nextPageToken"))
    try:
        answers = await api.listed(f"/projects/{project}/global/images", Images, lambda page: page.items, query)
    except CloudError as error:
        # An organisation may allow its own images only.
        if is_own or error.code not in {DENIED, NOT_FOUND}:
            raise
        LOG.info("Google Cloud shows no images of %s", project)
        return ()
    return images_of(project, answers, is_own=is_own)


def _snapshot(context: HookContext) -> dict[str, object]:
    machine = context.machine
    wanted = snapshot_name(context)
    # A name of Google's holds few kinds of letters; what was wished for stands in the description.
    slug = re.sub(r"[^a-z0-9]+", "-", wanted.lower()).strip("-")
    slug = slug if slug[:1].isalpha() else f"snapshot-{slug}"
    return {
        "name": f"{slug[:45].strip('-')}-{uuid.uuid4().hex[:8]}",
        "description": wanted,
        "labels": {MACHINE_MARK: machine.machine_id.lower(), TEAM_MARK: machine.team_id.lower()},
    }


def _key_field(access: Access) -> str:
    is_half = not access.may_write and bool(access.secrets.get("read_service_account_json"))
    return "read_service_account_json" if is_half else "service_account_json"


def _project_of(access: Access, account: ServiceAccount) -> str:
    """The account's project, that of the key where none is given.

    Raises:
        InvalidInput: E-CLOUD-PROJECT, it can be none.
    """
    project = access.settings.get("project_id", "").strip() or account.project_id
    if _PROJECT.fullmatch(project):
        return project
    raise InvalidInput(
        f"{project[:80]!r} is no project ID.",
        field="project_id",
        hint="It has small letters, digits and hyphens only; Google's console shows it beside the project's name.",
        code="E-CLOUD-PROJECT",
    )


def _endpoint(access: Access) -> str:
    """The API's address with its version, which goes without saying."""
    text = access.settings.get("endpoint", "").strip()
    found = checked_endpoint(text) if text else _ENDPOINT
    return found if urllib.parse.urlsplit(found).path else f"{found}/compute/v1"
