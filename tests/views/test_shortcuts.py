"""Every shortcut is told on one page, once, and does what is told there."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QWidget

from machina_desktop.views.commands import Command, Commands, install_keys
from machina_desktop.views.shortcuts import ShortcutsDialog, shortcuts
from tests.fakes.gateway import until
from tests.fakes.whole_window import WholeWindow, whole_window


@pytest_asyncio.fixture
async def made(qapp: QApplication, tmp_path: Path) -> AsyncIterator[WholeWindow]:
    async with whole_window(tmp_path) as window:
        yield window


async def opened(made: WholeWindow) -> ShortcutsDialog:
    # As a window manager does when a dialog goes.
    made.window.activateWindow()
    await until(made.window.isActiveWindow)
    made.press(Qt.Key.Key_F1)
    dialog = made.desk.general.shortcuts
    assert dialog is not None
    await until(dialog.line.hasFocus)
    return dialog


def told(dialog: ShortcutsDialog) -> dict[str, str]:
    return {line.entry.title: line.entry.keys for line in dialog.lines()}


async def test_f1_lists_commands_and_the_keys_of_widgets_by_group(made: WholeWindow) -> None:
    dialog = await opened(made)
    keys = told(dialog)
    assert keys["Deploy a machine"] == "Ctrl+N"
    assert keys["Search or do anything"] == "Ctrl+K"
    assert keys["Destroy the machine"] == "Del"
    assert keys["Peek, and stay in the list"] == "Space"
    captions = [line.caption for line in dialog.lines() if line.caption]
    assert captions == list(dict.fromkeys(captions))
    assert {"General", "Apps", "Log", "Lists and cards", "Inspector"} <= set(captions)
    dialog.reject()


async def test_every_shortcut_of_the_window_is_told(made: WholeWindow) -> None:
    dialog = await opened(made)
    known = {QKeySequence(keys).toString() for keys in told(dialog).values()}
    installed = {
        each.key().toString()
        for each in made.window.findChildren(QShortcut)
        if each.context() is Qt.ShortcutContext.WindowShortcut and each.parent() is made.window
    }
    # Those of teams wait for as many teams.
    assert {keys for keys in installed if not keys.startswith("Ctrl+Alt+")} - known == set()
    assert "Ctrl+K" in installed
    dialog.reject()


async def test_no_keys_of_the_window_are_given_twice(made: WholeWindow) -> None:
    commands = made.window.commands.listed()
    keys = Counter(command.keys for command in commands if command.keys)
    assert [each for each, count in keys.items() if count > 1] == []


async def test_it_is_searched_by_title_and_by_key(made: WholeWindow) -> None:
    dialog = await opened(made)
    made.write("deploy a")
    assert dialog.lines()[0].entry.title == "Deploy a machine"
    dialog.line.clear()
    made.write("ctrl+k")
    assert dialog.lines()[0].entry.title == "Search or do anything"
    made.write("zzq")
    assert dialog.lines() == ()
    dialog.reject()


async def test_escape_closes_it_and_f1_opens_it_again(made: WholeWindow) -> None:
    dialog = await opened(made)
    made.press(Qt.Key.Key_Escape)
    await until(lambda: made.desk.general.shortcuts is None)
    assert await opened(made) is not dialog
    made.desk.general.shortcuts.reject()


class TestCommands:
    def test_keys_run_what_can_be_done_at_that_moment(self, qapp: QApplication) -> None:
        window, ran = QWidget(), []
        can = {"one": False}
        commands = Commands(window)
        commands.add(
            Command(
                name="one",
                title="One",
                group="G",
                keys="Ctrl+1",
                run=lambda: ran.append(1),
                is_available=lambda: can["one"],
            )
        )
        assert not commands.run("one")
        can["one"] = True
        assert commands.run("one")
        assert ran == [1]
        assert not commands.run("two")

    def test_what_is_shown_stands_for_a_command_of_its_name(self, qapp: QApplication) -> None:
        commands, ran = Commands(QWidget()), []
        commands.add(Command(name="add", title="Anywhere", group="G", run=lambda: ran.append("anywhere")))
        commands.add_source(lambda: [Command(name="add", title="Here", group="G", run=lambda: ran.append("here"))])
        commands.add_source(
            lambda: [Command(name="side", title="Side", group="G", run=lambda: None)], is_about_shown=False
        )
        commands.run("add")
        assert ran == ["here"]
        assert [each.title for each in commands.listed()] == ["Here", "Side"]
        assert [each.title for each in commands.shown()] == ["Here"]

    def test_keys_of_a_page_find_the_command_that_has_them_now(self, qapp: QApplication) -> None:
        page, ran = QWidget(), []
        many = {"is": False}

        def commands() -> list[Command]:
            name = "machines.refresh" if many["is"] else "machine.refresh"
            return [Command(name=name, title=name, group="G", keys="F5", run=lambda: ran.append(name))]

        install_keys(page, commands)
        shortcut = page.findChild(QShortcut)
        shortcut.activated.emit()
        many["is"] = True
        shortcut.activated.emit()
        assert ran == ["machine.refresh", "machines.refresh"]

    def test_one_pair_of_title_and_keys_is_told_once(self, qapp: QApplication) -> None:
        twice = [Command(name=name, title="Same", group="G", keys="F9", run=lambda: None) for name in "ab"]
        assert [entry.title for entry in shortcuts(twice) if entry.group == "G"] == ["Same"]
