"""How an edit that waits for its team's home, or was not taken, is spoken of: what it is about, what it changes."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLocale

from machina_desktop.core.domain.intent import Intent, IntentState

_ICONS = {
    "machine": "server",
    "deployment": "rocket",
    "provider_account": "cloud",
    "ssh_key": "key-round",
    "team": "users",
    "team_member": "user",
}
# Of a lost row, what a person would look for; copying it brings the rest.
_TOLD_OF_ROWS = (
    *("name", "label", "handle", "display_name", "notes", "tags", "is_protected"),
    *("region", "size", "image", "ssh_host", "public_ip", "fingerprint"),
)
# Something nobody can read at a glance is told by copying it.
LONGEST_VALUE = 4000


def about(intent: Intent) -> str:
    """What the edit is about: the name of a thing, else its id."""
    return intent.title or intent.entity_id


def icon_of(intent: Intent) -> str:
    """The icon of that kind of thing."""
    return _ICONS.get(intent.entity, "square-pen")


def kind_word(intent: Intent) -> str:
    """That kind of thing as a word."""
    words = {
        "machine": _tr("Machine"),
        "deployment": _tr("Deployment"),
        "provider_account": _tr("Account"),
        "ssh_key": _tr("Key"),
        "team": _tr("Team"),
        "team_member": _tr("Member"),
    }
    return words.get(intent.entity, _tr("Entry"))


def field_word(name: str) -> str:
    """A field as people know it; the bare name of one nobody has described."""
    words = {
        "name": _tr("Name"),
        "label": _tr("Label"),
        "handle": _tr("Handle"),
        "notes": _tr("Notes"),
        "tags": _tr("Tags"),
        "is_protected": _tr("Protection"),
        "avatar_url": _tr("Picture"),
        "display_name": _tr("Name"),
        "region": _tr("Region"),
        "size": _tr("Size"),
        "image": _tr("Image"),
        "ssh_host": _tr("Address"),
        "public_ip": _tr("Public address"),
        "fingerprint": _tr("Fingerprint"),
    }
    return words.get(name, name.replace("_", " "))


def changed_words(intent: Intent) -> str:
    """The fields the edit changes, in one line: ``Notes, tags``."""
    named = [field_word(name) for name in fields_of(intent)]
    return ", ".join([*named[:1], *(name[:1].lower() + name[1:] for name in named[1:])])


def fields_of(intent: Intent) -> tuple[str, ...]:
    """The fields to compare, in the order they were changed in; of a lost row, what people know it by."""
    if intent.state is IntentState.LOST:
        return tuple(name for name in _TOLD_OF_ROWS if intent.ours.get(name))
    return tuple(name for name in intent.ours if name not in {"team_id", "updated_at", "created_at"})


def value_words(value: object) -> str:
    """A field's value as text, several lines for a long one."""
    if value is None or value in ("", []):
        return _tr("nothing")
    if isinstance(value, bool):
        return _tr("yes") if value else _tr("no")
    if isinstance(value, int | float):
        return QLocale().toString(value)
    if isinstance(value, list | tuple):
        return "\n".join(str(each) for each in value)
    return str(value)[:LONGEST_VALUE]


def meaning_of(intent: Intent) -> tuple[str, str]:
    """What has become of it, and what that means: two sentences."""
    if intent.state is IntentState.WAITING:
        return _tr("It waits for the server"), _tr("It is sent by itself as soon as the server answers again.")
    if intent.state is IntentState.LOST:
        return (
            _tr("The server lost this"),
            _tr(
                "It was restored from a copy that is older than what you see here. Copy what you need, then let it go."
            ),
        )
    return intent.error_message or _tr("The server did not take it"), intent.error_hint


def as_text(intent: Intent) -> str:
    """The whole edit to paste somewhere: each field with both values."""
    lines = [f"{kind_word(intent)} {about(intent)}"]
    for name in intent.ours if intent.state is IntentState.LOST else fields_of(intent):
        lines += ["", field_word(name), _tr("Yours: {0}").format(value_words(intent.ours.get(name)))]
        if name in intent.theirs:
            lines.append(_tr("Theirs: {0}").format(value_words(intent.theirs[name])))
    return "\n".join(lines)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Outbox", text)
