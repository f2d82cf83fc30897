"""The window over accounts at four clouds: from the last answer of an API to the table that shows all machines."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication

from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.http import Http
from machina_desktop.core.http_terms import Answer
from machina_desktop.core.providers import aws_session
from machina_desktop.core.providers.base import Provider
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.providers import AddAccount
from machina_desktop.views.apps.provider_adoption import AdoptionDialog
from tests.fakes.account_desk import AccountDesk, account_desk
from tests.fakes.gateway import until
from tests.fakes.provider import install

WAIT_S = 90.0


class Answers:
    """When the last answer of any API came."""

    def __init__(self) -> None:
        self.last_s = 0.0
        ask: Callable[..., Awaitable[Answer]] = Http.ask
        note = aws_session.note_status

        async def asked(*given: object, **more: object) -> Answer:
            answer = await ask(*given, **more)
            self.last_s = time.perf_counter()
            return answer

        def noted(response_dict: Mapping[str, object], **rest: object) -> None:
            self.last_s = time.perf_counter()
            note(response_dict, **rest)

        Http.ask = asked  # type: ignore[method-assign,assignment]
        aws_session.note_status = noted


class Painted(QObject):
    """When the table was painted with all rows for the first time."""

    def __init__(self, dialog: AdoptionDialog, rows: int) -> None:
        super().__init__()
        self.at_s = 0.0
        self._dialog, self._rows = dialog, rows
        dialog.table.viewport().installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802 - the name of the base class
        is_full = self._dialog.model.rowCount() == self._rows and self._dialog.is_done()
        if event.type() == QEvent.Type.Paint and is_full and not self.at_s:
            # The paint itself is still to come: until the next turn of the loop.
            asyncio.get_running_loop().call_soon(self._note)
        return False

    def _note(self) -> None:
        self.at_s = self.at_s or time.perf_counter()


async def shown(
    providers: dict[ProviderType, Provider], fields: dict[ProviderType, dict[str, str]], *, machines: int, rounds: int
) -> list[float]:
    """Seconds from the last answer to the painted table, ``rounds`` times; ``fields`` are those of each account."""
    QApplication.instance() or QApplication([])
    answers = Answers()
    with tempfile.TemporaryDirectory() as folder:
        async with account_desk(Path(folder) / "home") as desk:
            for kind, provider in providers.items():
                install(provider)
                known = {name: Secret(value) for name, value in fields[kind].items()}
                await desk.made.call(AddAccount(team_id=desk.made.team_id, type=kind, label=kind, fields=known))
            return [await _once(desk, answers, machines * len(providers)) for _ in range(rounds)]


async def _once(desk: AccountDesk, answers: Answers, rows: int) -> float:
    await until(lambda: desk.sees("providers.find_machines"), deadline_s=WAIT_S)
    QTest.mouseClick(desk.find(QAbstractButton, "providers.find_machines"), Qt.MouseButton.LeftButton)
    (dialog,) = [each for each in QApplication.topLevelWidgets() if isinstance(each, AdoptionDialog)]
    painted = Painted(dialog, rows)
    await until(lambda: painted.at_s, deadline_s=WAIT_S)
    took_s = painted.at_s - answers.last_s
    dialog.reject()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    await asyncio.sleep(0.1)
    return took_s
