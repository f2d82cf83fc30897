"""The Recordings app: what was recorded, the search through all of it, and the replay in its place."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QPoint, QStandardPaths
from PySide6.QtWidgets import QFileDialog, QStackedWidget, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.recording import FoundLine, Recording, RecordingForm
from machina_desktop.core.services.device import ListSettings, SettingValue
from machina_desktop.core.services.recordings import (
    DeleteRecording,
    ExportRecording,
    ListRecordings,
    SearchRecordings,
    TidyRecordings,
)
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import tasks, wording
from machina_desktop.views.apps import recordings_offers
from machina_desktop.views.apps.base import App, Page, Window
from machina_desktop.views.apps.recording_columns import found_shape, recording_shape
from machina_desktop.views.apps.recordings_offers import SEARCH
from machina_desktop.views.commands import Command
from machina_desktop.views.list_panel import ListPanel
from machina_desktop.views.recordings.replay import Replay
from machina_desktop.views.recordings.rules_dialog import RecordingRulesDialog
from machina_desktop.views.terminal.look import Look, look_of
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import Button, ButtonKind, IconButton
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from machina_desktop.views.widgets.menus import Menu
from machina_desktop.views.widgets.states import EmptyState
from machina_desktop.views.widgets.tabs import Tab, TabBar

LIST = "list"


def _tr(text: str) -> str:
    return QCoreApplication.translate("RecordingsPage", text)


class RecordingsPage(Page):
    """Two lists behind tabs, and one replay over them.

    Attributes:
        list: The recordings, newest first.
        found: Lines of all recordings that hold the words looked for.
        replay: What is played; ``None`` while the lists are shown.
    """

    def __init__(self, bridge: Bridge, window: Window) -> None:
        super().__init__(bridge, window)
        self.setObjectName("recordings")
        self.replay: Replay | None = None
        self._look = Look()
        self._place = ""
        self.tabs = TabBar(
            (
                Tab(key=LIST, title=self.tr("Recordings"), icon_name="history"),
                Tab(key=SEARCH, title=self.tr("Search everything"), icon_name="search"),
            ),
            name=self.tr("Recordings"),
            parent=self,
        )
        self.tabs.setObjectName("recordings.tabs")
        self.list = self._make_list()
        self.found = self._make_found()
        self._lists = QStackedWidget()
        self._stack = QStackedWidget(self)
        self._build()
        self._connect()

    def shown(self) -> None:
        self.list.resume()
        self.found.resume()
        self._tidy()
        tasks.ask(self.bridge, ListSettings(), owner=self, done=self._on_settings)

    def hidden(self) -> None:
        self.list.pause()
        self.found.pause()
        if self.replay is not None:
            self.replay.stop()

    def go_to(self, place: str) -> None:
        """``search``, or the id of a recording."""
        if place == SEARCH:
            self.tabs.set_current(SEARCH)
            self.close_replay()
            return
        self._place = place
        self._go_on()

    def _go_on(self) -> None:
        """To the recording that is to be shown, as soon as it is known."""
        row = self.list.model.row_of(self._place) if self._place else -1
        if row >= 0:
            self._place = ""
            self.open_replay(self.list.model.record(row))

    def find(self) -> None:  # type: ignore[override]  # QWidget.find looks up window ids
        if self.replay is not None:
            self.replay.transcript.search.setFocus()
        elif self.tabs.current() == SEARCH:
            self.found.focus_search()
        else:
            self.list.focus_search()

    def commands(self) -> Iterable[Command]:
        yield Command(
            name="recording.search",
            title=self.tr("Search in all recordings"),
            group=self.tr("Recordings"),
            icon="search",
            words=self.tr("terminal session history text"),
            run=lambda: self.go_to(SEARCH),
        )
        chosen = self._chosen()
        if chosen is not None and self.replay is None:
            for name, title, icon_name, act in (
                ("play", self.tr("Play the recording of {0}"), "play", self._on_play),
                ("export", self.tr("Export the recording of {0}…"), "upload", self._on_export_cast),
                ("delete", self.tr("Delete the recording of {0}…"), "trash-2", self._on_delete),
            ):
                yield Command(
                    name=f"recording.{name}",
                    title=title.format(chosen.machine_name),
                    group=self.tr("Recordings"),
                    icon=icon_name,
                    run=act,
                )
        yield from self.list.commands()

    def open_replay(self, recording: Recording, hit: FoundLine | None = None, words: str = "") -> Replay:
        """Play a recording, from a line that was found where one was."""
        self.close_replay()
        replay = Replay(self.bridge, recording, look=self._look, parent=self)
        replay.left.connect(self.close_replay)
        if hit is not None:
            replay.show_line(hit.line, hit.at_ms, words)
        self.replay = replay
        self._stack.addWidget(replay)
        self._stack.setCurrentWidget(replay)
        return replay

    def close_replay(self) -> None:
        """Back to the lists."""
        if self.replay is not None:
            self.replay.stop()
            self._stack.removeWidget(self.replay)
            self.replay.deleteLater()
            self.replay = None
            current = self.found if self.tabs.current() == SEARCH else self.list
            current.table.setFocus()

    # How it is built

    def _make_list(self) -> ListPanel[Recording]:
        empty = EmptyState(
            icon_name="history",
            title=self.tr("Nothing is recorded yet"),
            text=self.tr(
                "Press Record over a terminal, or turn recording on for a machine, and its terminals are kept here: "
                "to be played again, searched and handed on."
            ),
            action=self.tr("Go to the terminals"),
        )
        empty.setObjectName("recordings.empty")
        empty.activated.connect(lambda: self.window_door.open_app("terminal"))
        return ListPanel(self.bridge, recording_shape(), ask=self._ask_list, empty=empty, parent=self)

    def _make_found(self) -> ListPanel[FoundLine]:
        empty = EmptyState(
            icon_name="search",
            title=self.tr("Search everything that was on your screens"),
            text=self.tr("Type a few words, or their beginnings: an address, a file, a part of an error."),
        )
        empty.setObjectName("recording_search.empty")
        return ListPanel(self.bridge, found_shape(), ask=self._ask_found, empty=empty, parent=self)

    def _build(self) -> None:
        self._play = Button(self.tr("Play"), kind=ButtonKind.PRIMARY, icon_name="play", parent=self)
        self._play.setObjectName("recordings.play")
        self._export = IconButton("upload", self.tr("Export the recording"), parent=self)
        self._export.setObjectName("recordings.export")
        self._delete = IconButton("trash-2", self.tr("Delete the recording"), parent=self)
        self._delete.setObjectName("recordings.delete")
        self._rules = IconButton("shield-check", self.tr("Required recordings"), parent=self)
        self._rules.setObjectName("recordings.rules")
        for button in (self._rules, self._delete, self._export, self._play):
            self.list.header.add_action(button)
        self._settle_buttons()
        self._lists.addWidget(self.list)
        self._lists.addWidget(self.found)
        front = QWidget()
        inside = QVBoxLayout(front)
        inside.setContentsMargins(0, Space.S, 0, 0)
        inside.setSpacing(0)
        bar = QVBoxLayout()
        bar.setContentsMargins(Space.XL, 0, Space.XL, 0)
        bar.addWidget(self.tabs)
        inside.addLayout(bar)
        inside.addWidget(self._lists, 1)
        self._stack.addWidget(front)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._stack)

    def _connect(self) -> None:
        self.tabs.changed.connect(self._on_tab)
        self.list.table.selected.connect(lambda _key: self._settle_buttons())
        self.list.table.activated_key.connect(lambda _key: self._on_play())
        self.list.table.menu_requested.connect(self._on_menu)
        self.list.answered.connect(lambda _records: self._settle_buttons())
        self.list.answered.connect(lambda _records: self._go_on())
        self.found.table.activated_key.connect(self._on_hit)
        self._play.clicked.connect(self._on_play)
        self._export.clicked.connect(self._on_export)
        self._delete.clicked.connect(self._on_delete)
        self._rules.clicked.connect(self._on_rules)

    # What is asked

    def _ask_list(self, search: str, _filters: dict[str, str]) -> Request[tuple[Recording, ...]]:
        return ListRecordings(team_id=self.bridge.team_id, search=search)

    def _ask_found(self, search: str, _filters: dict[str, str]) -> Request[tuple[FoundLine, ...]]:
        return SearchRecordings(team_id=self.bridge.team_id, text=search)

    # What is done

    def _on_tab(self, key: str) -> None:
        self._lists.setCurrentWidget(self.found if key == SEARCH else self.list)
        if key == SEARCH:
            self.found.focus_search()

    def _chosen(self) -> Recording | None:
        keys = self.list.table.selected_keys()
        row = self.list.model.row_of(keys[0]) if keys else -1
        return self.list.model.record(row) if row >= 0 else None

    def _settle_buttons(self) -> None:
        chosen = self._chosen()
        has_ended = chosen is not None and bool(chosen.sha256)
        for button in (self._play, self._export, self._delete):
            button.setEnabled(has_ended)

    def _on_play(self) -> None:
        chosen = self._chosen()
        if chosen is not None:
            self.open_replay(chosen)

    def _on_hit(self, key: str) -> None:
        row = self.found.model.row_of(key)
        if row >= 0:
            hit = self.found.model.record(row)
            self.open_replay(hit.recording, hit, self.found.header.search.text() if self.found.header.search else "")

    def _on_menu(self, place: QPoint) -> None:
        if self._chosen() is None:
            return
        menu = Menu(self.tr("Recording"), parent=self)
        menu.add_item(self.tr("Play"), self._on_play, icon_name="play")
        menu.add_item(self.tr("Export as asciicast…"), self._on_export_cast, icon_name="upload")
        menu.add_item(self.tr("Export as text…"), self._on_export_text, icon_name="file-text")
        menu.add_item(self.tr("Delete…"), self._on_delete, icon_name="trash-2", is_danger=True)
        menu.popup(place)

    def _on_rules(self) -> None:
        RecordingRulesDialog(self.bridge, parent=self).open()

    def _on_export(self) -> None:
        menu = Menu(self.tr("Export"), parent=self)
        menu.add_item(self.tr("As asciicast…"), self._on_export_cast, icon_name="upload")
        menu.add_item(self.tr("As text…"), self._on_export_text, icon_name="file-text")
        menu.popup_under(self._export)

    def _on_export_cast(self) -> None:
        self._choose_file(RecordingForm.CAST)

    def _on_export_text(self) -> None:
        self._choose_file(RecordingForm.TEXT)

    def _choose_file(self, form: RecordingForm) -> None:
        chosen = self._chosen()
        if chosen is None:
            return
        home = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.HomeLocation)
        files = QFileDialog(self, self.tr("Export the recording"), home)
        files.setObjectName("export_recording.files")
        files.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        # The core never writes over a file, so there is nothing to confirm.
        files.setOption(QFileDialog.Option.DontConfirmOverwrite)
        ending = "cast" if form is RecordingForm.CAST else "txt"
        files.selectFile(f"{chosen.machine_name}-{chosen.began_at:%Y%m%d-%H%M%S}.{ending}")
        files.fileSelected.connect(lambda path: self._write(chosen.recording_id, path, form))
        files.finished.connect(files.deleteLater)
        files.open()

    def _write(self, recording_id: str, path: str, form: RecordingForm) -> None:
        tasks.ask(
            self.bridge,
            ExportRecording(recording_id=recording_id, to=path, form=form),
            owner=self,
            done=lambda written: self.window_door.notify(
                self.tr("Recording written to {0}").format(Path(written).name), kind="success"
            ),
        )

    def _on_delete(self) -> None:
        chosen = self._chosen()
        if chosen is None:
            return
        question = ConfirmDialog(
            self.tr("Delete the recording of {0}?").format(chosen.machine_name),
            text=wording.full_moment(chosen.began_at),
            losses=(
                self.tr("What was on the screen, its text, and what the search knows of it."),
                self.tr("The audit trail keeps that it was made and deleted."),
            ),
            confirm=self.tr("Delete recording"),
            parent=self,
        )
        question.setObjectName("delete_recording")
        question.primary.setObjectName("delete_recording.confirm")
        question.accepted.connect(lambda: self._delete_now(chosen))
        question.open()

    def _delete_now(self, recording: Recording) -> None:
        tasks.ask(
            self.bridge,
            DeleteRecording(recording_id=recording.recording_id),
            owner=self,
            done=lambda _none: self._refresh(),
        )

    def _tidy(self) -> None:
        """End what was left behind and let go of what is too old; then the lists are right."""
        tasks.ask(self.bridge, TidyRecordings(), owner=self, done=lambda _count: self._refresh())

    def _refresh(self) -> None:
        self.list.refresh()
        self.found.refresh()

    def _on_settings(self, values: tuple[SettingValue, ...]) -> None:
        self._look = look_of({each.key: each.value for each in values})


APP = App(
    name="recordings",
    title="Recordings",
    icon="history",
    page=RecordingsPage,
    searches=recordings_offers.searches,
    commands=recordings_offers.commands,
)
