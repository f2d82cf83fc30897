"""A cloud whose accounts are tokens: one that may do everything, and one to browse with, which only reads."""

from __future__ import annotations

import base64
import hashlib
from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import AccountField
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.providers.base import Access, MachineParts
from machina_desktop.core.providers.cloud import ENDPOINT, Cloud, never
from machina_desktop.core.providers.cloud_api import CloudApi, checked_token
from machina_desktop.core.providers.cloud_errors import NOT_FOUND, CloudError, Dialect
from machina_desktop.core.secret import Secret


def token_fields(where: str) -> tuple[AccountField, ...]:
    """The fields of an account; ``where`` tells how its token is come by."""
    return (
        AccountField(name="api_token", title="API token", help=where, is_secret=True, is_required=True),
        AccountField(
            name="read_token",
            title="Read-only token",
            help="Used to browse, so that the other one is opened for runs only.",
            is_secret=True,
            is_advanced=True,
        ),
        ENDPOINT,
    )


@dataclass(frozen=True, kw_only=True)
class KeyAnswer:
    """An SSH key of the account's."""

    id: int


@dataclass(frozen=True, kw_only=True)
class OneKey:
    """The answer about one."""

    ssh_key: KeyAnswer


class TokenCloud(Cloud[CloudApi]):
    """A provider whose API takes a token, and numbers what it has.

    Attributes:
        firewall_resource: Address in the module, without an index, of the firewall that a machine has for itself.
        dialect: How the API words its answers.
        keys_path: Where it has the account's SSH keys.
    """

    firewall_resource: str
    dialect: Dialect
    keys_path: str

    @abstractmethod
    def endpoint_of(self, access: Access) -> str:
        """What every path is appended to.

        Raises:
            InvalidInput: E-SERVER-ADDRESS, E-CLOUD-ENDPOINT, the account's API endpoint cannot be one.
        """

    def open(self, access: Access, cancelled: Callable[[], bool] = never) -> CloudApi:
        """A line to the API."""
        full, reading = (access.secrets.get(name, Secret("")) for name in ("api_token", "read_token"))
        return CloudApi(
            self.endpoint_of(access),
            full if access.may_write or not reading else reading,
            self.dialect,
            access.preferences,
            cancelled=cancelled,
            pace=self.pace,
            patience=self.patience,
        )

    @abstractmethod
    async def firewall_called(self, api: CloudApi, name: str) -> str:
        """The id of the firewall of that name; empty for none."""

    def firewalls(self, machine: Machine, parts: MachineParts) -> Mapping[str, str]:
        """One, where there are rules."""
        return {} if parts.rules is None else {f"{self.firewall_resource}[0]": f"machina-{machine.machine_id}"}

    async def find_firewalls(self, access: Access, machine: Machine, names: Collection[str]) -> Mapping[str, str]:
        """By the name that the module gives it."""
        async with self.open(access) as api:
            found = {name: await self.firewall_called(api, name) for name in names}
        return {name: firewall_id for name, firewall_id in found.items() if firewall_id}

    def has_reading_half(self, access: Access) -> bool:
        """Whether there is a token for browsing."""
        return bool(access.secrets.get("read_token"))

    def token_of(self, access: Access) -> str:
        """The token that may do everything, in clear.

        Raises:
            InvalidInput: E-CLOUD-TOKEN, it cannot be one.
        """
        return checked_token(access.secrets.get("api_token", Secret("")), self.info.title)

    def number(self, resource_id: str) -> str:
        """An id as it stands in a path.

        Raises:
            CloudError: E-CLOUD-NOT-FOUND, nothing has such an id.
        """
        if resource_id.isascii() and resource_id.isdigit():
            return resource_id
        title = self.info.title
        raise CloudError(f"{title} has nothing with the id {resource_id[:40]!r}.", hint="Refresh it.", code=NOT_FOUND)

    async def add_key(self, api: CloudApi, key: SSHKey, name: str) -> str:
        """Add it."""
        body = {"name": name, "public_key": key.public_key.strip()}
        return str((await api.write("POST", self.keys_path, OneKey, body)).ssh_key.id)

    async def drop_key(self, api: CloudApi, provider_key_id: str) -> None:
        """Delete it."""
        await api.remove(f"{self.keys_path}/{self.number(provider_key_id)}")


def md5_of(key: SSHKey) -> str:
    """The fingerprint by which such a provider knows a key: MD5 of it in wire form, ``aa:bb:…``.

    Raises:
        InvalidInput: the key has no public half that can be read.
    """
    try:
        blob = base64.b64decode(key.public_key.split()[1], validate=True)
    except (IndexError, ValueError) as error:
        raise InvalidInput(f"The public half of {key.name} cannot be read.", field="key_ids") from error
    return hashlib.md5(blob, usedforsecurity=False).digest().hex(":")
