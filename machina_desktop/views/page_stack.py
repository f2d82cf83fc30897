"""The centre of the window: pages are built when first shown, and told when they come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from machina_desktop.core.errors import MachinaError
from machina_desktop.views.apps.base import App, Page, Window
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.feedback import Skeleton
from machina_desktop.views.widgets.layout import PageHeader

if TYPE_CHECKING:
    from machina_desktop.bridge import Bridge
    from machina_desktop.views.widgets.states import ErrorState


class _Waiting(QWidget):
    """Stands where a page will be while the core starts."""

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.XL, Space.L, Space.XL, Space.L)
        column.setSpacing(Space.L)
        self._header: PageHeader | None = None
        column.addWidget(Skeleton(rows=9), 1)
        self._column = column

    def set_title(self, title: str) -> None:
        """Show the title of the page that is coming."""
        if self._header is not None:
            self._header.deleteLater()
        self._header = PageHeader(title, has_search=False)
        self._column.insertWidget(0, self._header)


class PageStack(QStackedWidget):
    """One page per app.

    Signals:
        built(object): A page was made.
        retried(): *Retry* was chosen after the core had not started.
    """

    built = Signal(object)
    retried = Signal()

    def __init__(self, apps: tuple[App, ...], door: Window, *, parent: QWidget) -> None:
        super().__init__(parent)
        self._apps = {app.name: app for app in apps}
        self._bridge: Bridge | None = None
        self._door = door
        self._pages: dict[str, Page] = {}
        self._name = ""
        self._place = ""
        self._shown: Page | None = None
        self._waiting = _Waiting()
        self._failure: ErrorState | None = None
        self.addWidget(self._waiting)

    def attach(self, bridge: Bridge) -> None:
        """Pages ask through ``bridge``; they are built once it has settled."""
        self._bridge = bridge
        bridge.team_changed.connect(lambda _team_id: self._begin_anew())
        bridge.when_settled(self._on_settled)

    @property
    def name(self) -> str:
        """The app shown, or to be shown once the core has started."""
        return self._name

    def page(self) -> Page | None:
        """The page shown; ``None`` while the core starts."""
        return self._shown

    def built_pages(self) -> tuple[Page, ...]:
        """The pages that were shown at least once."""
        return tuple(self._pages.values())

    def open(self, name: str, place: str = "") -> None:
        """Show an app's page, building it when it is the first time, and go to a place on it."""
        self._place = place
        if name == self._name and self._shown is not None:
            self._go_to_place(self._shown)
            return
        self._name = name
        if self._bridge is None or not self._bridge.is_settled:
            if self._failure is None:
                self._waiting.set_title(self._apps[name].title)
                self.setCurrentWidget(self._waiting)
                self._waiting.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        page = self._pages.get(name) or self._build(name, self._bridge)
        if self._shown is not None:
            self._shown.hidden()
        self._shown = page
        self.setCurrentWidget(page)
        # Else the focus would jump to whatever control comes next in the window.
        page.setFocus(Qt.FocusReason.OtherFocusReason)
        page.shown()
        self._go_to_place(page)

    def show_failure(self, error: MachinaError) -> None:
        """Say why the core has not started."""
        if self._failure is None:
            from machina_desktop.views.widgets.states import ErrorState  # noqa: PLC0415 - not before the first paint

            self._failure = ErrorState()
            self._failure.retried.connect(self._on_retried)
            self.addWidget(self._failure)
        self._failure.set_error(error)
        self._failure.retry.set_busy(False)
        self.setCurrentWidget(self._failure)

    def _build(self, name: str, bridge: Bridge) -> Page:
        page = self._apps[name].page(bridge, self._door)
        self._pages[name] = page
        self.addWidget(page)
        self.built.emit(page)
        return page

    def _begin_anew(self) -> None:
        """Another team is in view: no page may show the former one, so they are built again when next shown."""
        pages = tuple(self._pages.values())
        if self._shown is not None:
            self._shown.hidden()
        self._shown = None
        self._pages.clear()
        self.setCurrentWidget(self._waiting)
        for page in pages:
            self.removeWidget(page)
            page.hide()
            page.deleteLater()
        if self._name:
            self.open(self._name, self._place)

    def _go_to_place(self, page: Page) -> None:
        if self._place:
            page.go_to(self._place)
            self._place = ""

    def _on_retried(self) -> None:
        if self._failure is not None:
            self._failure.retry.set_busy(True)
        self.retried.emit()

    def _on_settled(self) -> None:
        if self._name:
            self.open(self._name, self._place)
