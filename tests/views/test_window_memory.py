"""What the window remembers over restarts, and what it makes of a broken memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QApplication

from machina_desktop.views.window_state import is_reachable
from tests.fakes.gateway import turn
from tests.fakes.shell import Open, filled


class TestMemory:
    async def test_page_and_sidebar_are_remembered(self, open_window: Open) -> None:
        first = await filled(open_window())
        first.window.open_app("keys")
        first.window.sidebar.set_collapsed(True)
        first.window.close_for_good()
        second = await filled(open_window())
        assert second.window.pages.name == "keys"
        assert second.window.sidebar.is_collapsed()

    async def test_a_broken_file_is_ignored(self, open_window: Open, tmp_path: Path) -> None:
        (tmp_path / "window.ini").write_bytes(os.urandom(4000))
        made = await filled(open_window())
        assert made.window.pages.name == "machines"

    async def test_a_file_filled_by_accident_is_put_aside(self, open_window: Open, tmp_path: Path) -> None:
        (tmp_path / "window.ini").write_bytes(b"[window]\npage=keys\n" + b"x=y\n" * 500_000)
        made = await filled(open_window())
        assert made.window.pages.name == "machines"
        assert (tmp_path / "window.ini.broken").exists()

    async def test_a_folder_in_the_files_place_is_ignored(self, open_window: Open, tmp_path: Path) -> None:
        (tmp_path / "window.ini").mkdir()
        made = await filled(open_window())
        made.window.close_for_good()
        assert made.window.pages.name == "machines"

    async def test_values_of_other_kinds_are_ignored(self, open_window: Open, tmp_path: Path) -> None:
        (tmp_path / "window.ini").write_text(
            "[window]\ngeometry=7\ndocks=@ByteArray(nonsense)\npage=@Invalid()\nsidebar=1, 2, 3\nteam=team-gone\n"
            "sidekick-width=-99999999999999999999\n"
        )
        made = await filled(open_window())
        made.window.inspect("machine", made.machine().machine_id)
        assert made.window.inspectors.docks()[0].isVisible()
        assert made.window.pages.name == "machines"
        assert made.window.isVisible()

    async def test_a_window_left_on_a_screen_that_is_gone_comes_back(self, open_window: Open) -> None:
        first = await filled(open_window())
        first.window.move(7000, 5000)
        await turn()
        first.window.close_for_good()
        second = await filled(open_window())
        assert is_reachable(second.window.frameGeometry())

    @pytest.mark.parametrize(
        ("frame", "expected"),
        [
            (QRect(100, 100, 600, 400), True),
            (QRect(-5000, 100, 1200, 800), False),
            (QRect(100, 5000, 1200, 800), False),
            (QRect(100, -700, 600, 800), False),
        ],
    )
    def test_a_window_off_the_screens_is_found_unreachable(
        self,
        qapp: QApplication,
        frame: QRect,
        expected: bool,  # noqa: FBT001 - a case of the table
    ) -> None:
        assert is_reachable(frame) is expected
