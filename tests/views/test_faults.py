"""The real window where something around it is broken: it opens all the same, or says in one line why not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QLockFile

from tests.architecture.source import ROOT
from tests.fakes.display import virtual_display
from tests.fakes.system_bus import daemon, silent_bus

RESOURCES = ROOT / "resources"
PROGRAM = [sys.executable, "-m", "machina_desktop"]


def command(act: str, *more: str) -> list[str]:
    return [sys.executable, "-m", "tests.fakes.window_faults", act, *more]


def environment(home: Path, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "MACHINA_HOME": str(home),
        "MACHINA_VAULT": "key-file",
        "DBUS_SESSION_BUS_ADDRESS": "disabled:",
        **more,
    }


def run(arguments: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=80, check=False)


def play(act: str, variables: dict[str, str], *more: str) -> tuple[list[Any], str, str]:
    """What the act found, the log it left, and what was printed on the side."""
    done = run(command(act, *more), variables)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    home = Path(variables["MACHINA_HOME"])
    log = "".join(path.read_text() for path in sorted((home / "logs").glob("machina.log*")))
    assert "unhandled error" not in log
    return json.loads(done.stdout.splitlines()[-1]), log, done.stderr


def a_text(file: Path) -> None:
    file.write_text('{"theme": "light"')


def bytes_of_any_kind(file: Path) -> None:
    file.write_bytes(bytes(range(256)) * 40)


def a_folder(file: Path) -> None:
    file.mkdir()
    (file / "inside").touch()


def a_link_to_itself(file: Path) -> None:
    """Nobody can read it, not even who runs tests as root."""
    file.symlink_to(file.name)


def megabytes(file: Path) -> None:
    file.write_bytes(b"[window]\ngeometry=" + b"x" * 30_000_000)


def a_layout_of_lies(file: Path) -> None:
    file.write_text(
        "[window]\ngeometry=@ByteArray(\\x1\\xd9\\xd0\\xcb\\xff)\ndocks=@Variant(\\0\\0)\npage=nowhere\n[[[\n"
    )


@pytest.mark.window
@pytest.mark.parametrize(
    ("settings", "layout"),
    [
        (a_text, a_layout_of_lies),
        (bytes_of_any_kind, bytes_of_any_kind),
        (a_folder, a_folder),
        (a_link_to_itself, megabytes),
    ],
    ids=["cut-off", "binary", "folders", "unreadable-huge"],
)
def test_the_window_opens_with_files_that_are(
    settings: Callable[[Path], None], layout: Callable[[Path], None], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    settings(home / "settings.json")
    layout(home / "window.ini")
    found, _, told = play("look_around", environment(home))
    assert found[1] == "dark"
    assert told == ""


def resources_in(folder: Path) -> Path:
    return Path(shutil.copytree(RESOURCES, folder / "resources"))


@pytest.mark.window
def test_without_fonts_those_of_the_system_serve_and_the_log_says_so(tmp_path: Path) -> None:
    resources = resources_in(tmp_path)
    for file in (resources / "fonts").glob("DMSans*"):
        file.write_bytes(b"no font at all" * 100)
    for file in (resources / "fonts").glob("JetBrains*"):
        file.unlink()
    _, log, told = play("look_around", environment(tmp_path / "home"), str(resources))
    assert "shipped fonts cannot be used: DM Sans, DMSans_400Regular.ttf" in log
    assert "JetBrains Mono" in log
    assert told == ""


@pytest.mark.window
def test_a_missing_icon_is_a_box_and_a_line_in_the_log(tmp_path: Path) -> None:
    resources = resources_in(tmp_path)
    for name in ("server", "lock", "settings"):
        (resources / "icons" / f"{name}.svg").unlink()
    (resources / "icons" / "key.svg").write_bytes(b"\xff\xfe not xml")
    _, log, _ = play("look_around", environment(tmp_path / "home"), str(resources))
    assert log.count("the icon server cannot be read") == 1


@pytest.mark.parametrize("name", ["tokens.json", "style.qss"])
@pytest.mark.parametrize("content", [None, b'{"dark": {"colors": 7}}\xff'], ids=["missing", "broken"])
def test_a_broken_theme_file_is_named_in_one_line(name: str, content: bytes | None, tmp_path: Path) -> None:
    resources = resources_in(tmp_path)
    file = resources / "theme" / name
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    done = run(command("look_around", str(resources)), environment(tmp_path / "home"))
    assert done.returncode == 2
    assert "E-THEME" in done.stderr
    assert name in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.window
def test_neither_tray_nor_bus_is_missed(tmp_path: Path) -> None:
    with virtual_display() as display:
        bare = {name: value for name, value in display.items() if name != "XDG_RUNTIME_DIR"}
        variables = {**bare, "MACHINA_HOME": str(tmp_path / "home"), "MACHINA_VAULT": "key-file"}
        found, _, told = play("look_around", variables)
    assert found[2:] == [False, True]
    assert told == ""


@pytest.mark.window
def test_buses_that_never_answer_hold_nothing_up(tmp_path: Path) -> None:
    with virtual_display() as display, silent_bus(tmp_path / "silent") as silent:

        def start(name: str, address: str) -> tuple[float, list[Any], str]:
            buses = {"DBUS_SESSION_BUS_ADDRESS": address, "DBUS_SYSTEM_BUS_ADDRESS": address}
            at = time.monotonic()
            variables = {**display, **buses, "MACHINA_HOME": str(tmp_path / name), "MACHINA_VAULT": "key-file"}
            found, log, _ = play("look_around", variables)
            return time.monotonic() - at, found, log

        without_s, _, _ = start("without", "disabled:")
        hanging_s, found, log = start("hanging", silent)
    # Whoever waits for such a bus waits for 25 seconds, the time limit of D-Bus, or for ever; a busy computer is slow.
    assert hanging_s < without_s + 20
    assert found[0] < 20_000
    assert "does not answer" in log


@pytest.mark.window
def test_a_bus_that_dies_takes_no_notification_and_no_window_with_it(tmp_path: Path) -> None:
    with daemon(tmp_path) as (address, bus):
        variables = environment(tmp_path / "home", DBUS_SESSION_BUS_ADDRESS=address)
        with subprocess.Popen(
            command("the_bus_dies"), cwd=ROOT, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as window:
            assert window.stdout is not None
            assert window.stdin is not None
            assert window.stdout.readline().strip() == "ready"
            bus.kill()
            bus.wait()
            found, _ = window.communicate("go\n", timeout=60)
            assert json.loads(found.splitlines()[-1]) == [True, True]
            assert window.returncode == 0


@pytest.mark.window
def test_everything_comes_back_onto_the_screen_that_stays(tmp_path: Path) -> None:
    assert shutil.which("xrandr"), "xrandr is missing: install the Debian package x11-xserver-utils"
    with virtual_display(width=2000, height=900) as display:
        variables = {**display, "MACHINA_HOME": str(tmp_path / "home"), "MACHINA_VAULT": "key-file"}
        found, _, _ = play("one_of_two_screens_goes", variables)
    assert found == ["MainWindow", "QDockWidget", "QFrame"]


@pytest.mark.window
def test_a_full_disk_keeps_the_settings_and_the_layout_as_they_were(tmp_path: Path) -> None:
    assert shutil.which("unshare"), "install the Debian package util-linux"
    disk = tmp_path / "disk"
    disk.mkdir()
    namespace = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-m"]
    script = 'mount -t tmpfs -o size=6m,mode=700 none "$1" && cp -r "$2" "$1/home" && shift 2 && "$@" && cat "$0"'
    home = tmp_path / "home"
    home.mkdir()
    (home / "settings.json").write_text('{"theme": "high-contrast"}')
    variables = environment(disk / "home")
    settings = str(disk / "home" / "settings.json")
    done = run(
        [*namespace, "sh", "-c", script, settings, str(disk), str(home), *command("the_disk_is_full")], variables
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout.splitlines()[0]) == ["E-SETTINGS"]
    assert json.loads(done.stdout.splitlines()[-1]) == {"theme": "high-contrast"}
    assert "Traceback" not in done.stderr


def test_a_home_that_is_not_there_is_named(tmp_path: Path) -> None:
    nowhere = tmp_path / "file"
    nowhere.touch()
    variables = {name: value for name, value in os.environ.items() if name not in {"MACHINA_HOME", "XDG_DATA_HOME"}}
    done = run(PROGRAM, {**variables, "HOME": str(nowhere / "home")})
    assert done.returncode == 2
    assert done.stderr.startswith("E-HOME: ")
    assert str(nowhere) in done.stderr
    assert "MACHINA_HOME" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.window
def test_no_home_at_all_is_enough_where_the_data_folder_is_named(tmp_path: Path) -> None:
    variables = {name: value for name, value in environment(tmp_path / "data").items() if name != "HOME"}
    play("look_around", variables)


def test_a_data_folder_that_another_window_holds_without_answering_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    lock = QLockFile(str(home / "window.lock"))
    assert lock.tryLock(0)
    done = run(PROGRAM, environment(home))
    lock.unlock()
    assert done.returncode == 1
    assert str(home) in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
