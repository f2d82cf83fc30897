"""Edits of copied teams: made here at once, kept until their home has judged them, and made again over what it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast

from machina_desktop.core.codec import from_json, to_json
from machina_desktop.core.domain.intent import Intent, IntentState
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Bug, Conflict, MachinaError, NotFound
from machina_desktop.core.events import Change
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.services.dispatch import permit_for
from machina_desktop.core.services.expectations import expected, expected_row
from machina_desktop.core.services.use_case import REGISTRY, Request, UseCase
from machina_desktop.core.store.moves import CopiedRow
from machina_desktop.core.store.overlay import Overlay, Touched
from machina_desktop.core.store.replicas import Replicas
from machina_desktop.core.store.sql_transaction import SqlTransaction

ALL = 1_000_000
KEPT = timedelta(days=30)
"""How long an accepted edit is remembered, to be sent again to a home that was restored from an older copy."""
_UNTOLD = frozenset({"updated_at"})
"""Fields that an edit sets by itself; nobody wanted them, and nobody's edit is refused for them."""
_NAMES = ("name", "label", "title", "display_name")


@dataclass(frozen=True)
class Edited:
    """An edit that was made here: what the use case answered, and the intent; none when it changed nothing."""

    answer: object
    intent: Intent | None


class Outbox:
    """The edits of one copied team, within one transaction of the store."""

    def __init__(self, tx: SqlTransaction, team_id: str, actor: Actor) -> None:
        """``actor`` is the person as the team's home knows them."""
        self._tx = tx
        self._team_id = team_id
        self._actor = actor
        self._replicas = Replicas(tx)

    # Making edits

    def make(self, ask: Request[object]) -> Edited:
        """Carry an edit out on the copy and keep it to be sent.

        Raises:
            MachinaError: what the use case refuses.
        """
        case = REGISTRY.find(type(ask))
        if not case.offline:
            raise Bug(f"{type(ask).__name__} cannot wait for its home.")
        overlay = Overlay(self._tx, self._actor, permit_for(self._actor, case), team_id=self._team_id)
        with self._tx.connection.begin_nested() as savepoint:
            answer = case.run(overlay, self._actor, ask)
            touched = [each for each in overlay.written if _differing(each)]
            if not touched:
                # It changed nothing but the time; nobody has to be asked.
                savepoint.rollback()
                return Edited(answer, None)
        intent = _intent_of(ask, self._team_id, touched, number=self._next_number())
        self._tx.add(intent)
        self._tell(overlay.written)
        return Edited(answer, intent)

    def make_again(self, op_id: str) -> Intent:
        """Make an edit that was refused anew, on the rows as they are now.

        Raises:
            Conflict: E-INTENT-STATE, it was not refused; E-INTENT-SAME, there is nothing left to change.
            MachinaError: what the use case refuses.
        """
        refused = self.find(op_id)
        if refused.state is not IntentState.REFUSED:
            raise Conflict(
                "This edit cannot be made again.",
                hint="Make it where the thing itself is shown.",
                code="E-INTENT-STATE",
            )
        made = self.make(_request_of(refused))
        self._tx.delete(refused)
        if made.intent is None:
            raise Conflict("It is as you wanted it already.", code="E-INTENT-SAME")
        return made.intent

    def _next_number(self) -> int:
        newest = self._tx.list(Intent, order_by="number", descending=True, limit=1)
        return newest[0].number + 1 if newest else 1

    # Keeping them over what the home says

    def lay_on(self, also: Iterable[str] = ()) -> None:
        """Make the edits that wait over the rows as the home has them; ``also`` those ids, which it has accepted.

        One that the rows do not allow any more is left out: the home will say why.
        """
        for intent in self._tx.list(Intent, team_id=self._team_id, order_by="number", limit=ALL):
            if intent.state is IntentState.WAITING or (intent.op_id in also and _is_accepted(intent)):
                self._make_over(intent)

    def _make_over(self, intent: Intent) -> None:
        case = _case_named(intent.name)
        overlay = Overlay(self._tx, self._actor, permit_for(self._actor, case), team_id=self._team_id)
        savepoint = self._tx.connection.begin_nested()
        try:
            case.run(overlay, self._actor, _request_of(intent))
        except MachinaError:
            savepoint.rollback()
        else:
            savepoint.commit()

    # What has become of them

    def find(self, op_id: str) -> Intent:
        """The edit with that id."""
        intent = self._tx.find(Intent, op_id=op_id)
        if intent is None:
            raise NotFound("There is no such edit.", hint="It may have been dealt with already.")
        return intent

    def next(self, limit: int) -> tuple[tuple[Intent, Request[object]], ...]:
        """The edits to be sent first, in order."""
        waiting = self._tx.list(
            Intent, team_id=self._team_id, state=IntentState.WAITING, order_by="number", limit=limit
        )
        return tuple((intent, _request_of(intent)) for intent in waiting)

    def accept(self, op_ids: Iterable[str]) -> None:
        """The home has carried them out; what was accepted long ago is forgotten."""
        at = now()
        for op_id in op_ids:
            self._settle(op_id, IntentState.ACCEPTED)
        for old in self._tx.list(
            Intent, team_id=self._team_id, state=IntentState.ACCEPTED, settled_at__le=at - KEPT, limit=ALL
        ):
            self._tx.delete(old)

    def refuse(self, op_id: str, error: MachinaError) -> None:
        """The home did not carry it out; the rows are as if it had never been made, and it tells of both values."""
        intent = self._settle(op_id, IntentState.REFUSED)
        if intent is None:
            return
        row = self._replicas.base_of(self._team_id, intent.entity, intent.entity_id) or {}
        theirs = {name: row[name] for name in intent.ours if name in row}
        said = replace(
            intent,
            theirs=theirs,
            error_code=error.code,
            error_message=error.message,
            error_hint=error.hint,
        )
        self._tx.replace(said)
        self.rebase()

    def forget(self, op_id: str) -> None:
        """Let go of an edit, and of what it has done here."""
        self._tx.delete(self.find(op_id))
        self.rebase()

    def rebase(self) -> None:
        """The rows as the home has them, with the edits that still wait on top."""
        touched = self._replicas.put_back(self._team_id)
        self.lay_on()
        self._tx.changes += [self._present(entity, key) for entity, key in touched]

    def lose(self, rows: Iterable[CopiedRow]) -> None:
        """Keep rows that a restored home does not know any more, to be shown."""
        for row in rows:
            self._tx.add(
                Intent(
                    op_id=new_id("op"),
                    team_id=self._team_id,
                    number=self._next_number(),
                    name="",
                    ask="{}",
                    entity=row.entity,
                    entity_id=row.entity_id,
                    title=_title(row.row),
                    ours=row.row,
                    state=IntentState.LOST,
                    made_at=now(),
                    settled_at=now(),
                )
            )

    def send_again(self) -> None:
        """The home was restored from a copy: what it had accepted may not be in there, so it is asked again."""
        for intent in self._tx.list(Intent, team_id=self._team_id, state=IntentState.ACCEPTED, limit=ALL):
            self._tx.replace(replace(intent, state=IntentState.WAITING, settled_at=None))

    def _settle(self, op_id: str, state: IntentState) -> Intent | None:
        intent = self._tx.find(Intent, op_id=op_id)
        if intent is None or intent.state is not IntentState.WAITING:
            # Another process has sent it as well, or somebody has dismissed it.
            return None
        intent = replace(intent, state=state, settled_at=now())
        self._tx.replace(intent)
        return intent

    def _tell(self, touched: Iterable[Touched]) -> None:
        self._tx.changes += [self._present(each.entity, each.entity_id) for each in touched]

    def _present(self, entity: str, entity_id: str) -> Change:
        """The row as it is here, told under the number the home has reached: it has none of its own."""
        position = self._replicas.position(self._team_id)
        return Change(
            team_id=self._team_id,
            seq=position.seq if position else 0,
            entity=entity,
            entity_id=entity_id,
            row=self._tx.plain_row(entity, entity_id),
            at=now(),
        )


def _intent_of(ask: Request[object], team_id: str, touched: list[Touched], *, number: int) -> Intent:
    first = touched[0]
    rows = [
        expected_row(
            each.entity,
            each.entity_id,
            seen=_some(each.before, _differing(each)),
            wanted=_some(each.after, _differing(each)),
        )
        for each in touched
        if each.before is not None and each.after is not None
    ]
    fields = _differing(first)
    return Intent(
        op_id=new_id("op"),
        team_id=team_id,
        number=number,
        name=type(ask).__name__,
        ask=to_json(ask).decode(),
        entity=first.entity,
        entity_id=first.entity_id,
        title=_title(first.before or first.after or {}),
        seen=_some(first.before, fields),
        ours=_some(first.after, fields),
        expects=expected(*rows) if rows else "",
        made_at=now(),
    )


def _differing(touched: Touched) -> tuple[str, ...]:
    before, after = touched.before or {}, touched.after or {}
    names = dict.fromkeys((*before, *after))
    return tuple(name for name in names if name not in _UNTOLD and before.get(name) != after.get(name))


def _some(row: Mapping[str, Any] | None, fields: tuple[str, ...]) -> dict[str, Any]:
    return {name: row[name] for name in fields if name in row} if row else {}


def _title(row: Mapping[str, Any]) -> str:
    return next((str(row[name]) for name in _NAMES if row.get(name)), "")


def _is_accepted(intent: Intent) -> bool:
    return intent.state is IntentState.ACCEPTED


def _case_named(name: str) -> UseCase:
    for request, case in REGISTRY.by_request.items():
        if request.__name__ == name:
            return case
    raise Bug(f"There is no request {name}.")


def _request_of(intent: Intent) -> Request[object]:
    return cast("Request[object]", from_json(intent.ask, cast("type[object]", _case_named(intent.name).request)))
