"""The gallery's pages of what pages are made of: headers, filters, groups, the states of a list, rows of data."""

from __future__ import annotations

from PySide6.QtWidgets import QSplitter, QWidget

from machina_desktop.core.domain.plan import PlanSummary
from machina_desktop.views.callout import Callout
from machina_desktop.views.gallery.samples import LONG_NAME, log_lines, machine_card, machine_model, plan_summary
from machina_desktop.views.gallery.specimens import Section, Specimens, column, of_height, off, part, right_to_left
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import Button, ButtonKind, Segment, Segmented
from machina_desktop.views.widgets.card_grid import CardGrid
from machina_desktop.views.widgets.filter_bar import Filter, FilterBar
from machina_desktop.views.widgets.layout import CollapsibleGroup, PageHeader, SectionHeader
from machina_desktop.views.widgets.list_view import List, ListItem
from machina_desktop.views.widgets.log_view import LogView
from machina_desktop.views.widgets.plan_view import PlanView
from machina_desktop.views.widgets.search import SearchInput
from machina_desktop.views.widgets.states import EmptyState, ErrorState, ListStates
from machina_desktop.views.widgets.table_view import TableView
from machina_desktop.views.widgets.text import Label

_FILTERS = (
    Filter(key="status", any_title="Any status", choices=(("running", "running"), ("error", "error"))),
    Filter(key="provider", any_title="Any provider", choices=(("aws", "AWS"), ("gcp", "Google Cloud"))),
    Filter(key="region", any_title="Any region", choices=(("fra1", "Frankfurt 1"),)),
)


def _headers() -> QWidget:
    header = PageHeader("Machines", search_placeholder="Filter machines…")
    header.set_count(1284)
    header.add_action(Button("Deploy", kind=ButtonKind.PRIMARY, icon_name="plus"))
    section = SectionHeader("Networking", hint="3 addresses")
    section.add_widget(Button("Edit", icon_name="pencil"))
    return column(
        part("With everything", header),
        part("Title alone", PageHeader("Settings", has_search=False)),
        part("SectionHeader", section),
        part("Title alone", SectionHeader("Timeline")),
    )


def _filters() -> QWidget:
    resting, filtering, arabic = FilterBar(_FILTERS), FilterBar(_FILTERS), FilterBar(_FILTERS)
    filtering.restore({"status": "running"})
    view = (
        Segment(key="cards", title="Cards", icon_name="layout-grid"),
        Segment(key="table", title="Table", icon_name="list"),
    )
    filtering.add_widget(Segmented(view, name="View"))
    folded = FilterBar(_FILTERS)
    folded.setFixedWidth(200)
    searched = SearchInput("Filter machines…")
    searched.setText("web")
    searches = Specimens(cell=260)
    searches.add("empty", SearchInput("Filter machines…")).add("filled", searched).add("disabled", off(SearchInput()))
    return column(
        part("Nothing filtered", resting),
        part("In force, with a control of the page's own", filtering),
        part("Too narrow", folded, hint="folds into one button"),
        part("Right to left", right_to_left(arabic)),
        part("SearchInput", searches),
    )


def _groups() -> QWidget:
    opened, folded = CollapsibleGroup("Production", count=12), CollapsibleGroup("Staging", count=3)
    long = CollapsibleGroup(LONG_NAME)
    for group in (opened, folded, long):
        group.column.addWidget(Label("Inside the group", tone="secondary"))
    folded.set_open(False)
    return column(part("Open", opened), part("Folded", folded), part("Long title", long))


def _empty() -> QWidget:
    full = EmptyState(
        icon_name="server",
        title="No machines yet",
        text="Deploy one, or try it on this computer.",
        action="Deploy machine",
    )
    quiet = EmptyState(icon_name="search", title="Nothing matches “web”", text="Try other words or clear the filters.")
    return Specimens(cell=380).add("with an action", full).add("without", quiet)


def _errors() -> QWidget:
    error, waiting = ErrorState(), ErrorState()
    error.set_message("The provider did not answer.", "Check the network, then try again.")
    waiting.set_message("The provider did not answer.", "Check the network, then try again.")
    waiting.retry.set_busy(True)
    callouts = []
    for tone, title in (
        ("error", "The run ended with an error."),
        ("warning", "This plan waits for approval."),
        ("neutral", "A practice machine costs nothing."),
    ):
        callout = Callout(tone)
        callout.say(title, "What to do next stands here.", code="E-SAMPLE" if tone == "error" else "", details="-")
        callouts.append(callout)
    pages = Specimens(cell=380).add("told", error).add("trying again", waiting)
    return column(pages, part("Callout", column(*callouts, spacing=Space.M)))


def _list_states() -> QWidget:
    def states() -> ListStates:
        table = TableView(machine_model(6), name="Machines")
        made = ListStates(table, empty=EmptyState(icon_name="server", title="No machines yet"), skeleton_rows=5)
        of_height(made, 260)
        return made

    loading, empty, filled = states(), states(), states()
    loading.show_loading()
    empty.show_empty()
    filled.show_content()
    return column(part("Loading", loading), part("Empty", empty), part("Filled", filled))


def _table() -> QWidget:
    table = TableView(machine_model(40), name="Machines")
    table.select_key("m2")
    return column(of_height(table, 420), part("Disabled", of_height(off(TableView(machine_model(3), name="Off")), 170)))


def _card_grid() -> QWidget:
    grid = CardGrid(machine_model(40), card=machine_card, name="Machines")
    grid.select_key("m2")
    return of_height(grid, 560)


def _lists() -> QWidget:
    plain = tuple(
        ListItem(key=icon_name, title=title, icon_name=icon_name, keys=keys)
        for title, icon_name, keys in (
            ("Machines", "server", "Ctrl+1"),
            ("Providers", "cloud", "Ctrl+2"),
            ("Keys", "key-round", "Ctrl+3"),
        )
    )
    rich = (
        ListItem(key="a", title="laptop", detail="ED25519, made 3 weeks ago", icon_name="key-round", trailing="4 uses"),
        ListItem(key="b", title=LONG_NAME, detail=LONG_NAME, icon_name="key-round", trailing="never used"),
        ListItem(key="c", title="old", detail="DSA, refused everywhere", icon_name="ban", is_enabled=False),
    )
    chosen, detailed, arabic = List(plain, name="Apps"), List(rich, name="Keys"), List(rich, name="Keys")
    chosen.select("cloud")
    detailed.select("a")
    for each in (chosen, detailed, arabic):
        of_height(each, each.sizeHint().height())
    states = Specimens(cell=320).add("one line, shortcuts", chosen).add("two lines", detailed)
    return states.add("right to left", right_to_left(arabic))


def _log() -> QWidget:
    view = LogView()
    view.append_lines(log_lines(60))
    view.search.setText("creating... [2")
    view.canvas.set_following(False)
    return of_height(view, 520)


def _plan() -> QWidget:
    view, empty = PlanView(), PlanView()
    view.set_plan(plan_summary())
    empty.set_plan(PlanSummary())
    return column(view, part("Nothing to do", empty))


def _splitter() -> QWidget:
    splitter = QSplitter()
    splitter.addWidget(Label("Left", tone="secondary"))
    splitter.addWidget(Label("Right", tone="secondary"))
    return of_height(splitter, 120)


SECTIONS = (
    Section(key="header", title="PageHeader", build=_headers, icon_name="panel-left"),
    Section(key="filter", title="FilterBar", build=_filters, icon_name="list-filter"),
    Section(key="group", title="CollapsibleGroup", build=_groups, icon_name="fold-vertical"),
    Section(key="empty", title="EmptyState", build=_empty, icon_name="inbox", hint="One sentence, one action."),
    Section(key="error", title="ErrorState", build=_errors, icon_name="triangle-alert"),
    Section(key="states", title="ListStates", build=_list_states, icon_name="layers"),
    Section(key="table", title="Table", build=_table, icon_name="rows-3"),
    Section(key="list", title="List", build=_lists, icon_name="list"),
    Section(key="cards", title="CardGrid", build=_card_grid, icon_name="layout-grid"),
    Section(key="log", title="Log", build=_log, icon_name="scroll-text"),
    Section(key="plan", title="Plan", build=_plan, icon_name="git-pull-request"),
    Section(key="splitter", title="Splitter", build=_splitter, icon_name="columns-2"),
)
