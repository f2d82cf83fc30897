"""What a hard crash of the last run left behind: read once at the next start, then kept aside for whoever asks."""

from __future__ import annotations

import contextlib
from pathlib import Path

READ_BYTES = 64 << 10


def take_last_fault(file: Path) -> str:
    """The stacks in ``file`` as text, its last 64 KiB at most; the file is renamed to ``fault.last.log``.

    Empty when there are none: an ordinary end leaves an empty file, and one that cannot be read tells nothing.
    """
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - READ_BYTES))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return ""
    if text.strip():
        with contextlib.suppress(OSError):
            file.replace(file.with_name("fault.last.log"))
    return text.strip()
