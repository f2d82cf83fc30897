"""What is saved to find a fault tells all but secrets; the data folder is measured and copied whole."""

from __future__ import annotations

import json
import logging
import sqlite3
import stat
import zipfile
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from machina_desktop.core import log
from machina_desktop.core.config import LOG_LEVEL
from machina_desktop.core.domain.log_line import LogLevel
from machina_desktop.core.errors import InvalidInput, Unavailable
from machina_desktop.core.services.device import ChangeSetting
from machina_desktop.core.services.diagnostics import OwnLog, ReadOwnLog, SaveDiagnostics, masked
from machina_desktop.core.services.storage import BackUp, GetStorage, Part
from machina_desktop.core.vault.vault import Vault
from tests.fakes.canaries import Hunt
from tests.fakes.hosts import Core, core

KNOWN, UNTOLD = "canary-known-5d1c9a", "canary-untold-88e0b2"
PEM = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{UNTOLD}\n-----END OPENSSH PRIVATE KEY-----"


@pytest_asyncio.fixture
async def here(tmp_path: Path) -> AsyncIterator[Core]:
    async with core(tmp_path / "home") as made:
        yield made


@pytest.fixture
def log_file(here: Core) -> Path:
    here.paths.logs.mkdir(exist_ok=True)
    return here.paths.logs / "machina.log"


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="surrogateescape")


def mode_of(path: str | Path) -> int:
    return stat.S_IMODE(Path(path).stat().st_mode)


def size_of(path: Path) -> int:
    return path.stat().st_size


def contents_of(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.iterdir()]


def entry(message: str, *, level: str = "INFO", logger: str = "machina_desktop.core.host", **more: str) -> str:
    said = {"at": "2026-11-22T10:00:00.000", "level": level, "logger": logger, "message": message, **more}
    return json.dumps(said) + "\n"


async def saved(here: Core, tmp_path: Path) -> dict[str, bytes]:
    file = await here.call(SaveDiagnostics(to=str(tmp_path / "diagnostics.zip")))
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


async def test_no_secret_is_in_what_is_saved_whether_we_know_it_or_not(
    here: Core, tmp_path: Path, log_file: Path
) -> None:
    log.REDACTOR.learn(KNOWN)
    write(
        log_file,
        entry(f"sent {KNOWN}")
        + entry(f"https://ada:{UNTOLD}@proxy:3128 refused")
        + entry(f'{{"api_token": "{UNTOLD}"}}')
        + entry(f"password={UNTOLD}")
        + entry(f"Authorization: Bearer {UNTOLD}")
        + entry("it broke", trace=PEM),
    )
    (here.paths.logs / "fault.log").write_text(f"{PEM}\n{KNOWN}\n")
    here.paths.settings.write_text(json.dumps({"proxy_url": f"http://a:{UNTOLD}@p:1", "token": UNTOLD}))
    here.host.settings.refresh()
    hunt = Hunt({"known": KNOWN.encode(), "untold": UNTOLD.encode()})
    for name, data in (await saved(here, tmp_path)).items():
        hunt.look(data, name)
    assert hunt.hits == set()


async def test_what_is_saved_tells_versions_settings_store_and_gaps(here: Core, tmp_path: Path, log_file: Path) -> None:
    write(
        log_file,
        entry("the event loop did not answer for 130 ms; it was at\n...", logger="machina_desktop.views.loop_watch"),
    )
    found = await saved(here, tmp_path)
    assert {"machina", "python", "platform", "sqlite", "terraform", "PySide6"} <= json.loads(
        found["versions.json"]
    ).keys()
    assert json.loads(found["settings.json"])["theme"] == "dark"
    store = json.loads(found["store.json"])
    assert (store["integrity"], store["vault_slots"], store["size_bytes"] > 0) == ("ok", ["key-file"], True)
    assert json.loads(found["loop-gaps.json"]) == [{"at": "2026-11-22T10:00:00.000", "ms": 130}]
    assert b"did not answer" in found["logs/machina.log"]


async def test_the_saved_file_is_for_its_owner_only(here: Core, tmp_path: Path) -> None:
    file = await here.call(SaveDiagnostics(to=str(tmp_path / "diagnostics.zip")))
    assert mode_of(file) == 0o600


async def test_a_folder_that_cannot_be_written_is_named(here: Core, tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        await here.call(SaveDiagnostics(to=str(tmp_path / "nowhere" / "diagnostics.zip")))
    assert caught.value.code == "E-DIAGNOSTICS"
    assert "nowhere" in caught.value.message


async def test_a_damaged_database_is_told_and_not_hidden(here: Core, tmp_path: Path) -> None:
    here.host._database.close()
    with here.paths.database.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    found = await saved(here, tmp_path)
    assert json.loads(found["store.json"])["integrity"] != "ok"


def test_ordinary_text_stays_as_it_is() -> None:
    text = "the vault was not opened by its passphrase slot: E-VAULT-LOCKED at https://example.com/a@b"
    assert masked(text) == text


async def test_the_own_log_is_read_from_an_offset_and_never_half_a_line(here: Core, log_file: Path) -> None:
    write(log_file, entry("first") + entry("second", level="WARNING")[:30])
    first = await here.call(ReadOwnLog())
    assert [line.text for line in first.lines] == ["core.host: first"]
    write(log_file, entry("first") + entry("second", level="WARNING"))
    second = await here.call(ReadOwnLog(offset=first.next_offset))
    assert [(line.text, line.level) for line in second.lines] == [("core.host: second", LogLevel.WARNING)]
    assert await here.call(ReadOwnLog(offset=second.next_offset)) == OwnLog(lines=(), next_offset=size_of(log_file))


async def test_a_log_that_was_begun_anew_is_read_from_its_start(here: Core, log_file: Path) -> None:
    write(log_file, entry("new"))
    piece = await here.call(ReadOwnLog(offset=1 << 20))
    assert [line.text for line in piece.lines] == ["core.host: new"]


async def test_a_missing_log_is_an_empty_one(here: Core) -> None:
    assert await here.call(ReadOwnLog()) == OwnLog(lines=(), next_offset=0)


async def test_a_line_that_is_no_entry_is_shown_as_it_stands(here: Core, log_file: Path) -> None:
    write(log_file, "\udcff not JSON\n[1]\n" + entry("one\ntwo"))
    texts = [line.text for line in (await here.call(ReadOwnLog())).lines]
    assert texts == ["\ufffd not JSON", "[1]", "core.host: one", "two"]


async def test_the_detail_of_the_log_changes_at_once(here: Core) -> None:
    before = logging.getLogger().level
    try:
        await here.call(ChangeSetting(key=LOG_LEVEL.key, value="debug"))
        assert logging.getLogger().level == logging.DEBUG
    finally:
        logging.getLogger().setLevel(before)


async def test_every_byte_of_the_data_folder_is_counted_once(here: Core) -> None:
    (here.paths.logs / "machina.log").write_bytes(b"x" * 1000)
    (here.paths.runs / "machine-1").mkdir()
    (here.paths.runs / "machine-1" / "main.tf").write_bytes(b"x" * 500)
    here.paths.database.with_name("machina.db.before-0001").write_bytes(b"x" * 70)
    storage = await here.call(GetStorage())
    sizes = {part.part: part.size_bytes for part in storage.parts}
    assert (sizes[Part.LOGS], sizes[Part.RUNS], sizes[Part.COPIES]) == (1000, 500, 70)
    files = [path for path in here.paths.home.rglob("*") if path.is_file()]
    assert sum(part.files for part in storage.parts) == len(files)
    assert storage.free_bytes > 0


async def test_a_backup_opens_with_the_same_vault_and_holds_the_same_rows(here: Core, tmp_path: Path) -> None:
    account = await here.account()
    here.host.settings.set(LOG_LEVEL, "warning")
    (tmp_path / "backups").mkdir()
    folder = Path(await here.call(BackUp(to=str(tmp_path / "backups"))))
    with closing(sqlite3.connect(folder / "machina.db")) as copy:
        assert copy.execute("SELECT provider_account_id FROM provider_account").fetchall() == [
            (account.provider_account_id,)
        ]
    Vault(folder / "vault.json", here.paths.key_file).unlock("key-file")
    assert json.loads((folder / "settings.json").read_text()) == {"log_level": "warning"}
    assert mode_of(folder) == 0o700


async def test_the_key_file_is_in_no_backup(here: Core, tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    folder = Path(await here.call(BackUp(to=str(tmp_path / "backups"))))
    key = here.paths.key_file.read_bytes()
    assert all(key not in data for data in contents_of(folder))


@pytest.mark.parametrize("to", ["nowhere", "home", "a\x00b"])
async def test_a_backup_needs_a_folder_outside_of_the_data_folder(here: Core, tmp_path: Path, to: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await here.call(BackUp(to=str(tmp_path / to)))
    assert caught.value.field == "to"


async def test_nothing_is_left_of_a_backup_that_failed(here: Core, tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    here.paths.vault_header.with_name("vault.json.copy").unlink()
    here.paths.vault_header.with_name("vault.json.copy").mkdir()
    with pytest.raises(Unavailable) as caught:
        await here.call(BackUp(to=str(tmp_path / "backups")))
    assert caught.value.code == "E-BACKUP"
    assert list((tmp_path / "backups").iterdir()) == []
