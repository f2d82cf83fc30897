"""Asking a machine's provider which host keys the machine printed at its first boot, before a person is asked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from machina_desktop.core.domain.host_pin import REMADE
from machina_desktop.core.domain.machine import Machine, ProvisioningMethod
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.domain.terminal import HostKey
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.providers.registry import provider_for
from machina_desktop.core.services.account_access import open_account
from machina_desktop.core.services.context import Context

ASK_S = 6.0
"""Somebody waits for their terminal."""


@dataclass(frozen=True, kw_only=True)
class ToldKeys:
    """What a provider told of a machine's host keys.

    Attributes:
        words: That it told some, or why none are known, in a sentence; empty where nobody had to be asked.
    """

    keys: tuple[HostKey, ...] = ()
    words: str = ""


def is_to_be_asked(machine: Machine) -> bool:
    """Whether its provider is to be asked: we made it there, and no key is pinned of it as it is now."""
    is_ours = machine.provisioning_method is ProvisioningMethod.TERRAFORM and bool(machine.provider_resource_id)
    is_open = not machine.host_key or REMADE in machine.facts
    return is_ours and is_open and not machine.is_in_rescue and bool(provider_for(machine.provider).main_resource)


def may_have_told(machine: Machine) -> bool:
    """Whether somebody can have heard of its provider, as things stand, which host keys it printed."""
    return is_to_be_asked(machine) and provider_for(machine.provider).tells_host_keys


async def told_keys(context: Context, actor: Actor, machine: Machine) -> ToldKeys:
    """The host keys that the machine printed; nothing that stands in the way is an error. Takes :data:`ASK_S` at most.

    The account's half that only reads is used, where it has one.
    """
    if not is_to_be_asked(machine):
        return ToldKeys()
    provider = provider_for(machine.provider)
    title, what = provider.info.title, "which host keys it printed at its first boot"
    if not provider.tells_host_keys:
        return ToldKeys(words=f"{title} has no way to tell {what}.")
    try:
        async with asyncio.timeout(ASK_S):
            account = await context.read(actor, lambda tx: tx.get(ProviderAccount, machine.provider_account_id))
            keys = await provider.host_keys(await open_account(context, actor, account), machine)
    except TimeoutError:
        return ToldKeys(words=f"{title} did not tell in time {what}.")
    except MachinaError as error:
        return ToldKeys(words=f"{title} could not tell {what}: {error.message}")
    if not keys:
        return ToldKeys(words=f"{title} knows of none that it printed at its first boot; that may take some minutes.")
    return ToldKeys(keys=keys, words=f"{title} told {what}.")
