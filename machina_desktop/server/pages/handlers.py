"""What each page shows; none of them says anything about a code, a person or a machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from litestar.response import Response
from litestar.response.base import ASGIResponse

import machina_desktop
from machina_desktop.core.domain.integration import IntegrationType
from machina_desktop.core.errors import InvalidInput, MachinaError, NotFound
from machina_desktop.core.ids import now
from machina_desktop.core.store.database import Database
from machina_desktop.server.pages.files import FOLDER
from machina_desktop.server.pages.writing import HEADERS, HTML, Writer
from machina_desktop.views.links import Link

PATIENCE_S = 2.0
FRESH_S = 2.0
"""So long a look at the database counts; asking for pages is no way to keep it busy."""

_TITLES = {
    IntegrationType.GITHUB: "GitHub",
    IntegrationType.SLACK: "Slack",
    IntegrationType.DISCORD: "Discord",
    IntegrationType.X: "X",
}
_RESULTS = {
    "success": ("success", "circle-check", "{0} is connected", "You can close this page and go on in Machina."),
    "refused": (
        "warning",
        "ban",
        "{0} was not connected",
        "The request was declined at {0}, and nothing has changed. You can start again in Machina.",
    ),
    "expired": (
        "warning",
        "clock",
        "This took too long",
        "The request to connect {0} has expired or was answered before. Start again in Machina.",
    ),
    "failed": (
        "error",
        "circle-x",
        "{0} could not be connected",
        "Something went wrong between {0} and this server. Try again in Machina; it shows what is known.",
    ),
}
_ERRORS = {
    404: ("neutral", "unlink", "There is nothing here", "The address may be mistyped, or the link is incomplete."),
    405: ("neutral", "ban", "That is not possible here", "This address does not take what your browser sent."),
    503: (
        "warning",
        "cloud-off",
        "Not available at the moment",
        "The server is starting, ending or waiting for its database. Try again in a minute.",
    ),
}
_FAULT = (
    "error",
    "circle-x",
    "Something went wrong",
    "It is not your fault. Whoever runs this server finds the reason in its log.",
)

Query = Mapping[str, str]
Show = Callable[[Query, Query], Awaitable[ASGIResponse]]


@dataclass(frozen=True)
class Page:
    """A page: what it is called in logs and figures, and what shows it, given the path's fields and the query's."""

    action: str
    show: Show


class Pages:
    """All pages of one server. Loop thread only."""

    def __init__(self, public_url: str, database: Database) -> None:
        self._writer = Writer(public_url)
        self._database = database
        self._since = now()
        self._looked_at, self._is_well = float("-inf"), False
        self._looking = asyncio.Lock()
        self.by_path: dict[str, Page] = {
            "/": Page("page.front", self._front),
            "/status": Page("page.status", self._status),
            "/join/{code}": Page("page.join", self._join),
            "/oauth/{type}/result": Page("page.oauth", self._oauth),
            f"{FOLDER}{{name}}": Page("page.file", self._file),
        }

    def error(self, status: int, headers: Mapping[str, str]) -> Response[bytes]:
        """What a browser shows instead of an error meant for programs; ``headers`` are those of that error."""
        tone, icon, heading, said = _ERRORS.get(status, _FAULT)
        values = {"tone": tone, "icon_state": icon, "heading": heading, "text": said}
        text = self._writer.text("message", heading, {**values, "link": "/", "action": "To the start"})
        return Response(text, status_code=status, media_type=HTML, headers={**headers, **HEADERS})

    async def _front(self, _fields: Query, _query: Query) -> ASGIResponse:
        return self._writer.page("front", "A server", {})

    async def _status(self, _fields: Query, _query: Query) -> ASGIResponse:
        is_well = await self._is_database_well()
        values = {
            "tone": "success" if is_well else "error",
            "icon_state": "circle-check" if is_well else "cloud-off",
            "icon_dot": "dot" if is_well else "triangle",
            "heading": "All is well" if is_well else "The database does not answer",
            "text": "This server answers, and so does its database."
            if is_well
            else "This server runs, but can do nothing until its database is back. It comes back by itself.",
            "database": "answers" if is_well else "does not answer",
            "version": machina_desktop.__version__,
            "since": f"{self._since:%Y-%m-%dT%H:%M:%SZ}",
            "since_text": f"{self._since.day} {self._since:%B %Y, %H:%M} UTC",
        }
        return self._writer.page("status", "Status", values, status=200 if is_well else 503)

    async def _join(self, fields: Query, _query: Query) -> ASGIResponse:
        """The same for every code: whether it lets anybody in is learnt by using it, and that is counted."""
        link = Link.to_join(fields["code"], self._writer.server)
        try:
            Link.parse(str(Link.to_join(link.key)))
        except InvalidInput:
            raise NotFound("This is no invite code.", hint="Copy the link again.", code="E-NO-ROUTE") from None
        return self._writer.page("join", "Invite", {"link": str(link), "code": link.key})

    async def _oauth(self, fields: Query, query: Query) -> ASGIResponse:
        if fields["type"] not in set(IntegrationType):
            raise NotFound("There is nothing at this address.", code="E-NO-ROUTE")
        service = _TITLES[IntegrationType(fields["type"])]
        outcome = query.get("outcome", "failed")
        tone, icon, heading, text = _RESULTS.get(outcome, _RESULTS["failed"])
        values = {"tone": tone, "icon_state": icon, "heading": heading.format(service), "text": text.format(service)}
        link = str(Link.to_app("integrations"))
        return self._writer.page("message", service, {**values, "link": link, "action": "Back to Machina"})

    async def _file(self, fields: Query, _query: Query) -> ASGIResponse:
        found = self._writer.file(fields["name"])
        if found is None:
            raise NotFound("There is nothing at this address.", code="E-NO-ROUTE")
        return found

    async def _is_database_well(self) -> bool:
        async with self._looking:
            if time.monotonic() - self._looked_at > FRESH_S:
                try:
                    async with asyncio.timeout(PATIENCE_S):
                        await self._database.change_heads()
                except (MachinaError, TimeoutError):
                    self._is_well = False
                else:
                    self._is_well = True
                self._looked_at = time.monotonic()
            return self._is_well


def is_for_people(path: str, accept: str) -> bool:
    """Whether somebody looks at the answer with a browser; what lies below ``/api`` is for programs always."""
    is_for_programs = path == "/api" or path.startswith(("/api/", "/schema/"))
    return not is_for_programs and any(part.partition(";")[0].strip() == "text/html" for part in accept.split(","))
