"""The widgets behave as people expect: busy, wrong, empty, reached by keyboard."""

from __future__ import annotations

from enum import StrEnum

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from machina_desktop.core.domain.deployment import DeploymentState
from machina_desktop.core.domain.machine import AgentStatus, MachineStatus
from machina_desktop.core.domain.provider import AccountField, CredentialStatus
from machina_desktop.core.errors import Unavailable
from machina_desktop.views.models.status import Shape, Status, mark_of, word_of
from machina_desktop.views.widgets.buttons import BUSY_AFTER_MS, Button, IconButton, Segment, Segmented
from machina_desktop.views.widgets.feedback import Avatar
from machina_desktop.views.widgets.filter_bar import Filter, FilterBar
from machina_desktop.views.widgets.form import Form
from machina_desktop.views.widgets.inputs import Input, PasswordInput, SecretArea, Select
from machina_desktop.views.widgets.layout import Card, CollapsibleGroup, PageHeader
from machina_desktop.views.widgets.search import SearchInput
from machina_desktop.views.widgets.states import EmptyState, ListStates
from machina_desktop.views.widgets.status import StatusBadge
from machina_desktop.views.widgets.text import CopyLabel, ElidedLabel, KeyValueList, copy_text


class TestButtons:
    def test_a_busy_button_is_off_at_once_and_spins_only_after_a_moment(self, qtbot: QtBot) -> None:
        button = Button("Deploy")
        qtbot.addWidget(button)
        button.show()
        button.set_busy(True)
        assert not button.isEnabled()
        assert not button.is_spinning()
        qtbot.waitUntil(button.is_spinning, timeout=BUSY_AFTER_MS + 2000)
        button.set_busy(False)
        assert button.isEnabled()
        assert not button.is_spinning()

    def test_quick_work_never_shows_the_spinner(self, qtbot: QtBot) -> None:
        button = Button("Deploy")
        qtbot.addWidget(button)
        button.set_busy(True)
        button.set_busy(False)
        assert not button._delay.isActive()
        assert not button.is_spinning()

    def test_an_icon_button_says_its_name(self, qtbot: QtBot) -> None:
        button = IconButton("copy", "Copy", shortcut="Ctrl+C")
        qtbot.addWidget(button)
        assert button.accessibleName() == "Copy"
        assert button.toolTip() == "Copy  Ctrl+C"

    def test_a_segment_tells_its_key(self, qtbot: QtBot) -> None:
        choice = Segmented((Segment(key="cards", title="Cards"), Segment(key="table", title="Table")), name="View")
        qtbot.addWidget(choice)
        with qtbot.waitSignal(choice.changed) as told:
            choice.set_current("table")
        assert told.args == ["table"]
        assert choice.current() == "table"


class TestStatus:
    @pytest.mark.parametrize("kind", [MachineStatus, DeploymentState, AgentStatus, CredentialStatus])
    def test_every_status_is_told_by_shape_and_word(self, kind: type[StrEnum]) -> None:
        looks = {(mark_of(status).shape, mark_of(status).token) for status in kind}
        words = {word_of(status) for status in kind}
        assert len(words) == len(list(kind))
        assert len(looks) >= 4

    def test_the_shapes_are_those_of_the_design(self) -> None:
        assert mark_of(MachineStatus.RUNNING).shape is Shape.DISC
        assert mark_of(MachineStatus.PROVISIONING).shape is Shape.HALF
        assert mark_of(MachineStatus.STOPPED).shape is Shape.SQUARE
        assert mark_of(MachineStatus.ERROR).shape is Shape.TRIANGLE

    def test_what_is_wanted_shows_where_it_differs(self, qtbot: QtBot) -> None:
        badge = StatusBadge(Status(MachineStatus.STOPPED, MachineStatus.RUNNING))
        qtbot.addWidget(badge)
        assert badge.accessibleName() == "Status: stopped, should be running"
        wide = badge.sizeHint().width()
        badge.set_status(MachineStatus.STOPPED)
        assert badge.accessibleName() == "Status: stopped"
        assert badge.sizeHint().width() < wide

    def test_a_status_on_its_way_is_not_shown_as_differing(self) -> None:
        assert not Status(MachineStatus.REBOOTING, MachineStatus.RUNNING).is_split


class TestFields:
    def test_an_error_stands_at_the_field_and_is_read_aloud(self, qtbot: QtBot) -> None:
        field = Input("Name", help_text="Lower case.")
        qtbot.addWidget(field)
        field.set_error("Give it a name.")
        assert field.error() == "Give it a name."
        assert field.control.accessibleDescription() == "Give it a name."
        field.set_error("")
        assert field.control.accessibleDescription() == "Lower case."

    def test_a_password_hides_itself_again(self, qtbot: QtBot) -> None:
        field = PasswordInput("Token")
        qtbot.addWidget(field)
        field.set_text("hunter2")
        assert not field.is_revealed()
        field._eye.trigger()
        assert field.is_revealed()
        assert field._hide.interval() == 10_000
        field._hide.timeout.emit()
        assert field.control.echoMode() is QLineEdit.EchoMode.Password
        assert field.secret().reveal() == "hunter2"

    def test_a_private_key_is_dots_once_the_field_is_left(self, qtbot: QtBot) -> None:
        field, other = SecretArea("Private key"), QLineEdit()
        page = QWidget()
        column = QVBoxLayout(page)
        column.addWidget(field)
        column.addWidget(other)
        qtbot.addWidget(page)
        page.show()
        qtbot.waitExposed(page)
        page.activateWindow()
        field.control.setFocus()
        qtbot.waitUntil(field.control.hasFocus)
        qtbot.keyClicks(field.control, "PRIVATE")
        other.setFocus()
        qtbot.waitUntil(field.is_concealed)
        assert field.control.toPlainText() == "•••"
        field.control.setFocus()
        assert field.control.toPlainText() == ""
        other.setFocus()
        assert field.text() == "PRIVATE"

    def test_a_choice_survives_other_choices(self, qtbot: QtBot) -> None:
        select = Select("Region", choices=(("a", "A"), ("b", "B")))
        qtbot.addWidget(select)
        select.set_value("b")
        select.set_choices((("c", "C"), ("b", "B")))
        assert select.value() == "b"

    def test_a_choice_that_is_gone_is_told(self, qtbot: QtBot) -> None:
        select = Select("Region", choices=(("a", "A"), ("b", "B")))
        qtbot.addWidget(select)
        select.set_value("b")
        with qtbot.waitSignal(select.changed) as told:
            select.set_choices((("c", "C"),))
        assert told.args == ["c"]

    def test_a_label_stays_at_its_control_beside_a_taller_neighbour(self, qtbot: QtBot) -> None:
        field = Input("Host")
        qtbot.addWidget(field)
        field.resize(200, 300)
        field.show()
        assert field.control.y() - field._label.y() < 40


class TestForm:
    FIELDS = (
        AccountField(name="label", title="Label", is_required=True),
        AccountField(name="api_token", title="API token", is_secret=True, is_required=True),
        AccountField(name="key", title="Key", is_multiline=True),
    )

    @pytest.fixture
    def form(self, qtbot: QtBot) -> Form:
        form = Form(self.FIELDS, check=lambda _field, value: "Too short." if len(value) < 3 else "")
        qtbot.addWidget(form)
        form.show()
        qtbot.waitExposed(form)
        form.activateWindow()
        return form

    def test_the_control_follows_from_the_description(self, form: Form) -> None:
        assert isinstance(form._controls["api_token"], PasswordInput)
        assert isinstance(form._controls["key"].control, QPlainTextEdit)

    def test_an_error_comes_as_the_user_leaves_the_field(self, form: Form, qtbot: QtBot) -> None:
        label = form._controls["label"]
        form.focus_first()
        qtbot.keyClicks(label.control, "ab")
        assert label.error() == ""
        qtbot.keyClick(label.control, Qt.Key.Key_Tab)
        assert label.error() == "Too short."
        qtbot.keyClicks(label.control, "c")
        assert label.error() == ""

    def test_what_is_needed_is_asked_for_on_submitting(self, form: Form) -> None:
        assert not form.validate()
        assert form._controls["label"].error() == "Label is needed."
        form.set_values({"label": " rack ", "api_token": " secret "})
        assert form.validate()
        assert form.values() == {"label": "rack", "api_token": "secret", "key": ""}

    def test_errors_of_the_server_are_put_at_their_fields(self, form: Form) -> None:
        form.set_errors({"api_token": "The provider refused it."})
        assert form._controls["api_token"].error() == "The provider refused it."
        assert form._controls["label"].error() == ""


class TestSearching:
    def test_a_search_waits_for_the_end_of_typing(self, qtbot: QtBot) -> None:
        search = SearchInput()
        qtbot.addWidget(search)
        told: list[str] = []
        search.searched.connect(told.append)
        with qtbot.waitSignal(search.searched):
            qtbot.keyClicks(search, "web")
        assert told == ["web"]
        qtbot.keyClick(search, Qt.Key.Key_Escape)
        assert told == ["web", ""]

    def test_ctrl_f_reaches_the_search_of_the_page(self, qtbot: QtBot) -> None:
        page = QWidget()
        column = QVBoxLayout(page)
        header = PageHeader("Machines", parent=page)
        other = QLineEdit()
        column.addWidget(header)
        column.addWidget(other)
        qtbot.addWidget(page)
        page.show()
        qtbot.waitExposed(page)
        page.activateWindow()
        other.setFocus()
        qtbot.waitUntil(other.hasFocus)
        qtbot.keyClick(other, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
        assert page.focusWidget() is header.search

    def test_filters_are_stored_and_restored(self, qtbot: QtBot) -> None:
        status = Filter(key="status", any_title="Any status", choices=(("running", "running"), ("error", "error")))
        bar = FilterBar((status, Filter(key="provider", any_title="Any provider")))
        qtbot.addWidget(bar)
        with qtbot.waitSignal(bar.changed) as told:
            bar.restore({"status": "error", "provider": "gone", "old": "x"})
        assert told.args == [{"status": "error"}]
        bar.set_choices("status", (("error", "failed"),))
        assert bar.state() == {"status": "error"}
        bar._clear.click()
        assert bar.state() == {}


class TestStates:
    def test_a_list_shows_one_of_four_states(self, qtbot: QtBot) -> None:
        content = QWidget()
        states = ListStates(content, empty=EmptyState(icon_name="server", title="None", action="Deploy"))
        qtbot.addWidget(states)
        states.show_error(Unavailable("The provider did not answer.", hint="Try again.", code="E-X"))
        assert states.currentWidget() is states.error
        assert states.error.accessibleName() == "The provider did not answer."
        assert states.error.accessibleDescription() == "Try again."
        states.show_empty()
        assert states.currentWidget() is states.empty
        states.show_content()
        assert states.currentWidget() is content

    def test_another_content_replaces_the_shown_one(self, qtbot: QtBot) -> None:
        table, cards = QWidget(), QWidget()
        states = ListStates(table, empty=EmptyState(icon_name="server", title="None"))
        qtbot.addWidget(states)
        states.show_content()
        states.set_content(cards)
        assert states.currentWidget() is cards


class TestText:
    def test_long_text_is_shortened_and_whole_in_its_tooltip(self, qtbot: QtBot) -> None:
        label = ElidedLabel("a-long-name-" * 20)
        qtbot.addWidget(label)
        label.resize(120, 20)
        label.grab()
        assert label.toolTip() == label.text()
        label.resize(4000, 20)
        label.grab()
        assert label.toolTip() == ""

    def test_an_address_is_copied(self, qtbot: QtBot) -> None:
        label = CopyLabel("203.0.113.7", name="address")
        qtbot.addWidget(label)
        label._button.click()
        assert QGuiApplication.clipboard().text() == "203.0.113.7"

    def test_a_secret_leaves_the_clipboard(self, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("machina_desktop.views.widgets.text.SECRET_CLEARED_MS", 1)
        copy_text("hunter2", is_secret=True)
        qtbot.waitUntil(lambda: QGuiApplication.clipboard().text() == "")

    def test_values_change_in_place(self, qtbot: QtBot) -> None:
        facts = KeyValueList()
        qtbot.addWidget(facts)
        facts.add_text("size", "Size", "small")
        facts.add_copyable("address", "Address")
        facts.set_values({"size": "", "address": "203.0.113.7"})
        size, address = facts.widget("size"), facts.widget("address")
        assert isinstance(size, ElidedLabel)
        assert isinstance(address, CopyLabel)
        assert (size.text(), address.text()) == ("–", "203.0.113.7")

    def test_initials_are_of_the_first_and_last_word(self, qtbot: QtBot) -> None:
        avatar = Avatar("Ada King Lovelace")
        qtbot.addWidget(avatar)
        assert avatar.initials() == "AL"


def test_a_group_folds_by_click_and_by_arrow(qtbot: QtBot) -> None:
    group = CollapsibleGroup("Production", count=3)
    qtbot.addWidget(group)
    group.show()
    qtbot.waitExposed(group)
    group.activateWindow()
    with qtbot.waitSignal(group.toggled) as told:
        qtbot.mouseClick(group._button, Qt.MouseButton.LeftButton)
    assert told.args == [False]
    group._button.setFocus()
    qtbot.waitUntil(group._button.hasFocus)
    qtbot.keyClick(group._button, Qt.Key.Key_Right)
    assert group.is_open()


def test_a_card_is_pressed_by_keyboard(qtbot: QtBot) -> None:
    card = Card(is_clickable=True, name="web-1")
    qtbot.addWidget(card)
    with qtbot.waitSignal(card.clicked):
        qtbot.keyClick(card, Qt.Key.Key_Space)
