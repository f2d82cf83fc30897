"""How servers and the lines to them are spoken of: host, state, what it means, what to do about it."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QUrl

from machina_desktop.core.domain.server import Connection, ServerStatus
from machina_desktop.views import wording


def host_of(url: str) -> str:
    """The part of a server's address that people know it by: ``machina.example.org``, ``10.0.0.7:8443``."""
    parsed = QUrl(url)
    if not parsed.host():
        return url
    host = f"[{parsed.host()}]" if ":" in parsed.host() else parsed.host()
    return f"{host}:{parsed.port()}" if parsed.port() >= 0 else host


def connection_word(connection: Connection) -> str:
    """A state of the line as a word."""
    words = {
        Connection.CONNECTING: _tr("Connecting"),
        Connection.LIVE: _tr("Live"),
        Connection.OFFLINE: _tr("Offline"),
        Connection.SIGNED_OUT: _tr("Signed out"),
        Connection.OUTDATED: _tr("Versions differ"),
        Connection.LOCKED: _tr("Vault locked"),
    }
    return words[connection]


def state_line(status: ServerStatus) -> str:
    """How the line is and since when: ``Live``, ``Offline since 14:02``."""
    word = connection_word(status.connection)
    if status.since is None or status.connection in {Connection.LIVE, Connection.CONNECTING}:
        return word
    return _tr("{0} since {1}").format(word, wording.moment(status.since))


def waiting_words(count: int) -> str:
    """How many edits wait; empty for none."""
    if not count:
        return ""
    return _tr("1 edit waits") if count == 1 else _tr("{0} edits wait").format(count)


def refused_words(count: int) -> str:
    """How many edits the server did not take; empty for none."""
    if not count:
        return ""
    return _tr("1 edit needs you") if count == 1 else _tr("{0} edits need you").format(count)


def summary_line(status: ServerStatus) -> str:
    """State and what waits: ``Offline since 14:02 · 2 edits wait``."""
    parts = (state_line(status), waiting_words(status.waiting), refused_words(status.refused))
    return " · ".join(part for part in parts if part)


def meaning_of(status: ServerStatus) -> str:
    """What the state means for the person, and what they can do; one or two sentences."""
    meanings = {
        Connection.LIVE: _tr("Everything you see is current. Changes arrive within a second or two."),
        Connection.CONNECTING: _tr("You can read everything meanwhile."),
        Connection.OFFLINE: _tr("You can read everything and edit names, tags and notes; runs need the server."),
        Connection.SIGNED_OUT: _tr("Your copy stays readable. Sign in again to go on working together."),
        Connection.OUTDATED: _tr("Update Machina, or ask who runs the server to update it. Your copy stays readable."),
        Connection.LOCKED: _tr("The session is sealed in the vault. Unlock it to connect."),
    }
    return meanings[status.connection]


def why_home_is_away(status: ServerStatus | None) -> str:
    """Why a team's home cannot be asked now, one sentence; empty when it can, and for a team of this computer."""
    if status is None or status.connection is Connection.LIVE:
        return ""
    host = host_of(status.server.url)
    reasons = {
        Connection.CONNECTING: _tr("This needs the server {0}, which is not connected yet."),
        Connection.OFFLINE: _tr("This needs the server {0}, which cannot be reached."),
        Connection.SIGNED_OUT: _tr("This needs the server {0}: sign in again first."),
        Connection.OUTDATED: _tr("This needs the server {0}, which speaks another version."),
        Connection.LOCKED: _tr("This needs the server {0}: unlock the vault first."),
    }
    return reasons[status.connection].format(host)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Servers", text)
