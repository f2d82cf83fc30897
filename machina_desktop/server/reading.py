"""From path, query and body to a request of the core: unknown fields, foreign ids and endless pages are refused."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import cast

from machina_desktop.core.codec import from_json, from_plain
from machina_desktop.core.domain.team import Client
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.services.audit import ExportAudit
from machina_desktop.core.services.deployments import ReadLog
from machina_desktop.core.services.expectations import LONGEST_BYTES
from machina_desktop.core.services.routes import IN_QUERY, path_fields
from machina_desktop.core.services.use_case import Request, UseCase
from machina_desktop.server.errors import Malformed, NotJson
from machina_desktop.server.gate import Call
from machina_desktop.server.routes import id_pattern, made_ids

BODY_BYTES = 1 << 20
OP_ID_HEADER, EXPECTS_HEADER = "idempotency-key", "machina-expects"
_OP_ID = re.compile(id_pattern("op"))
JSON_DEPTH = 32
PAGE = 500
_LONGEST: Mapping[type[object], int] = {ReadLog: 1 << 20, ExportAudit: 5_000}
"""Where ``limit`` does not count rows of a list, how high it may be."""
_POSITIONS = frozenset({"offset", "after", "before", "since"})


def client_of(call: Call) -> Client:
    """The program that asks, with its own id for what it asks and what that was based on.

    Raises:
        InvalidInput: a header of ours is of another form.
    """
    op_id, expects = call.headers.get(OP_ID_HEADER), call.headers.get(EXPECTS_HEADER)
    if op_id and not _OP_ID.fullmatch(op_id):
        raise InvalidInput(
            "This is no id of a request.", field=OP_ID_HEADER, hint="Make it as op- and 26 characters.", code="E-ID"
        )
    if len(expects) > LONGEST_BYTES:
        raise InvalidInput("This is longer than 8 KiB.", field=EXPECTS_HEADER, code="E-EXPECTS")
    return Client(address=call.address, user_agent=call.user_agent, op_id=op_id, expects=expects)


class Reader:
    """Reads what is asked of one use case."""

    def __init__(self, case: UseCase) -> None:
        self._case = case
        self._hints = typing.get_type_hints(case.request)
        # Of an agent's request, the token stands in a header.
        self._in_path = frozenset((*path_fields(case), *(("token",) if case.is_by_agent else ())))
        self.positions = tuple(name for name in self._hints if name in _POSITIONS and self._hints[name] is int)
        self._ids = {name: re.compile(id_pattern(kind)) for name, kind in made_ids(case).items()}
        limit = next((each.default for each in fields(case.request) if each.name == "limit"), None)
        self.longest = _LONGEST.get(case.request, PAGE) if isinstance(limit, int) else 0
        self._usual = min(cast("int", limit), self.longest) if self.longest else 0

    @property
    def fields(self) -> tuple[str, ...]:
        """What query or body may hold."""
        return tuple(each.name for each in fields(self._case.request) if each.name not in self._in_path)

    def read(
        self, path: Mapping[str, str], query: Iterable[tuple[str, str]], body: bytes, content_type: str
    ) -> Request[object]:
        """The request.

        Raises:
            Malformed: the body is no JSON object, or too deep.
            NotJson: the body is of another kind.
            InvalidInput: a field is unknown, missing, given twice or wrong.
        """
        is_text = self._case.method in IN_QUERY
        if is_text and body.strip():
            raise Malformed("This request takes no body.", hint="Put its fields into the query.")
        given = self._from_query(query) if is_text else _from_body(body, content_type, query)
        for name in given:
            if name in self._in_path or name not in self._hints:
                raise InvalidInput(f"There is no field {name[:100]!r} here.", field=name[:100], code="E-UNKNOWN-FIELD")
        if self.longest:
            given.setdefault("limit", str(self._usual) if is_text else self._usual)
        ask = from_plain({**given, **path}, self._case.request, is_text=is_text)
        self._check(ask)
        return ask

    def _from_query(self, query: Iterable[tuple[str, str]]) -> dict[str, object]:
        given: dict[str, object] = {}
        for name, value in query:
            if typing.get_origin(self._hints.get(name)) is tuple:
                cast("list[str]", given.setdefault(name, [])).append(value)
            elif name in given:
                raise InvalidInput("The field is given twice.", field=name[:100], code="E-TWICE")
            else:
                given[name] = value
        return given

    def _check(self, ask: Request[object]) -> None:
        for name, form in self._ids.items():
            if not form.fullmatch(getattr(ask, name)):
                raise InvalidInput(
                    "This is no id of ours.", field=name, hint="Leave it out to have one made.", code="E-ID"
                )
        if self.longest and not 1 <= cast("int", getattr(ask, "limit", 1)) <= self.longest:
            raise InvalidInput(f"At most {self.longest} at once, at least 1.", field="limit", code="E-PAGE")
        for name in self.positions:
            if getattr(ask, name) < 0:
                raise InvalidInput("This cannot be less than 0.", field=name, code="E-PAGE")


def _from_body(body: bytes, content_type: str, query: Iterable[tuple[str, str]]) -> dict[str, object]:
    if name := next((name for name, _ in query), ""):
        raise InvalidInput("This request takes its fields from the body.", field=name[:100], code="E-UNKNOWN-FIELD")
    if not body.strip():
        return {}
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise NotJson("The body is not JSON.", hint="Send it as application/json.")
    try:
        given = from_json(body, object)
    except InvalidInput as error:
        raise Malformed("The body is no JSON.", hint="Check it with a JSON tool.", code="E-JSON") from error
    if not isinstance(given, dict):
        raise Malformed("The body is no JSON object.", hint='Write it as {"field": value}.', code="E-JSON")
    # What opens less often is not that deep; hardly any body has to be looked through.
    if body.count(b"{") + body.count(b"[") > JSON_DEPTH and _is_deeper(given, JSON_DEPTH):
        raise Malformed(f"The body is nested deeper than {JSON_DEPTH} levels.", code="E-JSON-DEPTH")
    return given


def _is_deeper(value: object, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        level = [
            inner
            for each in level
            if isinstance(each, (dict, list))
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return any(isinstance(each, (dict, list)) for each in level)
