"""The profile: saved only when something changed, wrong at its field, undone from the toast; pictures made small."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from machina_desktop.core.domain.profile import picture_problem
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.services.teams import UpdateProfile
from machina_desktop.views.apps.settings_profile import ProfileTab
from machina_desktop.views.widgets.pictures import SIDE_PX, data_url_from, picture_of
from tests.fakes.device import FakeDevice
from tests.fakes.gateway import RecordingWindow
from tests.fakes.stage import Stage, stage_with, turn, until


@dataclass
class Toasts(RecordingWindow):
    """A window that keeps what its toasts would do."""

    actions: list[Callable[[], None]] = field(default_factory=list)

    def notify(
        self,
        text: str,
        *,
        kind: str = "info",
        action: str = "",
        on_action: Callable[[], None] | None = None,
        about: str = "",
    ) -> None:
        super().notify(text, kind=kind, action=action, on_action=on_action, about=about)
        if on_action is not None:
            self.actions.append(on_action)


@pytest_asyncio.fixture
async def stage(qapp: QApplication) -> AsyncIterator[Stage]:
    assert qapp is not None
    async with stage_with() as made:
        made.window = Toasts()
        yield made


@pytest.fixture
def fake(stage: Stage) -> FakeDevice:
    made = FakeDevice(stage.gateway)
    made.user = replace(made.user, email="ada@example.org")
    return made


async def opened(stage: Stage) -> ProfileTab:
    tab = stage.show(ProfileTab(stage.bridge, stage.window), width=800, height=700)
    await until(tab.name.text)
    return tab


def picture_file(folder: Path, *, width: int = 300, height: int = 200, name: str = "ada.png") -> Path:
    """Red at the sides, blue in the middle."""
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor("red"))
    for x in range((width - height) // 2, (width + height) // 2):
        for y in range(height):
            image.setPixelColor(x, y, QColor("blue"))
    image.setText("Comment", "taken at home")
    assert image.save(str(folder / name))
    return folder / name


async def test_nothing_can_be_saved_until_something_changed(stage: Stage, fake: FakeDevice) -> None:
    tab = await opened(stage)
    assert not tab.save.isVisible()
    tab.name.set_text("Ada King")
    assert tab.save.isVisible()
    assert tab.discard.isVisible()
    tab.name.set_text(" Ada Lovelace ")
    assert not tab.save.isVisible()


async def test_what_was_typed_is_stored(stage: Stage, fake: FakeDevice) -> None:
    tab = await opened(stage)
    tab.name.set_text("Ada King")
    tab.email.set_text("king@example.org")
    tab.save.click()
    await until(lambda: fake.user.display_name == "Ada King")
    assert stage.gateway.asked_of(UpdateProfile) == [
        UpdateProfile(display_name="Ada King", email="king@example.org", profile_picture_url="")
    ]
    await until(lambda: not tab.save.isVisible())


async def test_enter_saves(stage: Stage, fake: FakeDevice) -> None:
    tab = await opened(stage)
    tab.name.set_text("Ada King")
    QTest.keyClick(tab.name.control, Qt.Key.Key_Return)
    await until(lambda: fake.user.display_name == "Ada King")


async def test_the_toast_undoes_what_was_saved(stage: Stage, fake: FakeDevice) -> None:
    tab = await opened(stage)
    tab.name.set_text("Ada King")
    tab.save.click()
    assert isinstance(stage.window, Toasts)
    await until(lambda: stage.window.actions)  # type: ignore[attr-defined]
    stage.window.actions[0]()
    await until(lambda: fake.user.display_name == "Ada Lovelace")
    await until(lambda: tab.name.text() == "Ada Lovelace" and not tab.save.isVisible())


async def test_discarding_brings_back_what_is_stored(stage: Stage, fake: FakeDevice) -> None:
    tab = await opened(stage)
    tab.name.set_text("")
    tab.email.set_text("nonsense")
    tab.email.left.emit()
    tab.discard.click()
    assert (tab.name.text(), tab.email.text(), tab.email.error()) == ("Ada Lovelace", "ada@example.org", "")


@pytest.mark.parametrize(("name", "email"), [("", "ada@example.org"), ("x" * 81, ""), ("Ada", "ada@")])
async def test_what_is_wrong_is_told_at_its_field_and_not_sent(
    stage: Stage, fake: FakeDevice, name: str, email: str
) -> None:
    tab = await opened(stage)
    tab.name.set_text(name)
    tab.email.set_text(email)
    tab.save.click()
    assert bool(tab.name.error()) is (name != "Ada")
    assert bool(tab.email.error()) is (email == "ada@")
    assert stage.gateway.asked_of(UpdateProfile) == []


async def test_a_refusal_of_the_store_is_told_at_its_field(stage: Stage, fake: FakeDevice) -> None:
    def refuse(_ask: object) -> None:
        raise InvalidInput("Somebody has this address.", field="email")

    tab = await opened(stage)
    stage.gateway.answers[UpdateProfile] = refuse
    tab.email.set_text("king@example.org")
    tab.save.click()
    await until(tab.email.error)
    assert tab.save.isVisible()


async def test_what_is_being_typed_survives_a_change_from_elsewhere(stage: Stage, fake: FakeDevice) -> None:
    tab = await opened(stage)
    tab.name.set_text("Ada K")
    fake.user = replace(fake.user, email="new@example.org")
    tab._query.refresh()
    await turn(20)
    assert tab.name.text() == "Ada K"
    tab.discard.click()
    assert tab.email.text() == "new@example.org"


async def test_the_preview_follows_each_key(stage: Stage, fake: FakeDevice, tmp_path: Path) -> None:
    tab = await opened(stage)
    tab.name.set_text("Grace Hopper")
    assert tab._preview._name.text() == "Grace Hopper"
    assert tab._preview._avatar.initials() == "GH"
    tab.picture.take(picture_file(tmp_path))
    await until(lambda: not tab._preview._avatar._picture.isNull())


async def test_a_picture_is_saved_and_taken_away(stage: Stage, fake: FakeDevice, tmp_path: Path) -> None:
    tab = await opened(stage)
    tab.picture.take(picture_file(tmp_path))
    await until(tab.picture.url)
    tab.save.click()
    await until(lambda: fake.user.profile_picture_url)
    await until(lambda: not tab.save.isVisible())
    tab.picture.remove.click()
    tab.save.click()
    await until(lambda: not fake.user.profile_picture_url)


async def test_a_dropped_file_becomes_the_picture(stage: Stage, fake: FakeDevice, tmp_path: Path) -> None:
    tab = await opened(stage)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(picture_file(tmp_path)))])
    copy, left, no = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPointF(5, 5).toPoint(), copy, data, left, no)
    QApplication.sendEvent(tab.picture, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(tab.picture, QDropEvent(QPointF(5, 5), copy, data, left, no, QEvent.Type.Drop))
    await until(tab.picture.url)


async def test_dropped_text_is_not_taken(stage: Stage, fake: FakeDevice) -> None:
    tab = await opened(stage)
    data = QMimeData()
    data.setText("not a picture")
    enter = QDragEnterEvent(
        QPointF(5, 5).toPoint(),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(tab.picture, enter)
    assert not enter.isAccepted()


async def test_a_file_that_is_no_picture_is_told_at_the_picture(stage: Stage, fake: FakeDevice, tmp_path: Path) -> None:
    tab = await opened(stage)
    (tmp_path / "ada.png").write_bytes(b"\x89PNG\r\n\x1a\nbut no more")
    tab.picture.take(tmp_path / "ada.png")
    await until(tab.picture.error)
    assert "ada.png" in tab.picture.error()
    assert tab.picture.url() == ""


def test_a_picture_is_the_middle_as_a_small_square_that_the_store_takes(qapp: QApplication, tmp_path: Path) -> None:
    url = data_url_from(picture_file(tmp_path, width=900, height=600))
    assert picture_problem(url) == ""
    made = picture_of(url).toImage()
    assert (made.width(), made.height()) == (SIDE_PX, SIDE_PX)
    corners = {made.pixelColor(x, y).name() for x in (2, SIDE_PX - 3) for y in (2, SIDE_PX - 3)}
    assert corners == {"#0000ff"}
    assert b"taken at home" not in base64.b64decode(url.partition(",")[2])


def test_a_very_small_picture_is_taken_too(qapp: QApplication, tmp_path: Path) -> None:
    assert picture_problem(data_url_from(picture_file(tmp_path, width=3, height=2))) == ""


def test_a_picture_without_a_fitting_name_is_known_by_what_is_in_it(qapp: QApplication, tmp_path: Path) -> None:
    file = picture_file(tmp_path).rename(tmp_path / "holiday.txt")
    assert data_url_from(file).startswith("data:image/png;base64,")


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"<svg/>", b"\x00" * 5000])
def test_what_is_no_picture_is_refused(qapp: QApplication, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        data_url_from(tmp_path / "x.png")
    assert (caught.value.code, "PNG" in caught.value.hint) == ("E-PICTURE", True)


def test_a_missing_file_and_a_folder_are_refused(qapp: QApplication, tmp_path: Path) -> None:
    for path in (tmp_path / "gone.png", tmp_path):
        with pytest.raises(InvalidInput):
            data_url_from(path)


@pytest.mark.parametrize("url", ["", "https://example.org/ada.png", "data:image/png;base64,???", "data:image/png,x"])
def test_an_address_that_holds_no_picture_shows_the_initials(qapp: QApplication, url: str) -> None:
    assert picture_of(url).isNull()
