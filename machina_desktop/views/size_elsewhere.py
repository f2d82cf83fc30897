"""The same size elsewhere: what the team's other accounts have that is most like the chosen one, and what it costs."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from PySide6.QtCore import QCoreApplication, Qt, QTimer, Signal
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.provider import Size
from machina_desktop.core.domain.similar import Similar
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.ids import now
from machina_desktop.core.services.offers import CompareSizes, Elsewhere
from machina_desktop.views import tasks
from machina_desktop.views.prices import difference, memory, monthly, months_difference
from machina_desktop.views.provider_words import provider_title
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import IconButton
from machina_desktop.views.widgets.provider_icon import ProviderIcon
from machina_desktop.views.widgets.text import ElidedLabel, Label
from machina_desktop.views.wording import ago

# So long an answer may take before it is said that there will be one.
_SAID_AFTER_MS = 400
_OLD = timedelta(hours=2)
_ICON, _WHAT, _PRICE, _TAKE = range(4)
_LEFT, _RIGHT = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight


def _tr(text: str) -> str:
    return QCoreApplication.translate("SizeElsewhere", text)


class SizeElsewhere(QWidget):
    """A line for each other account; hidden while there is none. Only the newest question's answer is shown.

    Signals:
        taken(str, str, str): Account, region and size are wanted instead; only where they can be.
    """

    taken = Signal(str, str, str)

    def __init__(self, bridge: Bridge, *, name: str, can_take: bool = False, parent: QWidget | None = None) -> None:
        """``name`` is the object name; the button that takes what an account has is ``NAME.ACCOUNT``."""
        super().__init__(parent)
        self.setObjectName(name)
        self._bridge = bridge
        self._can_take = can_take
        self._wanted: tuple[str, str, Size] | None = None
        self._asked: tuple[str, str, Size] | None = None
        self._answered: tuple[str, str, Size] | None = None
        self._title = Label(_tr("The same elsewhere"), style=Type.LABEL, tone="secondary")
        self._about = Label(style=Type.SECONDARY, tone="secondary", wraps=True)
        self._about.setObjectName(f"{name}.about")
        self._rows = QWidget()
        self._grid = QGridLayout(self._rows)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(Space.M)
        self._grid.setVerticalSpacing(Space.S)
        self._grid.setColumnStretch(_WHAT, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        for widget in (self._title, self._rows, self._about):
            column.addWidget(widget)
        self._slow = QTimer(self, singleShot=True, interval=_SAID_AFTER_MS)
        self._slow.timeout.connect(lambda: self._say(_tr("Looking at what your other accounts have…")))
        self.hide()

    def compare(self, account_id: str, region: str, size: Size | None) -> None:
        """Show what is like ``size``, which the account offers; ``None`` shows nothing. Asked once for the same."""
        self._wanted = (account_id, region, size) if size is not None and account_id else None
        if self._wanted is None:
            self._answered = None
            self._show_rows(())
            self._say("")
        elif self._asked is None and self._wanted != self._answered:
            self._ask()

    def _ask(self) -> None:
        if self._wanted is None:
            return
        self._asked = account_id, region, size = self._wanted
        ask = CompareSizes(team_id=self._bridge.team_id, account_id=account_id, size=size.slug, region=region)
        self._slow.start()
        tasks.ask(
            self._bridge,
            ask,
            owner=self,
            done=partial(self._on_answer, self._asked),
            failed=self._on_failed,
        )

    def _on_answer(self, asked: tuple[str, str, Size], found: tuple[Elsewhere, ...]) -> None:
        if self._is_last():
            self._answered = asked
            self._show_rows(found, region=asked[1], size=asked[2])
            self._say(" ".join(_silence(each) for each in found if not each.sizes))

    def _on_failed(self, error: MachinaError) -> None:
        if self._is_last():
            self._answered = None
            self._show_rows(())
            # Beside what is chosen from this is no more than a hint: it opens no dialog.
            self._say(_tr("Your other accounts cannot be compared: {0}").format(str(error)))

    def _is_last(self) -> bool:
        """Whether the answer is to what is wanted now; else that is asked for."""
        asked, self._asked = self._asked, None
        self._slow.stop()
        if asked == self._wanted:
            return True
        self._ask()
        return False

    def _say(self, words: str) -> None:
        self._about.setText(words)
        self._about.setVisible(bool(words))
        self._appear()

    def _appear(self) -> None:
        has_rows = self._grid.count() > 0
        self._rows.setVisible(has_rows)
        self.setVisible(has_rows or bool(self._about.text()))

    def _show_rows(self, found: tuple[Elsewhere, ...], *, region: str = "", size: Size | None = None) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        if size is not None:
            rows = ((each, similar) for each in found for similar in each.sizes)
            for row, (each, similar) in enumerate(rows):
                self._add_row(row, each, similar, (region, size))
        self._appear()

    def _add_row(self, row: int, found: Elsewhere, similar: Similar, instead_of: tuple[str, Size]) -> None:
        region, size = instead_of
        there = similar.region.slug if similar.region is not None else ""
        about = ", ".join(part for part in (_measure(similar.size), _place(similar)) if part)
        price = monthly(similar.size, there) or _tr("price not told")
        more = _more(size, similar.size, region, there)
        title = _tr("{0} at {1}").format(similar.size.title, found.label)
        self._grid.addWidget(ProviderIcon(found.type, name=provider_title(found.type), size=28), row, _ICON)
        self._grid.addWidget(_cell(title, _aged(about, found)), row, _WHAT)
        self._grid.addWidget(_cell(price, more, is_right=True), row, _PRICE)
        if self._can_take:
            take = IconButton("arrow-right", _tr("Choose {0}").format(title))
            take.setObjectName(f"{self.objectName()}.{found.account_id}")
            take.clicked.connect(partial(self.taken.emit, found.account_id, there, similar.size.slug))
            self._grid.addWidget(take, row, _TAKE)


def _cell(first: str, second: str, *, is_right: bool = False) -> QWidget:
    """Two lines; those at the right are numbers, which are never cut."""
    cell = QWidget()
    column = QVBoxLayout(cell)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    shape = Label if is_right else ElidedLabel
    for text, style, tone in ((first, Type.MEDIUM, ""), (second, Type.SECONDARY, "secondary")):
        if text:
            label = shape(text, style=style, tone=tone)
            label.setAlignment(Qt.AlignmentFlag.AlignVCenter | (_RIGHT if is_right else _LEFT))
            column.addWidget(label)
    return cell


def _more(size: Size, other: Size, region: str, there: str) -> str:
    if months_difference(size, other, region, there=there) == 0:
        return _tr("the same price")
    return difference(size, other, region, there=there)


def _place(similar: Similar) -> str:
    if similar.region is None:
        return ""
    title = similar.region.title
    return title if similar.is_near else _tr("{0} (far away)").format(title)


def _measure(size: Size) -> str:
    found = (
        _tr("{0} vCPU").format(size.vcpus) if size.vcpus else "",
        memory(size.memory_mb) if size.memory_mb else "",
        _tr("{0} GB disk").format(size.disk_gb) if size.disk_gb else _tr("disk apart"),
    )
    return " · ".join(part for part in found if part)


def _aged(about: str, found: Elsewhere) -> str:
    """With how old what is known of it is, where that is older than usual."""
    if found.fetched_at is None or now() - found.fetched_at < _OLD:
        return about
    return _tr("{0}; as of {1}").format(about, ago(found.fetched_at))


def _silence(found: Elsewhere) -> str:
    if found.problem:
        return _tr("{0}: {1}").format(found.label, found.problem)
    return _tr("{0} has nothing like it.").format(found.label)
