"""The API does what its description says, whatever is sent: right and wrong data made from the description.

Proof of T38 of trust.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import hypothesis
import pytest
import pytest_asyncio
import schemathesis
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as described

from machina_desktop.server.routes import served, success_of
from tests.fakes.server import Site, settled

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXAMPLES = 4
# These end the session that asks.
ENDING = {"session.logout", "session.rotate", "session.revoke"}
ENDLESS = {"sync.hints"}
AGENTS: list[str] = []
"""The token of a machine's agent."""
ALWAYS = [
    checks.not_a_server_error,
    described.status_code_conformance,
    described.content_type_conformance,
    described.response_schema_conformance,
    described.response_headers_conformance,
    described.ignored_auth,
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with settled(tmp_path_factory.mktemp("site") / "home") as made:
        account_id = await made.account()
        for number in range(3):
            machine_id, _ = await made.machine(f"m{number}", account_id)
        AGENTS[:] = [(await made.admin.post(f"/api/machines/{machine_id}/agent-token"))["token"]]
        yield made


async def description(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = await site.visitor().get("/schema/openapi.json")
    return found


def sent(case: schemathesis.Case, site: Site, check: list[Callable[..., Any]]) -> int:
    """Send what was made, mostly about the team there is; answers the status."""
    if case.query and "stream" in case.query:
        # A stream has no end to be waited for.
        case.query.pop("stream")
    for place in (case.query, case.body):
        if isinstance(place, dict) and isinstance(place.get("team_id"), str):
            place["team_id"] = site.team_id
    token = AGENTS[0] if case.operation.definition.raw["operationId"] == "agent.beat" else site.admin.token
    headers = {"Authorization": f"Bearer {token}"}
    answer = case.call(base_url=site.url, headers=headers, timeout=20)
    case.validate_response(answer, checks=check, headers=headers)
    return int(answer.status_code)


def walk(schema: dict[str, Any], site: Site, mode: GenerationMode, check: list[Callable[..., Any]]) -> dict[int, int]:
    """Every operation with some data of that kind; answers how often each status came."""
    loaded = schemathesis.openapi.from_dict(schema)
    counts: dict[int, int] = {}
    settings = hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    for found in loaded.get_all_operations():
        operation = found.ok()
        if operation.definition.raw["operationId"] in ENDING | ENDLESS:
            continue

        @settings
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def one(case: schemathesis.Case) -> None:
            status = sent(case, site, check)
            counts[status] = counts.get(status, 0) + 1

        try:
            one()
        except hypothesis.errors.Unsatisfiable:
            # There is no wrong data for an operation that takes none.
            assert mode is GenerationMode.NEGATIVE
    return counts


async def test_right_data_is_answered_as_described(site: Site) -> None:
    counts = await asyncio.to_thread(walk, await description(site), site, GenerationMode.POSITIVE, ALWAYS)
    assert sum(counts.values()) >= 160
    assert counts.get(200, 0) > 20
    assert not any(status >= 500 for status in counts)


async def test_wrong_data_is_refused_as_described(site: Site) -> None:
    check = [*ALWAYS, described.negative_data_rejection]
    counts = await asyncio.to_thread(walk, await description(site), site, GenerationMode.NEGATIVE, check)
    assert sum(counts.values()) >= 100
    assert not any(status >= 500 for status in counts)


async def test_the_description_names_every_operation_with_its_success_and_its_refusals(site: Site) -> None:
    found = await description(site)
    assert found["openapi"].startswith("3.1")
    operations = {each["operationId"]: each for methods in found["paths"].values() for each in methods.values()}
    assert operations.keys() == {"sync.hints", *(case.action for case in served())}
    for case in served():
        operation = operations[case.action]
        assert {str(success_of(case)), "401", "404", "422", "429", "500"} <= operation["responses"].keys()
        assert operation["summary"]
        assert (operation.get("security") == []) is case.is_public


async def test_the_description_is_complete_in_itself(site: Site) -> None:
    found = await description(site)
    known = {f"#/components/{kind}/{name}" for kind in ("schemas", "responses") for name in found["components"][kind]}

    def refs(value: object) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return own.union(*(refs(each) for each in value.values()))
        return set().union(*(refs(each) for each in value)) if isinstance(value, list) else set()

    assert refs(found) <= known
    assert refs(found["paths"]) | refs(found["components"]) == known
