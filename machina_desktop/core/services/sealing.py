"""Sealing the secret fields of a record and opening them again: the rule every area with secrets shares."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from machina_desktop.core.domain.team import Actor
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.context import Context
from machina_desktop.core.store.transaction import SealedPlace

if TYPE_CHECKING:
    from machina_desktop.core.vault.vault import Vault


async def seal_record(
    vault: Vault, team_id: str, table: str, record_id: str, secrets: Mapping[str, Secret]
) -> tuple[tuple[SealedPlace, bytes], ...]:
    """Envelopes of a new record's secret fields, version 1.

    Raises:
        Locked: the vault is locked.
    """

    def seal() -> tuple[tuple[SealedPlace, bytes], ...]:
        places = [SealedPlace(team_id=team_id, table=table, record_id=record_id, field=name) for name in secrets]
        return tuple(
            (place, vault.seal(team_id, table, record_id, place.field, place.version, secrets[place.field]))
            for place in places
        )

    return await asyncio.to_thread(seal) if secrets else ()


async def open_record(context: Context, actor: Actor, team_id: str, table: str, record_id: str) -> dict[str, Secret]:
    """A record's secret fields in clear, by name; each is taught to the redactor before it leaves.

    Raises:
        Locked: the vault is locked.
        Unavailable: an envelope was tampered with.
    """
    sealed = await context.read(actor, lambda tx: tx.read_sealed(team_id, table, record_id))

    def unseal() -> dict[str, Secret]:
        opened = {
            place.field: context.vault.open_(team_id, table, record_id, place.field, place.version, envelope)
            for place, envelope in sealed
        }
        REDACTOR.learn(*(secret.reveal() for secret in opened.values()))
        return opened

    return await asyncio.to_thread(unseal) if sealed else {}
