"""The preferences: every declared setting in its part, and what stands beside the settings there."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSystemTrayIcon, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.config import CLOSE_TO_TRAY, ENGINE, THEME
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.device import (
    CheckSettings,
    ListSettings,
    SettingsFile,
    SettingValue,
    VaultStatus,
)
from machina_desktop.views import tasks
from machina_desktop.views.apps.base import Window
from machina_desktop.views.apps.settings_about import AboutBlock
from machina_desktop.views.apps.settings_account import VaultState
from machina_desktop.views.apps.settings_engine import EngineBlock
from machina_desktop.views.apps.settings_files import DataFolderBlock, LogBlock
from machina_desktop.views.apps.settings_look import ThemeRow
from machina_desktop.views.apps.settings_section import Block, Section, SectionLink
from machina_desktop.views.callout import Callout
from machina_desktop.views.setting_row import SettingRow
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.feedback import Skeleton
from machina_desktop.views.widgets.states import EmptyState, ErrorState
from machina_desktop.views.widgets.text import Label

WIDTH = 760
_LINKS_WIDTH = 176
# Below this, in pixels, the list of parts would take room that the settings need.
_NARROW = 760
# Within this time after going somewhere, answers still make the page longer.
_ARRIVAL_MS = 600


class PreferencesTab(QWidget):
    """Rows are made from the declared settings, so a new one needs no code here.

    Attributes:
        engine: Which Terraform serves.
        vault: How the vault stands.
        try_out: Sends a notification to look at.

    Signals:
        loaded(): The rows are there.
        account_wanted(): The person wants to change how the vault opens.
        search_cleared(): The person gave up a search that found nothing.
    """

    loaded = Signal()
    account_wanted = Signal()
    search_cleared = Signal()

    def __init__(self, bridge: Bridge, window: Window) -> None:
        super().__init__()
        self._bridge = bridge
        self._text = ""
        self.engine = EngineBlock(bridge)
        self.vault = VaultState()
        self.try_out = Button(self.tr("Send a test"), icon_name="bell")
        self.try_out.setObjectName("settings.notifications.test")
        self._data = DataFolderBlock(bridge, window)
        self._logs = LogBlock(bridge, window)
        self._sections: dict[str, Section] = {}
        self._links: dict[str, SectionLink] = {}
        self._trouble = Callout("error")
        self._trouble.setObjectName("settings.file")
        self._skeleton = Skeleton(rows=6, row_height=56)
        self._failure = ErrorState()
        self._nothing = EmptyState(icon_name="search", title="")
        self._link_column = QWidget()
        self._content = QWidget()
        self._scroll = QScrollArea()
        self._build()
        self._failure.hide()
        self._nothing.hide()
        self._failure.retried.connect(self.refresh)
        self._nothing.activated.connect(self.search_cleared)
        bar = self._scroll.verticalScrollBar()
        bar.valueChanged.connect(lambda _value: self._mark_link())
        bar.rangeChanged.connect(lambda _least, _most: self._on_range_changed())
        self._aim: Section | SettingRow | None = None
        self._arrival = QTimer(self, interval=_ARRIVAL_MS, singleShot=True)
        self._arrival.timeout.connect(self._on_arrived)
        self.refresh()
        self.engine.ask()

    def refresh(self) -> None:
        """Ask for all that may have changed elsewhere."""
        tasks.ask(self._bridge, ListSettings(), owner=self, done=self._on_settings, failed=self._on_failed)
        tasks.ask(self._bridge, CheckSettings(), owner=self, done=self._on_file)
        self._data.refresh()

    @property
    def has_rows(self) -> bool:
        """Whether the settings are known."""
        return bool(self.rows())

    def rows(self) -> dict[str, SettingRow]:
        """The rows by key, once the settings are known."""
        return {key: row for section in self._sections.values() for key, row in section.rows.items()}

    def knows(self, place: str) -> bool:
        """Whether ``place`` is the name of a part, or the key of a setting."""
        return place in self._sections or place in self.rows()

    def go_to(self, place: str) -> None:
        """Scroll to a part or a setting; a setting lights up."""
        target = self._sections.get(place) or self.rows().get(place)
        if target is None:
            return
        # What was just shown has no place yet, and what is still on its way pushes others down.
        self._aim = target
        self._arrival.start()
        QTimer.singleShot(0, self, self._approach)
        if isinstance(target, SettingRow):
            target.flash()

    def show_vault(self, status: VaultStatus) -> None:
        """Show how the vault stands."""
        self.vault.show_status(status)

    def filter(self, text: str) -> None:
        """Show only what all words of ``text`` are found in."""
        self._text = text
        words = tuple(text.casefold().split())
        found = sum(section.filter(words) for section in self._sections.values())
        for name, link in self._links.items():
            link.setVisible(not self._sections[name].isHidden())
        self._mark_link()
        self._nothing.setVisible(not found)
        if not found:
            self._nothing.set_message(
                self.tr("Nothing is called “{0}”").format(text),
                self.tr("Search for a word of what you want to change, such as theme or proxy."),
                self.tr("Show everything"),
            )

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self and event.type() == QEvent.Type.Resize:
            self._link_column.setVisible(self.width() >= _NARROW)
        return super().eventFilter(watched, event)

    def _build(self) -> None:
        self._content.setMaximumWidth(WIDTH)
        column = QVBoxLayout(self._content)
        column.setContentsMargins(0, Space.L, Space.L, Space.XL)
        column.setSpacing(Space.XL)
        for widget in (self._trouble, self._skeleton, self._failure, self._nothing):
            column.addWidget(widget)
        links = QVBoxLayout(self._link_column)
        links.setContentsMargins(0, Space.L, 0, 0)
        links.setSpacing(2)
        self._link_column.setFixedWidth(_LINKS_WIDTH)
        for name, title, icon in _parts(self):
            section = Section(name, title)
            section.hide()
            self._sections[name] = section
            column.addWidget(section)
            link = SectionLink(icon, title)
            link.setObjectName(f"settings.link.{name}")
            link.clicked.connect(lambda _checked=False, name=name: self.go_to(name))
            link.setEnabled(False)
            self._links[name] = link
            links.addWidget(link)
        column.addStretch()
        links.addStretch()
        self._fill_around()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(self._content)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(Space.XL)
        whole.addWidget(self._link_column)
        whole.addWidget(self._scroll, 1)
        self.installEventFilter(self)

    def _fill_around(self) -> None:
        """Put what is no setting above the settings of its part."""
        ways = Button(self.tr("Ways to unlock…"), icon_name="key-round")
        ways.setObjectName("settings.vault.ways")
        ways.clicked.connect(self.account_wanted)
        row = QHBoxLayout()
        row.addWidget(ways)
        row.addStretch()
        self.vault.column.addLayout(row)
        self._sections["engine"].add(self.engine, words="terraform opentofu version path")
        self._sections["vault"].add(self.vault, words="lock unlock passphrase keyring credentials")
        self._sections["data"].add(self._data, words="folder size backup back up disk storage")

    def _fill_below(self) -> None:
        """Put what is no setting below the settings of its part."""
        test = Block()
        row = QHBoxLayout()
        row.setSpacing(Space.L)
        note = self.tr("No sound is made. Whether and where a notification shows is up to your system.")
        row.addWidget(Label(note, style=Type.SECONDARY, tone="secondary", wraps=True), 1)
        row.addWidget(self.try_out)
        test.column.addLayout(row)
        self._sections["notifications"].add(test, words="test notification sound")
        self._sections["logs"].add(self._logs, words="log show diagnostics folder zip report fault")
        note = self.tr(
            "To move the folder, quit Machina, move it, and start Machina with the environment variable MACHINA_HOME "
            "set to the new place."
        )
        moving = Block()
        moving.column.addWidget(Label(note, style=Type.SECONDARY, tone="secondary", wraps=True))
        self._sections["data"].add(moving, words="move MACHINA_HOME")
        # The longest part stands at the end, and need not hold up the first look.
        QTimer.singleShot(0, self, self._fill_about)

    def _fill_about(self) -> None:
        self._sections["about"].add(AboutBlock(), words=AboutBlock.words())
        self.filter(self._text)

    def _on_settings(self, values: tuple[SettingValue, ...]) -> None:
        self._failure.hide()
        rows = self.rows()
        for value in values:
            if value.key in rows:
                rows[value.key].set_value(value.value)
            else:
                self._add_row(value)
        if not rows:
            self._fill_below()
            self._skeleton.hide()
            self.filter(self._text)
            for link in self._links.values():
                link.setEnabled(True)
            self._mark_link()
        self._weigh()
        self.engine.set_chosen(str(self.rows()[ENGINE.key].value()) if ENGINE.key in self.rows() else "")
        if not rows:
            self.loaded.emit()

    def _add_row(self, value: SettingValue) -> None:
        if value.key == CLOSE_TO_TRAY.key and not QSystemTrayIcon.isSystemTrayAvailable():
            # What nothing could come of is not offered.
            return
        row = (ThemeRow if value.key == THEME.key else SettingRow)(self._bridge, value)
        row.changed.connect(self._on_changed)
        section = self._sections.get(value.section) or self._sections["about"]
        section.add_row(row)

    def _weigh(self) -> None:
        """Let each row show whether it has an effect now."""
        rows = self.rows()
        for row in rows.values():
            if row.only_with is not None and row.only_with[0] in rows:
                row.set_effective(rows[row.only_with[0]].value() == row.only_with[1])

    def _on_failed(self, error: MachinaError) -> None:
        if not self.rows():
            self._skeleton.hide()
            self._failure.set_error(error)
            self._failure.show()

    def _on_changed(self, key: str) -> None:
        self._weigh()
        if key == ENGINE.key:
            self.engine.set_chosen(str(self.rows()[key].value()))
            self.engine.ask()

    def _on_file(self, file: SettingsFile) -> None:
        if file.problem:
            self._trouble.say(
                self.tr("Settings cannot be stored: {0}.").format(file.problem),
                self.tr("What is set stays in force. Free space on the disk, and check that you may write {0}.").format(
                    file.path
                ),
            )
        elif file.set_aside:
            self._trouble.say(
                self.tr("The settings could not be read; those you see are in force."),
                self.tr("The unreadable file was kept as {0}. Copy from it what you miss.").format(file.set_aside),
                details=file.set_aside,
            )
        else:
            self._trouble.clear()

    def _approach(self) -> None:
        """Scroll to what was aimed at: a part from its heading on, a row with what stands above it."""
        target = self._aim
        if target is None:
            return
        top = target.mapTo(self._content, QPoint(0, 0)).y()
        room = self._scroll.height() // 3 if isinstance(target, SettingRow) else Space.L
        self._scroll.verticalScrollBar().setValue(max(0, top - room))
        # Parts at the end never come to the top, and a short one may stand above the one that was meant.
        for section in self._sections.values():
            if target in {section, *section.rows.values()}:
                self._mark(section.name)

    def _on_range_changed(self) -> None:
        if self._aim is None:
            self._mark_link()
        else:
            self._approach()

    def _on_arrived(self) -> None:
        self._aim = None

    def _mark_link(self) -> None:
        """Mark the part that is looked at: the last one whose heading has been reached."""
        bar = self._scroll.verticalScrollBar()
        shown = [section for section in self._sections.values() if not section.isHidden()]
        if not shown:
            return
        reached = bar.value() + self._scroll.height() // 3
        current = shown[0]
        for _before, section in pairwise(shown):
            if section.y() <= reached:
                current = section
        if bar.maximum() > 0 and bar.value() == bar.maximum():
            current = shown[-1]
        self._mark(current.name)

    def _mark(self, current: str) -> None:
        for name, link in self._links.items():
            link.setChecked(name == current)


def _parts(tab: PreferencesTab) -> tuple[tuple[str, str, str], ...]:
    """Name, title and icon of each part, from the top."""
    return (
        ("look", tab.tr("Look"), "sun"),
        ("terminal", tab.tr("Terminal"), "square-terminal"),
        ("notifications", tab.tr("Notifications"), "bell"),
        ("deployments", tab.tr("Deployments"), "rocket"),
        ("engine", tab.tr("Terraform"), "package"),
        ("vault", tab.tr("Vault"), "shield"),
        ("proxy", tab.tr("Proxy"), "network"),
        ("logs", tab.tr("Logs"), "scroll-text"),
        ("data", tab.tr("Data folder"), "hard-drive"),
        ("about", tab.tr("About"), "info"),
    )
