"""Modals lie over their window: dimmed, centred, on the screen, closed by Esc, and never by accident."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QScrollArea, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from machina_desktop.views import theme
from machina_desktop.views.widgets import compositor, modal
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.dialogs import ConfirmDialog, Dialog
from machina_desktop.views.widgets.inputs import Input, Note
from machina_desktop.views.widgets.modal import SHADOW, Modal
from machina_desktop.views.widgets.scrim import Scrim

SCREEN = QSize(800, 800)


@pytest.fixture
def window(qtbot: QtBot, qapp: QApplication) -> QWidget:
    """A window with a field in it, on the screen."""
    theme.apply_theme(qapp, "dark")
    theme.set_motion_reduced(True)
    made = QWidget()
    QVBoxLayout(made).addWidget(QLineEdit())
    qtbot.addWidget(made)
    made.setGeometry(50, 50, 600, 500)
    made.show()
    qtbot.waitExposed(made)
    return made


def opened(dialog: Modal, qtbot: QtBot) -> Modal:
    """``dialog``, on the screen, kept alive for the test."""
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
    dialog.open()
    qtbot.waitExposed(dialog)
    QApplication.processEvents()
    return dialog


def renaming(window: QWidget, *, fields: int = 1) -> Dialog:
    """A dialog with some fields."""
    dialog = Dialog("Rename", text="Its address stays.", primary="Rename", parent=window)
    for number in range(fields):
        dialog.column.addWidget(Input(f"Field {number}", help_text="Some help."))
    return dialog


def global_panel(dialog: Modal) -> QRect:
    """The panel in the desktop's pixels."""
    return QRect(dialog.mapToGlobal(dialog.panel().topLeft()), dialog.panel().size())


class TestTheWindowBelow:
    def test_it_is_dimmed_while_the_panel_is_open(self, window: QWidget, qtbot: QtBot) -> None:
        bright = window.grab().toImage().pixelColor(300, 10)
        dialog = opened(renaming(window), qtbot)
        dim = window.grab().toImage().pixelColor(300, 10)
        assert _light(dim) < _light(bright)
        dialog.reject()
        assert window.grab().toImage().pixelColor(300, 10) == bright

    def test_the_shade_grows_with_the_window(self, window: QWidget, qtbot: QtBot) -> None:
        dialog = opened(renaming(window), qtbot)
        window.resize(700, 600)
        QApplication.processEvents()
        shade = window.findChild(Scrim)
        assert shade is not None
        assert shade.geometry() == window.rect()
        dialog.reject()

    def test_it_is_blocked(self, window: QWidget, qtbot: QtBot) -> None:
        dialog = opened(renaming(window), qtbot)
        assert dialog.windowModality() is Qt.WindowModality.WindowModal
        dialog.reject()

    def test_a_click_beside_the_panel_loses_nothing_typed(self, window: QWidget, qtbot: QtBot) -> None:
        dialog = opened(renaming(window), qtbot)
        field = dialog.findChild(QLineEdit)
        assert field is not None
        QTest.keyClicks(field, "web-2")
        shade = window.findChild(Scrim)
        assert shade is not None
        QTest.mouseClick(shade, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(5, 5))
        assert dialog.isVisible()
        assert field.text() == "web-2"
        dialog.reject()

    def test_a_second_panel_dims_the_first(self, window: QWidget, qtbot: QtBot) -> None:
        first = opened(renaming(window), qtbot)
        second = opened(ConfirmDialog("Sure?", confirm="Yes", is_danger=False, parent=first), qtbot)
        shade = first.findChild(Scrim)
        assert shade is not None
        assert shade.geometry() == first.panel()
        second.reject()
        first.reject()


class TestPlace:
    def test_the_panel_stands_in_the_middle_of_its_window(self, window: QWidget, qtbot: QtBot) -> None:
        dialog = opened(renaming(window), qtbot)
        away = global_panel(dialog).center() - window.mapToGlobal(window.rect().center())
        assert away.manhattanLength() <= 2
        dialog.reject()

    def test_where_a_window_manager_puts_it_at_first_is_not_where_it_stays(self, window: QWidget, qtbot: QtBot) -> None:
        dialog = opened(renaming(window), qtbot)
        place = dialog.pos()
        dialog.move(0, 0)
        QApplication.sendEvent(dialog, QEvent(QEvent.Type.LayoutRequest))
        assert dialog.pos() == place
        dialog.reject()

    def test_it_goes_where_its_window_goes(self, window: QWidget, qtbot: QtBot) -> None:
        dialog = opened(renaming(window), qtbot)
        before = dialog.pos()
        window.move(window.pos() + QPoint(40, 30))
        qtbot.waitUntil(lambda: dialog.pos() == before + QPoint(40, 30))
        dialog.reject()

    def test_it_stays_in_the_middle_of_a_window_that_is_resized(self, window: QWidget, qtbot: QtBot) -> None:
        dialog = opened(renaming(window), qtbot)
        window.resize(700, 560)
        qtbot.waitUntil(
            lambda: (global_panel(dialog).center() - window.mapToGlobal(window.rect().center())).manhattanLength() <= 2
        )
        dialog.reject()

    def test_its_header_moves_it_and_a_resize_then_leaves_it_there(self, window: QWidget, qtbot: QtBot) -> None:
        dialog = opened(renaming(window), qtbot)
        before, header = dialog.pos(), dialog.title_label().parentWidget()
        assert header is not None
        QTest.mousePress(header, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(20, 10))
        QTest.mouseMove(header, QPoint(80, 50))
        QTest.mouseRelease(header, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(20, 10))
        moved = dialog.pos()
        assert moved != before
        window.resize(640, 540)
        QApplication.processEvents()
        assert dialog.pos() == moved
        dialog.reject()

    def test_what_is_higher_than_the_screen_scrolls_above_its_buttons(self, window: QWidget, qtbot: QtBot) -> None:
        dialog = renaming(window, fields=20)
        opened(dialog, qtbot)
        assert QRect(QPoint(), SCREEN).contains(global_panel(dialog))
        area = dialog.findChild(QScrollArea)
        assert area is not None
        assert area.verticalScrollBar().maximum() > 0
        assert global_panel(dialog).contains(dialog.primary.mapToGlobal(dialog.primary.rect().bottomRight()))
        dialog.reject()

    def test_a_short_one_does_not_scroll(self, window: QWidget, qtbot: QtBot) -> None:
        dialog = opened(renaming(window), qtbot)
        area = dialog.findChild(QScrollArea)
        assert area is not None
        assert area.verticalScrollBar().maximum() == 0
        dialog.reject()

    def test_it_grows_for_what_is_added_while_it_is_open(self, window: QWidget, qtbot: QtBot) -> None:
        dialog = opened(renaming(window), qtbot)
        for number in range(3):
            dialog.column.addWidget(Input(f"Field {number}"))
        room = dialog.findChildren(QScrollArea)[0]
        qtbot.waitUntil(lambda: dialog.height() > 380)
        qtbot.waitUntil(lambda: room.verticalScrollBar().maximum() == 0)
        dialog.reject()

    def test_it_grows_for_what_went_wrong(self, window: QWidget, qtbot: QtBot) -> None:
        dialog = renaming(window)
        opened(dialog, qtbot)
        before = dialog.height()
        dialog.show_error("The name is taken. Choose another one.")
        qtbot.waitUntil(lambda: dialog.height() > before)
        area = dialog.findChild(QScrollArea)
        assert area is not None
        assert area.verticalScrollBar().maximum() == 0
        dialog.reject()


class TestFrame:
    def test_a_display_that_cannot_blend_gets_a_cut_window_without_a_shadow(
        self, window: QWidget, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(modal, "can_blend", lambda: False)
        dialog = opened(renaming(window), qtbot)
        assert dialog.panel() == dialog.rect()
        assert not dialog.testAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        assert not dialog.mask().contains(QPoint(0, 0))
        assert dialog.mask().contains(dialog.rect().center())
        dialog.reject()

    def test_one_that_can_blend_gets_smooth_corners_and_a_shadow(self, window: QWidget, qtbot: QtBot) -> None:
        dialog = opened(renaming(window), qtbot)
        assert dialog.panel() == dialog.rect().marginsRemoved(SHADOW)
        image = dialog.grab().toImage()
        assert image.pixelColor(0, 0).alpha() == 0
        inside = QPoint(dialog.panel().left() + 8, dialog.panel().center().y())
        assert image.pixelColor(inside) == theme.color("surface-elevated")
        below = dialog.panel().bottom() + 6
        assert 0 < image.pixelColor(dialog.panel().center().x(), below).alpha() < 255
        dialog.reject()

    def test_the_header_says_what_the_window_is_called(self, window: QWidget, qtbot: QtBot) -> None:
        dialog = renaming(window)
        qtbot.addWidget(dialog)
        dialog.setWindowTitle("Another name")
        assert dialog.title_label().text() == "Another name"

    def test_without_an_x_server_every_display_blends(self) -> None:
        assert compositor.can_blend()


class TestKeyboard:
    def test_the_first_field_has_the_focus(self, window: QWidget, qtbot: QtBot) -> None:
        dialog = opened(renaming(window, fields=2), qtbot)
        assert dialog.focusWidget() is dialog.findChild(QLineEdit)
        dialog.reject()

    def test_tab_goes_through_the_fields_then_the_buttons_then_out_at_the_top(
        self, window: QWidget, qtbot: QtBot
    ) -> None:
        dialog = renaming(window, fields=2)
        further = Button("Start over")
        dialog.add_button(further)
        opened(dialog, qtbot)
        late = Input("Late")
        dialog.column.addWidget(late)
        QApplication.processEvents()
        fields = dialog.findChildren(QLineEdit)
        wanted = [*fields, further, dialog.cancel, dialog.primary, dialog.close_button(), fields[0]]
        fields[0].setFocus()
        met = [dialog.focusWidget()]
        for _ in wanted[1:]:
            dialog.focusNextPrevChild(True)
            met.append(dialog.focusWidget())
        assert met == wanted
        dialog.reject()

    def test_escape_and_the_close_button_close(self, window: QWidget, qtbot: QtBot) -> None:
        for close in (
            lambda dialog: QTest.keyClick(dialog, Qt.Key.Key_Escape),
            lambda dialog: dialog.close_button().click(),
        ):
            dialog = opened(renaming(window), qtbot)
            with qtbot.waitSignal(dialog.rejected):
                close(dialog)
            assert window.findChildren(Scrim) == [] or not window.findChildren(Scrim)[0].isVisible()

    def test_enter_does_what_the_primary_button_does(self, window: QWidget, qtbot: QtBot) -> None:
        dialog = renaming(window)
        opened(dialog, qtbot)
        with qtbot.waitSignal(dialog.primary.clicked):
            QTest.keyClick(dialog, Qt.Key.Key_Return)
        dialog.reject()

    def test_a_name_must_be_typed_before_anything_is_destroyed(self, window: QWidget, qtbot: QtBot) -> None:
        dialog = ConfirmDialog("Destroy?", confirm="Destroy web-1", type_to_confirm="web-1", parent=window)
        opened(dialog, qtbot)
        assert not dialog.primary.isEnabled()
        QTest.keyClicks(dialog.focusWidget(), "web-1")
        with qtbot.waitSignal(dialog.accepted):
            dialog.primary.click()

    def test_a_failure_stays_in_the_dialog(self, window: QWidget, qtbot: QtBot) -> None:
        dialog = renaming(window)
        opened(dialog, qtbot)
        dialog.set_busy(True)
        dialog.show_error("The name is taken.")
        assert dialog.primary.isEnabled()
        assert [note.isVisible() for note in dialog.findChildren(Note) if note.text() == "The name is taken."] == [True]
        dialog.reject()

    def test_enter_never_destroys(self, window: QWidget, qtbot: QtBot) -> None:
        dialog = opened(ConfirmDialog("Destroy web-1?", confirm="Destroy web-1", parent=window), qtbot)
        with qtbot.waitSignal(dialog.rejected):
            QTest.keyClick(dialog, Qt.Key.Key_Return)


def _light(color: QColor) -> float:
    return theme.contrast(color, theme.themes()["high-contrast"].color("background"))
