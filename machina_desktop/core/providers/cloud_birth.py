"""What follows the making of a machine: it is waited for, and of the host keys that it printed one is pinned."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from machina_desktop.core.domain.host_pin import printed_story
from machina_desktop.core.domain.machine import PIN, Machine, MachineFacts, ProvisioningMethod
from machina_desktop.core.domain.terminal import HostKey
from machina_desktop.core.errors import MachinaError, Unavailable
from machina_desktop.core.ids import now
from machina_desktop.core.providers.base import HookContext
from machina_desktop.core.providers.cloud_api import pause
from machina_desktop.core.providers.cloud_power import Waits
from machina_desktop.core.ssh.client import Target, probe_host_key


async def answered(context: HookContext, target: Target, waits: Waits) -> str:
    """The fingerprint that it shows once it answers; empty where it does not in time: it runs all the same."""
    context.log(f"Waiting for it to answer on {target.host}, port {target.port}.")
    until = time.monotonic() + waits.ssh_s
    while True:
        try:
            key = await asyncio.to_thread(probe_host_key, target)
        except Unavailable as error:
            if time.monotonic() > until:
                context.log(
                    f"It does not answer yet ({error.message}) Look at its firewall's rules; it runs all the same."
                )
                return ""
        else:
            context.log(f"It answers. Its host key is {key.fingerprint}.")
            return key.fingerprint
        await pause(waits.poll_s, context.cancelled.is_set)


def lacks_pin(machine: Machine) -> bool:
    """Whether we made it and know no host key of it."""
    return machine.provisioning_method is ProvisioningMethod.TERRAFORM and not machine.host_key


async def printed_pin(
    context: HookContext, ask: Callable[[], Awaitable[tuple[HostKey, ...]]], shown: str, waits: Waits
) -> MachineFacts:
    """The pin of a host key that the machine printed, of the one that it shows if that is among them.

    A system that answers may need a moment longer to print its keys. While it has not, or that cannot be asked,
    nothing is pinned: the first connection asks again.
    """
    until = time.monotonic() + waits.keys_s
    while True:
        try:
            keys = await ask()
        except MachinaError as error:
            context.log(f"Which host keys it printed could not be asked: {error.message}")
            return MachineFacts()
        if keys:
            prints = [each.fingerprint for each in keys]
            pin = shown if shown in prints else prints[0]
            context.log(f"At its first boot it printed the host key {pin} on its console, which is pinned now.")
            return MachineFacts(host_key=pin, extra={PIN: printed_story(pin, now())})
        if time.monotonic() > until:
            context.log("It has printed no host keys on its console yet; the first connection asks for them again.")
            return MachineFacts()
        await pause(waits.poll_s, context.cancelled.is_set)
