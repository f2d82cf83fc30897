"""Where a pane's shell runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Place:
    """A machine as a pane knows it.

    Attributes:
        machine_id: Of the machine.
        name: As people call it.
        is_production: Whether what is pasted is always shown first.
    """

    machine_id: str
    name: str
    is_production: bool = False
