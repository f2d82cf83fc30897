"""Which Terraform serves on a computer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class EngineStatus:
    """Which Terraform serves; ``problem`` says why none does."""

    name: str = ""
    version: str = ""
    path: str = ""
    is_bundled: bool = False
    note: str = ""
    problem: str = ""
    hint: str = ""
