"""The key of a home's runners: made once, registered once, shared by all of them, replaced on demand.

All runners of an installation share one key: whatever was sealed for one of them any other can open, so a run may be
carried out by whoever is free, and a new host needs no desktop to seal everything again.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from machina_desktop.core.domain.custody import RunnerKey, fingerprint_of, is_box
from machina_desktop.core.errors import Conflict, Unavailable
from machina_desktop.core.host import Host
from machina_desktop.core.services.runner_keys import RegisterRunnerKey, ShowRunnerKey, foreign_key, register_runner_key
from machina_desktop.core.store.sql_transaction import SqlTransaction
from machina_desktop.core.store.transaction import SealedPlace
from machina_desktop.core.terraform.workspace import run_lock
from machina_desktop.core.vault import key_file
from machina_desktop.core.vault.runner_vault import RunnerVault, public_half
from machina_desktop.core.vault.sealed_box import encoded
from machina_desktop.core.workers.deployer import RUNNER
from machina_desktop.core.workers.material import unfinished
from machina_desktop.server.runner_config import RunnerConfig


async def registered_vault(config: RunnerConfig, host: Host) -> RunnerVault:
    """The key of this host, which is made and registered where the installation has none yet.

    Raises:
        Conflict: E-RUNNER-KEY, another key is registered, or one is and here is none.
        Unavailable: E-VAULT-KEY-FILE.
    """
    async with run_lock(host.paths.run_locks / "runner-key"):
        registered = await shown_key(host)
        await _end_rotation(config, registered)
        current = await asyncio.to_thread(_read, config, config.key)
        if current is None:
            if registered is not None:
                raise foreign_key()
            # Hosts that share the folder of the key may be starting at the same time.
            current = await asyncio.to_thread(key_file.read_or_create, config.key)
        await host.dispatcher.execute(RUNNER, RegisterRunnerKey(public_key=encoded(public_half(current))))
        former = await asyncio.to_thread(_read, config, _beside(config, "former"))
    return RunnerVault(current, () if former is None else (former,))


async def shown_key(host: Host) -> RunnerKey | None:
    """The key that is registered."""
    return await host.dispatcher.execute(RUNNER, ShowRunnerKey())


async def own_public_key(config: RunnerConfig) -> bytes | None:
    """The public half of this host's key, ``None`` where there is none.

    Raises:
        Unavailable: E-VAULT-KEY-FILE.
    """
    current = await asyncio.to_thread(_read, config, config.key)
    return None if current is None else public_half(current)


async def rotate(config: RunnerConfig, host: Host) -> int:
    """Make a new key and seal everything again to it; answers how many envelopes there were.

    The new key is on disk before it is registered, and the former one stays beside it: killed at any moment, this can
    be done again.

    Raises:
        Conflict: E-RUNNER-KEY, this host has not the registered key; E-RUNS-UNDER-WAY.
        Unavailable: E-VAULT-KEY-FILE.
    """
    async with run_lock(host.paths.run_locks / "runner-key"):
        if await host.database.read(RUNNER, unfinished):
            raise Conflict(
                "Runs are under way, and their runners hold the present key.",
                hint="Stop all runners once nothing runs, then rotate the key.",
                code="E-RUNS-UNDER-WAY",
            )
        registered = await shown_key(host)
        await _end_rotation(config, registered)
        current = await asyncio.to_thread(_read, config, config.key)
        if current is None or registered is None or registered.raw != public_half(current):
            raise foreign_key()
        following = _beside(config, "next")
        coming = await asyncio.to_thread(_read, config, following)
        if coming is None:
            coming = await asyncio.to_thread(key_file.create, following)
        done = await _seal_again(host, RunnerVault(coming, (current,)), replaces=registered.public_key)
        await asyncio.to_thread(_put_in_place, config, following)
    return done


async def _end_rotation(config: RunnerConfig, registered: RunnerKey | None) -> None:
    """Put a key in its place that was registered before a rotation was cut off."""
    following = _beside(config, "next")
    coming = await asyncio.to_thread(_read, config, following)
    if coming is not None and registered is not None and registered.raw == public_half(coming):
        await asyncio.to_thread(_put_in_place, config, following)


async def _seal_again(host: Host, vault: RunnerVault, *, replaces: str) -> int:
    def again(place: SealedPlace, envelope: bytes) -> bytes:
        if not is_box(envelope):
            return envelope
        at = (place.team_id, place.table, place.record_id, place.field, place.version)
        return vault.seal(*at, vault.open_bytes(*at, envelope))

    def work(tx: SqlTransaction) -> int:
        ask = RegisterRunnerKey(public_key=encoded(vault.recipient.public_key), replaces=replaces)
        register_runner_key(tx, RUNNER, ask)
        return tx.reseal(again)

    done, _tx = await host.database.write(RUNNER, lambda *_about: None, work)
    return done


def described(public_key: bytes) -> str:
    """The fingerprint by which people compare keys."""
    return fingerprint_of(public_key).hex()


def _put_in_place(config: RunnerConfig, following: Path) -> None:
    try:
        if config.key.exists():
            config.key.replace(_beside(config, "former"))
        following.replace(config.key)
    except OSError as error:
        raise Unavailable(
            f"The new key {following} cannot be put in its place: {error.strerror}.",
            hint=f"Rename it to {config.key.name}; it is the registered one already.",
            code="E-VAULT-KEY-FILE",
        ) from error


def _beside(config: RunnerConfig, which: str) -> Path:
    return config.key.with_name(f"{config.key.name}.{which}")


def _read(config: RunnerConfig, path: Path) -> bytearray | None:
    return key_file.read_given(path) if config.is_given else key_file.read(path)
