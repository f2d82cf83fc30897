"""A request as it travels over HTTP: what stands in its path, what in the query and what in the body."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass

from machina_desktop.core.codec import to_json, to_plain
from machina_desktop.core.errors import NotFound
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.use_case import Request, UseCase

IN_QUERY = frozenset({"GET", "DELETE"})
"""Methods whose fields stand in the query; those of the others stand in the body."""

_PARAMETER = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, kw_only=True)
class Written:
    """A request in the words of HTTP.

    Attributes:
        path: With every value in it quoted.
        body: JSON, with secrets in clear; ``None`` where the fields stand in the query.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = field(default=None, repr=False)


def path_fields(case: UseCase) -> tuple[str, ...]:
    """Fields of the request that stand in its path."""
    return tuple(_PARAMETER.findall(case.path))


def written(case: UseCase, ask: Request[object]) -> Written:
    """How to ask a server for ``ask``. What has its default value is left out: the server has the same one.

    Raises:
        NotFound: a value of the path cannot be the name of anything.
    """
    in_path = {name: _segment(_spelled(getattr(ask, name))) for name in path_fields(case)}
    given = {
        each.name: getattr(ask, each.name)
        for each in fields(ask)
        if each.name not in in_path and (each.default is MISSING or getattr(ask, each.name) != each.default)
    }
    path = _PARAMETER.sub(lambda match: in_path[match[1]], case.path)
    if case.method not in IN_QUERY:
        return Written(method=case.method, path=path, body=to_json(_revealed(given)))
    pairs = tuple((name, text) for name, value in given.items() for text in _texts(value))
    return Written(method=case.method, path=path, query=pairs)


def _segment(text: str) -> str:
    # Whatever stands between two addresses reads these as steps, quoted or not.
    if text in {"", ".", ".."} or "/" in text:
        raise NotFound("There is nothing of that name.")
    return urllib.parse.quote(text.encode(errors="surrogatepass"), safe="")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, tuple):
        for each in value:
            yield _spelled(each)
    elif value is not None:
        yield _spelled(value)


def _spelled(value: object) -> str:
    plain = to_plain(value)
    if isinstance(plain, bool):
        return "true" if plain else "false"
    return str(plain)


def _revealed(value: object) -> object:
    """Plain values, with secrets in clear: here they leave for the server that is to have them."""
    if isinstance(value, Secret):
        return value.reveal()
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _revealed(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _revealed(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [_revealed(each) for each in value]
    return to_plain(value)
