"""The Keys page: generating, importing without showing what is secret, exporting, deleting."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QDialog, QFileDialog, QLineEdit, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot

from machina_desktop.core.domain.key import SSHKey, SSHKeyType
from machina_desktop.core.errors import Conflict, InvalidInput
from machina_desktop.core.services.keys import DeleteKey, ExportKey, GenerateKey, ImportKey, ListKeys
from machina_desktop.views.apps.key_detail import KeyDetail
from machina_desktop.views.apps.keys import KeysPage
from machina_desktop.views.callout import Callout
from machina_desktop.views.widgets.inputs import Input, TextArea
from tests.fakes.rows import team_rows
from tests.fakes.stage import Stage, stage_with, until

PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nbm90IGEga2V5\n-----END OPENSSH PRIVATE KEY-----\n"
PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB ada@laptop"


@pytest.fixture
async def stage(qtbot: QtBot) -> AsyncIterator[Stage]:
    async with stage_with(team_rows(machines=8, runs=0)) as made:
        yield made


@pytest.fixture
async def page(stage: Stage) -> KeysPage:
    made = stage.show(KeysPage(stage.bridge, stage.window))
    await until(lambda: made.list.model.rowCount() == 3)
    return made


async def test_keys_are_listed_with_type_fingerprint_and_whether_the_private_half_is_here(page: KeysPage) -> None:
    model = page.list.model
    row = [model.columns[at].words(model.record(model.row_of("key-deploy"))) for at in range(model.columnCount())]
    assert row[0] == "deploy 2024"
    assert row[1] == "RSA 4096"
    assert row[2] == "in the vault"
    assert row[3] == "0 of 2"
    assert row[5] == f"SHA256:{'b' * 43}"


async def test_a_key_is_generated_with_the_type_and_length_chosen(stage: Stage, page: KeysPage) -> None:
    stage.press("keys.generate")
    stage.type_into("generate_key.name", "ops")
    kinds = stage.find(QComboBox, "generate_key.type")
    kinds.setCurrentIndex(kinds.findData("rsa"))
    lengths = stage.find(QComboBox, "generate_key.bits")
    lengths.setCurrentIndex(lengths.findData("4096"))
    stage.press("generate_key.submit")
    await until(lambda: stage.window.inspected)
    (ask,) = stage.gateway.asked_of(GenerateKey)
    assert (ask.name, ask.type, ask.bits) == ("ops", SSHKeyType.RSA, 4096)
    assert stage.window.inspected == [("ssh_key", ask.key_id)]
    await until(lambda: not stage.has("generate_key"))


async def test_ed25519_has_one_length_and_no_choice(stage: Stage, page: KeysPage) -> None:
    stage.press("keys.generate")
    lengths = stage.find(QComboBox, "generate_key.bits")
    assert lengths.count() == 1
    assert not lengths.isEnabled()


async def test_a_missing_name_and_a_taken_one_are_told_at_the_field(stage: Stage, page: KeysPage) -> None:
    stage.press("keys.generate")
    stage.press("generate_key.submit")
    field = stage.find(QLineEdit, "generate_key.name").parent()
    assert isinstance(field, Input)
    assert field.error() == "Give the key a name."
    stage.type_into("generate_key.name", "laptop")
    stage.press("generate_key.submit")
    await until(field.error)
    assert "already a key called laptop" in field.error()
    assert stage.has("generate_key")


async def test_escape_closes_the_dialog_without_a_request(stage: Stage, page: KeysPage) -> None:
    stage.press("keys.generate")
    QTest.keyClick(stage.find(QDialog, "generate_key"), Qt.Key.Key_Escape)
    await until(lambda: not stage.has("generate_key"))
    assert stage.gateway.asked_of(GenerateKey) == []


async def test_a_pasted_public_key_brings_its_name(stage: Stage, page: KeysPage) -> None:
    stage.press("keys.import")
    stage.find(QPlainTextEdit, "import_key.key").setPlainText(PUBLIC)
    assert stage.find(QLineEdit, "import_key.name").text() == "ada@laptop"
    assert not stage.has("import_key.passphrase")
    stage.press("import_key.submit")
    await until(lambda: stage.window.inspected)
    (ask,) = stage.gateway.asked_of(ImportKey)
    assert ask.public_key == PUBLIC
    assert not ask.private_key


async def test_a_pasted_private_key_leaves_the_screen_at_once(stage: Stage, page: KeysPage) -> None:
    stage.press("keys.import")
    edit = stage.find(QPlainTextEdit, "import_key.key")
    QGuiApplication.clipboard().setText(PRIVATE)
    edit.paste()
    assert edit.toPlainText() == ""
    edit.undo()
    assert edit.toPlainText() == ""
    stage.type_into("import_key.name", "old server")
    stage.type_into("import_key.passphrase", "open sesame")
    stage.press("import_key.submit")
    await until(lambda: stage.window.inspected)
    (ask,) = stage.gateway.asked_of(ImportKey)
    assert ask.private_key.reveal() == PRIVATE
    assert ask.passphrase.reveal() == "open sesame"
    assert ask.public_key == ""


async def test_a_wrong_passphrase_is_told_at_its_field(stage: Stage, page: KeysPage) -> None:
    def refuse(_ask: ImportKey) -> SSHKey:
        raise InvalidInput("The passphrase does not open this key.", field="passphrase")

    stage.gateway.answers[ImportKey] = refuse
    stage.press("keys.import")
    stage.find(QPlainTextEdit, "import_key.key").setPlainText(PRIVATE)
    stage.type_into("import_key.name", "old")
    stage.press("import_key.submit")
    field = stage.find(QLineEdit, "import_key.passphrase").parent()
    assert isinstance(field, Input)
    await until(field.error)
    assert field.error() == "The passphrase does not open this key."


async def test_a_key_is_read_from_a_file(stage: Stage, page: KeysPage, tmp_path: Path) -> None:
    file = tmp_path / "id_ops"
    file.write_text(PRIVATE)
    stage.press("keys.import")
    stage.press("import_key.open_file")
    stage.find(QFileDialog, "import_key.files").fileSelected.emit(str(file))
    await until(lambda: stage.has("import_key.passphrase"))
    assert stage.find(QLineEdit, "import_key.name").text() == "id_ops"


async def test_a_file_that_is_no_key_is_told_at_the_field(stage: Stage, page: KeysPage, tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"\xff\xd8" * 10)
    stage.press("keys.import")
    stage.press("import_key.open_file")
    stage.find(QFileDialog, "import_key.files").fileSelected.emit(str(file))
    field = stage.find(QPlainTextEdit, "import_key.key").parent()
    assert isinstance(field, TextArea)
    await until(field.error)
    assert field.error() == "photo.jpg is not a text file."


async def test_search_is_asked_of_the_core_and_nothing_found_offers_a_way_back(stage: Stage, page: KeysPage) -> None:
    stage.type_into("keys.search", "zzz")
    await until(lambda: stage.has("keys.unmatched"))
    assert stage.gateway.asked_of(ListKeys)[-1].search == "zzz"
    page.list.unmatched.activated.emit()
    await until(lambda: stage.has("keys.table"))
    assert page.list.model.rowCount() == 3


async def test_selecting_a_row_by_keyboard_opens_the_sidekick(stage: Stage, page: KeysPage) -> None:
    page.list.table.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(page.list.table, Qt.Key.Key_Down)
    assert stage.window.inspected[-1] == ("ssh_key", page.list.table.selection.current_key())


async def test_the_first_key_can_be_made_from_the_empty_page(stage: Stage) -> None:
    for key in ("key-laptop", "key-deploy", "key-grace"):
        stage.gateway.remove(SSHKey, key)
    stage.show(KeysPage(stage.bridge, stage.window))
    await until(lambda: stage.has("keys.empty"))


@pytest.fixture
async def detail(stage: Stage) -> KeyDetail:
    made = stage.show(KeyDetail(stage.bridge, stage.window, "key-laptop"), width=360)
    await until(lambda: made.title == "laptop" and stage.has("key.machine.machine-01"))
    return made


async def test_the_detail_names_the_machines_that_use_the_key(stage: Stage, detail: KeyDetail) -> None:
    stage.press("key.machine.machine-01.open")
    assert stage.window.inspected == [("machine", "machine-01")]


async def test_the_public_key_is_copied(stage: Stage, detail: KeyDetail) -> None:
    stage.press("key.copy_public")
    assert QGuiApplication.clipboard().text().startswith("ssh-ed25519 AAAA")


async def test_a_private_key_is_exported_only_after_a_warning(stage: Stage, detail: KeyDetail) -> None:
    stage.press("key.export")
    assert stage.gateway.asked_of(ExportKey) == []
    stage.press("export_key.confirm")
    stage.find(QFileDialog, "export_key.files").fileSelected.emit("/home/ada/laptop")
    await until(lambda: stage.window.notices)
    (ask,) = stage.gateway.asked_of(ExportKey)
    assert ask.to == "/home/ada/laptop"
    assert stage.window.notices == [("success", "Private key written to laptop")]


async def test_a_refused_export_is_told_in_the_detail(stage: Stage, detail: KeyDetail) -> None:
    def refuse(_ask: ExportKey) -> str:
        raise Conflict("/home/ada/laptop exists already.", hint="Choose a new file.", code="E-FILE-EXISTS")

    stage.gateway.answers[ExportKey] = refuse
    stage.press("key.export")
    stage.press("export_key.confirm")
    stage.find(QFileDialog, "export_key.files").fileSelected.emit("/home/ada/laptop")
    problem = stage.find(Callout, "key.problem")
    await until(problem.isVisible)
    assert problem.title() == "/home/ada/laptop exists already."


async def test_a_public_key_has_nothing_to_export(stage: Stage) -> None:
    made = stage.show(KeyDetail(stage.bridge, stage.window, "key-grace"), width=360)
    await until(lambda: made.title == "grace (public only)")
    assert stage.has("key.delete")
    assert not stage.has("key.export")


async def test_deleting_asks_first_and_shows_why_it_is_refused(stage: Stage, detail: KeyDetail) -> None:
    def refuse(_ask: DeleteKey) -> None:
        raise Conflict("laptop cannot be deleted: web-1 use it.", hint="Destroy it first.", code="E-KEY-IN-USE")

    stage.gateway.answers[DeleteKey] = refuse
    stage.press("key.delete")
    assert stage.gateway.asked_of(DeleteKey) == []
    stage.press("delete_key.confirm")
    problem = stage.find(Callout, "key.problem")
    await until(problem.isVisible)
    assert "cannot be deleted" in problem.title()


async def test_a_deleted_key_says_that_it_is_gone(stage: Stage, detail: KeyDetail) -> None:
    stage.press("key.delete")
    stage.press("delete_key.confirm")
    await until(lambda: stage.has("detail.gone"))


async def test_a_long_name_does_not_widen_the_sidekick(stage: Stage) -> None:
    laptop = stage.gateway.get(SSHKey, "key-laptop")
    stage.gateway.put(SSHKey(**{**_fields(laptop), "name": "n" * 200}))
    made = stage.show(KeyDetail(stage.bridge, stage.window, "key-laptop"), width=360)
    await until(lambda: made.title.startswith("nnn"))
    assert made.minimumSizeHint().width() <= 360


def _fields(key: SSHKey) -> dict[str, object]:
    return {name: getattr(key, name) for name in key.__dataclass_fields__}


async def test_every_control_has_an_accessible_name(stage: Stage, page: KeysPage, detail: KeyDetail) -> None:
    stage.press("keys.generate")
    named = [
        each
        for parent in (page, detail)
        for each in parent.findChildren(QWidget)
        if each.focusPolicy() & Qt.FocusPolicy.TabFocus and each.isVisible() and not each.focusProxy()
    ]
    assert named
    assert [each for each in named if not each.accessibleName()] == []
