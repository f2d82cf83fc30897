"""The application's source as the architecture tests read it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "machina_desktop"


@dataclass(frozen=True)
class Source:
    """One Python file.

    Attributes:
        path: Relative to the repository, with slashes.
    """

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.text, self.path)

    def at(self, node: ast.AST, what: str) -> str:
        """``path:line: what``, as editors understand it."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {what}"


def sources() -> list[Source]:
    """Every file of the application and of the agent, sorted by path."""
    files = [*PACKAGE.rglob("*.py"), *(ROOT / "agent").rglob("*.py")]
    return [Source(file.relative_to(ROOT).as_posix(), file.read_text("utf-8")) for file in sorted(files)]
