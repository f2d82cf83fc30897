"""What people and teams may be called, and how their pictures and addresses are written."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import urlsplit

from machina_desktop.core.domain.written import composed

PICTURE_BYTES = 200 * 1024
"""How long the address of a picture may be when it holds the picture itself."""
ADDRESS_BYTES = 2048
NAME_CHARACTERS = 80
EMAIL_CHARACTERS = 254
"""RFC 5321, section 4.5.3.1.3, without the angle brackets."""

_HANDLE = re.compile(r"[a-z0-9-]{2,40}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_DATA_URL = re.compile(r"data:image/(png|jpeg|webp);base64,(.*)")
_MAGIC = {
    "png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "jpeg": re.compile(rb"\xff\xd8\xff"),
    "webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
}


def normal_name(text: str) -> str:
    """The name as it is stored: without space around it, composed (NFC), so that what looks equal is equal."""
    return composed(text.strip(), longest=NAME_CHARACTERS)


def name_problem(name: str) -> str:
    """Why ``name`` cannot be shown as the name of a person or team, as a sentence; empty when it can.

    Control characters and invisible ones, such as those that turn the direction of writing, could pass one name off
    as another.
    """
    if not name:
        return "The name is empty."
    if len(name) > NAME_CHARACTERS:
        return f"The name has {len(name)} characters; at most {NAME_CHARACTERS} are allowed."
    return "" if name.isprintable() else "The name holds a character that cannot be seen."


def handle_problem(handle: str) -> str:
    """Why ``handle`` cannot be a team's handle, as a sentence; empty when it can."""
    if _HANDLE.fullmatch(handle):
        return ""
    return "A handle has 2 to 40 lower-case letters, digits and hyphens."


def email_problem(email: str) -> str:
    """Why ``email`` cannot be an address, as a sentence; empty when it may be one, or there is none."""
    if not email or (len(email) <= EMAIL_CHARACTERS and email.isprintable() and _EMAIL.fullmatch(email)):
        return ""
    return "This is not an e-mail address."


def picture_problem(url: str) -> str:
    """Why ``url`` cannot be a picture's address, as a sentence; empty when it can, or there is none.

    Either an https address, or the picture itself as a data URL (RFC 2397): PNG, JPEG or WebP. The bytes must begin
    as that kind of picture does.
    """
    if not url:
        return ""
    if not url.startswith("data:"):
        return _address_problem(url)
    if len(url) > PICTURE_BYTES:
        return f"The picture is too large: {len(url) // 1024} KB of at most {PICTURE_BYTES // 1024} KB."
    match = _DATA_URL.fullmatch(url)
    if match is None:
        return "A picture is a PNG, JPEG or WebP."
    try:
        data = base64.b64decode(match[2], validate=True)
    except (binascii.Error, ValueError):
        return "The picture is damaged."
    return "" if _MAGIC[match[1]].match(data) else f"The picture is not the {match[1].upper()} it says it is."


def _address_problem(url: str) -> str:
    try:
        parts = urlsplit(url)
        names_host = parts.scheme == "https" and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        names_host = False
    is_clean = url.isascii() and url.isprintable() and not set(url) & set(" \"'<>\\")
    if names_host and is_clean and len(url) <= ADDRESS_BYTES:
        return ""
    return "The address of a picture begins with https:// and names a host."
