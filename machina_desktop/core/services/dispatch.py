"""The one dispatcher: authorise, count, transact, audit, announce, for every use case."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar, cast

from machina_desktop.core.domain.account import compared_email
from machina_desktop.core.domain.audit import AuditOutcome
from machina_desktop.core.domain.team import Actor, is_granted
from machina_desktop.core.domain.throttle import By, Counter, counters
from machina_desktop.core.errors import Bug, Conflict, Forbidden, MachinaError, NotFound, TooMany, Unauthenticated
from machina_desktop.core.events import Changed, EventBus, LogAppended
from machina_desktop.core.ids import now
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.services import expectations
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.operations import Operation, kept_answer, operation_of, told_again
from machina_desktop.core.services.reports import AppendLog
from machina_desktop.core.services.use_case import REGISTRY, Request, UseCase
from machina_desktop.core.store.transaction import AppliedOp, Permit, Transaction
from machina_desktop.core.tasks import finish

if TYPE_CHECKING:
    from machina_desktop.core.store.database import Database
    from machina_desktop.core.store.sql_transaction import SqlTransaction

R = TypeVar("R")
LOG = logging.getLogger(__name__)
RECORDER = Actor(user_id="dispatcher", display_name="Dispatcher", is_runner=True)
"""Keeps what was answered; it writes nothing of anybody's."""


class Dispatcher:
    """Runs use cases for actors. One per host."""

    def __init__(self, database: Database, bus: EventBus) -> None:
        self._database = database
        self._bus = bus
        self._context: Context | None = None

    def attach(self, context: Context) -> None:
        """Give ``async def`` use cases what they may reach of the world."""
        self._context = context

    async def execute(self, actor: Actor, ask: Request[R]) -> R:
        """The answer to ``ask``.

        Raises:
            MachinaError: refused or failed; a refused or failed write leaves an audit event.
        """
        case = REGISTRY.find(type(ask))
        began = time.perf_counter()
        try:
            _check_door(actor, case)
            operation = operation_of(case, actor, ask)
            if operation.op_id and case.result is type(None) and await self._is_done(operation, case):
                # Whoever has left a team, or ended it, could not ask again.
                return cast("R", None)
            result = await self._perform(case, actor, ask, operation)
        except MachinaError as error:
            # It may quote what the outside said, and that what we sent; it is shown, printed and logged.
            error.message, error.hint = REDACTOR.redact(error.message), REDACTOR.redact(error.hint)
            await self._note_failure(case, actor, ask, error)
            raise
        LOG.debug("%s %.1f ms", case.action, (time.perf_counter() - began) * 1000)
        return cast("R", result)

    async def _perform(self, case: UseCase, actor: Actor, ask: Request[R], operation: Operation) -> object:
        permit = permit_for(actor, case)
        permit("" if case.is_open else getattr(ask, "team_id", ""), None)
        await self._throttle(case, actor, ask)
        if case.is_async:
            return await self._once(case, operation, lambda: case.run(self._context_for(case, operation), actor, ask))
        if case.is_read:
            return await self._database.read(actor, lambda tx: case.run(tx, actor, ask))

        def work(tx: SqlTransaction) -> object:
            if (done := _begun(tx, operation, case)) is not None:
                return told_again(operation, case, done)
            if actor.client.expects:
                expectations.check(tx, actor.client.expects)
            result = case.run(tx, actor, ask)
            if case.is_audited:
                for team_id, target in (tx.touched or _target(ask)).items():
                    tx.audit(team_id, operation.action, target, AuditOutcome.SUCCEEDED, ask.audit_detail)
            _finish(tx, operation, case, result)
            return result

        team_id = "" if case.is_open else getattr(ask, "team_id", "")
        return await finish(self._written(self._database.write(actor, permit, work, team_id=team_id), ask))

    async def _written(self, writing: Awaitable[tuple[object, SqlTransaction]], ask: Request[R]) -> object:
        """What was answered in a transaction, once all are told what it changed."""
        result, tx = await writing
        if tx.changes:
            self._bus.publish(Changed(tuple(tx.changes)))
        if isinstance(ask, AppendLog):
            self._bus.publish(LogAppended(ask.deployment_id, cast("int", result)))
        return result

    async def _is_done(self, operation: Operation, case: UseCase) -> bool:
        done = await self._database.read(RECORDER, lambda tx: tx.applied_op(operation.op_id, case.name))
        return done is not None and told_again(operation, case, done) is None

    async def _once(self, case: UseCase, operation: Operation, run: Callable[[], object]) -> object:
        """What an ``async def`` use case answers; what it records is carried out once, and so is it as a whole."""
        if not operation.op_id:
            return await run()  # type: ignore[misc]
        done = await self._database.read(RECORDER, lambda tx: tx.applied_op(operation.op_id, case.name))
        if done is not None:
            return told_again(operation, case, done)
        result = await run()  # type: ignore[misc]

        def keep(tx: SqlTransaction) -> None:
            if _begun(tx, operation, case) is None:
                _finish(tx, operation, case, result)

        await self._database.write(RECORDER, _anything, keep)
        return result

    async def _throttle(self, case: UseCase, actor: Actor, ask: Request[R]) -> None:
        """Count an attempt that comes over the network; one that is too many is refused without a write."""
        if not case.limits or not actor.client.address:
            return
        at_s = now().timestamp()
        account = compared_email(getattr(ask, "email", "")) or actor.user_id

        def look(tx: Transaction) -> tuple[tuple[Counter, ...], tuple[Counter, ...]]:
            is_spared = case.spares is not None and case.spares(tx, actor, ask)
            limits = tuple(limit for limit in case.limits if not (is_spared and limit.by is By.ALL))
            asked = counters(case.action, limits, address=actor.client.address, account=account, at_s=at_s)
            return asked, tx.spent(asked)

        asked, spent = await self._database.read(actor, look)
        if not spent:
            spent, _tx = await self._database.write(actor, _anything, lambda tx: tx.count_up(asked, at_s))
        if spent:
            wait_s = max(counter.ends_at for counter in spent) - int(at_s)
            raise TooMany("This was tried too often.", retry_after_s=wait_s)

    def _context_for(self, case: UseCase, operation: Operation) -> Context:
        """What ``case`` records is part of it: one audit event, under its own action."""
        if self._context is None:
            raise Bug("The dispatcher has no context yet.")
        if case.needs_accounts and self._context.accounts is None:
            raise Conflict("Accounts live on a shared server, not here.", code="E-NO-ACCOUNTS")

        async def record(actor: Actor, ask: Request[object]) -> object:
            return await self._perform(REGISTRY.find(type(ask)), actor, ask, operation)

        return replace(self._context, execute=record)

    async def _note_failure(self, case: UseCase, actor: Actor, ask: Request[R], error: MachinaError) -> None:
        LOG.info("%s refused: %s %s", case.action, error.code, error)
        teams = (not case.is_open and _target(ask)) or {team_id: _named(ask) for team_id, _role in actor.team_roles[:1]}
        outcome = AuditOutcome.REFUSED if isinstance(error, Forbidden) else AuditOutcome.FAILED
        is_noted = case.is_audited or outcome is AuditOutcome.REFUSED
        if case.is_read or not is_noted or actor.is_runner or isinstance(error, TooMany):
            return
        known = {
            team_id: target
            for team_id, target in teams.items()
            if actor.role_in(team_id) is not None and not self._is_elsewhere(team_id)
        }
        for team_id, target in known.items():

            def note(tx: SqlTransaction, team_id: str = team_id, target: str = target) -> None:
                tx.audit(team_id, case.action, target, outcome, error.code)

            try:
                await self._database.write(actor, _anything, note, team_id=team_id)
            except MachinaError:
                LOG.exception("the refusal could not be written to the audit trail")

    def _is_elsewhere(self, team_id: str) -> bool:
        """Whether the team has its audit trail at another home."""
        elsewhere = self._context.elsewhere if self._context is not None else None
        return elsewhere is not None and elsewhere.is_elsewhere(team_id)


def _begun(tx: SqlTransaction, operation: Operation, case: UseCase) -> AppliedOp | None:
    return tx.ops.begin(operation.op_id, case.name, operation.noted, now()) if operation.op_id else None


def _finish(tx: SqlTransaction, operation: Operation, case: UseCase, result: object) -> None:
    if operation.op_id and (answer := kept_answer(operation, case, result)) is not None:
        tx.ops.finish(operation.op_id, case.name, answer)


def _check_door(actor: Actor, case: UseCase) -> None:
    """What hosts tell each other is no person's to say over the network, but for what their own computer has to."""
    is_theirs = case.is_for_devices and actor.client.is_device
    if case.is_internal and actor.user_id and actor.client.address and not is_theirs:
        raise Forbidden("Only a program on one's own computer can do this.", code="E-DEVICE")


def permit_for(actor: Actor, case: UseCase) -> Permit:
    """What asks, of each team that is written to, whether the actor may do this there."""

    def permit(team_id: str, tags: tuple[str, ...] | None = None) -> None:
        if not actor.user_id and not case.is_public:
            raise Unauthenticated("Nobody is signed in.", hint="Sign in and try again.")
        if team_id and not actor.is_runner and actor.role_in(team_id) is None:
            # The same answer as for a team that does not exist.
            raise NotFound("There is no such team.")
        if not is_granted(actor, case.action, team_id, is_read=case.is_read, tags=tags):
            raise Forbidden(
                f"You may not do this: {case.action}.", hint="Ask an administrator of the team for the right."
            )

    return permit


def _anything(_team_id: str, _tags: object = None) -> None:
    """The audit trail is written whatever was refused."""


def _target(ask: object) -> dict[str, str]:
    team_id = getattr(ask, "team_id", "")
    return {team_id: _named(ask)} if team_id else {}


def _named(ask: object) -> str:
    """What a request is about: its first id or name."""
    about = [
        str(getattr(ask, entry.name))
        for entry in fields(ask)  # type: ignore[arg-type]
        if entry.name != "team_id" and (entry.name.endswith("_id") or entry.name in {"name", "label"})
    ]
    # Half a surrogate pair cannot be stored, and what was refused may be of any length.
    return about[0].encode(errors="backslashreplace").decode()[:200] if about else ""
