"""AWS: instances of EC2 in one account, through boto3 (https://docs.aws.amazon.com/AWSEC2/latest/APIReference)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine, MachineFacts, MachineStatus
from machina_desktop.core.domain.provider import (
    AccountField,
    Catalogue,
    CredentialStatus,
    Instance,
    ProviderInfo,
    ProviderType,
    Verification,
)
from machina_desktop.core.domain.terminal import HostKey
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.ids import now
from machina_desktop.core.providers.aws_answers import instance_of, quota_of, sizes_of
from machina_desktop.core.providers.aws_console import keys_printed_by
from machina_desktop.core.providers.aws_errors import TITLE
from machina_desktop.core.providers.aws_keys import pair_name, plain_print, prints_of
from machina_desktop.core.providers.aws_offers import (
    everywhere,
    images_in,
    region_names,
    region_with_zones,
    stock_and_types,
)
from machina_desktop.core.providers.aws_session import AwsApi, Found, Line, Login
from machina_desktop.core.providers.base import Access, HookContext, MachineParts
from machina_desktop.core.providers.cloud import (
    ENDPOINT,
    MACHINE_MARK,
    TEAM_MARK,
    Cloud,
    never,
    resource_id_of,
)
from machina_desktop.core.providers.cloud_api import checked_endpoint
from machina_desktop.core.providers.cloud_errors import DENIED, NAME_TAKEN, NOT_FOUND, CloudError
from machina_desktop.core.providers.cloud_power import Command, Progress
from machina_desktop.core.secret import Secret

KEY_WAY, PROFILE_WAY = "Access key", "Profile on this computer"
_KEY_ID = re.compile(r"[A-Za-z0-9_]{4,128}")
_INSTANCE = re.compile(r"i-[0-9a-f]{8,40}")
_SHUT_DOWN = frozenset({"", "Client.UserInitiatedShutdown", "Client.InstanceInitiatedShutdown"})
_CALLS = {
    Command.REBOOT: "reboot_instances",
    Command.RESET: "reboot_instances",
    Command.START: "start_instances",
    Command.SHUT_DOWN: "stop_instances",
    Command.POWER_OFF: "stop_instances",
}


class Aws(Cloud[AwsApi]):
    """Instances of one account, in its region or in all that are enabled."""

    module = "aws"
    main_resource = "aws_instance.machine"
    bills_when_off = False
    tells_host_keys = True
    info = ProviderInfo(
        type=ProviderType.AWS,
        title=TITLE,
        summary="Instances of EC2 all over the world, paid by the second.",
        account_fields=(
            AccountField(
                name="access_key_id",
                title="Access key ID",
                help="Of an IAM user that may use EC2; made in the console under IAM, Users, Security credentials.",
                placeholder="AKIA…",
                is_required=True,
                way=KEY_WAY,
            ),
            AccountField(
                name="secret_access_key", title="Secret access key", is_secret=True, is_required=True, way=KEY_WAY
            ),
            AccountField(
                name="profile",
                title="Profile",
                help="By its name in ~/.aws on this computer, single sign-on included; nothing else there is read.",
                placeholder="default",
                is_required=True,
                way=PROFILE_WAY,
            ),
            AccountField(
                name="region",
                title="Region",
                help="The only region that is used; empty for all that are enabled in the account.",
                placeholder="eu-central-1",
            ),
            AccountField(
                name="assume_role_arn",
                title="Role to assume",
                help="ARN of a role that is taken on for everything.",
                placeholder="arn:aws:iam::123456789012:role/machina",
                is_advanced=True,
            ),
            AccountField(
                name="read_role_arn",
                title="Role that only reads",
                help="ARN of a role that is taken on to browse, so that the other rights serve runs only.",
                placeholder="arn:aws:iam::123456789012:role/machina-read",
                is_advanced=True,
            ),
            ENDPOINT,
        ),
        power_actions=("reboot", "stop", "start", "snapshot"),
        has_keys=True,
        has_firewalls=True,
        console="https://{region}.console.aws.amazon.com/ec2/home?region={region}#ConnectToInstance:instanceId={id}",
    )

    def open(self, access: Access, cancelled: Callable[[], bool] = never) -> AwsApi:
        """A session of boto3; where nothing may be changed, in the role that only reads, if there is one."""
        settings = access.settings
        endpoint = settings.get("endpoint", "").strip()
        line = Line(
            preferences=access.preferences,
            cancelled=cancelled,
            pace=self.pace,
            patience=self.patience,
            region=settings.get("region", "").strip(),
            endpoint=checked_endpoint(endpoint) if endpoint else "",
        )
        return AwsApi(_login(access), line)

    def has_reading_half(self, access: Access) -> bool:
        """Whether there is a role for browsing."""
        return bool(access.settings.get("read_role_arn", "").strip())

    async def environment(self, access: Access) -> dict[str, str]:
        """Credentials of the aws provider: those of the role where there is one, else the keys or the profile."""
        found = {"AWS_EC2_METADATA_DISABLED": "true"}
        async with self.open(replace(access, may_write=True)) as api:
            if api.login.profile and not api.login.role:
                found["AWS_PROFILE"] = api.login.profile
            else:
                keys = await api.keys()
                found["AWS_ACCESS_KEY_ID"] = keys.access_key_id
                found["AWS_SECRET_ACCESS_KEY"] = keys.secret_access_key.reveal()
                if keys.session_token:
                    found["AWS_SESSION_TOKEN"] = keys.session_token.reveal()
            if api.line.region:
                found["AWS_REGION"] = api.line.region
            if api.line.endpoint:
                found |= dict.fromkeys(("AWS_ENDPOINT_URL_EC2", "AWS_ENDPOINT_URL_STS"), api.line.endpoint)
        return found

    async def identify(self, api: AwsApi) -> Verification:
        """Who it is is told to everybody whose keys are right; whether EC2 lets them in is asked, too."""
        who = await api.ask("get_caller_identity", service="sts")
        identity = f"{who.get('Arn', '')}, account {who.get('Account', '')}"
        try:
            _, attributes = await asyncio.gather(api.ask("describe_regions"), api.ask("describe_account_attributes"))
        except CloudError as error:
            if error.code != DENIED:
                raise
            return Verification(status=CredentialStatus.INVALID, identity=identity, reason=error.message)
        quota = quota_of(attributes.get("AccountAttributes") or (), api.region)
        return Verification(status=CredentialStatus.VALID, identity=identity, quota=quota)

    async def offers(self, api: AwsApi) -> Catalogue:
        """Zones, types and images of every region, all at once; details of a type come from one region that has it."""
        names = await region_names(api)
        regions, (stock, types), images = await asyncio.gather(
            everywhere(names, lambda name: region_with_zones(api, name)),
            stock_and_types(api, names),
            everywhere(names, lambda name: images_in(api, name)),
        )
        return Catalogue(
            regions=tuple(region for _, region in regions),
            sizes=sizes_of(types, stock),
            images=tuple(image for _, found in images for image in found),
            fetched_at=now(),
        )

    async def machines(self, api: AwsApi, machine_id: str = "") -> tuple[Instance, ...]:
        """Instances of every region; one that is gone stays in the list for an hour and is left out."""
        marked = {"Filters": [{"Name": f"tag:{MACHINE_MARK}", "Values": [machine_id]}]} if machine_id else {}

        async def of(region: str) -> tuple[Instance, ...]:
            pages = await api.listed("describe_instances", "Reservations", marked, region=region)
            found = (instance_of(each, region) for page in pages for each in page.get("Instances") or ())
            return tuple(each for each in found if each.status != MachineStatus.TERMINATED)

        return tuple(each for _, found in await everywhere(await region_names(api), of) for each in found)

    async def look(self, api: AwsApi, resource_id: str) -> Instance:
        """One instance, in the region of the line."""
        return instance_of(await _instance(api, resource_id), api.region)

    async def power(self, context: HookContext, action: str) -> MachineFacts:
        """In the machine's own region."""
        return await super().power(_at_home(context), action)

    async def observe(self, context: HookContext) -> MachineFacts:
        """In the machine's own region."""
        return await super().observe(_at_home(context))

    async def host_keys(self, access: Access, machine: Machine, *, is_newborn: bool = False) -> tuple[HostKey, ...]:
        """On its console, which is kept for an hour after its start at least."""
        resource_id = machine.provider_resource_id or ""
        if not _INSTANCE.fullmatch(resource_id):
            return ()
        settings = {**access.settings, "region": machine.region or access.settings.get("region", "")}
        async with self.open(replace(access, settings=settings)) as api:
            return await keys_printed_by(api, resource_id)

    def firewalls(self, machine: Machine, parts: MachineParts) -> Mapping[str, str]:
        """A security group in any case, unless it keeps its own ones."""
        return {} if parts.keeps_firewall else {"aws_security_group.machine[0]": f"machina-{machine.machine_id}"}

    async def find_firewalls(self, access: Access, machine: Machine, names: Collection[str]) -> Mapping[str, str]:
        """In the machine's region, by their names and the machine's mark: a name is unique in its network only."""
        settings = {**access.settings, "region": machine.region or access.settings.get("region", "")}
        marked = [
            {"Name": "group-name", "Values": list(names)},
            {"Name": f"tag:{MACHINE_MARK}", "Values": [machine.machine_id]},
        ]
        async with self.open(replace(access, settings=settings)) as api:
            found = await api.listed("describe_security_groups", "SecurityGroups", {"Filters": marked})
        return {str(each.get("GroupName", "")): str(each.get("GroupId", "")) for each in found}

    async def find_key(self, api: AwsApi, key: SSHKey) -> str:
        """By its fingerprint, under a name that it has in every region; empty unless there is one."""
        return _common_name(key, await _pairs(api, key))

    async def add_key(self, api: AwsApi, key: SSHKey, name: str) -> str:
        """Under a name that tells its fingerprint, in every region that lacks it; key pairs belong to regions."""
        mine = pair_name(key)

        async def put(region: str) -> None:
            try:
                await api.write(
                    "import_key_pair",
                    {"KeyName": mine, "PublicKeyMaterial": key.public_key.strip().encode()},
                    region=region,
                )
            except CloudError as error:
                # Somebody else may have put the same one meanwhile; what has our name has its fingerprint.
                if error.code != NAME_TAKEN:
                    raise

        known = await _pairs(api, key)
        await everywhere([region for region, names in known.items() if mine not in names], put)
        return mine

    async def list_keys(self, api: AwsApi) -> frozenset[str]:
        """Their names, of whatever region: what one of them lacks is put there again, and removed from all."""

        async def of(region: str) -> frozenset[str]:
            pairs = (await api.ask("describe_key_pairs", region=region)).get("KeyPairs") or ()
            return frozenset(str(each.get("KeyName", "")) for each in pairs)

        found = await everywhere(await region_names(api), of)
        return frozenset().union(*(names for _, names in found))

    async def drop_key(self, api: AwsApi, provider_key_id: str) -> None:
        """Delete it everywhere; one that is gone is no error there."""
        await everywhere(
            await region_names(api),
            lambda region: api.write("delete_key_pair", {"KeyName": provider_key_id}, region=region),
        )

    async def begin(self, api: AwsApi, context: HookContext, command: Command) -> str:
        """Ask for it; only an image that is made has an id that tells how far it is."""
        resource_id = resource_id_of(context)
        if command is Command.SNAPSHOT:
            marks = [
                {"Key": MACHINE_MARK, "Value": context.machine.machine_id},
                {"Key": TEAM_MARK, "Value": context.machine.team_id},
            ]
            # EC2 takes no client token here: a name is unique in a region, so that a second one is refused.
            given = {
                "InstanceId": resource_id,
                "Name": _image_name(context),
                "Description": f"{context.machine.name}, made by Machina",
                "NoReboot": True,
                "TagSpecifications": [{"ResourceType": "image", "Tags": marks}],
            }
            made = await api.write("create_image", given)
            return str(made["ImageId"])
        force: dict[str, object] = {"Force": True} if command is Command.POWER_OFF else {}
        await api.write(_CALLS[command], {"InstanceIds": [resource_id], **force})
        return ""

    async def progress(self, api: AwsApi, context: HookContext, action_id: str, command: Command) -> Progress:
        """Look at the image that is made, or at the instance; of a reboot nothing is told."""
        if command is Command.SNAPSHOT:
            return await _image_progress(api, action_id)
        if command in {Command.REBOOT, Command.RESET, Command.SHUT_DOWN}:
            return Progress(is_done=True)
        found = await _instance(api, resource_id_of(context))
        state, reason = (found.get("State") or {}).get("Name", ""), found.get("StateReason") or {}
        if state == ("running" if command is Command.START else "stopped"):
            return Progress(is_done=True)
        # What is told may be a moment old: a machine that was shut down is told as stopped for a while after its start.
        is_failed = command is Command.START and state == "stopped" and reason.get("Code", "") not in _SHUT_DOWN
        return Progress(is_done=is_failed, problem=reason.get("Message", "") if is_failed else "")

    def check(self, machine: Machine) -> None:
        """A zone, if one is given, lies in the region."""
        super().check(machine)
        if machine.zone and not machine.zone.startswith(machine.region):
            raise InvalidInput(f"The zone {machine.zone} is not in {machine.region}.", field="zone")

    def variables(self, machine: Machine, parts: MachineParts) -> dict[str, object]:
        """The zone beside the rest, and whether its security groups stay as they are."""
        kept = {"keep_firewall": True} if parts.keeps_firewall else {}
        return super().variables(machine, parts) | {"zone": machine.zone or ""} | kept


def _login(access: Access) -> Login:
    """What the account's fields say.

    Raises:
        InvalidInput: E-CLOUD-TOKEN, they cannot be used; names the field.
    """
    settings = {name: value.strip() for name, value in access.settings.items()}
    reading = "" if access.may_write else settings.get("read_role_arn", "")
    role_field = "read_role_arn" if reading else "assume_role_arn"
    role = settings.get(role_field, "")
    if role and not re.fullmatch(r"arn:[a-z-]+:iam::[0-9]{12}:role/[\w+=,.@/-]+", role):
        raise _wrong("This is no ARN of a role.", role_field, "It is like arn:aws:iam::123456789012:role/machina.")
    if profile := settings.get("profile", ""):
        return Login(profile=profile, role=role, role_field=role_field)
    key_id = settings.get("access_key_id", "")
    secret = access.secrets.get("secret_access_key", Secret(""))
    text = secret.reveal()
    if not key_id or not text:
        field = "secret_access_key" if key_id else "access_key_id"
        raise _wrong("The account has neither keys nor a profile.", field, "Give both halves of an access key.")
    if not _KEY_ID.fullmatch(key_id):
        raise _wrong("The access key ID has a letter in it that none has.", "access_key_id", _AGAIN)
    if "\n" in text or "\r" in text:
        raise _wrong("The secret access key has a line break in it.", "secret_access_key", _AGAIN)
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise _wrong("The secret access key has a letter or a blank in it that none has.", "secret_access_key", _AGAIN)
    return Login(access_key_id=key_id, secret_access_key=secret, role=role, role_field=role_field)


_AGAIN = "Copy it from AWS once more, without anything before or after it."


def _wrong(what: str, field: str, hint: str) -> InvalidInput:
    return InvalidInput(what, field=field, hint=hint, code="E-CLOUD-TOKEN")


def _at_home(context: HookContext) -> HookContext:
    region = context.machine.region
    if not region:
        return context
    settings = {**context.account.settings, "region": region}
    return replace(context, account=replace(context.account, settings=settings))


async def _instance(api: AwsApi, resource_id: str) -> Found:
    pages: tuple[Found, ...] = ()
    if _INSTANCE.fullmatch(resource_id):
        pages = await api.listed("describe_instances", "Reservations", {"InstanceIds": [resource_id]})
    found = [each for page in pages for each in page.get("Instances") or ()]
    if not found or (found[0].get("State") or {}).get("Name") == "terminated":
        raise CloudError(
            f"AWS has no instance {resource_id[:40]!r} in {api.region}.", hint="Refresh it.", code=NOT_FOUND
        )
    return found[0]  # type: ignore[no-any-return]


async def _image_progress(api: AwsApi, image_id: str) -> Progress:
    try:
        answer = await api.ask("describe_images", {"ImageIds": [image_id]})
    except CloudError as error:
        # For a moment nobody knows of it yet.
        if error.code != NOT_FOUND:
            raise
        return Progress(is_done=False)
    image: Found = next(iter(answer.get("Images") or ()), {})
    state = image.get("State", "pending")
    if state == "pending":
        return Progress(is_done=False)
    reason = (image.get("StateReason") or {}).get("Message", "") or f"the image is {state}"
    return Progress(is_done=True, problem="" if state == "available" else reason)


async def _pairs(api: AwsApi, key: SSHKey) -> dict[str, set[str]]:
    """By region the names under which the key is there."""
    prints = prints_of(key)

    async def of(region: str) -> set[str]:
        pairs = (await api.ask("describe_key_pairs", region=region)).get("KeyPairs") or ()
        return {str(each.get("KeyName", "")) for each in pairs if plain_print(each.get("KeyFingerprint")) in prints}

    return dict(await everywhere(await region_names(api), of))


def _common_name(key: SSHKey, known: dict[str, set[str]]) -> str:
    common = set.intersection(*known.values()) if known else set()
    mine = pair_name(key)
    return mine if mine in common else min(common, default="")


def _image_name(context: HookContext) -> str:
    wanted = context.options.get("name") or f"{context.machine.name} {now():%Y-%m-%d %H.%M.%S}"
    # Names of images hold few kinds of letters, 3 to 128 of them.
    name = re.sub(r"[^A-Za-z0-9()\[\] ./\-'@_]", "-", wanted)[:128]
    return name if len(name) >= 3 else f"{name}---"
