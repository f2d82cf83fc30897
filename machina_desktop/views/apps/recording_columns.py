"""The columns of the lists of the Recordings app."""

from __future__ import annotations

from datetime import timedelta

from PySide6.QtCore import QCoreApplication, QLocale

from machina_desktop.core.domain.recording import FoundLine, Recording, RecordingState
from machina_desktop.views import wording
from machina_desktop.views.list_panel import ListShape
from machina_desktop.views.models.table_model import Column
from machina_desktop.views.recordings.timeline import clock


def _tr(text: str) -> str:
    return QCoreApplication.translate("RecordingsPage", text)


def _state(recording: Recording) -> str:
    if recording.state is RecordingState.RECORDING:
        return _tr("recording now")
    if recording.state is RecordingState.INTERRUPTED:
        return _tr("interrupted")
    if recording.exit_status:
        return _tr("exit {0}").format(recording.exit_status)
    return _tr("complete")


def _size(size_bytes: int) -> str:
    return QLocale().formattedDataSize(size_bytes, 1, QLocale.DataSizeFormat.DataSizeSIFormat)


_STATE_ICONS = {RecordingState.RECORDING: "circle-dot", RecordingState.INTERRUPTED: "triangle-alert"}


def recording_shape() -> ListShape[Recording]:
    """The list of recordings."""
    return ListShape(
        name="recordings",
        title=_tr("Recordings"),
        search=_tr("Filter by machine, title or person…"),
        key=lambda each: each.recording_id,
        depends=frozenset({"recording"}),
        columns=(
            Column(
                key="machine",
                title=_tr("Machine"),
                text=lambda each: each.machine_name,
                icon=lambda _each: "square-terminal",
                width=170,
            ),
            Column(
                key="began",
                title=_tr("Began"),
                text=lambda each: wording.moment(each.began_at),
                sort_key=lambda each: each.began_at.timestamp(),
                width=130,
            ),
            Column(
                key="length",
                title=_tr("Length"),
                text=lambda each: wording.span(timedelta(milliseconds=each.duration_ms)) if each.sha256 else "–",
                sort_key=lambda each: each.duration_ms,
                width=100,
            ),
            Column(
                key="state",
                title=_tr("State"),
                text=_state,
                icon=lambda each: _STATE_ICONS.get(each.state, ""),
                width=130,
            ),
            Column(key="person", title=_tr("Person"), text=lambda each: each.user_name, width=130, rank=1),
            Column(
                key="size",
                title=_tr("Size"),
                text=lambda each: _size(each.size_bytes) if each.sha256 else "–",
                sort_key=lambda each: each.size_bytes,
                is_quiet=True,
                is_right=True,
                width=90,
                rank=2,
            ),
            Column(key="title", title=_tr("Title"), text=lambda each: each.title, is_quiet=True, width=160, grows=1),
        ),
    )


def hit_key(hit: FoundLine) -> str:
    """What a line that was found is known by in its list."""
    return f"{hit.recording.recording_id} {hit.line}"


def found_shape() -> ListShape[FoundLine]:
    """The list of lines that were found."""
    return ListShape(
        name="recording_search",
        title=_tr("Search"),
        search=_tr("Words in all recordings…"),
        key=hit_key,
        depends=frozenset({"recording"}),
        columns=(
            Column(
                key="text",
                title=_tr("Line"),
                text=lambda hit: hit.text.strip(),
                is_mono=True,
                width=420,
                grows=1,
            ),
            Column(
                key="machine",
                title=_tr("Machine"),
                text=lambda hit: hit.recording.machine_name,
                icon=lambda _hit: "square-terminal",
                width=150,
            ),
            Column(
                key="began",
                title=_tr("When"),
                text=lambda hit: wording.moment(hit.recording.began_at + timedelta(milliseconds=hit.at_ms)),
                sort_key=lambda hit: hit.recording.began_at.timestamp() + hit.at_ms / 1000,
                is_quiet=True,
                width=130,
            ),
            Column(
                key="at",
                title=_tr("At"),
                text=lambda hit: clock(hit.at_ms),
                sort_key=lambda hit: hit.at_ms,
                is_quiet=True,
                is_right=True,
                width=70,
            ),
        ),
    )
