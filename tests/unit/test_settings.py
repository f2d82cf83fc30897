"""Settings survive restarts, damaged files and full disks; paths are private."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from machina_desktop.core.config import (
    APPROVAL_HOURS,
    CONCURRENT_RUNS,
    ENGINE,
    NOTIFICATIONS,
    REDUCED_MOTION,
    SETTINGS,
    THEME,
    VAULT_LOCK_MINUTES,
    Paths,
    Settings,
)
from machina_desktop.core.errors import InvalidInput, Unavailable
from tests.fakes.command_line import Machina


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.json"


def test_a_new_installation_has_the_defaults(path: Path) -> None:
    settings = Settings(path)
    assert [settings.get(setting) for setting in SETTINGS] == [setting.default for setting in SETTINGS]  # type: ignore[misc]
    assert not path.exists()


def test_what_was_set_is_there_after_a_restart(path: Path) -> None:
    Settings(path).set(THEME, "light")
    Settings(path).set(CONCURRENT_RUNS, 2)
    again = Settings(path)
    assert (again.get(THEME), again.get(CONCURRENT_RUNS)) == ("light", 2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("junk", [b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b"7", b"[" * 100_000])
def test_a_broken_file_counts_as_empty_and_is_kept_aside(path: Path, junk: bytes) -> None:
    path.write_bytes(junk)
    settings = Settings(path)
    assert settings.get(THEME) == "dark"
    assert path.with_name("settings.json.broken").read_bytes() == junk
    settings.set(THEME, "light")
    assert Settings(path).get(THEME) == "light"


def test_a_second_broken_file_does_not_take_the_place_of_the_first(path: Path) -> None:
    for junk in (b"{one", b"{two"):
        path.write_bytes(junk)
        assert Settings(path).set_aside is not None
    assert path.with_name("settings.json.broken").read_bytes() == b"{one"
    assert path.with_name("settings.json.broken-2").read_bytes() == b"{two"


def test_a_file_that_breaks_while_we_run_costs_no_value(path: Path) -> None:
    settings = Settings(path)
    settings.set(THEME, "light")
    path.write_bytes(b"{")
    settings.refresh()
    assert settings.get(THEME) == "light"
    assert settings.set_aside == path.with_name("settings.json.broken")
    settings.set(CONCURRENT_RUNS, 2)
    assert json.loads(path.read_text()) == {"theme": "light", "concurrent_runs": 2}


def test_what_another_process_set_is_kept_and_learnt(path: Path) -> None:
    ours, theirs = Settings(path), Settings(path)
    theirs.set(THEME, "light")
    ours.set(CONCURRENT_RUNS, 2)
    assert json.loads(path.read_text()) == {"theme": "light", "concurrent_runs": 2}
    assert ours.get(THEME) == "light"
    assert theirs.get(CONCURRENT_RUNS) == 4
    theirs.refresh()
    assert theirs.get(CONCURRENT_RUNS) == 2


def test_two_threads_lose_nothing_of_each_other(path: Path) -> None:
    settings = Settings(path)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda setting: settings.set(setting, setting.default), SETTINGS))
    assert json.loads(path.read_text()).keys() == {setting.key for setting in SETTINGS}


@pytest.mark.parametrize(("stored", "value"), [(True, "on"), (False, "off"), (1, "system"), ("on", "on")])
def test_a_file_of_an_earlier_version_is_understood(path: Path, stored: object, value: str) -> None:
    path.write_text(json.dumps({"reduced_motion": stored}))
    assert Settings(path).get(REDUCED_MOTION) == value


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_lost(path: Path) -> None:
    assert Settings(path).write_problem() == ""
    assert Settings(path / "nowhere" / "settings.json").write_problem() != ""
    assert list(path.parent.iterdir()) == []


def test_every_choice_has_a_title() -> None:
    for setting in SETTINGS:
        assert len(setting.choice_titles) == len(setting.choices), setting.key


@pytest.mark.parametrize(("text", "value"), [("15", 15), ("0", 0), (" 7 ", 7)])
def test_a_number_is_read_from_text(path: Path, text: str, value: int) -> None:
    settings = Settings(path)
    settings.set_text("vault_lock_minutes", text)
    assert settings.get(VAULT_LOCK_MINUTES) == value


@pytest.mark.parametrize(
    ("key", "text"), [("vault_lock_minutes", "soon"), ("vault_lock_minutes", "61"), ("notifications", "maybe")]
)
def test_text_that_is_no_value_is_refused_at_its_field(path: Path, key: str, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Settings(path).set_text(key, text)
    assert caught.value.field == key


def test_a_folder_in_the_place_of_the_file_does_not_stop_the_start(path: Path) -> None:
    path.mkdir()
    assert Settings(path).get(THEME) == "dark"


@pytest.mark.parametrize(
    "stored",
    [{"theme": "neon"}, {"concurrent_runs": 99}, {"concurrent_runs": True}, {"notifications": "yes"}, {"engine": None}],
)
def test_a_stored_value_of_the_wrong_kind_counts_as_the_default(path: Path, stored: dict[str, object]) -> None:
    path.write_text(json.dumps(stored))
    settings = Settings(path)
    assert settings.get(THEME) == "dark"
    assert settings.get(CONCURRENT_RUNS) == 4
    assert settings.get(NOTIFICATIONS) is True
    assert settings.get(ENGINE) == ""


def test_settings_of_a_newer_version_survive(path: Path) -> None:
    path.write_text('{"from_the_future": [1, 2]}')
    Settings(path).set(THEME, "light")
    assert json.loads(path.read_text()) == {"from_the_future": [1, 2], "theme": "light"}


def test_a_value_outside_of_its_range_is_refused_and_not_stored(path: Path) -> None:
    settings = Settings(path)
    for setting, value in ((THEME, "neon"), (CONCURRENT_RUNS, 0), (APPROVAL_HOURS, 169), (NOTIFICATIONS, 1)):
        with pytest.raises(InvalidInput) as caught:
            settings.set(setting, value)
        assert caught.value.field == setting.key
    assert not path.exists()


def test_a_value_that_cannot_be_stored_is_not_in_force(path: Path) -> None:
    settings = Settings(path)
    settings.set(THEME, "light")
    path.with_name("settings.json.new").mkdir()
    with pytest.raises(Unavailable) as caught:
        settings.set(THEME, "system")
    assert caught.value.code == "E-SETTINGS"
    assert (settings.get(THEME), Settings(path).get(THEME)) == ("light", "light")


def test_every_setting_has_a_default_that_it_accepts(path: Path) -> None:
    settings = Settings(path)
    for setting in SETTINGS:
        settings.set(setting, setting.default)


def test_the_data_folder_is_private(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "home")
    paths.create()
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (paths.home, paths.runs, paths.logs)} == {0o700}


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(Unavailable) as caught:
        Paths(tmp_path / "home").create()
    assert caught.value.code == "E-HOME"
    assert str(tmp_path / "home") in caught.value.message


def test_the_command_line_lists_and_changes_every_kind_of_setting(tmp_path: Path) -> None:
    machina = Machina(tmp_path)
    assert "E-PROXY-PASSWORD" in machina.refused("settings", "change", "proxy_url", "--value", "http://a:b@c:1")
    machina.done("settings", "change", "vault_lock_minutes", "--value", "0")
    machina.done("settings", "change", "notify_failed", "--value", "off")
    values = {each["key"]: each["value"] for each in machina.json("settings", "list")}
    assert values.keys() == {setting.key for setting in SETTINGS}
    assert (values["vault_lock_minutes"], values["notify_failed"], values["proxy_url"]) == (0, False, "")
