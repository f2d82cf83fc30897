"""A discovery document of Google's: whether requests and answers keep to it, and answers made up of it."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes.clouds.served import Asked, Cloud, Refused, Said, Thing

Schema = dict[str, Any]
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


@dataclass(frozen=True)
class Method:
    """One method, and the pattern of its path."""

    spec: Schema
    pattern: re.Pattern[str]


class Discovery:
    """The document in ``file``."""

    def __init__(self, file: Path) -> None:
        self.document: Schema = json.loads(file.read_text("utf-8"))
        self.schemas: dict[str, Schema] = self.document["schemas"]
        self.methods = [
            Method(spec, re.compile("/" + self.document["servicePath"] + _pattern(spec)))
            for spec in _methods(self.document)
        ]

    def method_of(self, asked: Asked) -> Method | None:
        """What is asked for; ``None`` for nothing that there is."""
        path = asked.path.partition("?")[0]
        fits = [each for each in self.methods if each.pattern.fullmatch(path)]
        return next((each for each in fits if each.spec["httpMethod"] == asked.method), None)

    def problems(self, asked: Asked) -> list[str]:
        """What of a request the document does not allow."""
        method = self.method_of(asked)
        if method is None:
            return [f"{asked}: there is no such method"]
        known = method.spec.get("parameters", {}) | self.document["parameters"]
        found = [
            f"{asked}: no parameter {name}" for name in asked.query if known.get(name, {}).get("location") != "query"
        ]
        for name, value in asked.query.items():
            found += self._parameter(f"{asked}?{name}", value, known.get(name, {}))
        needed = [name for name, each in known.items() if each.get("required") and each["location"] == "query"]
        found += [f"{asked}: lacks the parameter {name}" for name in needed if name not in asked.query]
        if "request" in method.spec:
            found += self.misfits(asked.body, {"$ref": method.spec["request"]["$ref"]}, str(asked))
        elif asked.body:
            found.append(f"{asked}: takes no body")
        return found

    def misfits(self, value: object, schema: Schema, where: str) -> list[str]:
        """Where a value is not of its schema."""
        if "$ref" in schema:
            schema = self.schemas[schema["$ref"]]
        kind = schema.get("type", "any")
        if kind == "any":
            return []
        if not isinstance(value, _TYPES[kind]) or (kind in {"integer", "number"} and isinstance(value, bool)):
            return [f"{where}: {value!r} is no {kind}"]
        if isinstance(value, dict):
            return self._object(value, schema, where)
        if isinstance(value, list):
            return [
                found
                for at, each in enumerate(value)
                for found in self.misfits(each, schema["items"], f"{where}[{at}]")
            ]
        return self._parameter(where, str(value), schema) if isinstance(value, str) else []

    def _object(self, value: Thing, schema: Schema, where: str) -> list[str]:
        found, rest = [], schema.get("additionalProperties")
        for name, each in value.items():
            inner = schema.get("properties", {}).get(name, rest)
            if inner is None:
                found.append(f"{where}: no field {name}")
            else:
                found += self.misfits(each, inner, f"{where}.{name}")
        return found

    def _parameter(self, where: str, value: str, schema: Schema) -> list[str]:
        if "enum" in schema and value not in schema["enum"]:
            return [f"{where}: {value!r} is none of {schema['enum']}"]
        if "pattern" in schema and not re.fullmatch(schema["pattern"], value):
            return [f"{where}: {value!r} does not fit {schema['pattern']}"]
        if schema.get("format") in {"int64", "uint64"} and not re.fullmatch(r"-?[0-9]+", value):
            return [f"{where}: {value!r} is no number"]
        if schema.get("type") == "boolean" and value not in {"true", "false"}:
            return [f"{where}: {value!r} is neither true nor false"]
        return []

    def made_up(self, schema: Schema, dice: random.Random, depth: int = 0) -> Any:
        """Any value of a schema: every choice in it is left to the dice, and so is what is left out."""
        if "$ref" in schema:
            schema = self.schemas[schema["$ref"]]
        kind = schema.get("type")
        if kind == "array":
            return [self.made_up(schema["items"], dice, depth + 1) for _ in range(dice.randint(0, 2))]
        if kind != "object":
            return _scalar(schema, dice)
        if "additionalProperties" in schema:
            inner = schema["additionalProperties"]
            return {_word(dice): self.made_up(inner, dice, depth + 1) for _ in range(dice.randint(0, 2))}
        named = schema.get("properties", {})
        # What everything is known by is always told.
        kept = [name for name in named if name == "name" or (depth < 7 and dice.random() < 0.7)]
        return {name: _word(dice) if name == "name" else self.made_up(named[name], dice, depth + 1) for name in kept}


class Documented(Cloud):
    """A cloud made of nothing but its document; what is asked against it is noted in ``complaints``."""

    def __init__(self, document: Discovery, dice: random.Random) -> None:
        super().__init__()
        self.document, self.dice = document, dice
        self.complaints: list[str] = []

    def error(self, refused: Refused) -> object:
        """As Google words errors."""
        return {"error": {"code": refused.status, "message": refused.message, "errors": [{"reason": refused.code}]}}

    def add_machines(self, count: int, *, prefix: str = "other") -> None:
        """It has none of its own."""

    def state(self) -> Thing:
        """It has none."""
        return {}

    def route(self, asked: Asked) -> Said:
        """A token for everybody, and made-up answers; a page that follows is the last."""
        if asked.path == "/token":
            return Said(body={"access_token": "made-up", "expires_in": 3599, "token_type": "Bearer"})
        self.complaints += self.document.problems(asked)
        method = self.document.method_of(asked)
        if method is None:
            raise Refused(404, "notFound", "There is no such thing.")
        body = self.document.made_up({"$ref": method.spec["response"]["$ref"]}, self.dice)
        # A token is no address, and what follows a page is the last one.
        if body.pop("nextPageToken", "") and "pageToken" not in asked.query:
            body["nextPageToken"] = "the-next"
        return Said(body=body)


def _methods(node: Schema) -> Iterator[Schema]:
    yield from node.get("methods", {}).values()
    for each in node.get("resources", {}).values():
        yield from _methods(each)


def _pattern(spec: Schema) -> str:
    return re.sub(r"\{\+?\w+\}", lambda _: "[^/]+", spec["path"])


def _word(dice: random.Random) -> str:
    return "".join(dice.choice("abcdefghij") for _ in range(6))


def _scalar(schema: Schema, dice: random.Random) -> object:
    match schema.get("type"):
        case "string":
            return _text(schema, dice)
        case "integer":
            return dice.choice([0, 1, 7, 2**31 - 1])
        case "number":
            return dice.choice([0, 1, 0.5, 1e9])
        case "boolean":
            return dice.random() < 0.5
    return None


def _text(schema: Schema, dice: random.Random) -> str:
    if "enum" in schema:
        return str(dice.choice(schema["enum"]))
    if schema.get("format") in {"int64", "uint64"}:
        return str(dice.choice([0, 1, 2**63 - 1]))
    return dice.choice([_word(dice), f"https://example.org/{_word(dice)}/{_word(dice)}-a", ""])
