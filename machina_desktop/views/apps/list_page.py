"""A page that is one list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

from PySide6.QtWidgets import QVBoxLayout

from machina_desktop.views.apps.base import Page
from machina_desktop.views.commands import Command
from machina_desktop.views.list_panel import ListPanel

T = TypeVar("T")


class ListPage(Page, Generic[T]):
    """Asks for its list only while it is in front; ``Ctrl+F`` goes to the list's search.

    Attributes:
        list: Fills the page; a page of this kind makes it and hands it to `show_list`.
    """

    list: ListPanel[T]

    def shown(self) -> None:
        self.list.resume()

    def hidden(self) -> None:
        self.list.pause()

    def find(self) -> None:  # type: ignore[override]  # QWidget.find looks up window ids
        self.list.focus_search()

    def commands(self) -> Iterable[Command]:
        return self.list.commands()

    def show_list(self, panel: ListPanel[T]) -> None:
        """Fill the page with its list."""
        self.list = panel
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(panel)
