"""The API described for programs: OpenAPI 3.1 made from the requests, their answers and their docstrings."""

from __future__ import annotations

import copy
import inspect
import typing
from collections.abc import Iterable
from dataclasses import is_dataclass
from datetime import datetime
from typing import Any

from machina_desktop.core.codec import json_schemas
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.deployments import ReadLog
from machina_desktop.core.services.routes import IN_QUERY, path_fields
from machina_desktop.core.services.use_case import UseCase
from machina_desktop.server.errors import KINDS, NoMethod, NotJson, Problem, TooLarge
from machina_desktop.server.reading import Reader
from machina_desktop.server.routes import answer_of, id_pattern, made_ids, success_of

Schema = dict[str, Any]
REF = "#/components/schemas/{name}"
VERSION = "1.0"
_SUCCESS = {
    200: "The answer.",
    201: "It was made; a repeated request answers the same.",
    202: "Accepted; a run carries it out, its log tells how.",
    204: "Done; there is nothing to say.",
}
_SECURITY: Schema = {
    "token": {"type": "http", "scheme": "bearer", "description": "A session token of a device."},
    "agent": {"type": "http", "scheme": "bearer", "description": "The token of a machine's agent."},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-machina",
        "description": "A session of a browser; what changes anything also needs the header X-CSRF-Token.",
    },
}


def document(cases: Iterable[UseCase], *, title: str, server_url: str) -> Schema:
    """The whole description."""
    cases = tuple(cases)
    shapes = (*(case.request for case in cases), *(answer_of(case) for case in cases), Problem)
    found, components = json_schemas(shapes, REF)
    answers = dict(zip((case.action for case in cases), found[len(cases) : -1], strict=True))
    _date_times(components, shapes)
    paths: dict[str, Schema] = {}
    for case in cases:
        paths.setdefault(case.path, {})[case.method.lower()] = _operation(case, components, answers[case.action])
    paths["/api/sync/hints"] = {"get": _HINTS}
    for case in cases:
        components.pop(case.request.__name__, None)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": VERSION,
            "description": "Machines, their runs and the teams they belong to. Whatever is listed is listed within "
            "the teams of who asks; what belongs to another team is answered as if it did not exist. A write with a "
            "header Idempotency-Key, op- and the 26 characters of a ULID in lower case, is carried out once however "
            "often it is sent; its answer is kept for 90 days.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server_url}],
        "paths": paths,
        "components": {"schemas": components, "responses": _problems(), "securitySchemes": _SECURITY},
        "security": [{"token": []}, {"cookie": []}],
    }


def _operation(case: UseCase, components: dict[str, Schema], answer: Schema) -> Schema:
    body = _body(case, components[case.request.__name__])
    status = success_of(case)
    operation: Schema = {
        "operationId": case.action,
        "tags": [case.action.partition(".")[0]],
        "summary": _first_line(inspect.getdoc(case.run)),
        "description": inspect.getdoc(case.request) or "",
        "parameters": [_parameter(name, "path", {"type": "string"}, is_required=True) for name in path_fields(case)],
        "responses": {str(status): _success(case, status, answer), **_refusals(case)},
    }
    if case.is_public:
        operation["security"] = []
    elif case.is_by_agent:
        operation["security"] = [{"agent": []}]
    if case.method in IN_QUERY:
        required = body.get("required", [])
        operation["parameters"] += [
            _parameter(name, "query", schema, is_required=name in required)
            for name, schema in body["properties"].items()
        ]
        if case.request is ReadLog:
            operation["parameters"] += _STREAM
    else:
        operation["requestBody"] = {
            "required": bool(body.get("required")),
            "content": {"application/json": {"schema": body}},
        }
    return operation


def _body(case: UseCase, whole: Schema) -> Schema:
    """The request without what stands in its path, and with what the door asks beyond its types."""
    body = copy.deepcopy(whole)
    for name in (*path_fields(case), *(("token",) if case.is_by_agent else ())):
        body["properties"].pop(name)
        if name in body.get("required", []):
            body["required"].remove(name)
    if not body.get("required"):
        body.pop("required", None)
    body.pop("description", None)
    body["additionalProperties"] = False
    for name, kind in made_ids(case).items():
        body["properties"][name] = {"type": "string", "pattern": id_pattern(kind)}
    reader = Reader(case)
    for name in reader.positions:
        body["properties"][name]["minimum"] = 0
    if longest := reader.longest:
        limit = body["properties"]["limit"]
        limit.update(minimum=1, maximum=longest, default=min(limit["default"], longest))
    return body


def _parameter(name: str, place: str, schema: Schema, *, is_required: bool) -> Schema:
    return {"name": name, "in": place, "required": is_required, "schema": schema}


_STREAM = [
    _parameter(
        "stream",
        "query",
        {"type": "boolean", "default": False, "description": "Follow the log as server-sent events."},
        is_required=False,
    ),
    _parameter(
        "Last-Event-ID",
        "header",
        {"type": "integer", "minimum": 0, "description": "With stream: go on after that byte of the log."},
        is_required=False,
    ),
]


_HINTS: Schema = {
    "operationId": "sync.hints",
    "tags": ["sync"],
    "summary": "Hear how far the feeds and the logs of one's teams have grown.",
    "description": "Server-sent events hint (data: team_id, seq) and log (data: deployment_id, end), all teams and "
    "runs under way at first; a comment every 2 seconds; gone when the session has ended.",
    "responses": {
        "200": {
            "description": "A stream without an end.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **{
            str(kind.status): {"$ref": f"#/components/responses/{kind.__name__}"}
            for kind in KINDS
            if kind.status in {400, 401, 429, 500, 503}
        },
    },
}


def _success(case: UseCase, status: int, answer: Schema) -> Schema:
    found: Schema = {"description": _SUCCESS[status]}
    if status != 204:
        found["content"] = {"application/json": {"schema": answer}}
    if case.request is ReadLog:
        found["content"]["text/event-stream"] = {
            "schema": {"type": "string", "description": "Events log (data: the same chunk), end and gone; id: a byte."}
        }
    return found


def _refusals(case: UseCase) -> Schema:
    return {
        str(kind.status): {"$ref": f"#/components/responses/{kind.__name__}"}
        for kind in KINDS
        if kind is not NoMethod and not (kind in {TooLarge, NotJson} and case.method in IN_QUERY)
    }


def _problems() -> Schema:
    return {kind.__name__: _problem(kind) for kind in KINDS if kind is not NoMethod}


def _problem(kind: type[MachinaError]) -> Schema:
    return {
        "description": _first_line(inspect.getdoc(kind)),
        "content": {"application/json": {"schema": {"$ref": REF.format(name="Problem")}}},
    }


def _first_line(text: str | None) -> str:
    return (text or "").partition("\n")[0]


def _date_times(components: dict[str, Schema], shapes: Iterable[object]) -> None:
    """Name the form of times, which the schema of a plain datetime leaves open."""
    for shape in _dataclasses(shapes):
        properties = components.get(shape.__name__, {}).get("properties", {})
        for name, hint in typing.get_type_hints(shape).items():
            if name in properties and (hint is datetime or datetime in typing.get_args(hint)):
                for each in properties[name].get("anyOf", [properties[name]]):
                    if each.get("type") == "string":
                        each["format"] = "date-time"


def _dataclasses(shapes: Iterable[object]) -> list[type]:
    """Every dataclass that is, or is contained in, one of the shapes."""
    found: list[type] = []
    waiting = list(shapes)
    while waiting:
        shape = waiting.pop()
        waiting += typing.get_args(shape)
        if isinstance(shape, type) and is_dataclass(shape) and shape not in found:
            found.append(shape)
            waiting += typing.get_type_hints(shape).values()
    return found
