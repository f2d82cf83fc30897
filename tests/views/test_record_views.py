"""Records as rows and cards: the fewest changes, selection by key, the same by mouse and keyboard."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PySide6.QtCore import QItemSelectionModel, QPersistentModelIndex, QSettings, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from machina_desktop.core.domain.machine import MachineStatus
from machina_desktop.views import theme
from machina_desktop.views.models.status import Status
from machina_desktop.views.models.table_model import Column, RecordTableModel
from machina_desktop.views.widgets.card_grid import CardContent, CardGrid
from machina_desktop.views.widgets.table_view import TableView


@dataclass(frozen=True, kw_only=True)
class Thing:
    key: str
    name: str
    size: int = 0
    status: MachineStatus = MachineStatus.RUNNING


def _things(*keys: str) -> tuple[Thing, ...]:
    return tuple(Thing(key=key, name=key.upper()) for key in keys)


def _model(*keys: str) -> RecordTableModel[Thing]:
    columns = (
        Column[Thing](key="name", title="Name", text=lambda thing: thing.name),
        Column[Thing](key="size", title="Size", text=lambda thing: str(thing.size), sort_key=lambda thing: thing.size),
        Column[Thing](key="status", title="Status", status=lambda thing: Status(thing.status)),
    )
    model = RecordTableModel(columns, key=lambda thing: thing.key)
    model.set_records(_things(*keys))
    return model


def _shown(model: RecordTableModel[Thing]) -> str:
    return "".join(thing.key for thing in model.records())


class TestRecordModel:
    def test_a_change_touches_only_its_rows(self, qapp: QApplication) -> None:
        model = _model("a", "b", "c", "d")
        told: list[tuple[str, int, int]] = []
        model.rowsRemoved.connect(lambda _parent, first, last: told.append(("removed", first, last)))
        model.rowsInserted.connect(lambda _parent, first, last: told.append(("inserted", first, last)))
        model.dataChanged.connect(lambda first, last: told.append(("changed", first.row(), last.row())))
        model.modelReset.connect(lambda: told.append(("reset", 0, 0)))
        a, _b, c, d = model.records()
        model.set_records((a, Thing(key="x", name="X"), replace(c, name="new"), d))
        assert told == [("removed", 1, 1), ("inserted", 1, 1), ("changed", 2, 2)]
        assert _shown(model) == "axcd"

    def test_the_same_records_touch_nothing(self, qtbot: QtBot) -> None:
        model = _model("a", "b")
        with qtbot.assertNotEmitted(model.dataChanged), qtbot.assertNotEmitted(model.layoutChanged):
            model.set_records(_things("a", "b"))

    def test_a_row_that_moves_is_still_the_same_row(self, qapp: QApplication) -> None:
        model = _model("a", "b", "c")
        held = QPersistentModelIndex(model.index(0, 0))
        model.set_records(_things("c", "x", "b", "a"))
        assert _shown(model) == "cxba"
        assert held.row() == 3
        assert [model.row_of(key) for key in "cxba"] == [0, 1, 2, 3]

    @pytest.mark.parametrize("wanted", ["", "dcba", "aebfc", "xyz", "bd", "dxbya"])
    def test_any_list_becomes_any_other(self, qapp: QApplication, wanted: str) -> None:
        model = _model("a", "b", "c", "d")
        model.set_records(_things(*wanted))
        assert _shown(model) == wanted

    def test_sorting_is_kept_over_changes(self, qapp: QApplication) -> None:
        model = _model()
        model.set_records((Thing(key="a", name="A", size=10), Thing(key="b", name="B", size=9)))
        model.sort(1, Qt.SortOrder.AscendingOrder)
        assert _shown(model) == "ba"
        model.set_records((*model.records(), Thing(key="c", name="C", size=9)))
        assert _shown(model) == "bca"

    def test_a_status_cell_is_read_as_words(self, qapp: QApplication) -> None:
        assert _model("a").index(0, 2).data() == "running"


@pytest.fixture(params=["table", "cards"])
def view(request: pytest.FixtureRequest, qtbot: QtBot) -> TableView | CardGrid[Thing]:
    model = _model("a", "b", "c")
    made: TableView | CardGrid[Thing]
    if request.param == "table":
        made = TableView(model, name="Things")
    else:
        made = CardGrid(model, card=lambda thing: CardContent(title=thing.name), name="Things")
    model.setParent(made)
    qtbot.addWidget(made)
    made.resize(900, 400)
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    return made


class TestRecordViews:
    def test_the_arrow_keys_tell_the_row_by_key(self, view: TableView, qtbot: QtBot) -> None:
        view.select_key("a")
        with qtbot.waitSignal(view.selected) as told:
            qtbot.keyClick(view, Qt.Key.Key_Down if isinstance(view, TableView) else Qt.Key.Key_Right)
        assert told.args == ["b"]
        assert view.selected_keys() == ("b",)

    def test_enter_opens_and_space_peeks(self, view: TableView, qtbot: QtBot) -> None:
        view.select_key("c")
        with qtbot.waitSignal(view.activated_key) as opened:
            qtbot.keyClick(view, Qt.Key.Key_Return)
        with qtbot.waitSignal(view.peeked) as peeked:
            qtbot.keyClick(view, Qt.Key.Key_Space)
        assert opened.args == peeked.args == ["c"]

    def test_the_selection_stays_with_its_record(self, view: TableView) -> None:
        view.select_key("b")
        model = view.model()
        assert isinstance(model, RecordTableModel)
        model.set_records(_things("x", "c", "b"))
        assert view.selected_keys() == ("b",)

    def test_a_removed_record_is_no_longer_selected(self, view: TableView) -> None:
        view.select_key("b")
        model = view.model()
        assert isinstance(model, RecordTableModel)
        model.set_records(())
        assert view.selected_keys() == ()
        assert view.selection.current_key() == ""

    def test_the_keyboard_shows_where_it_is_and_the_mouse_does_not(self, view: TableView, qtbot: QtBot) -> None:
        view.clearFocus()
        view.setFocus(Qt.FocusReason.TabFocusReason)
        qtbot.waitUntil(lambda: view.shows_ring)
        assert view.currentIndex().row() == 0
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton)
        assert not view.shows_ring

    def test_an_unknown_key_selects_nothing(self, view: TableView) -> None:
        assert not view.select_key("zz")
        assert view.selected_keys() == ()


def test_column_widths_are_remembered(qtbot: QtBot, tmp_path: Path) -> None:
    settings = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    models = (_model("a"), _model("a"))
    first = TableView(models[0], name="Things", settings=settings, settings_key="things")
    qtbot.addWidget(first)
    first.setColumnWidth(0, 333)
    second = TableView(models[1], name="Things", settings=settings, settings_key="things")
    qtbot.addWidget(second)
    assert second.columnWidth(0) == 333


def test_the_colour_of_a_status_survives_selection(qtbot: QtBot, qapp: QApplication) -> None:
    theme.apply_theme(qapp, "dark")
    model = _model("a")
    table = TableView(model, name="Things")
    qtbot.addWidget(table)
    table.resize(600, 200)
    flags = QItemSelectionModel.SelectionFlag
    table.selectionModel().select(model.index(0, 0), flags.ClearAndSelect | flags.Rows)
    image = table.viewport().grab().toImage()
    colors = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(min(40, image.height()))}
    assert {theme.color(token).name() for token in ("accent-success", "accent-primary", "selection")} <= colors


def test_the_clock_stops_when_no_status_moves(qtbot: QtBot) -> None:
    model = _model()
    model.set_records((Thing(key="a", name="A", status=MachineStatus.REBOOTING),))
    table = TableView(model, name="Things")
    qtbot.addWidget(table)
    table.resize(600, 200)
    table.show()
    qtbot.waitUntil(table._clock.isActive)
    model.set_records((Thing(key="a", name="A", status=MachineStatus.RUNNING),))
    qtbot.waitUntil(lambda: not table._clock.isActive())


@pytest.mark.parametrize("width", [280, 700, 1112, 1400])
def test_cards_fill_the_width_in_equal_columns(qtbot: QtBot, width: int) -> None:
    model = _model(*"abcdef")
    grid = CardGrid(model, card=lambda thing: CardContent(title=thing.name), name="Things")
    qtbot.addWidget(grid)
    grid.resize(width, 1000)
    grid.show()
    count = grid.column_count
    qtbot.waitUntil(lambda: count > 5 or grid.visualRect(model.index(count, 0)).top() > 0)
    rects = [grid.card_rect(grid.visualRect(model.index(row, 0))) for row in range(count)]
    assert {rect.top() for rect in rects} == {0.0}
    assert rects[0].left() == 0
    assert abs(rects[-1].right() - grid.viewport().width()) <= count + 1
    assert rects[0].width() >= 250


def _fitted(qtbot: QtBot, width: int) -> list[int]:
    columns = tuple(
        Column(key=key, title=key.title(), text=lambda _record: "", width=200, rank=rank)
        for key, rank in (("name", 0), ("status", 0), ("size", 2), ("tags", 1))
    )
    model: RecordTableModel[str] = RecordTableModel(columns, key=lambda record: record)
    table = TableView(model, name="Things")
    qtbot.addWidget(table)
    table.resize(width, 200)
    table.show()
    return [table.columnWidth(index) for index in range(4)]


def test_columns_give_way_before_any_is_cut(qtbot: QtBot) -> None:
    widths = _fitted(qtbot, 700)
    assert all(width >= 150 for width in widths)
    assert sum(widths) <= 700


def test_the_least_important_column_goes_first_where_room_is_short(qtbot: QtBot) -> None:
    name, status, size, tags = _fitted(qtbot, 520)
    assert size == 0
    assert min(name, status, tags) >= 150


def test_columns_that_never_go_stay(qtbot: QtBot) -> None:
    name, status, size, tags = _fitted(qtbot, 200)
    assert (size, tags) == (0, 0)
    assert min(name, status) >= 56


def test_what_is_pressed_is_told_when_the_button_is_let_go(qtbot: QtBot) -> None:
    table = TableView(_model("a", "b"), name="Things")
    qtbot.addWidget(table)
    table.resize(600, 300)
    told: list[str] = []
    table.selected.connect(told.append)
    at = table.visualRect(table.model().index(1, 0)).center()
    qtbot.mousePress(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert told == []
    qtbot.mouseRelease(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert told == ["b"]


def test_a_click_on_the_current_row_tells_of_it_again(qtbot: QtBot) -> None:
    table = TableView(_model("a", "b"), name="Things")
    qtbot.addWidget(table)
    table.resize(600, 300)
    told: list[str] = []
    table.selected.connect(told.append)
    at = table.visualRect(table.model().index(0, 0)).center()
    for _ in range(2):
        qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert told == ["a", "a"]


def test_the_first_click_into_a_scrolled_list_selects_what_was_clicked(qtbot: QtBot) -> None:
    table = TableView(_model(*"abcdefghijklmnopqrst"), name="Things")
    qtbot.addWidget(table)
    table.resize(600, 300)
    with qtbot.waitActive(table):
        table.show()
    table.clearFocus()
    table.selectionModel().clear()
    table.scrollToBottom()
    at = table.visualRect(table.model().index(18, 0)).center()
    table.setFocus(Qt.FocusReason.MouseFocusReason)
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert table.selected_keys() == ("s",)
