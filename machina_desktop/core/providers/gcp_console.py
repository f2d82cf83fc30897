"""What a machine of Google's tells of its host keys: on its serial console, or newly made in its guest attributes."""

from __future__ import annotations

from dataclasses import dataclass, field

from machina_desktop.core.domain.terminal import HostKey
from machina_desktop.core.providers.cloud_errors import NOT_FOUND, CloudError
from machina_desktop.core.providers.gcp_token import GoogleApi
from machina_desktop.core.ssh.printed_keys import keys_of, keys_on_console

_NAMESPACE = "hostkeys"


@dataclass(frozen=True, kw_only=True)
class SerialPort:
    """The newest that a machine has written to a serial port, a megabyte at most."""

    contents: str = ""


@dataclass(frozen=True, kw_only=True)
class GuestEntry:
    """One thing that a machine tells of itself; a host key has its type for a name."""

    namespace: str = ""
    key: str = ""
    value: str = ""


@dataclass(frozen=True, kw_only=True)
class GuestEntries:
    """All of them that were asked for."""

    items: tuple[GuestEntry, ...] = ()


@dataclass(frozen=True, kw_only=True)
class GuestAttributes:
    """What a machine tells of itself."""

    queryValue: GuestEntries = field(default_factory=GuestEntries)  # noqa: N815 - the API's name


async def keys_printed_by(api: GoogleApi, path: str, *, is_newborn: bool) -> tuple[HostKey, ...]:
    """The keys on the console of the machine at ``path``, else of a newborn those that Google's own agent on it told.

    Images with cloud-init print them, Google's own write them to the attributes. Whatever runs on a machine may write
    attributes, its administrator or not: they count only in the run that made it, before anybody has logged in.

    Raises:
        CloudError: the credentials may not read it.
    """
    console = await api.get(f"{path}/serialPort", SerialPort)
    found = keys_on_console(console.contents)
    if found or not is_newborn:
        return found
    try:
        told = await api.get(f"{path}/getGuestAttributes", GuestAttributes, (("queryPath", f"{_NAMESPACE}/"),))
    except CloudError as error:
        # It has told nothing, or is not allowed to.
        if error.code != NOT_FOUND:
            raise
        return ()
    return keys_of(f"{each.key} {each.value}" for each in told.queryValue.items if each.namespace == _NAMESPACE)
