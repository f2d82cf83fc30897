"""Several accounts chosen for one or more keys, and how far each is with taking them."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLocale, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.views.apps.key_errands import Deed, Errand, errands_of
from machina_desktop.views.apps.key_places import Place, Places
from machina_desktop.views.callout import Callout
from machina_desktop.views.provider_words import dot_of, provider_title
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.checkbox import Checkbox
from machina_desktop.views.widgets.feedback import Skeleton, Spinner
from machina_desktop.views.widgets.provider_icon import AccountDot, ProviderIcon
from machina_desktop.views.widgets.text import ElidedLabel, IconLabel, Label


class _PlaceLine(QWidget):
    """One account: a tick, what it is, how many of the keys lie there, or why none can.

    Signals:
        toggled(bool): It was chosen, or not any more.
    """

    toggled = Signal(bool)

    def __init__(self, place: Place, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tick = Checkbox("")
        self.tick.setAccessibleName(place.account.label)
        self.tick.toggled.connect(self.toggled)
        self._dot = AccountDot(dot_of(place.account))
        self._icon = ProviderIcon(
            place.account.provider_type, name=provider_title(place.account.provider_type), size=24
        )
        self._label = ElidedLabel(place.account.label, style=Type.MEDIUM)
        self._said = Label(style=Type.SECONDARY, tone="secondary")
        self._spinner = Spinner()
        self._mark = IconLabel("circle-check", token="accent-success")
        self._why = Label(style=Type.SECONDARY, tone="secondary", wraps=True)
        self.problem = Callout("error")
        self.setObjectName(name)
        for widget, part in ((self.tick, "tick"), (self._said, "said"), (self._why, "why"), (self.problem, "problem")):
            widget.setObjectName(f"{name}.{part}")
        self._lay_out()
        self.show_place(place)

    def show_place(self, place: Place) -> None:
        """Show the account as it is now."""
        self._dot.set_token(dot_of(place.account))
        self._label.setText(place.account.label)
        self.problem.set_subject(place.account.label)
        self._label.set_tone("" if place.rank < 2 else "secondary")
        self._icon.setEnabled(place.rank < 2)
        self._why.setText(place.obstacle)
        self._why.setVisible(not place.is_ready)
        self.tick.setEnabled(place.is_ready)
        if not place.is_ready:
            self.tick.setChecked(False)
        self.tick.setAccessibleDescription(place.obstacle)

    def show_state(self, words: str, *, is_busy: bool, is_done: bool) -> None:
        """Say how far it is."""
        self._said.setText(words)
        self._spinner.setVisible(is_busy)
        self._mark.setVisible(is_done and not is_busy)
        self.tick.setAccessibleDescription(words or self._why.text())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The whole line can be clicked."""
        is_meant = event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint())
        if is_meant and self.tick.isEnabled():
            self.tick.toggle()

    def _lay_out(self) -> None:
        state = QHBoxLayout()
        state.setSpacing(Space.S)
        for sign in (self._said, self._spinner, self._mark):
            state.addWidget(sign)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 2, 0, 2)
        whole.setSpacing(Space.S)
        grid = QGridLayout()
        grid.setHorizontalSpacing(Space.S)
        grid.setVerticalSpacing(0)
        grid.setColumnStretch(3, 1)
        for column, widget in enumerate((self.tick, self._dot, self._icon, self._label)):
            grid.addWidget(widget, 0, column)
        grid.addLayout(state, 0, 4)
        grid.addWidget(self._why, 1, 3, 1, 2, Qt.AlignmentFlag.AlignTop)
        grid.setRowMinimumHeight(0, 28)
        whole.addLayout(grid)
        whole.addWidget(self.problem)


class PlaceChoice(QWidget):
    """The team's accounts to choose from. Those that cannot take keys say why, or are only counted.

    Signals:
        changed(): Other accounts are chosen, or there are other ones.
        finished(bool): Everything that was begun has ended; whether all of it was done.
    """

    changed = Signal()
    finished = Signal(bool)

    def __init__(self, bridge: Bridge, *, name: str, is_brief: bool = False, parent: QWidget | None = None) -> None:
        """``name`` begins the object names; a brief one shows only accounts that can take keys now, none chosen."""
        super().__init__(parent)
        self._name = name
        self._is_brief = is_brief
        self._keys: tuple[SSHKey, ...] = ()
        self._lines: dict[str, _PlaceLine] = {}
        self._begun: tuple[tuple[str, str], ...] = ()
        self._errands = errands_of(bridge)
        self._errands.changed.connect(self._on_errand)
        self._loading = Skeleton(rows=2)
        self._loading.setVisible(not is_brief)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(Space.XS)
        self._column.addWidget(self._loading)
        self._failure = Callout("error")
        self._failure.setObjectName(f"{name}.failure")
        self._column.addWidget(self._failure)
        self._places = Places(bridge, self)
        self._places.changed.connect(self._render)
        if not is_brief:
            self._places.failed.connect(self._failure.say_error)

    @property
    def is_known(self) -> bool:
        """Whether it is known which accounts there are."""
        return self._places.is_known

    def can_choose(self) -> bool:
        """Whether any account can take keys now."""
        return any(place.is_ready for place in self._places.all())

    def chosen(self) -> tuple[Place, ...]:
        """The accounts that are ticked."""
        return tuple(place for place in self._places.all() if self._is_ticked(place))

    def show_keys(self, keys: tuple[SSHKey, ...]) -> None:
        """These are to be put there."""
        self._keys = keys
        self._render()

    def begin(self) -> None:
        """Put what is missing into the accounts chosen; with nothing missing it has finished at once."""
        wanted = tuple(
            (key.ssh_key_id, place.account_id) for place in self.chosen() for key in self._keys if not place.knows(key)
        )
        self._begun = wanted
        for line in self._lines.values():
            line.tick.setEnabled(False)
        for pair in wanted:
            self._errands.put(*pair)
        self._conclude()

    def _render(self) -> None:
        if not self._places.is_known:
            return
        self._loading.hide()
        self._failure.clear()
        shown = [place for place in self._places.all() if place.is_ready or not self._is_brief]
        for gone in self._lines.keys() - {place.account_id for place in shown}:
            line = self._lines.pop(gone)
            line.hide()
            line.deleteLater()
        for at, place in enumerate(shown):
            line = self._lines.get(place.account_id) or self._made(place)
            if self._column.indexOf(line) != at:
                self._column.insertWidget(at, line)
            line.show_place(place)
            self._render_line(place, line)
        self.changed.emit()

    def _made(self, place: Place) -> _PlaceLine:
        line = self._lines[place.account_id] = _PlaceLine(place, f"{self._name}.{place.account_id}", parent=self)
        line.tick.setChecked(not self._is_brief and place.is_ready and not all(place.knows(key) for key in self._keys))
        line.toggled.connect(self.changed)
        return line

    def _render_line(self, place: Place, line: _PlaceLine) -> None:
        errands = [each for key in self._keys if (each := self._errand(key, place)) is not None]
        there = sum(bool(place.knows(key)) for key in self._keys)
        is_busy = any(each.is_open for each in errands)
        is_begun = any(account_id == place.account_id for _, account_id in self._begun)
        words = _words(there, len(self._keys), sum(each.was_there for each in errands), is_begun=is_begun)
        is_done = bool(self._keys) and there == len(self._keys)
        line.show_state(words if self._keys and (place.is_ready or there) else "", is_busy=is_busy, is_done=is_done)
        line.tick.setEnabled(place.is_ready and not self._is_any_open())
        error = next((each.error for each in errands if each.error is not None), None)
        if error is None or is_busy:
            line.problem.clear()
        else:
            line.problem.say_error(error)

    def _errand(self, key: SSHKey, place: Place) -> Errand | None:
        """What was begun here; what others did before is no news."""
        pair = (key.ssh_key_id, place.account_id)
        found = self._errands.errand(*pair) if pair in self._begun else None
        return found if found is not None and found.deed is Deed.PUT else None

    def _is_ticked(self, place: Place) -> bool:
        line = self._lines.get(place.account_id)
        return line is not None and line.tick.isChecked()

    def _is_any_open(self) -> bool:
        return any(_is_open(self._errands.errand(*pair)) for pair in self._begun)

    def _on_errand(self, key_id: str, account_id: str) -> None:
        if (key_id, account_id) not in self._begun:
            return
        errand = self._errands.errand(key_id, account_id)
        if errand is not None and errand.key is not None:
            self._keys = tuple(_newer(each, errand.key) for each in self._keys)
        self._render()
        self._conclude()

    def _conclude(self) -> None:
        if not self._is_any_open():
            found = (self._errands.errand(*pair) for pair in self._begun)
            self.finished.emit(all(each is not None and each.deed is Deed.PUT and each.is_done for each in found))


def _newer(known: SSHKey, told: SSHKey) -> SSHKey:
    """The newer one of the two, where they are the same key."""
    return told if told.ssh_key_id == known.ssh_key_id and told.updated_at >= known.updated_at else known


def _is_open(errand: Errand | None) -> bool:
    return errand is not None and errand.is_open


def _words(there: int, total: int, already: int, *, is_begun: bool) -> str:
    """How many of the keys lie there."""
    if total == 1:
        if already:
            return _tr("was there already")
        return _tr("is there") if there else _tr("not there")
    words = _tr("{0} of {1} there").format(_number(there), _number(total))
    if is_begun and already:
        words = _tr("{0}, {1} before").format(words, _number(already))
    return words


def _number(count: int) -> str:
    return QLocale().toString(count)


def _tr(text: str) -> str:
    return QCoreApplication.translate("KeyPlaceChoice", text)
