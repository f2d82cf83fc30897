"""What is to run on a machine, and whether somebody sits at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class ShellWish:
    """What is to run.

    Attributes:
        command: Text for the person's login shell there; empty for that shell itself.
        columns: Of the terminal, as ``lines``; 0 for no terminal at all.
        variables: Offered to the server, which takes those that its ``AcceptEnv`` names.
        forwards_agent: Programs there may use the person's agent.
    """

    command: str = ""
    columns: int = 80
    lines: int = 24
    variables: Mapping[str, str] = field(default_factory=dict)
    forwards_agent: bool = False
