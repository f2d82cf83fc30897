"""DigitalOcean: droplets of one team (https://docs.digitalocean.com/reference/api, v2)."""

from __future__ import annotations

import asyncio
import urllib.parse
from collections.abc import Mapping
from typing import ClassVar

from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.provider import (
    Catalogue,
    CredentialStatus,
    Instance,
    ProviderInfo,
    ProviderType,
    Verification,
)
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.ids import now
from machina_desktop.core.providers.base import Access, HookContext
from machina_desktop.core.providers.cloud import MACHINE_MARK, resource_id_of, snapshot_name
from machina_desktop.core.providers.cloud_api import CloudApi, Query, checked_endpoint
from machina_desktop.core.providers.cloud_errors import DENIED, NOT_FOUND, CloudError
from machina_desktop.core.providers.cloud_power import Command, Progress
from machina_desktop.core.providers.cloud_token import OneKey, TokenCloud, md5_of, token_fields
from machina_desktop.core.providers.digitalocean_answers import (
    DIALECT,
    Droplets,
    Firewalls,
    Images,
    Keys,
    OneAccount,
    OneAction,
    OneDroplet,
    Regions,
    Sizes,
    identity_of,
    images_of,
    instance_of,
    quota_of,
    regions_of,
    sizes_of,
)

_ENDPOINT = "https://api.digitalocean.com"
_FULL_PAGES: Query = (("per_page", "200"),)
_COMMANDS = {
    Command.REBOOT: "reboot",
    Command.RESET: "power_cycle",
    Command.START: "power_on",
    Command.SHUT_DOWN: "shutdown",
    Command.POWER_OFF: "power_off",
    Command.REBUILD: "rebuild",
    Command.SNAPSHOT: "snapshot",
}


class DigitalOcean(TokenCloud):
    """Droplets of one team."""

    dialect = DIALECT
    keys_path = "/v2/account/keys"
    module = "digitalocean"
    main_resource = "digitalocean_droplet.machine"
    firewall_resource = "digitalocean_firewall.machine"
    # Asked again after a 500, its API makes a second droplet: names need not differ, and requests have no key.
    once: ClassVar[Mapping[str, str]] = {"DIGITALOCEAN_HTTP_RETRY_MAX": "0"}
    info = ProviderInfo(
        type=ProviderType.DIGITALOCEAN,
        title="DigitalOcean",
        summary="Droplets in North America, Europe, Asia and Australia, paid by the hour.",
        account_fields=token_fields(
            "Made in the control panel under API, Tokens, with full access or with the scopes of droplets, actions, "
            "firewalls, images, regions, sizes, SSH keys and tags."
        ),
        power_actions=("reboot", "stop", "start", "rebuild", "snapshot"),
        has_keys=True,
        has_firewalls=True,
        has_disk_in_size=True,
        tells_stock=True,
        login="root",
        console="https://cloud.digitalocean.com/droplets/{id}/access",
    )

    def endpoint_of(self, access: Access) -> str:
        """The API's address without its version, which is in every path.

        Raises:
            InvalidInput: E-CLOUD-ENDPOINT, it has another path, and the Terraform provider asks for firewalls without
                it.
        """
        text = access.settings.get("endpoint", "").strip()
        found = checked_endpoint(text).removesuffix("/v2") if text else _ENDPOINT
        if urllib.parse.urlsplit(found).path:
            raise InvalidInput(
                "This API endpoint has a path, which DigitalOcean's Terraform provider leaves out.",
                field="endpoint",
                hint="Give the API a host name or a port of its own, and write the address without a path.",
                code="E-CLOUD-ENDPOINT",
            )
        return found

    async def environment(self, access: Access) -> dict[str, str]:
        """Token and endpoint of the digitalocean provider."""
        endpoint = self.endpoint_of(access)
        where = {} if endpoint == _ENDPOINT else {"DIGITALOCEAN_API_URL": endpoint}
        return {"DIGITALOCEAN_TOKEN": self.token_of(access)} | where

    async def identify(self, api: CloudApi) -> Verification:
        """The account; a token of few scopes may not ask for it and is good all the same.

        What a token may do is told nowhere, and cannot be tried without doing it.
        """
        page = await _droplets_seen(api)
        try:
            account = (await api.get("/v2/account", OneAccount)).account
        except CloudError as error:
            if error.code != DENIED or error.complaint.status != 403 or page is None:
                raise
            return Verification(status=CredentialStatus.VALID, identity="a token that may not say whose it is")
        status = account.status or "active"
        if status == "locked":
            reason = f"DigitalOcean has locked this account. {account.status_message}".strip()
            return Verification(status=CredentialStatus.INVALID, identity=identity_of(account), reason=reason)
        return Verification(
            status=CredentialStatus.VALID,
            identity=identity_of(account),
            quota=quota_of(account, page),
            reason=account.status_message.strip() if status == "warning" else "",
        )

    async def offers(self, api: CloudApi) -> Catalogue:
        """Regions, sizes with what is left of them in each region, images and snapshots."""
        regions, sizes, system, own = await asyncio.gather(
            api.listed("/v2/regions", Regions, lambda page: page.regions, _FULL_PAGES),
            api.listed("/v2/sizes", Sizes, lambda page: page.sizes, _FULL_PAGES),
            api.listed("/v2/images", Images, lambda page: page.images, (*_FULL_PAGES, ("type", "distribution"))),
            api.listed("/v2/images", Images, lambda page: page.images, (*_FULL_PAGES, ("private", "true"))),
        )
        return Catalogue(
            regions=regions_of(regions),
            sizes=sizes_of(sizes, regions),
            images=images_of((*system, *own)),
            fetched_at=now(),
        )

    async def machines(self, api: CloudApi, machine_id: str = "") -> tuple[Instance, ...]:
        """Droplets of the team."""
        marked: Query = (("tag_name", f"{MACHINE_MARK}-{machine_id}"),) if machine_id else ()
        found = await api.listed("/v2/droplets", Droplets, lambda page: page.droplets, (*_FULL_PAGES, *marked))
        return tuple(instance_of(each) for each in found)

    async def look(self, api: CloudApi, resource_id: str) -> Instance:
        """One droplet."""
        return instance_of((await api.get(f"/v2/droplets/{self.number(resource_id)}", OneDroplet)).droplet)

    async def find_key(self, api: CloudApi, key: SSHKey) -> str:
        """By its fingerprint, which is unique in an account."""
        try:
            return str((await api.get(f"{self.keys_path}/{md5_of(key)}", OneKey)).ssh_key.id)
        except CloudError as error:
            if error.code != NOT_FOUND:
                raise
            return ""

    async def list_keys(self, api: CloudApi) -> frozenset[str]:
        """Those of the team."""
        found = await api.listed(self.keys_path, Keys, lambda page: page.ssh_keys, _FULL_PAGES)
        return frozenset(str(each.id) for each in found)

    async def firewall_called(self, api: CloudApi, name: str) -> str:
        """Among all of them."""
        found = await api.listed("/v2/firewalls", Firewalls, lambda page: page.firewalls, _FULL_PAGES)
        return next((each.id for each in found if each.name == name), "")

    async def begin(self, api: CloudApi, context: HookContext, command: Command) -> str:
        """Post the action."""
        path = f"/v2/droplets/{self.number(resource_id_of(context))}/actions"
        body = {"type": _COMMANDS[command]} | _more(context, command)
        return str((await api.write("POST", path, OneAction, body)).action.id)

    async def progress(self, api: CloudApi, context: HookContext, action_id: str, command: Command) -> Progress:
        """Look at the action, which tells no percentage and no reason."""
        status = (await api.get(f"/v2/actions/{action_id}", OneAction)).action.status
        problem = "DigitalOcean ended it with an error and says no more" if status == "errored" else ""
        return Progress(is_done=status != "in-progress", problem=problem)


async def _droplets_seen(api: CloudApi) -> int | None:
    """How many droplets there are, as far as one page tells; ``None`` where the token may not list them."""
    try:
        page = await api.get("/v2/droplets", Droplets, (("per_page", "1"),))
    except CloudError as error:
        if error.code != DENIED or error.complaint.status != 403:
            raise
        return None
    return page.meta.total if page.meta else len(page.droplets)


def _more(context: HookContext, command: Command) -> dict[str, object]:
    if command is Command.REBUILD:
        image = context.options.get("image") or context.machine.image
        return {"image": int(image) if image.isdecimal() else image}
    if command is Command.SNAPSHOT:
        return {"name": snapshot_name(context)}
    return {}
