"""Whatever a cloud answers, a person reads what happened and what to do, and nothing is done twice."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import format_datetime

import pytest

from machina_desktop.core.errors import MachinaError, Unavailable
from machina_desktop.core.http import NoAnswer
from machina_desktop.core.ids import now
from machina_desktop.core.providers.base import Cancelled
from machina_desktop.core.providers.cloud_errors import WORDS, CloudError
from tests.fakes.clouds.served import Fault
from tests.fakes.clouds.stage import IMPATIENCE, KEY, KINDS, TOKEN, Stage, stage_of
from tests.fakes.evil_server import answer, answering

CALM = 5
"""How often a request is sent that changes nothing."""


@pytest.fixture(params=KINDS)
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with stage_of(request.param) as made:
        yield made


@dataclass(frozen=True, kw_only=True)
class Case:
    """A fault, and what becomes of a list and of a new key; each cloud has a word of its own for it.

    Attributes:
        words: The API's code and message, by provider.
        reads, writes: How often the request is sent.
    """

    name: str
    fault: Fault
    code: str
    words: dict[str, tuple[str, str]] | None = None
    reads: int = 1
    writes: int = 1


def said(digitalocean: tuple[str, str], hetzner: tuple[str, str]) -> dict[str, tuple[str, str]]:
    return {"digitalocean": digitalocean, "hetzner": hetzner}


def fault(status: int = 0, *, raw: str | None = None, drop: bool = False, **more: str) -> Fault:
    headers = {name.replace("_", "-"): value for name, value in more.items()}
    return Fault(match="", status=status, raw=raw, drop=drop, times=99, headers=headers)


UNFIT = "unprocessable_entity"
CASES = (
    Case(name="401", fault=fault(401), code="E-CLOUD-DENIED"),
    Case(name="403", fault=fault(403), code="E-CLOUD-DENIED", words=said(("forbidden", "No"), ("forbidden", "No"))),
    Case(name="404", fault=fault(404), code="E-CLOUD-NOT-FOUND", words=said(("not_found", ""), ("not_found", ""))),
    Case(name="409", fault=fault(409), code="E-CLOUD-CONFLICT", words=said(("conflict", "x"), ("conflict", "x"))),
    Case(
        name="locked",
        fault=fault(423),
        code="E-CLOUD-CONFLICT",
        words=said((UNFIT, "Droplet already has a pending event."), ("locked", "server is locked")),
    ),
    Case(
        name="quota",
        fault=fault(422),
        code="E-CLOUD-QUOTA",
        words=said((UNFIT, "this will exceed your droplet limit"), ("resource_limit_exceeded", "server limit")),
    ),
    Case(
        name="sold out",
        fault=fault(422),
        code="E-CLOUD-SOLD-OUT",
        words=said((UNFIT, "Size is not available in this region."), ("resource_unavailable", "placement")),
    ),
    Case(
        name="other 422",
        fault=fault(422),
        code="E-CLOUD-REFUSED",
        words=said((UNFIT, "You specified an invalid image"), ("invalid_input", "invalid input in field 'name'")),
    ),
    Case(
        name="429",
        fault=fault(429, Retry_After="0"),
        code="E-CLOUD-BUSY",
        words=said(("too_many_requests", "slow"), ("rate_limit_exceeded", "slow")),
        reads=CALM,
    ),
    Case(name="429 for long", fault=fault(429, Retry_After="3600"), code="E-CLOUD-BUSY"),
    Case(name="500", fault=fault(500), code="E-CLOUD-FAULT", reads=CALM),
    Case(name="502 of a gateway", fault=fault(502, raw="<html>Bad gateway"), code="E-CLOUD-FAULT", reads=CALM),
    Case(name="reset", fault=fault(drop=True), code="E-OFFLINE", reads=CALM),
    Case(name="empty body", fault=fault(200, raw=""), code="E-CLOUD-ANSWER"),
    Case(name="a web page", fault=fault(200, raw="<!doctype html><p>Welcome"), code="E-CLOUD-ANSWER"),
    Case(name="a page to log in at", fault=fault(403, raw="<html>Log in"), code="E-CLOUD-ANSWER"),
    Case(name="no JSON", fault=fault(200, raw="{'a'"), code="E-CLOUD-ANSWER"),
    Case(name="another JSON", fault=fault(200, raw='{"pods":[]}'), code="E-CLOUD-ANSWER"),
    Case(name="a list", fault=fault(200, raw="[]"), code="E-CLOUD-ANSWER"),
    Case(name="deep JSON", fault=fault(200, raw="[" * 100_000), code="E-CLOUD-ANSWER"),
    Case(name="moved", fault=fault(301, Location="https://example.org/"), code="E-CLOUD-ANSWER"),
    Case(name="packed", fault=fault(200, raw="{}", Content_Encoding="gzip"), code="E-CLOUD-ANSWER"),
)


def befall(stage: Stage, case: Case) -> None:
    code, words = (case.words or {}).get(stage.kind, ("service_error", "told to fail"))
    if case.words is None and case.fault.status == 401:
        code, words = "unauthorized", "Unable to authenticate you"
    stage.fake.faults.append(replace(case.fault, code=code, message=words))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_fault_of_a_list_has_a_code_and_a_next_step(stage: Stage, case: Case) -> None:
    befall(stage, case)
    with pytest.raises(Unavailable) as caught:
        await stage.provider.instances(stage.access())
    error = caught.value
    assert (error.code, len(stage.fake.requests)) == (case.code, case.reads)
    assert error.hint
    assert error.message.endswith(".")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_write_is_sent_once_whatever_becomes_of_it(stage: Stage, case: Case) -> None:
    resource_id = stage.add()
    code, words = (case.words or {}).get(stage.kind, ("service_error", "told to fail"))
    stage.fake.faults.append(replace(case.fault, match="POST", code=code, message=words, times=1))
    stage.provider.waits = replace(stage.provider.waits, busy_s=0.0, action_s=1.0)
    began = len(stage.fake.requests)
    with pytest.raises(MachinaError) as caught:
        await stage.provider.power(stage.context(resource_id), "reboot")
    assert len(stage.asked("POST")) == case.writes, stage.fake.requests[began:]
    if case.code in {"E-CLOUD-FAULT", "E-OFFLINE"}:
        assert "may have been carried out" in caught.value.hint


async def test_a_write_that_was_carried_out_and_answered_500_is_not_sent_again(stage: Stage) -> None:
    stage.fake.faults.append(Fault(match="POST", status=500, after=True))
    with pytest.raises(CloudError) as caught:
        await stage.provider.put_key(stage.access(), KEY)
    assert caught.value.code == "E-CLOUD-FAULT"
    assert len(stage.asked("POST")) == 1
    assert await stage.provider.put_key(stage.access(), KEY)
    assert len(stage.asked("POST")) == 1


async def test_a_write_whose_answer_got_lost_is_not_sent_again(stage: Stage) -> None:
    stage.fake.faults.append(Fault(match="POST", status=0, drop=True))
    with pytest.raises(NoAnswer) as caught:
        await stage.provider.put_key(stage.access(), KEY)
    assert "may have been carried out" in caught.value.hint
    assert len(stage.asked("POST")) == 1


async def test_a_delete_whose_answer_got_lost_is_sent_again(stage: Stage) -> None:
    found = await stage.provider.put_key(stage.access(), KEY)
    stage.fake.faults.append(Fault(match="DELETE", status=0, drop=True))
    await stage.provider.remove_key(stage.access(), found)
    assert len(stage.asked("DELETE")) == 2


async def test_a_list_gets_over_a_fault_that_passes(stage: Stage) -> None:
    stage.add(3)
    stage.fake.faults.append(Fault(match="GET", status=503, times=CALM - 1))
    assert len(await stage.provider.instances(stage.access())) == 3


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_the_time_that_the_api_asks_for_is_waited(stage: Stage, form: str) -> None:
    # A date has no fractions: it is at least a second from now.
    after = "1" if form == "seconds" else format_datetime(now() + timedelta(seconds=2), usegmt=True)
    stage.fake.faults.append(Fault(match="GET", status=429, code="rate_limit_exceeded", headers={"Retry-After": after}))
    began = time.monotonic()
    await stage.provider.instances(stage.access())
    assert time.monotonic() - began > 0.9


async def test_an_account_that_must_wait_for_long_is_told_how_long(stage: Stage) -> None:
    stage.fake.faults.append(
        Fault(match="GET", status=429, code="rate_limit_exceeded", headers={"Retry-After": "1800"})
    )
    with pytest.raises(CloudError, match="for 30 minutes"):
        await stage.provider.instances(stage.access())


async def test_requests_slow_down_when_few_are_left(stage: Stage) -> None:
    stage.provider.pace = replace(stage.provider.pace, pause_s=0.2)
    stage.add(201)
    reset = str(int(time.time()) + 60)
    headers = {"RateLimit-Remaining": "1", "RateLimit-Reset": reset}
    stage.fake.faults.append(Fault(match="GET", status=0, headers=headers))
    began = time.monotonic()
    assert len(await stage.provider.instances(stage.access())) == 201
    assert time.monotonic() - began > 0.3


async def test_a_wait_before_the_next_try_ends_when_the_run_is_cancelled(stage: Stage) -> None:
    resource_id = stage.add()
    stage.provider.pace = replace(stage.provider.pace, longest_s=60.0)
    stage.fake.faults.append(
        Fault(match="GET", times=9, status=429, code="rate_limit_exceeded", headers={"Retry-After": "60"})
    )
    asyncio.get_running_loop().call_later(0.2, stage.cancelled.set)
    with pytest.raises(Cancelled):
        await asyncio.wait_for(stage.provider.power(stage.context(resource_id), "reboot"), 20)


async def test_a_cloud_that_does_not_answer_in_time_is_given_up(stage: Stage) -> None:
    stage.provider.pace, stage.provider.patience = replace(stage.provider.pace, tries=2), IMPATIENCE
    stage.fake.faults.append(Fault(match="GET", status=0, delay_s=5.0, times=9))
    with pytest.raises(NoAnswer) as caught:
        await stage.provider.instances(stage.access())
    assert caught.value.is_late


async def test_a_body_that_trickles_is_given_up(stage: Stage) -> None:
    stage.provider.pace, stage.provider.patience = replace(stage.provider.pace, tries=1), IMPATIENCE

    async def trickle(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        for _ in range(100):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.1)

    async with answering(trickle) as evil:
        with pytest.raises(NoAnswer):
            await stage.provider.instances(stage.access(endpoint=evil.url))


async def test_a_body_without_an_end_is_given_up(stage: Stage) -> None:
    async def pour(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await evil.pour(writer, b" " * (1 << 16), times=1 << 10)

    async with answering(pour) as evil:
        with pytest.raises(CloudError) as caught:
            await stage.provider.instances(stage.access(endpoint=evil.url))
    assert caught.value.code == "E-CLOUD-ANSWER"
    assert "MiB" in caught.value.message


def page(stage: Stage, following: object, machine_id: int = 1) -> bytes:
    """A page of one machine."""
    machine = {"id": machine_id, "name": "a", "status": "off", "server_type": {"name": "x"}, "location": {"name": "y"}}
    if stage.kind == "hetzner":
        return json.dumps({"servers": [machine], "meta": {"pagination": {"next_page": following}}}).encode()
    return json.dumps({"droplets": [machine], "links": {"pages": {"next": following}}}).encode()


@pytest.mark.parametrize("following", ["the same", "another", "two in turn"])
async def test_a_page_that_repeats_ends_the_list(stage: Stage, following: str) -> None:
    """The same page is said to follow, or another one that has the same on it, or the one before."""
    count = 0

    async def repeat(writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        number = {"the same": 2, "another": count + 1, "two in turn": 1 + count % 2}[following]
        address = f"{evil.url}{stage.list_path}?page={number}"
        machine_id = count if following == "two in turn" else 1
        writer.write(answer(page(stage, number if stage.kind == "hetzner" else address, machine_id)))

    async with answering(repeat) as evil:
        with pytest.raises(CloudError, match="again and again"):
            await stage.provider.instances(stage.access(endpoint=evil.url))
    assert count <= 3


async def test_the_token_does_not_follow_a_page_to_another_server() -> None:
    async with answering(b"") as other:
        with stage_of("digitalocean") as stage:
            body = page(stage, f"{other.url}{stage.list_path}?page=2")
            stage.fake.faults.append(Fault(match="GET", status=200, raw=body.decode()))
            with pytest.raises(CloudError, match="lies elsewhere"):
                await stage.provider.instances(stage.access())
        assert other.requests == []


async def test_words_of_a_stranger_are_short_and_hold_no_token(stage: Stage) -> None:
    words = f"bad token {TOKEN}\x1b[31m\n" + "x" * 5000
    stage.fake.faults.append(Fault(match="GET", status=422, code="invalid_input", message=words))
    with pytest.raises(CloudError) as caught:
        await stage.provider.instances(stage.access())
    text = f"{caught.value} {caught.value.complaint}"
    assert TOKEN not in text
    assert "\x1b" not in text
    assert len(caught.value.message) < WORDS + 60
