"""From a template and values to an answer; whatever is put into a page is text there, never markup."""

from __future__ import annotations

import html
from collections.abc import Mapping
from urllib.parse import urlsplit

from litestar.response.base import ASGIResponse

from machina_desktop.server.pages.files import File, Files

HTML = "text/html"
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS = {"content-security-policy": POLICY, "x-robots-tag": "noindex, nofollow"}
YEAR_S = 31_536_000


class Writer:
    """Writes the pages of the server at ``public_url``."""

    def __init__(self, public_url: str) -> None:
        self.server = public_url
        self.files = Files()
        self._names = ("layout", "join", "front", "status", "message")
        self._templates = {name: self.files.template(name) for name in self._names}

    def page(self, name: str, title: str, values: Mapping[str, str], *, status: int = 200) -> ASGIResponse:
        """The page ``name`` as an answer."""
        return ASGIResponse(
            body=self.text(name, title, values), status_code=status, media_type=HTML, headers=HEADERS.copy()
        )

    def text(self, name: str, title: str, values: Mapping[str, str]) -> bytes:
        """The page ``name``; a value that is called ``icon_…`` names an icon, the others are text."""
        host = urlsplit(self.server).netloc
        main = self._filled(name, {"host": host, "server": self.server, **values})
        return self._filled("layout", {"title": title, "host": host}, main=main).encode()

    def file(self, name: str) -> ASGIResponse | None:
        """A file that pages load; its name changes with it, so it is kept for good."""
        found: File | None = self.files.by_name.get(name)
        if found is None:
            return None
        headers = {"cache-control": f"public, max-age={YEAR_S}, immutable"}
        return ASGIResponse(body=found.body, media_type=found.media_type, headers=headers)

    def _filled(self, name: str, values: Mapping[str, str], **markup: str) -> str:
        """The template with its values in it; icons that no value chooses are called as the desktop's files."""
        template = self._templates[name]
        known = {**self.files.addresses, **markup}
        for each in template.get_identifiers():
            if each.startswith("icon_"):
                known[each] = self.files.icon(values.get(each, each.removeprefix("icon_").replace("_", "-")))
            elif each in values:
                known[each] = html.escape(values[each])
        return template.substitute(known)
