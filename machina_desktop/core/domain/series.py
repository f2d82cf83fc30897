"""Names in a row: of machines that are like each other."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

LONGEST = 63
_NUMBER = re.compile(r"-?([0-9]{1,6})$")


def series(name: str, count: int, taken: Container[str] = frozenset()) -> tuple[str, ...]:
    """``count`` names that are free, ``name`` itself first where it is: ``web-2`` is followed by ``web-3``.

    What has no number at its end gets one: ``web``, ``web-2``, ``web-3``. Long names lose letters before the number.
    """
    found = [name] if name not in taken else []
    for following in _following(name):
        if len(found) >= count:
            break
        if following not in taken:
            found.append(following)
    return tuple(found[:count])


def _following(name: str) -> Iterator[str]:
    ending = _NUMBER.search(name)
    stem = name[: ending.start(1)] if ending is not None else f"{name}-"
    number, digits = (int(ending.group(1)), len(ending.group(1))) if ending is not None else (1, 1)
    while True:
        number += 1
        tail = f"{number:0{digits}}"
        yield f"{stem[: LONGEST - len(tail)]}{tail}"
