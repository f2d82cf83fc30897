"""Hetzner Cloud: one account is one project, known by its token alone (https://docs.hetzner.cloud, v1)."""

from __future__ import annotations

import asyncio
import urllib.parse
from dataclasses import replace

from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine, MachineFacts
from machina_desktop.core.domain.provider import (
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
from machina_desktop.core.providers.cloud import MACHINE_MARK, resource_id_of, snapshot_name
from machina_desktop.core.providers.cloud_api import CloudApi, Query, checked_endpoint
from machina_desktop.core.providers.cloud_errors import NOT_FOUND, CloudError
from machina_desktop.core.providers.cloud_power import Command, Progress
from machina_desktop.core.providers.cloud_token import TokenCloud, md5_of, token_fields
from machina_desktop.core.providers.hetzner_answers import (
    DIALECT,
    Actions,
    Firewalls,
    Images,
    Keys,
    Locations,
    OneAction,
    OneServer,
    Servers,
    ServerTypes,
    images_of,
    instance_of,
    region_of,
    size_of,
    starts_since_rescue,
)
from machina_desktop.core.providers.hetzner_prices import Pricing, extras_of

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


class Hetzner(TokenCloud):
    """Servers of one project."""

    dialect = DIALECT
    keys_path = "/ssh_keys"
    module = "hetzner"
    main_resource = "hcloud_server.machine"
    firewall_resource = "hcloud_firewall.machine"
    info = ProviderInfo(
        type=ProviderType.HETZNER,
        title="Hetzner Cloud",
        summary="Servers in Germany, Finland, the United States and Singapore, paid by the hour.",
        account_fields=token_fields(
            "Made in the project's console under Security, API tokens, with the right to read and write."
        ),
        power_actions=("reboot", "stop", "start", "rebuild", "snapshot", "rescue"),
        has_keys=True,
        has_firewalls=True,
        has_disk_in_size=True,
        tells_stock=True,
        login="root",
        # The API tells no project's number, without which no page of a server can be named.
        console="https://console.hetzner.com/projects",
    )

    def endpoint_of(self, access: Access) -> str:
        """The API's address with its version, which goes without saying."""
        text = access.settings.get("endpoint", "").strip()
        found = checked_endpoint(text) if text else _ENDPOINT
        return found if urllib.parse.urlsplit(found).path else f"{found}/v1"

    async def environment(self, access: Access) -> dict[str, str]:
        """Token and endpoint of the hcloud provider."""
        endpoint = self.endpoint_of(access)
        return {"HCLOUD_TOKEN": self.token_of(access)} | (
            {} if endpoint == _ENDPOINT else {"HCLOUD_ENDPOINT": endpoint}
        )

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
            api.listed("/locations", Locations, lambda page: page.locations, _FULL_PAGES),
            api.listed("/server_types", ServerTypes, lambda page: page.server_types, _FULL_PAGES),
            api.listed("/images", Images, lambda page: page.images, (*_FULL_PAGES, ("type", "system"))),
            api.listed("/images", Images, lambda page: page.images, (*_FULL_PAGES, ("type", "snapshot"))),
            api.get("/pricing", Pricing),
        )
        sizes = (size_of(kind, pricing.pricing) for kind in kinds)
        return Catalogue(
            regions=tuple(region_of(each) for each in locations),
            sizes=tuple(size for size in sizes if size is not None),
            images=images_of((*system, *own)),
            extras=extras_of(pricing.pricing),
            fetched_at=now(),
        )

    async def machines(self, api: CloudApi, machine_id: str = "") -> tuple[Instance, ...]:
        """Servers of the project."""
        marked: Query = (("label_selector", f"{MACHINE_MARK}={machine_id}"),) if machine_id else ()
        found = await api.listed("/servers", Servers, lambda page: page.servers, (*_FULL_PAGES, *marked))
        return tuple(instance_of(each) for each in found)

    async def look(self, api: CloudApi, resource_id: str) -> Instance:
        """One server."""
        return instance_of((await api.get(f"/servers/{self.number(resource_id)}", OneServer)).server)

    async def observe(self, context: HookContext) -> MachineFacts:
        """What it shows; of a machine in its rescue system also whether somebody has started its own one since.

        The server's flag does not tell that: it ends with the first start into the rescue system.
        """
        facts = await super().observe(context)
        if not context.machine.is_in_rescue or facts.provider_resource_id is None:
            return facts
        try:
            starts = await self._starts_since_rescue(context)
        except Unavailable as error:
            context.log(f"Whether it still runs its rescue system could not be asked: {error.message}")
            return facts
        # The first one led into it.
        if len(starts) <= 1:
            return facts
        context.log("It was started into its own system again since its rescue system was.")
        return replace(facts, has_left_rescue=True, host_key="" if "rebuild_server" in starts else facts.host_key)

    async def _starts_since_rescue(self, context: HookContext) -> tuple[str, ...]:
        newest: Query = (*_FULL_PAGES, ("sort", "id:desc"))
        path = f"/servers/{self.number(resource_id_of(context))}/actions"
        async with self.open(context.access, context.cancelled.is_set) as api:
            return starts_since_rescue((await api.get(path, Actions, newest)).actions)

    async def find_key(self, api: CloudApi, key: SSHKey) -> str:
        """By its fingerprint, which is unique in a project."""
        by_print: Query = (*_FULL_PAGES, ("fingerprint", md5_of(key)))
        found = await api.listed(self.keys_path, Keys, lambda page: page.ssh_keys, by_print)
        return str(found[0].id) if found else ""

    async def list_keys(self, api: CloudApi) -> frozenset[str]:
        """Those of the project."""
        found = await api.listed(self.keys_path, Keys, lambda page: page.ssh_keys, _FULL_PAGES)
        return frozenset(str(each.id) for each in found)

    async def firewall_called(self, api: CloudApi, name: str) -> str:
        """By its name, which is unique in a project."""
        by_name: Query = (*_FULL_PAGES, ("name", name))
        found = await api.listed("/firewalls", Firewalls, lambda page: page.firewalls, by_name)
        return str(found[0].id) if found else ""

    async def begin(self, api: CloudApi, context: HookContext, command: Command) -> str:
        """Post the action."""
        path = f"/servers/{self.number(resource_id_of(context))}/actions/{_COMMANDS[command]}"
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
    machine = context.machine
    match command:
        case Command.REBUILD:
            return {"image": context.options.get("image") or machine.image}
        case Command.SNAPSHOT:
            labels = {MACHINE_MARK: machine.machine_id}
            return {"type": "snapshot", "description": snapshot_name(context), "labels": labels}
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
