"""How moments, spans of time and people are written in the window."""

from __future__ import annotations

from datetime import datetime, timedelta

from PySide6.QtCore import QCoreApplication, QDateTime, QLocale

from machina_desktop.bridge import Bridge
from machina_desktop.core.ids import now
from machina_desktop.views.people import people_of


def moment(at: datetime | None) -> str:
    """A moment in local time, as short as it stays clear: ``14:03``, ``21 Nov 14:03``, ``21 Nov 2024``; a dash."""
    if at is None:
        return "–"
    days = (now().astimezone().date() - at.astimezone().date()).days
    if days == 0:
        return _local(at, "HH:mm")
    if days == 1:
        return _tr("yesterday {0}").format(_local(at, "HH:mm"))
    return _local(at, "d MMM HH:mm" if abs(days) < 300 else "d MMM yyyy")


def full_moment(at: datetime | None) -> str:
    """A moment in local time to the second, with its date; a dash."""
    return "–" if at is None else _local(at, "d MMM yyyy HH:mm:ss")


def span(length: timedelta) -> str:
    """A span of time in its two largest units: ``0.3 s``, ``12 s``, ``3 min 4 s``, ``2 h 5 min``, ``3 d 4 h``."""
    total_s = max(0.0, length.total_seconds())
    if total_s < 1:
        return _tr("{0} s").format(QLocale().toString(min(0.9, total_s), "f", 1))
    minutes, seconds = divmod(int(total_s), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, _tr("{0} d")), (hours, _tr("{0} h")), (minutes, _tr("{0} min")), (seconds, _tr("{0} s")))
    first = next(index for index, (value, _) in enumerate(parts) if value or index == len(parts) - 1)
    return " ".join(unit.format(value) for value, unit in parts[first : first + 2] if value)


def ago(at: datetime) -> str:
    """How long ago that was, in its largest unit: ``just now``, ``4 min ago``, ``2 h ago``, ``12 d ago``."""
    passed = now() - at
    if passed < timedelta(minutes=1):
        return _tr("just now")
    if passed < timedelta(hours=1):
        return _tr("{0} min ago").format(int(passed.total_seconds()) // 60)
    if passed < timedelta(days=1):
        return _tr("{0} h ago").format(int(passed.total_seconds()) // 3600)
    return _tr("{0} d ago").format(passed.days)


def since(start: datetime | None, end: datetime | None) -> str:
    """How long something has taken, until now when it has not ended; a dash before it starts."""
    return "–" if start is None else span((end or now()) - start)


def person(bridge: Bridge, user_id: str) -> str:
    """Who that is, as far as this computer knows; a dash for nobody."""
    if not user_id:
        return "–"
    if bridge.is_settled and user_id == bridge.actor.user_id:
        return _tr("{0} (you)").format(bridge.actor.display_name)
    return (people_of(bridge).name(user_id) if bridge.is_settled else "") or user_id


def _local(at: datetime, form: str) -> str:
    return QLocale().toString(QDateTime.fromSecsSinceEpoch(int(at.timestamp())), form)


def _tr(text: str) -> str:
    return QCoreApplication.translate("wording", text)
