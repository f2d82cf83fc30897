"""The Snippets app: commands that are kept, for oneself and for the team."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from machina_desktop.views.apps.base import App, Window
from machina_desktop.views.commands import Command
from machina_desktop.views.snippets.page import SnippetsPage


def _tr(text: str) -> str:
    return QCoreApplication.translate("SnippetsPage", text)


def _anywhere(window: Window) -> tuple[Command, ...]:
    return (
        Command(
            name="snippet.new",
            title=_tr("Write a snippet"),
            group=_tr("Snippets"),
            icon="plus",
            words=_tr("new command template"),
            run=lambda: window.do("snippets", "snippet.new"),
        ),
    )


APP = App(
    name="snippets",
    title="Snippets",
    icon="terminal",
    page=SnippetsPage,
    commands=_anywhere,
)
