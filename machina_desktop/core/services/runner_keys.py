"""The public key of the home's runners: shown to whoever seals secrets for them, registered by the runners."""

from __future__ import annotations

from dataclasses import dataclass, replace

from machina_desktop.core.domain.custody import RunnerKey
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Conflict
from machina_desktop.core.ids import now
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction


@dataclass(frozen=True, kw_only=True)
class ShowRunnerKey(Request[RunnerKey | None]):
    """The key that secrets for the runners are sealed to; ``None`` where nothing is carried out.

    ``team_id`` says whose home is asked; it has one key for all its teams.
    """

    team_id: str = ""


@dataclass(frozen=True, kw_only=True)
class RegisterRunnerKey(Request[RunnerKey]):
    """Make this the runners' key where there is none yet; ``replaces`` names the one that it takes the place of."""

    public_key: str
    replaces: str = ""


@use_case("runner.show_key", "GET /api/runner/key", at_home=True)
def show_runner_key(tx: Transaction, _actor: Actor, _ask: ShowRunnerKey) -> RunnerKey | None:
    """The one that is not retired."""
    return _current(tx)


@use_case("runner.register_key", "POST /api/runner/key", is_internal=True)
def register_runner_key(tx: Transaction, _actor: Actor, ask: RegisterRunnerKey) -> RunnerKey:
    """Of two keys that register at once the second meets the first one's id and is refused.

    Raises:
        Conflict: E-RUNNER-KEY, another one is registered.
    """
    known = _current(tx)
    if known is not None and known.public_key == ask.public_key:
        return known
    if (known.public_key if known else "") != ask.replaces:
        raise foreign_key()
    at = now()
    if known is not None:
        tx.replace(replace(known, retired_at=at))
    number = 1 + max((_number(key) for key in tx.list(RunnerKey)), default=0)
    made = RunnerKey(runner_key_id=f"runner-key-{number}", public_key=ask.public_key, created_at=at)
    tx.add(made)
    return made


def foreign_key() -> Conflict:
    """The error of a runner whose key is not the registered one."""
    return Conflict(
        "The runner key of this host is not the one that is registered with the database.",
        hint="All runners share one key: copy the file from a host where `machina-runner key` shows it.",
        code="E-RUNNER-KEY",
    )


def _current(tx: Transaction) -> RunnerKey | None:
    return next(iter(tx.list(RunnerKey, retired_at=None)), None)


def _number(key: RunnerKey) -> int:
    return int(key.runner_key_id.rpartition("-")[2])
