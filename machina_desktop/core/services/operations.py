"""A write under an id of its asker's is carried out once; asked again, it is answered as it was."""

from __future__ import annotations

import hashlib
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any, cast

from machina_desktop.core.codec import from_json, to_json
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Conflict
from machina_desktop.core.services.use_case import UseCase
from machina_desktop.core.store.transaction import AppliedOp


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One request as a face has asked it; what its use case records is part of it.

    Attributes:
        action: Under which the audit trail tells of it.
        op_id: The asker's id for it; empty when it may be carried out as often as it comes.
        keeps_answer: The answer may be stored, to be told again.
    """

    action: str
    op_id: str
    user_id: str
    digest: str
    keeps_answer: bool

    @property
    def noted(self) -> AppliedOp:
        """What is stored of it before it has an answer."""
        return AppliedOp(user_id=self.user_id, digest=self.digest, answer=None)


def operation_of(case: UseCase, actor: Actor, ask: object) -> Operation:
    """What ``actor`` asks for; of a read there is no telling it twice."""
    op_id = "" if case.is_read else actor.client.op_id
    return Operation(
        action=case.action,
        op_id=op_id,
        user_id=actor.user_id,
        digest=_digest(ask) if op_id else "",
        keeps_answer=case.keeps_answer,
    )


def kept_answer(operation: Operation, case: UseCase, answer: object) -> str | None:
    """The answer as it is stored; ``None`` where it is told once."""
    return to_json(answer).decode() if operation.keeps_answer and case.keeps_answer else None


def told_again(operation: Operation, case: UseCase, done: AppliedOp) -> object:
    """The answer of a write that was carried out before.

    Raises:
        Conflict: E-OP-ID, the id belongs to another request; E-REPLAYED, the answer is told only once.
    """
    if (done.user_id, done.digest) != (operation.user_id, operation.digest):
        raise Conflict(
            "Something else was asked under this id before.", hint="Make a new id for each request.", code="E-OP-ID"
        )
    if done.answer is None:
        raise Conflict(
            "This was carried out before, and its answer is told only once.",
            hint="Ask for it anew under another id.",
            code="E-REPLAYED",
        )
    return from_json(done.answer, cast("type[object]", case.result))


def _digest(ask: object) -> str:
    """A hash of what was asked, in which secrets have no part: it is stored, and a short one could be guessed."""
    return hashlib.sha256(_said(ask).encode("utf-8", "surrogatepass")).hexdigest()


def _said(value: Any) -> str:  # noqa: ANN401 - whatever a request may hold
    """The value as text, without what has its default: a later version may know more fields."""
    if is_dataclass(value) and not isinstance(value, type):
        given = (
            (each.name, getattr(value, each.name))
            for each in fields(value)
            if each.default is MISSING or getattr(value, each.name) != each.default
        )
        return f"{type(value).__name__}({', '.join(f'{name}={_said(each)}' for name, each in given)})"
    if isinstance(value, tuple | list):
        return f"({', '.join(map(_said, value))})"
    # Whether a whole number was given as 60 or 60.0 is lost on the way.
    return repr(int(value) if isinstance(value, float) and value.is_integer() else value)
