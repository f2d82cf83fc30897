"""Snippets: those of a team, and those of the person at this computer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from machina_desktop.core.domain.snippet import OwnSnippet, Snippet, check_snippet
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Conflict, NotFound
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

MOST = 10_000


def _new_snippet_id() -> str:
    return new_id("snippet")


def _new_own_id() -> str:
    return new_id("ownsnippet")


@dataclass(frozen=True, kw_only=True)
class ListSnippets(Request[tuple[Snippet, ...]]):
    """Snippets of a team, by name."""

    team_id: str
    search: str = ""


@dataclass(frozen=True, kw_only=True)
class CreateSnippet(Request[Snippet]):
    """Add a snippet for everybody in the team. Places are written ``{{name}}`` or ``{{name=default}}``."""

    team_id: str
    name: str
    text: str
    description: str = ""
    tags: tuple[str, ...] = ()
    snippet_id: str = field(default_factory=_new_snippet_id)


@dataclass(frozen=True, kw_only=True)
class UpdateSnippet(Request[Snippet]):
    """Change a snippet of a team; what is left out stays."""

    snippet_id: str
    name: str | None = None
    text: str | None = None
    description: str | None = None
    tags: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class DeleteSnippet(Request[None]):
    """Remove a snippet of a team."""

    snippet_id: str


@dataclass(frozen=True, kw_only=True)
class RecordSnippetRun(Request[None]):
    """Note that somebody ran a snippet of a team, and on which machines."""

    team_id: str
    snippet_id: str
    machine_ids: tuple[str, ...]

    @property
    def audit_detail(self) -> str:
        """The machines."""
        shown = ", ".join(self.machine_ids[:20])
        return shown if len(self.machine_ids) <= 20 else f"{shown} and {len(self.machine_ids) - 20} more"


@dataclass(frozen=True, kw_only=True)
class ListOwnSnippets(Request[tuple[OwnSnippet, ...]]):
    """Your own snippets on this computer, by name."""

    search: str = ""


@dataclass(frozen=True, kw_only=True)
class SaveOwnSnippet(Request[OwnSnippet]):
    """Keep a snippet of your own on this computer, or write another text over one."""

    name: str
    text: str
    description: str = ""
    tags: tuple[str, ...] = ()
    own_snippet_id: str = field(default_factory=_new_own_id)


@dataclass(frozen=True, kw_only=True)
class DeleteOwnSnippet(Request[None]):
    """Remove a snippet of your own."""

    own_snippet_id: str


@use_case("snippet.list", "GET /api/snippets")
def list_snippets(tx: Transaction, _actor: Actor, ask: ListSnippets) -> tuple[Snippet, ...]:
    """Snippets by name."""
    return tx.list(Snippet, team_id=ask.team_id, search=ask.search, order_by="name", limit=MOST)


@use_case("snippet.create", "POST /api/snippets")
def create_snippet(tx: Transaction, actor: Actor, ask: CreateSnippet) -> Snippet:
    """Store it. What others run on their machines is for administrators to write."""
    if known := tx.find(Snippet, snippet_id=ask.snippet_id, team_id=ask.team_id):
        return known
    check_snippet(ask.name, ask.text, ask.description, ask.tags)
    _check_free(tx, ask.team_id, ask.name, but="")
    at = now()
    made = Snippet(
        snippet_id=ask.snippet_id,
        team_id=ask.team_id,
        name=ask.name.strip(),
        text=ask.text,
        description=ask.description.strip(),
        tags=tuple(tag.strip() for tag in ask.tags),
        created_by=actor.user_id,
        created_at=at,
        updated_at=at,
    )
    tx.add(made)
    return made


@use_case("snippet.update", "PUT /api/snippets/{snippet_id}")
def update_snippet(tx: Transaction, _actor: Actor, ask: UpdateSnippet) -> Snippet:
    """Write what is given over what there is."""
    stored = tx.get(Snippet, ask.snippet_id)
    changed = replace(
        stored,
        name=stored.name if ask.name is None else ask.name.strip(),
        text=stored.text if ask.text is None else ask.text,
        description=stored.description if ask.description is None else ask.description.strip(),
        tags=stored.tags if ask.tags is None else tuple(tag.strip() for tag in ask.tags),
        updated_at=now(),
    )
    check_snippet(changed.name, changed.text, changed.description, changed.tags)
    _check_free(tx, stored.team_id, changed.name, but=stored.snippet_id)
    tx.replace(changed)
    return changed


@use_case("snippet.delete", "DELETE /api/snippets/{snippet_id}")
def delete_snippet(tx: Transaction, _actor: Actor, ask: DeleteSnippet) -> None:
    """Remove it."""
    tx.delete(tx.get(Snippet, ask.snippet_id))


@use_case("snippet.run", "POST /api/snippets/{snippet_id}/runs", is_for_devices=True)
def record_snippet_run(tx: Transaction, _actor: Actor, ask: RecordSnippetRun) -> None:
    """Leaves its trace in the audit trail; who may open a terminal is judged when one is opened."""
    if tx.find(Snippet, snippet_id=ask.snippet_id, team_id=ask.team_id) is None:
        raise NotFound("The team has no such snippet.", hint="It may have been deleted.")


def _check_free(tx: Transaction, team_id: str, name: str, *, but: str) -> None:
    twin = tx.find(Snippet, team_id=team_id, name=name.strip())
    if twin is not None and twin.snippet_id != but:
        raise Conflict(f"There is already a snippet {twin.name}.", hint="Choose another name.", code="E-NAME-TAKEN")


@use_case("own_snippet.list", "GET /api/device/snippets")
def list_own_snippets(tx: Transaction, _actor: Actor, ask: ListOwnSnippets) -> tuple[OwnSnippet, ...]:
    """Own snippets by name."""
    return tx.list(OwnSnippet, search=ask.search, order_by="name", limit=MOST)


@use_case("own_snippet.save", "POST /api/device/snippets")
def save_own_snippet(tx: Transaction, _actor: Actor, ask: SaveOwnSnippet) -> OwnSnippet:
    """Store it, new or over the one with its id."""
    check_snippet(ask.name, ask.text, ask.description, ask.tags)
    stored, at = tx.find(OwnSnippet, snippet_id=ask.own_snippet_id), now()
    kept = OwnSnippet(
        snippet_id=ask.own_snippet_id,
        name=ask.name.strip(),
        text=ask.text,
        description=ask.description.strip(),
        tags=tuple(tag.strip() for tag in ask.tags),
        created_at=at if stored is None else stored.created_at,
        updated_at=at,
    )
    if stored is None:
        tx.add(kept)
    else:
        tx.replace(kept)
    return kept


@use_case("own_snippet.delete", "DELETE /api/device/snippets/{own_snippet_id}")
def delete_own_snippet(tx: Transaction, _actor: Actor, ask: DeleteOwnSnippet) -> None:
    """Remove it."""
    tx.delete(tx.get(OwnSnippet, ask.own_snippet_id))
