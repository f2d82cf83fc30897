"""Where garbage is collected while the window is open."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from machina_desktop.views.garbage import GarbageCollection


class Thing:
    """Something that only a collection finds, and the thread it went on."""

    gone_on: list[int] = []  # noqa: RUF012 - noted by `__del__`

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        Thing.gone_on.append(threading.get_ident())


@pytest.fixture
def collection() -> Iterator[GarbageCollection]:
    Thing.gone_on = []
    made = GarbageCollection()
    made.start()
    yield made
    made.stop()
    # The tests themselves do without the interpreter's, see tests/conftest.py.
    gc.disable()


def make_garbage() -> list[list[int]]:
    Thing()
    return [[number] for number in range(20_000)]


def test_garbage_of_another_thread_goes_on_this_one(collection: GarbageCollection, qtbot: QtBot) -> None:
    worker = threading.Thread(target=make_garbage)
    worker.start()
    worker.join()
    kept = make_garbage()
    qtbot.waitUntil(lambda: len(Thing.gone_on) == 2)
    assert set(Thing.gone_on) == {threading.get_ident()}
    assert len(kept) == 20_000


def test_nothing_is_collected_before_there_is_enough(collection: GarbageCollection) -> None:
    gc.collect()
    thing = Thing()
    seen = weakref.ref(thing)
    del thing
    collection.collect_due()
    assert seen() is not None


def test_the_interpreter_collects_again_after_the_end() -> None:
    made = GarbageCollection()
    made.start()
    assert not gc.isenabled()
    made.stop()
    assert gc.isenabled()
    gc.disable()
