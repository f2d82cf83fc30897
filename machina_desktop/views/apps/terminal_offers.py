"""What the palette offers of terminals, without loading the page and its engine."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from machina_desktop.views.apps.base import Window
from machina_desktop.views.commands import Command
from machina_desktop.views.links import APP as LINKED
from machina_desktop.views.links import Link
from machina_desktop.views.searches import Finding, Search, fixed_search


def searches() -> tuple[Search, ...]:
    """What the palette finds of terminals."""
    words = QCoreApplication.translate("Terminal", "ssh shell console command line")
    title = QCoreApplication.translate("Terminal", "Terminals")
    found = Finding(link=Link.to_app("terminal"), title=title, icon="square-terminal", words=words)
    return (fixed_search(entity=LINKED, title=title, findings=lambda: (found,)),)


def commands(window: Window) -> tuple[Command, ...]:
    """What can be begun with terminals from anywhere in the window."""
    return (
        Command(
            name="terminals.anywhere",
            title=QCoreApplication.translate("Terminal", "Open a terminal…"),
            group=QCoreApplication.translate("Terminal", "Terminal"),
            icon="square-terminal",
            words=QCoreApplication.translate("Terminal", "ssh shell console"),
            run=lambda: window.do("terminal", "terminals.choose"),
        ),
        Command(
            name="terminals.snippet_anywhere",
            title=QCoreApplication.translate("Terminal", "Run a snippet on machines…"),
            group=QCoreApplication.translate("Terminal", "Terminal"),
            icon="layers",
            words=QCoreApplication.translate("Terminal", "many several command"),
            run=lambda: window.do("terminal", "terminals.snippet_many"),
        ),
    )
