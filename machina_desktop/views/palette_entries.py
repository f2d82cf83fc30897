"""The lines of the palette: commands, apps and findings in one shape, and in which order they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QCoreApplication

from machina_desktop.views.apps.base import App
from machina_desktop.views.commands import Command, Commands
from machina_desktop.views.links import Link
from machina_desktop.views.models.ranking import Candidate, Ranking, prepare
from machina_desktop.views.models.status import Status
from machina_desktop.views.palette_sources import Found

# Nobody reads further; a letter more is quicker.
SHOWN = 100
SUGGESTED = 6
RECENT = 6
ACTIONS_ONLY = ">"
# What a choice is worth beside the grades of `ranking`: less than one grade, so that typing more always wins.
_NEWEST = 12
_ABOUT_SHOWN = 6
_APP = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One line.

    Attributes:
        name: What it is remembered by.
        kind: What it is, in a word or two: ``Action``, ``Machines``.
        run: Does or shows it. Qt thread.
        group: Where a list of all actions puts it; empty for what is no action.
        keys: Its shortcut, as portable text.
    """

    name: str
    title: str
    kind: str
    icon: str
    candidate: Candidate
    run: Callable[[], object]
    detail: str = ""
    group: str = ""
    keys: str = ""
    status: Status | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as it is shown: the letters that were typed, and the caption above it, if any."""

    entry: Entry
    positions: tuple[int, ...] = ()
    caption: str = ""


def entry_of_command(command: Command) -> Entry:
    """A command as a line."""
    return Entry(
        name=f"command:{command.name}",
        title=command.title,
        kind=_tr("Action"),
        icon=command.icon,
        candidate=prepare(command.title, f"{command.words} {command.group}"),
        run=command.run,
        detail=command.group,
        group=command.group,
        keys=command.keys,
    )


def entry_of_app(app: App, keys: str, show: Callable[[Link], None]) -> Entry:
    """An app as a line."""
    link = Link.to_app(app.name)
    return Entry(
        name=str(link),
        title=app.title,
        kind=_tr("App"),
        icon=app.icon,
        candidate=prepare(app.title, _tr("go to app page")),
        run=lambda: show(link),
        keys=keys,
    )


def entry_of_found(found: Found, show: Callable[[Link], None]) -> Entry:
    """A machine, a run, a setting as a line."""
    finding = found.finding
    return Entry(
        name=found.name,
        title=finding.title,
        kind=found.caption,
        icon=finding.icon,
        candidate=found.candidate,
        run=lambda: show(finding.link),
        detail=finding.detail,
        status=finding.status,
    )


class Entries:
    """Everything the palette offers at one moment, ranked for what is typed."""

    def __init__(
        self,
        *,
        apps: tuple[App, ...],
        commands: Commands,
        found: Iterable[Found],
        recent: Sequence[str],
        show: Callable[[Link], None],
    ) -> None:
        """``recent`` are the names of entries chosen lately, the newest first."""
        keys = {command.name: command.keys for command in commands.listed()}
        shown = {command.name for command in commands.shown()}
        offered = [each for each in commands.available() if not each.name.startswith("app.")]
        self._shown = tuple(entry_of_command(each) for each in offered if each.name in shown)
        standing = tuple(entry_of_command(each) for each in offered if each.name not in shown)
        self._apps = tuple(entry_of_app(app, keys.get(f"app.{app.name}", ""), show) for app in apps)
        self._actions = (*self._shown, *standing)
        self._own = (*self._actions, *self._apps)
        # Made into entries where they are shown: there may be thousands.
        self._found = tuple(found)
        self._show = show
        self._recent = tuple(recent)
        self._ranking = self._ranked((*self._own, *self._found))
        self._ranking_of_actions = self._ranked(self._actions)

    def lines(self, typed: str) -> tuple[Line, ...]:
        """What to show for ``typed``; nothing typed shows suggestions under captions."""
        text = typed.strip()
        if text.startswith(ACTIONS_ONLY):
            return self._action_lines(text.removeprefix(ACTIONS_ONLY).strip())
        if not text:
            return self._suggestions()
        return tuple(Line(self._entry(each.index), each.positions) for each in self._ranking.best(text, SHOWN))

    def named(self, name: str) -> Entry | None:
        """The entry of that name."""
        return self._named({name}).get(name)

    def _entry(self, index: int) -> Entry:
        count = len(self._own)
        return self._own[index] if index < count else entry_of_found(self._found[index - count], self._show)

    def _named(self, names: set[str]) -> dict[str, Entry]:
        found = {each.name: entry_of_found(each, self._show) for each in self._found if each.name in names}
        return found | {entry.name: entry for entry in self._own if entry.name in names}

    def _action_lines(self, text: str) -> tuple[Line, ...]:
        if text:
            found = self._ranking_of_actions.best(text, SHOWN)
            return tuple(Line(self._actions[each.index], each.positions) for each in found)
        rest = sorted(self._actions[len(self._shown) :], key=lambda entry: entry.group)
        groups = dict.fromkeys(entry.group for entry in rest)
        return (
            *_captioned(_tr("Suggested"), self._shown),
            *(line for group in groups for line in _captioned(group, _of_group(group, rest))),
        )

    def _suggestions(self) -> tuple[Line, ...]:
        suggested = self._shown[:SUGGESTED]
        by_name = self._named(set(self._recent))
        recent = [by_name[name] for name in self._recent if name in by_name and by_name[name] not in suggested]
        recent = recent[:RECENT]
        known = {entry.name for entry in (*suggested, *recent)}
        return (
            *_captioned(_tr("Suggested"), suggested),
            *_captioned(_tr("Recent"), recent),
            *_captioned(_tr("Apps"), [each for each in self._apps if each.name not in known]),
            *_captioned(_tr("Actions"), [each for each in self._actions if each.name not in known]),
        )

    def _ranked(self, entries: tuple[Entry | Found, ...]) -> Ranking:
        recent = {name: max(1, _NEWEST - age) for age, name in enumerate(self._recent)}
        own = {entry.name: _ABOUT_SHOWN for entry in self._shown} | {entry.name: _APP for entry in self._apps}
        bonus = {
            index: max(recent.get(entry.name, 0), own.get(entry.name, 0))
            for index, entry in enumerate(entries)
            if entry.name in recent or entry.name in own
        }
        return Ranking((entry.candidate for entry in entries), bonus=bonus)


def _of_group(group: str, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Those of a group; what the caption above them says already, they do not repeat."""
    return tuple(replace(entry, detail="") for entry in entries if entry.group == group)


def _captioned(caption: str, entries: Sequence[Entry]) -> tuple[Line, ...]:
    """The caption stands above the first."""
    return tuple(Line(entry, caption="" if index else caption) for index, entry in enumerate(entries))


def _tr(text: str) -> str:
    return QCoreApplication.translate("Palette", text)
