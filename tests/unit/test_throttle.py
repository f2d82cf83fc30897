"""What is tried too often is refused for a while, whoever tries, from wherever, at whichever process.

Proof of T32, T36 of trust.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from machina_desktop.core.domain import throttle
from machina_desktop.core.domain.throttle import By, Counter, Limit, counters
from machina_desktop.core.errors import InvalidInput, MachinaError, TooMany, Unauthenticated
from machina_desktop.core.ids import new_code
from machina_desktop.core.secret import Secret
from machina_desktop.core.services import dispatch
from machina_desktop.core.services.accounts import ChangePassword, Login, Register
from machina_desktop.core.services.audit import ListAuditEvents
from machina_desktop.core.services.importing import FinishImport, ImportTeamPart, ReleaseTeam
from machina_desktop.core.services.invites import JoinTeam
from machina_desktop.core.services.passwords import LONGEST_LINE
from machina_desktop.core.services.use_case import REGISTRY
from machina_desktop.core.workers import sign_ins
from tests.fakes.accounts import PASSWORD, Server, server
from tests.fakes.people import code_for

WRONG = Secret("eight loud harbours")


@pytest.fixture
async def shared(tmp_path: Path, each_store: str) -> AsyncIterator[Server]:
    del each_store
    async with server(tmp_path / "home") as started:
        yield started


@pytest.fixture(autouse=True)
def _clock_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every attempt of a test fall into one window."""
    later(monkeypatch, 0)


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    at = datetime.fromtimestamp(dispatch.now().timestamp() + seconds, UTC)
    # Whoever counts forgets windows that are over by its own clock.
    for module in (dispatch, sign_ins):
        monkeypatch.setattr(module, "now", lambda: at)


def counted(shared: Server) -> list[tuple[object, ...]]:
    """What is counted before sign-ins are looked at; those that failed are counted a while after they have."""
    query = "SELECT key, count FROM rate_limit WHERE key NOT LIKE 'account.login.failed %' ORDER BY key"
    return shared.made.sql(query)


async def tries(shared: Server, *emails: str, addresses: tuple[str, ...] = ("198.51.100.7",)) -> list[type[object]]:
    """How wrong sign-ins end, one after the other."""
    ended = []
    for at, email in enumerate(emails):
        try:
            await shared.ask(Login(email=email, password=WRONG), address=addresses[at % len(addresses)])
        except MachinaError as error:
            ended.append(type(error))
    return ended


def addresses(count: int) -> tuple[str, ...]:
    return tuple(f"192.0.{each >> 8}.{each & 255}" for each in range(count))


# Counting


def one(limit: Limit, *, address: str = "192.0.2.1", account: str = "", at_s: float = 0) -> Counter:
    [counter] = counters("a.b", (limit,), address=address, account=account, at_s=at_s)
    return counter


def test_a_window_ends_when_it_said_it_would() -> None:
    limit = Limit(by=By.ALL, count=3, window_s=60)
    assert {one(limit, at_s=at_s).ends_at for at_s in (120, 121.5, 179.9)} == {180}
    assert one(limit, at_s=180).ends_at == 240


@pytest.mark.parametrize(
    ("by", "differs"),
    [(By.ADDRESS, {"address": "192.0.2.2"}), (By.ACCOUNT, {"account": "zoe@example.org"})],
)
def test_each_is_counted_apart_and_everybody_together(by: By, differs: dict[str, str]) -> None:
    limit = Limit(by=by, count=1, window_s=60)
    assert one(limit) != one(limit, **differs)  # type: ignore[arg-type]
    everybody = Limit(by=By.ALL, count=1, window_s=60)
    assert one(everybody) == one(everybody, **differs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("address", "another"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:1:2:3"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::2"),
    ],
)
def test_addresses_that_one_caller_may_choose_among_are_counted_together(address: str, another: str) -> None:
    assert throttle.neighbourhood(address) == throttle.neighbourhood(another)
    assert throttle.neighbourhood(address) != throttle.neighbourhood("2001:db8:1:3::1")


def test_what_is_no_address_is_counted_as_it_is() -> None:
    assert throttle.neighbourhood("/run/machina.sock") == "/run/machina.sock"


def test_a_counter_tells_nobody_whose_it_is() -> None:
    for limit in throttle.SIGN_IN:
        key = one(limit, address="192.0.2.1", account="zoe@example.org").key
        assert "192.0.2.1" not in key
        assert "zoe" not in key


# Limits


async def test_ten_sign_ins_a_minute_from_one_address_are_enough(shared: Server) -> None:
    ended = await tries(shared, *(f"p{each}@example.org" for each in range(12)))
    assert ended == [Unauthenticated] * 10 + [TooMany] * 2
    assert await tries(shared, "q@example.org", addresses=("203.0.113.9",)) == [Unauthenticated]


async def test_ten_sign_ins_on_one_account_are_enough_wherever_they_come_from(shared: Server) -> None:
    await shared.registered("Ada")
    ended = await tries(shared, *["ADA@example.org"] * 12, addresses=addresses(12))
    assert ended == [Unauthenticated] * 10 + [TooMany] * 2
    with pytest.raises(TooMany):
        await shared.signed_in("Ada")


async def test_an_account_that_does_not_exist_is_counted_like_any_other(shared: Server) -> None:
    assert (await tries(shared, *["nobody@example.org"] * 11, addresses=addresses(11)))[-1] is TooMany


async def test_what_many_try_together_never_gets_further_than_the_limit(shared: Server) -> None:
    before = shared.passwords.hashings
    attempts = [(f"p{each}@example.org", address) for each, address in enumerate(addresses(200))]
    ended = []
    for first in range(0, len(attempts), LONGEST_LINE):
        together = attempts[first : first + LONGEST_LINE]
        ended += await asyncio.gather(*(tries(shared, email, addresses=(address,)) for email, address in together))
    assert ended.count([TooMany]) == 80
    assert shared.passwords.hashings - before == 120


async def test_a_refusal_says_when_to_come_back_and_then_it_is_over(
    shared: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tries(shared, *(f"p{each}@example.org" for each in range(10)))
    with pytest.raises(TooMany) as caught:
        await shared.ask(Login(email="p@example.org", password=WRONG))
    error = caught.value
    assert (error.code, error.status, 0 < error.retry_after_s <= 60) == ("E-RATE", 429, True)
    assert str(error.retry_after_s) in error.hint
    later(monkeypatch, error.retry_after_s)
    assert await tries(shared, "p@example.org") == [Unauthenticated]


async def test_what_is_refused_is_not_written_down(shared: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await tries(shared, *(f"p{each}@example.org" for each in range(10)))
    before = counted(shared)
    assert await tries(shared, *["p@example.org"] * 5) == [TooMany] * 5
    assert counted(shared) == before
    assert "E-RATE" in caplog.text


async def test_windows_that_are_over_are_forgotten(shared: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    await tries(shared, *(f"p{each}@example.org" for each in range(5)))
    later(monkeypatch, 3600)
    await tries(shared, "p@example.org")
    assert len(counted(shared)) == len(throttle.SIGN_IN)


async def test_all_processes_count_together(shared: Server, tmp_path: Path) -> None:
    await tries(shared, *(f"p{each}@example.org" for each in range(8)))
    async with server(tmp_path / "home") as other:
        assert await tries(other, *["q@example.org"] * 3) == [Unauthenticated, Unauthenticated, TooMany]
    assert await tries(shared, "p@example.org") == [TooMany]


async def test_codes_are_guessed_at_most_a_hundred_times_an_hour_by_all_and_ten_times_a_minute_by_one(
    shared: Server,
) -> None:
    people = [await shared.registered(f"P{each}") for each in range(11)]
    reached = 0
    for person, address in zip(people, addresses(11), strict=True):
        for _ in range(11):
            try:
                await shared.ask(JoinTeam(code=Secret(new_code())), person.token, address=address)
            except InvalidInput:
                reached += 1
            except TooMany:
                break
    assert reached == 100


async def test_guessing_a_code_too_often_is_no_event_of_any_team(shared: Server) -> None:
    made = shared.made
    ada = await shared.registered("Ada", code=await code_for(made))
    for _ in range(10):
        with pytest.raises(InvalidInput):
            await shared.ask(JoinTeam(code=Secret(new_code())), ada.token)
    before = await made.call(ListAuditEvents(team_id=made.team_id))
    with pytest.raises(TooMany):
        await shared.ask(JoinTeam(code=Secret(new_code())), ada.token)
    assert await made.call(ListAuditEvents(team_id=made.team_id)) == before


async def test_ten_accounts_an_hour_from_one_address_are_enough(shared: Server) -> None:
    def ask(each: int) -> Register:
        return Register(email=f"p{each}@example.org", display_name="P", password=PASSWORD)

    for each in range(10):
        await shared.ask(ask(each))
    with pytest.raises(TooMany):
        await shared.ask(ask(10))


async def test_ten_guesses_at_the_present_password_are_enough(shared: Server) -> None:
    ada = await shared.registered("Ada")
    for each in range(10):
        with pytest.raises(InvalidInput):
            await shared.ask(ChangePassword(current=WRONG, new=PASSWORD), ada.token, address=addresses(10)[each])
    with pytest.raises(TooMany):
        await shared.ask(ChangePassword(current=PASSWORD, new=WRONG), ada.token, address="203.0.113.9")


async def test_on_ones_own_computer_nothing_is_counted(shared: Server) -> None:
    for _ in range(15):
        with pytest.raises(InvalidInput):
            await shared.made.call(JoinTeam(code=Secret(new_code())))
    assert shared.made.sql("SELECT count(*) FROM rate_limit") == [(0,)]


def test_whatever_can_be_guessed_at_over_the_network_has_limits() -> None:
    limited = {case.request for case in REGISTRY.by_request.values() if case.limits}
    assert limited >= {Login, Register, ChangePassword, JoinTeam}
    # What is left takes much room rather than guesses.
    assert limited - {Login, Register, ChangePassword, JoinTeam} == {ImportTeamPart, FinishImport, ReleaseTeam}
