"""Every use case answers the same, whether it is asked here or over HTTP, and whatever database keeps its data."""

from __future__ import annotations

import contextlib
import pprint
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from machina_desktop.core.errors import Conflict, InvalidInput, MachinaError
from machina_desktop.core.ids import new_id
from machina_desktop.core.services.use_case import REGISTRY, Request
from machina_desktop.server.routes import served, served_to_devices
from tests.contract import (  # noqa: F401 - they fill the table
    about_clouds,
    about_files,
    about_machines,
    about_people,
    about_recordings,
    about_runs,
    about_terminals,
)
from tests.contract.scenarios import TABLE, Scenario
from tests.contract.world import DOORS, STORES, Likeness, World, world
from tests.fakes import postgres

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("contract")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worlds(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, World]]:
    """One for each store and door."""
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(postgres.in_use())
        yield {
            f"{store}, {door}": await stack.enter_async_context(
                world(tmp_path_factory.mktemp(store) / "home", store, door)
            )
            for store in STORES
            for door in DOORS
        }


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
async def test_it_is_answered_the_same_everywhere(worlds: dict[str, World], row: Scenario) -> None:
    found = {name: pprint.pformat(await outcome(each, row), width=110) for name, each in worlds.items()}
    first = next(iter(found.values()))
    for name, text in found.items():
        assert text.splitlines() == first.splitlines(), name


async def outcome(w: World, row: Scenario) -> object:
    """What came of it, in a form that can be compared with another world's."""
    # The same names everywhere, whatever has gone wrong before.
    w.count = 1000 * TABLE.index(row)
    made = await row.make(w)
    who, ask = made if isinstance(made, tuple) else (row.who, made)
    assert type(ask) is row.request
    if row.fails is not None:
        return await refusal(w, who, ask, row.fails)
    case = REGISTRY.find(row.request)
    op_id = "" if case.is_read else new_id("op")
    answer = await w.ask(who, ask, op_id=op_id)
    if case.is_read and who != "runner":
        # Of a read both doors give the very same answer.
        assert await w.here(who, ask) == answer == await w.there(who, ask)
    elif not row.is_once:
        await check_again(w, who, ask, op_id, answer)
    return Likeness().of(answer)


async def refusal(w: World, who: str, ask: Request[object], expected: tuple[type[MachinaError], str]) -> object:
    with pytest.raises(MachinaError) as caught:
        await w.ask(who, ask)
    error = caught.value
    assert (type(error), error.code) == expected, repr(error)
    return type(error), error.code, error.field if isinstance(error, InvalidInput) else ""


async def check_again(w: World, who: str, ask: Request[object], op_id: str, answer: object) -> None:
    """Asked again under the same id, through either door, it is answered as it was, and not carried out."""
    case = REGISTRY.find(type(ask))
    for door in (w.here, w.there) if who != "runner" else (w.here,):
        if case.keeps_answer:
            assert await door(who, ask, op_id=op_id) == answer
        else:
            with pytest.raises(Conflict) as caught:
                await door(who, ask, op_id=op_id)
            assert caught.value.code == "E-REPLAYED"


async def test_the_table_has_every_use_case() -> None:
    theirs = {row.request for row in TABLE}
    everywhere = {case.request for case in REGISTRY.by_request.values() if not case.path.startswith("/api/device/")}
    assert {request.__name__ for request in everywhere - theirs} == set()


async def test_every_use_case_is_answered_once_at_least_or_refused_with_a_reason() -> None:
    answered = {row.request for row in TABLE if row.fails is None}
    only_refused = {case.name for case in (*served(), *served_to_devices()) if case.request not in answered}
    moving = {"FinishImport", "ReleaseTeam", "GetDeparture"}
    asking = {"CompareSizes", "ImportMachine", "ReplaceCredentials", "SyncKey"}
    assert only_refused <= moving | asking, (
        "their success is tested with a whole team that moves, or where credentials can be opened: at no server"
    )
