"""Where an inspector was, as in a browser."""

from __future__ import annotations

from dataclasses import dataclass, replace

REMEMBERED = 30


@dataclass(frozen=True)
class Subject:
    """What is inspected: an entity's name, such as ``machine``, and its key."""

    entity: str
    key: str


@dataclass(frozen=True)
class Visit:
    """A subject that was shown, and what it was called then; empty until that was known."""

    subject: Subject
    title: str = ""


class History:
    """Going back and then elsewhere forgets what lay ahead."""

    def __init__(self) -> None:
        self._visited: list[Visit] = []
        self._at = -1

    def visit(self, subject: Subject) -> None:
        """Go to ``subject``; the same twice counts once."""
        if self.current == subject:
            return
        self._visited = [*self._visited[: self._at + 1], Visit(subject)][-REMEMBERED:]
        self._at = len(self._visited) - 1

    def name_current(self, title: str) -> None:
        """What is shown is called ``title`` now."""
        if self._visited:
            self._visited[self._at] = replace(self._visited[self._at], title=title)

    @property
    def current(self) -> Subject | None:
        """Where it is."""
        return self._visited[self._at].subject if self._visited else None

    def can_step(self, by: int) -> bool:
        """Whether there is somewhere to go, -1 back, 1 forward."""
        return 0 <= self._at + by < len(self._visited)

    def step(self, by: int) -> Subject:
        """Go back (negative) or forward so many steps; only where `can_step`."""
        self._at += by
        return self._visited[self._at].subject

    def ahead(self, direction: int) -> tuple[tuple[int, Visit], ...]:
        """The visits behind (-1) or before (1) this one, the nearest first, each with the steps to it."""
        steps = range(direction, direction * len(self._visited), direction) if self._visited else range(0)
        return tuple((by, self._visited[self._at + by]) for by in steps if self.can_step(by))
