"""What a runner is told by its environment, checked once and frozen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from machina_desktop.core.config import Paths
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.secret import Secret

CONCURRENCY = 5
MOST = 100


@dataclass(frozen=True, kw_only=True)
class RunnerConfig:
    """One runner process.

    Attributes:
        database_url: A PostgreSQL server; ``None`` for the SQLite file, which the server carries out itself.
        key: The file of the private key.
        is_given: Whether somebody chose that file; else it lies in the data folder.
        concurrency: Runs at once.
    """

    database_url: Secret | None = field(default=None, repr=False)
    key: Path
    is_given: bool
    concurrency: int = CONCURRENCY


def read_runner_config(variables: Mapping[str, str], paths: Paths) -> RunnerConfig:
    """The configuration that environment variables spell; an empty variable counts as none.

    Raises:
        InvalidInput: ``E-CONFIG``, ``field`` names the variable.
    """
    url, key = variables.get("DATABASE_URL", ""), variables.get("MACHINA_RUNNER_KEY", "")
    if url and not url.startswith(("postgresql://", "postgres://")):
        raise _wrong(
            "DATABASE_URL", "is no address of a PostgreSQL server.", "For example: postgresql://user@host/name."
        )
    most = variables.get("MACHINA_RUNNER_CONCURRENCY", "") or str(CONCURRENCY)
    if not re.fullmatch(r"[0-9]{1,3}", most) or not 1 <= int(most) <= MOST:
        raise _wrong("MACHINA_RUNNER_CONCURRENCY", "is no number of runs.", f"Give a number from 1 to {MOST}.")
    return RunnerConfig(
        database_url=Secret(url) if url else None,
        key=Path(key).expanduser() if key else paths.runner_key,
        is_given=bool(key),
        concurrency=int(most),
    )


def _wrong(variable: str, message: str, hint: str) -> InvalidInput:
    return InvalidInput(f"{variable} {message}", field=variable, hint=hint, code="E-CONFIG")
