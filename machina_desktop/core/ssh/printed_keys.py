"""Host keys that a machine printed on its console at its first boot, in the form of cloud-init's ``keys_to_console``.

Whoever is root on the machine may print what they like there, and nobody else: cloud-init writes to the console itself,
and what goes there by way of the system's log has something in front. So only whole lines count.
"""

from __future__ import annotations

from collections.abc import Iterable

from machina_desktop.core.domain.terminal import HostKey
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.ssh.keys import parse_public

SIZE_LIMIT = 1 << 20
"""Characters of a console that are looked at, the newest ones."""

_BEGIN, _END = "-----BEGIN SSH HOST KEY KEYS-----", "-----END SSH HOST KEY KEYS-----"
_LINES = 64
"""More lines than this are no list of host keys, even with words of the kernel in between."""
_LINE = 8 << 10


def keys_on_console(text: str) -> tuple[HostKey, ...]:
    """The keys of the newest list, at most one of each type; none while it is not printed to its end."""
    lines = [line.rstrip() for line in text[-SIZE_LIMIT:].split("\n")]
    begin = max((at for at, line in enumerate(lines) if line == _BEGIN), default=None)
    if begin is None:
        return ()
    block = lines[begin + 1 :]
    if _END not in block[: _LINES + 1]:
        return ()
    return keys_of(block[: block.index(_END)])


def keys_of(lines: Iterable[str]) -> tuple[HostKey, ...]:
    """The keys among lines of the form ``type base64 comment``; none where two of them have the same type."""
    found: dict[str, HostKey] = {}
    for line in lines:
        key = _key(line)
        if key is None:
            continue
        if found.setdefault(key.key_type, key) != key:
            return ()
    return tuple(found.values())


def _key(line: str) -> HostKey | None:
    """The key that a line spells; ``None`` for one that spells none, such as words that came in between."""
    if len(line) > _LINE or line[:1].isspace():
        return None
    try:
        key = parse_public(" ".join(line.split()[:2]))
    except InvalidInput:
        return None
    return HostKey(
        fingerprint=key.fingerprint,
        key_type=key.public_line.split()[0],
        bits=key.bits,
        public_line=key.public_line,
    )
