"""What holds for every test: no display is needed, no real data folder is touched, busy machines are patient."""

from __future__ import annotations

import gc
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# Before anything imports Qt or reads the settings: workers of pytest-xdist import this file too. What the workers and
# the programs under test leave when they are killed lies in the folder of the first process, which ends in order.
_FOLDER = tempfile.TemporaryDirectory(prefix="machina-tests-", ignore_cleanup_errors=True)
os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["MACHINA_HOME"] = str(Path(_FOLDER.name) / "home")
os.environ["TMPDIR"] = _FOLDER.name

# What a script starts in the background ignores interrupts, and so would the programs under test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

hypothesis.settings.register_profile("machina", deadline=None)
hypothesis.settings.load_profile("machina")


@pytest.fixture(params=["sqlite", "postgresql"])
def each_store(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run a test on both databases; what it opens through ``tests.fakes.hosts`` lies there."""
    if request.param == "postgresql":
        # Imported before the settings of this file hold, it would read others.
        from tests.fakes import postgres

        with postgres.in_use():
            yield request.param
    else:
        yield request.param


# Widgets that a test left behind may only be collected on the thread they were made on. The interpreter collects on
# whatever thread makes the next object, and a widget destroyed there would wait for this thread for ever.
gc.disable()
_FULL_EVERY = 40
_ended = 0


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """Collect garbage between tests."""
    global _ended  # noqa: PLW0603 - one count a process
    _ended += 1
    gc.collect(2 if _ended % _FULL_EVERY == 0 else 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run whole-window tests one after the other: they share the two cores with the rest, not with each other."""
    for item in items:
        if item.get_closest_marker("window"):
            item.add_marker(pytest.mark.xdist_group("window"))
