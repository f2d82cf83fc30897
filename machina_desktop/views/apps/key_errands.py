"""Keys on their way into accounts and out of them: one at a time for each account, whatever is looked at meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from PySide6.QtCore import QObject, Signal

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.errors import Locked, MachinaError
from machina_desktop.core.services.key_sync import SyncedKey, SyncKey, UnsyncKey
from machina_desktop.views import tasks


class Deed(StrEnum):
    """What is done with a key at an account."""

    PUT = "put"
    TAKE = "take"


@dataclass(frozen=True, kw_only=True)
class Errand:
    """One key and one account.

    Attributes:
        key: The key as it was then, once it is done.
        was_there: The account knew the key before.
        error: Why it was not done.
        done: Called once it is done; not when it fails.
    """

    key_id: str
    account_id: str
    deed: Deed
    key: SSHKey | None = None
    was_there: bool = False
    error: MachinaError | None = None
    done: Callable[[], object] = lambda: None

    @property
    def is_done(self) -> bool:
        """Whether it was done."""
        return self.key is not None

    @property
    def is_open(self) -> bool:
        """Whether it waits or is under way."""
        return not self.is_done and self.error is None


class KeyErrands(QObject):
    """Lives as long as the bridge, so that closing a view neither cuts a request off nor loses what came of it.

    Signals:
        changed(str, str): Another state of the errand with that key id and account id.
    """

    changed = Signal(str, str)

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._bridge = bridge
        self._errands: dict[tuple[str, str], Errand] = {}
        self._waiting: dict[str, deque[Errand]] = {}
        self._is_lock_told = False

    def errand(self, key_id: str, account_id: str) -> Errand | None:
        """The last one of that key and account, if it has not been forgotten."""
        return self._errands.get((key_id, account_id))

    def is_busy(self, key_id: str, account_ids: Iterable[str]) -> bool:
        """Whether anything is still to be done with that key at those accounts."""
        found = (self.errand(key_id, account_id) for account_id in account_ids)
        return any(each is not None and each.is_open for each in found)

    def put(self, key_id: str, account_id: str, *, done: Callable[[], object] = lambda: None) -> None:
        """Put a key into an account; nothing while something else is done with the two."""
        self._begin(Errand(key_id=key_id, account_id=account_id, deed=Deed.PUT, done=done))

    def take(self, key_id: str, account_id: str, *, done: Callable[[], object] = lambda: None) -> None:
        """Take a key out of an account; nothing while something else is done with the two."""
        self._begin(Errand(key_id=key_id, account_id=account_id, deed=Deed.TAKE, done=done))

    def forget(self, key_id: str) -> None:
        """What has ended with that key is no news any more."""
        for pair in [pair for pair, each in self._errands.items() if pair[0] == key_id and not each.is_open]:
            del self._errands[pair]

    def _begin(self, errand: Errand) -> None:
        before = self.errand(errand.key_id, errand.account_id)
        if before is not None and before.is_open:
            return
        if not any(each.is_open for each in self._errands.values()):
            self._is_lock_told = False
        self._note(errand)
        queue = self._waiting.setdefault(errand.account_id, deque())
        queue.append(errand)
        if len(queue) == 1:
            self._run(errand)

    def _run(self, errand: Errand) -> None:
        pair = {"key_id": errand.key_id, "account_id": errand.account_id}

        def put(answer: SyncedKey) -> None:
            self._end(replace(errand, key=answer.key, was_there=answer.was_there))

        def taken(key: SSHKey) -> None:
            self._end(replace(errand, key=key))

        def failed(error: MachinaError) -> None:
            self._end(replace(errand, error=error))

        if errand.deed is Deed.PUT:
            tasks.ask(self._bridge, SyncKey(**pair), owner=self, done=put, failed=failed)
        else:
            tasks.ask(self._bridge, UnsyncKey(**pair), owner=self, done=taken, failed=failed)

    def _end(self, errand: Errand) -> None:
        queue = self._waiting[errand.account_id]
        queue.popleft()
        self._note(errand)
        if isinstance(errand.error, Locked):
            self._give_up(queue, errand.error)
        if errand.is_done:
            errand.done()
        if queue:
            self._run(queue[0])

    def _give_up(self, queue: deque[Errand], error: Locked) -> None:
        """The others would fail alike: ask once to unlock the vault, and let the person begin anew."""
        while queue:
            self._note(replace(queue.popleft(), error=error))
        if not self._is_lock_told:
            self._is_lock_told = True
            tasks.PRESENTER.show(error)

    def _note(self, errand: Errand) -> None:
        self._errands[errand.key_id, errand.account_id] = errand
        self.changed.emit(errand.key_id, errand.account_id)


def errands_of(bridge: Bridge) -> KeyErrands:
    """The errands of that bridge."""
    return bridge.findChild(KeyErrands) or KeyErrands(bridge)
