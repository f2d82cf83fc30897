"""Hetzner Cloud: one account is one project, known by its token alone (https://docs.hetzner.cloud, v1)."""

from __future__ import annotations

import asyncio
import urllib.parse
from collections.abc import Callable

from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import (
    AccountField,
    Catalogue,
    CredentialStatus,
    Instance,
    ProviderInfo,
    ProviderType,
    Verification,
)
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.ids import now
from machina_desktop.core.providers.base import Access, HookContext, MachineParts
from machina_desktop.core.providers.cloud import (
    ENDPOINT,
    MACHINE_MARK,
    Cloud,
    md5_of,
    never,
    number_of,
    resource_id_of,
    secret_of,
)
from machina_desktop.core.providers.cloud_api import CloudApi, Query, checked_endpoint, checked_token
from machina_desktop.core.providers.cloud_errors import NOT_FOUND, CloudError
from machina_desktop.core.providers.cloud_power import Command, Progress
from machina_desktop.core.providers.hetzner_answers import (
    DIALECT,
    Images,
    Keys,
    Locations,
    OneAction,
    OneKey,
    OneServer,
    Pricing,
    Servers,
    ServerTypes,
    images_of,
    instance_of,
    region_of,
    size_of,
)

_ENDPOINT = "https://api.hetzner.cloud/v1"
_FULL_PAGES: Query = (("per_page", "50"),)
_COMMANDS = {
    Command.REBOOT: "reboot",
    Command.RESET: "reset",
    Command.START: "poweron",
    Command.SHUT_DOWN: "shutdown",
    Command.POWER_OFF: "poweroff",
    Command.REBUILD: "rebuild",
    Command.SNAPSHOT: "create_image",
    Command.RESCUE_ON: "enable_rescue",
    Command.RESCUE_OFF: "disable_rescue",
}


class Hetzner(Cloud[CloudApi]):
    """Servers of one project."""

    module = "hetzner"
    main_resource = "hcloud_server.machine"
    info = ProviderInfo(
        type=ProviderType.HETZNER,
        title="Hetzner Cloud",
        summary="Servers in Germany, Finland, the United States and Singapore, paid by the hour.",
        account_fields=(
            AccountField(
                name="api_token",
                title="API token",
                help="Made in the project's console under Security, API tokens, with the right to read and write.",
                is_secret=True,
                is_required=True,
            ),
            AccountField(
                name="read_token",
                title="Read-only token",
                help="Used to browse, so that the other one is opened for runs only.",
                is_secret=True,
                is_advanced=True,
            ),
            ENDPOINT,
        ),
        power_actions=("reboot", "stop", "start", "rebuild", "snapshot", "rescue"),
        has_keys=True,
        has_firewalls=True,
        has_disk_in_size=True,
        login="root",
    )

    def open(self, access: Access, cancelled: Callable[[], bool] = never) -> CloudApi:
        """A line to the API."""
        return CloudApi(
            _endpoint(access),
            secret_of(access, "api_token", "read_token"),
            DIALECT,
            access.preferences,
            cancelled=cancelled,
            pace=self.pace,
            patience=self.patience,
        )

    async def environment(self, access: Access) -> dict[str, str]:
        """Token and endpoint of the hcloud provider."""
        token = checked_token(secret_of(access, "api_token", "api_token"), self.info.title)
        return {"HCLOUD_TOKEN": token} | ({"HCLOUD_ENDPOINT": _endpoint(access)} if _has_endpoint(access) else {})

    def variables(self, machine: Machine, parts: MachineParts) -> dict[str, object]:
        """Whether its firewalls stay as they are, beside the rest."""
        kept = {"keep_firewall": True} if parts.keeps_firewall else {}
        return super().variables(machine, parts) | kept

    async def identify(self, api: CloudApi) -> Verification:
        """A project has a name, but the API does not tell it: it is named by the servers that the token lists."""
        page = await api.get("/servers", Servers, (("per_page", "3"), ("sort", "created:asc")))
        count = page.meta.pagination.total_entries or len(page.servers)
        names = ", ".join(each.name for each in page.servers)
        more = ", …" if count > len(page.servers) else ""
        servers = "1 server" if count == 1 else f"{count} servers"
        identity = f"a project with {servers} ({names}{more})" if names else "a project without servers"
        scopes = await _scopes(api)
        reason = "This token may only read: machines are listed, but none can be made." if scopes == ("read",) else ""
        return Verification(status=CredentialStatus.VALID, identity=identity, scopes=scopes, reason=reason)

    async def offers(self, api: CloudApi) -> Catalogue:
        """Locations, types with their prices and stock by location, images and snapshots."""
        locations, kinds, system, own, pricing = await asyncio.gather(
            api.listed("/locations", Locations, _FULL_PAGES),
            api.listed("/server_types", ServerTypes, _FULL_PAGES),
            api.listed("/images", Images, (*_FULL_PAGES, ("type", "system"))),
            api.listed("/images", Images, (*_FULL_PAGES, ("type", "snapshot"))),
            api.get("/pricing", Pricing),
        )
        sizes = (size_of(kind, pricing.pricing.currency) for kind in kinds)
        return Catalogue(
            regions=tuple(region_of(each) for each in locations),
            sizes=tuple(size for size in sizes if size is not None),
            images=images_of((*system, *own)),
            fetched_at=now(),
        )

    async def machines(self, api: CloudApi, machine_id: str = "") -> tuple[Instance, ...]:
        """Servers of the project."""
        marked: Query = (("label_selector", f"{MACHINE_MARK}={machine_id}"),) if machine_id else ()
        return tuple(instance_of(each) for each in await api.listed("/servers", Servers, (*_FULL_PAGES, *marked)))

    async def look(self, api: CloudApi, resource_id: str) -> Instance:
        """One server."""
        return instance_of((await api.get(f"/servers/{number_of(self.info.title, resource_id)}", OneServer)).server)

    async def find_key(self, api: CloudApi, key: SSHKey) -> str:
        """By its fingerprint, which is unique in a project."""
        found = await api.listed("/ssh_keys", Keys, (*_FULL_PAGES, ("fingerprint", md5_of(key))))
        return str(found[0].id) if found else ""

    async def add_key(self, api: CloudApi, key: SSHKey, name: str) -> str:
        """Add it."""
        body = {"name": name, "public_key": key.public_key.strip()}
        return str((await api.write("POST", "/ssh_keys", OneKey, body)).ssh_key.id)

    async def drop_key(self, api: CloudApi, provider_key_id: str) -> None:
        """Delete it."""
        await api.remove(f"/ssh_keys/{number_of(self.info.title, provider_key_id)}")

    async def begin(self, api: CloudApi, context: HookContext, command: Command) -> str:
        """Post the action."""
        path = f"/servers/{number_of(self.info.title, resource_id_of(context))}/actions/{_COMMANDS[command]}"
        return str((await api.write("POST", path, OneAction, _body(context, command))).action.id)

    async def progress(self, api: CloudApi, context: HookContext, action_id: str, command: Command) -> Progress:
        """Look at the action."""
        action = (await api.get(f"/actions/{action_id}", OneAction)).action
        problem = (action.error.message if action.error else "") or "it ended with an error"
        return Progress(
            is_done=action.status != "running",
            percent=action.progress,
            problem=problem if action.status == "error" else "",
        )


def _body(context: HookContext, command: Command) -> object:
    machine, options = context.machine, context.options
    match command:
        case Command.REBUILD:
            return {"image": options.get("image") or machine.image}
        case Command.SNAPSHOT:
            name = options.get("name") or f"{machine.name} {now():%Y-%m-%d %H:%M}"
            labels = {MACHINE_MARK: machine.machine_id}
            return {"type": "snapshot", "description": name, "labels": labels}
        case Command.RESCUE_ON:
            account_id = context.account.provider_account_id
            known = (key.provider_key_ids.get(account_id, "") for key in context.keys)
            if not (ids := [int(each) for each in known if each.isdigit()]):
                raise Unavailable(
                    f"None of the keys of {machine.name} is in the account, so nobody could log in to a rescue system.",
                    hint="Put one of the machine's SSH keys into the account first.",
                    code="E-POWER",
                )
            return {"type": "linux64", "ssh_keys": ids}
        case _:
            return None


async def _scopes(api: CloudApi) -> tuple[str, ...]:
    """What the token may do; empty where that cannot be told.

    A token that only reads is refused anything but GET with ``token_readonly`` (docs.hetzner.cloud, Errors). No key
    has the id 0: nothing can come of the question.
    """
    try:
        await api.remove("/ssh_keys/0")
    except CloudError as error:
        if error.complaint.code == "token_readonly":
            return ("read",)
        return ("read", "write") if error.code == NOT_FOUND else ()
    except Unavailable:
        return ()
    return ()


def _has_endpoint(access: Access) -> bool:
    return bool(access.settings.get("endpoint", "").strip())


def _endpoint(access: Access) -> str:
    """The API's address with its version, which goes without saying."""
    if not _has_endpoint(access):
        return _ENDPOINT
    found = checked_endpoint(access.settings["endpoint"])
    return found if urllib.parse.urlsplit(found).path else f"{found}/v1"
