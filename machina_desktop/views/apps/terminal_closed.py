"""Tabs that were closed: kept for a while with what their terminals showed, so that they can be opened again."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from machina_desktop.views.apps.terminal_tab import TerminalTab
from machina_desktop.views.terminal.workspace import TabPlan

# Of so many tabs it is known what was in them.
_KNOWN = 10
# So many of these are kept as they are, and fewer where they hold more lines than this; the newest one always is.
_WHOLE = 5
_LINES = 200_000


class ClosedTabs:
    """The last tabs that were closed. Their sessions have ended, and nothing of them is written anywhere."""

    def __init__(self, owner: QWidget) -> None:
        """``owner`` is what they go with."""
        self._owner = owner
        self._tabs: list[TerminalTab | TabPlan] = []

    def __bool__(self) -> bool:
        return bool(self._tabs)

    def keep(self, tab: TerminalTab) -> None:
        """Take a tab that no window shows any more."""
        tab.hide()
        tab.setParent(self._owner)
        self._tabs.append(tab)
        self._shorten()

    def take(self) -> TerminalTab | TabPlan | None:
        """The one that was closed last; of one that was closed long ago, how it was made. ``None`` for none."""
        return self._tabs.pop() if self._tabs else None

    def _shorten(self) -> None:
        lines = 0
        newest_first = reversed([each for each in self._tabs if isinstance(each, TerminalTab)])
        for number, tab in enumerate(newest_first):
            lines += sum(pane.terminal.scrolled for pane in tab.panes())
            if number and (number >= _WHOLE or lines > _LINES):
                self._tabs[self._tabs.index(tab)] = tab.plan()
                tab.deleteLater()
        del self._tabs[:-_KNOWN]
