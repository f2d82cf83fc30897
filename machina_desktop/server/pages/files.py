"""What pages load: style, script, fonts and icons, each under a name that follows from its content."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from machina_desktop.core.config import bundle_folder

FOLDER = "/static/"
_TOKEN = re.compile(r"var\(--([a-z-]+)\)")
_FONTS = {
    "sans_400": "DMSans_400Regular",
    "sans_500": "DMSans_500Medium",
    "sans_600": "DMSans_600SemiBold",
    "mono_400": "JetBrainsMono_400Regular",
}
_SCHEMES = {
    ":root": "dark",
    "@media (prefers-color-scheme: light)": "light",
    "@media (prefers-contrast: more)": "high-contrast",
}
"""Where each theme of the desktop holds; what stands below counts before what stands above."""


@dataclass(frozen=True)
class File:
    """One file as it is sent."""

    body: bytes
    media_type: str


class Files:
    """Everything that pages refer to.

    Attributes:
        by_name: Under the last part of its address.
        addresses: By what templates call it, such as ``file_style``.
    """

    def __init__(self) -> None:
        self._resources = bundle_folder() / "resources"
        self._tokens = json.loads((self._resources / "theme" / "tokens.json").read_text("utf-8"))
        self.by_name: dict[str, File] = {}
        self.addresses: dict[str, str] = {}
        for name, font in _FONTS.items():
            self._add(name, (self._resources / "fonts" / f"{font}.ttf").read_bytes(), "ttf", "font/ttf")
        for theme in ("dark", "light"):
            mark = Template(self._text("mark.svg")).substitute(color=self._tokens[theme]["colors"]["accent-primary"])
            self._add(f"icon_{theme}", mark.encode(), "svg", "image/svg+xml")
        self._add("style", self._style().encode(), "css", "text/css")
        self._add("script", self._text("pages.js").encode(), "js", "text/javascript")

    def icon(self, name: str) -> str:
        """An icon of the desktop's as markup in the colour of its text; nothing that a reader aloud would tell."""
        own = self._resources / "web" / f"{name}.svg"
        text = self._read(own if own.exists() else self._resources / "icons" / f"{name}.svg")
        drawing = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL).replace("$color", "currentColor").strip()
        drawing = drawing.replace('stroke-width="2"', 'stroke-width="1.5"')
        return drawing.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1)

    def template(self, name: str) -> Template:
        """A page, or what stands around all pages."""
        return Template(self._text(f"{name}.html"))

    def _style(self) -> str:
        text = Template(self._text("pages.css")).substitute(self.addresses)
        return "\n".join([*self._colours(frozenset(_TOKEN.findall(text))), text])

    def _colours(self, wanted: frozenset[str]) -> list[str]:
        """The desktop's themes as properties, of which there is no second copy."""
        blocks = []
        for condition, name in _SCHEMES.items():
            theme = self._tokens[name]
            block = f":root {{ color-scheme: {theme['scheme']}; {_properties(theme['colors'], wanted)} }}"
            blocks.append(block if condition == ":root" else f"{condition} {{ {block} }}")
        return blocks

    def _add(self, name: str, body: bytes, suffix: str, media_type: str) -> None:
        digest = hashlib.sha256(body).hexdigest()[:16]
        full = f"{name.replace('_', '-')}.{digest}.{suffix}"
        self.by_name[full] = File(body, media_type)
        self.addresses[f"file_{name}"] = f"{FOLDER}{full}"

    def _text(self, name: str) -> str:
        return self._read(self._resources / "web" / name)

    @staticmethod
    def _read(path: Path) -> str:
        return path.read_text("utf-8")


def _properties(colors: Mapping[str, str], wanted: frozenset[str]) -> str:
    return " ".join(f"--{name}: {colors[name]};" for name in sorted(wanted))
