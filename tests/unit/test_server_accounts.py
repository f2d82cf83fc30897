"""People have accounts at a shared server: who may make one, which passwords it takes, what it tells and keeps."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import time
import unicodedata
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import bcrypt
import pytest
import sqlalchemy as sa

from machina_desktop.core.domain.account import Account, Registration, SessionKind
from machina_desktop.core.domain.password import password_problem
from machina_desktop.core.domain.team import SystemRole, TeamRole
from machina_desktop.core.errors import Conflict, Forbidden, InvalidInput, MachinaError, Unauthenticated, Unavailable
from machina_desktop.core.ids import new_code, now
from machina_desktop.core.secret import Secret
from machina_desktop.core.services import dispatch
from machina_desktop.core.services.accounts import ChangePassword, EnterAccount, Login, OpenAccount, Register
from machina_desktop.core.services.authentication import SignedIn
from machina_desktop.core.services.passwords import COST, Passwords, stored_pepper
from machina_desktop.core.services.server_description import DescribeServer
from machina_desktop.core.services.sessions import ListSessions
from machina_desktop.core.services.teams import ListTeams, UpdateProfile, WhoAmI
from machina_desktop.core.services.use_case import REGISTRY
from machina_desktop.core.workers import sign_ins
from tests.fakes.accounts import AGENT, PASSWORD, PEPPER, QUICK, Server, server
from tests.fakes.canaries import Hunt
from tests.fakes.hosts import core, until
from tests.fakes.people import code_for
from tests.unit.test_dispatch import some

NEW = Secret("nine quiet harbours")
WRONG = Secret("eight loud harbours")


@pytest.fixture
async def shared(tmp_path: Path, each_store: str) -> AsyncIterator[Server]:
    del each_store
    async with server(tmp_path / "home") as started:
        yield started


async def refused(answer: object) -> MachinaError:
    with pytest.raises(MachinaError) as caught:
        await answer  # type: ignore[misc]
    return caught.value


# Registering


async def test_the_first_account_administers_the_server_and_no_later_one(shared: Server) -> None:
    ada, zoe = await shared.registered("Ada"), await shared.registered("Zoe")
    assert (ada.user.role, zoe.user.role) == (SystemRole.ADMIN, SystemRole.USER)
    assert (await shared.actor(ada.token)).system_role is SystemRole.ADMIN


async def test_of_two_that_come_first_at_once_one_administers(shared: Server) -> None:
    both = await asyncio.gather(shared.registered("Ada"), shared.registered("Zoe"))
    assert sorted(each.user.role for each in both) == [SystemRole.ADMIN, SystemRole.USER]


async def test_whoever_registers_is_signed_in_and_in_no_team(shared: Server) -> None:
    ada = await shared.registered("Ada")
    assert await shared.ask(WhoAmI(), ada.token) == ada.user
    assert await shared.ask(ListTeams(), ada.token) == ()
    assert ada.user.last_login_at is not None


async def test_an_address_has_one_account_however_it_is_written(shared: Server) -> None:
    await shared.registered("Ada")
    for email in ("ADA@example.org", " ada@Example.ORG "):
        error = await refused(shared.ask(Register(email=email, display_name="Eve", password=PASSWORD)))
        assert (type(error), error.code) == (Conflict, "E-EMAIL-TAKEN")
    assert shared.made.sql("SELECT count(*) FROM account") == [(1,)]


async def test_two_that_take_one_address_at_once_get_one_account(shared: Server) -> None:
    await shared.registered("Ada")
    asks = [shared.ask(Register(email="zoe@example.org", display_name=name, password=PASSWORD)) for name in "ABC"]
    made = [each for each in await asyncio.gather(*asks, return_exceptions=True) if isinstance(each, SignedIn)]
    assert len(made) == 1
    assert shared.made.sql("SELECT count(*) FROM account") == [(2,)]


@pytest.mark.parametrize(
    ("email", "name", "field"),
    [("", "Zoe", "email"), ("zoe", "Zoe", "email"), ("zoe@example.org", " ", "display_name")],
)
async def test_an_account_needs_an_address_and_a_name(shared: Server, email: str, name: str, field: str) -> None:
    error = await refused(shared.ask(Register(email=email, display_name=name, password=PASSWORD)))
    assert isinstance(error, InvalidInput)
    assert error.field == field


async def test_by_invitation_only_a_code_lets_one_person_in_and_into_the_team(tmp_path: Path, each_store: str) -> None:
    del each_store
    async with server(tmp_path / "home", registration=Registration.INVITE) as shared:
        await shared.registered("Ada")
        error = await refused(shared.registered("Eve"))
        assert (type(error), error.code) == (Forbidden, "E-REGISTRATION")
        assert (await refused(shared.registered("Eve", code=Secret(new_code())))).code == "E-INVITE"
        code = await code_for(shared.made)
        asked = [shared.registered(name, code=code) for name in ("Zoe", "Bob", "Cay")]
        let_in = [each for each in await asyncio.gather(*asked, return_exceptions=True) if isinstance(each, SignedIn)]
        assert len(let_in) == 1
        assert (await shared.actor(let_in[0].token)).team_roles == ((shared.made.team_id, TeamRole.MEMBER),)
        assert shared.made.sql("SELECT count(*) FROM account") == [(2,)]
        event = (await shared.made.audit())[-1]
        assert (event.action, event.actor_id) == ("account.register", let_in[0].user.user_id)
        assert event.actor_name == let_in[0].user.display_name


# Passwords


@pytest.mark.parametrize(
    "password",
    [
        "elevenchars",
        "x" * 129,
        "password1234",
        "Password123456",
        "P@ssw0rd1234",
        "passwordpassword",
        "aaaaaaaaaaaa",
        "abababababababab",
        "123456789012",
        "qwertyuiop[]",
        "1q2w3e4r5t6y",
        "International",
        "iloveyou!!!!!",
        "111222333111",
        "zoe@example.org",
        "Zoe-Lindqvist-1",
        "zoeexampleorg",
    ],
)
def test_what_somebody_would_guess_first_is_no_password(password: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Passwords(PEPPER, cost=QUICK).check(Secret(password), "Zoe Lindqvist", "zoe@example.org")
    assert (caught.value.code, caught.value.field) == ("E-PASSWORD", "password")
    assert password not in str(caught.value)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "🐎🔋🌲🏠🧭🪁" * 2 + "🧊",
        "пароль для сервера",
        "Tr0ub4dor&3xyz",
        "  two  spaces  ",
        "k" * 5 + "ß" * 123,
    ],
)
def test_any_other_of_12_to_128_characters_is_one(password: str) -> None:
    Passwords(PEPPER, cost=QUICK).check(Secret(password), "Zoe Lindqvist", "zoe@example.org")


def test_more_than_3000_common_passwords_of_that_length_are_known() -> None:
    common = frozenset(Path("resources/passwords/common.txt").read_text().splitlines())
    long = [word for word in common if len(word) >= 12]
    assert len(long) > 3000
    assert all(password_problem(word, about=(), common=common) for word in long)


async def test_no_character_of_a_long_password_is_lost() -> None:
    passwords = Passwords(PEPPER, cost=QUICK)
    long = "🐎" * 127
    stored, pepper = await passwords.hashed(Secret(long + "a"))
    account = Account(user_id="u", email="", password_hash=stored.reveal(), pepper=pepper, changed_at=now())
    for other in ("b", ""):
        assert not await passwords.match(Secret(long + other), account)
    assert await passwords.match(Secret(long + "a"), account)


async def test_a_password_is_the_same_from_every_keyboard_and_nothing_else_is(shared: Server) -> None:
    composed, apart = (unicodedata.normalize(form, "träume über flüsse") for form in ("NFC", "NFD"))
    assert composed != apart
    await shared.ask(Register(email="zoe@example.org", display_name="Zoe", password=Secret(composed)))
    await shared.signed_in("Zoe", password=Secret(apart))
    for other in (composed.upper(), composed + " ", "\uff54räume über flüsse"):
        assert (await refused(shared.signed_in("Zoe", password=Secret(other)))).code == "E-LOGIN"


async def test_a_hash_is_bcrypt_of_the_keyed_pre_hash(shared: Server) -> None:
    await shared.registered("Ada")
    [(stored,)] = shared.made.sql("SELECT password_hash FROM account")
    assert str(stored).startswith(f"$2b$0{QUICK}$")
    assert not bcrypt.checkpw(PASSWORD.reveal().encode(), str(stored).encode())
    assert COST == 12


def test_the_pepper_lies_in_a_private_file_and_stays(tmp_path: Path) -> None:
    path = tmp_path / ".data" / "pepper"
    pepper = stored_pepper(path)
    assert stored_pepper(path) == pepper
    assert len(pepper.reveal()) == 44
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("field", ["email", "display_name", "password"])
async def test_a_text_of_nothing_but_accents_stops_nobody(shared: Server, field: str) -> None:
    # Composing as many takes minutes.
    accents = "a" + "\u0300\u0316" * 100_000
    fields = {"email": "zoe@example.org", "display_name": "Zoe", "password": PASSWORD.reveal()} | {field: accents}
    password = Secret(fields.pop("password"))
    began = time.process_time()
    assert isinstance(await refused(shared.ask(Register(**fields, password=password))), InvalidInput)
    assert isinstance(await refused(shared.ask(Login(email=fields["email"], password=password))), Unauthenticated)
    assert time.process_time() - began < 5


async def test_what_cannot_be_stored_is_refused_and_no_fault(shared: Server) -> None:
    for text in ("\ud800", "a\0b"):
        ask = Login(email=text, password=Secret(text))
        assert (await refused(shared.ask(ask))).status in {401, 422}


# Signing in


async def test_signing_in_begins_a_new_session_each_time(shared: Server) -> None:
    ada = await shared.registered("Ada")
    again = await shared.signed_in("Ada")
    assert len({ada.token, again.token}) == 2
    assert len({ada.session_id, again.session_id}) == 2
    assert again.user.user_id == ada.user.user_id


async def test_what_was_wrong_shows_neither_in_the_answer_nor_in_the_work(shared: Server) -> None:
    await shared.registered("Ada")
    told, worked = set(), set()
    for email, password in (("ada@example.org", WRONG), ("nobody@example.org", PASSWORD), ("", Secret(""))):
        before = shared.passwords.hashings
        error = await refused(shared.ask(Login(email=email, password=password)))
        told.add((type(error), error.code, str(error)))
        worked.add(shared.passwords.hashings - before)
    assert worked == {1}
    assert len(told) == 1
    assert told.pop()[:2] == (Unauthenticated, "E-LOGIN")


async def test_a_wrong_password_is_the_same_work_whether_or_not_there_is_the_account(
    shared: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = now()
    for module in (dispatch, sign_ins):
        monkeypatch.setattr(module, "now", lambda: at)
    monkeypatch.setattr(sign_ins, "PAUSE_S", 0.01)
    await shared.registered("Ada")
    await shared.signed_in("Ada")
    worked = []
    for number, email in enumerate(("first@example.org", "ada@example.org", "nobody@example.org", "")):
        with statements() as executed:
            before = shared.passwords.hashings
            await refused(shared.ask(Login(email=email, password=WRONG), address=f"192.0.2.{number}"))
            hashings = shared.passwords.hashings - before
            # What is told later, and holds up whoever asks then.
            await until(lambda executed=executed: any("FROM team_member" in each for each in executed))
        worked.append((hashings, executed))
    assert len(worked[0][1]) > 5
    # The very first one begins the window of everybody.
    assert worked[1] == worked[2] == worked[3]


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is asked of the database, but for looking after agents, which nobody's asking causes."""
    executed: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement != "BEGIN" and "set_config" not in statement and "agent" not in statement:
            executed.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield executed
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


async def test_signing_in_is_in_the_audit_trail_of_each_team_with_address_and_program(shared: Server) -> None:
    await shared.registered("Ada", code=await code_for(shared.made))
    await shared.signed_in("Ada")
    event = (await shared.made.audit())[-1]
    assert (event.action, event.actor_name, event.user_agent) == ("account.login", "Ada", AGENT)
    assert event.ip_address.startswith("203.0.113.")


async def test_a_hash_of_lower_cost_or_another_pepper_is_renewed_at_the_next_sign_in(tmp_path: Path) -> None:
    former, newer = Secret("former pepper"), Secret("newer pepper")
    async with server(tmp_path / "home", peppers=(former,)) as shared:
        await shared.registered("Ada")
        first = shared.made.sql("SELECT password_hash, pepper FROM account")
        await shared.signed_in("Ada")
        assert shared.made.sql("SELECT password_hash, pepper FROM account") == first
    async with server(tmp_path / "home", peppers=(newer, former), cost=QUICK + 1) as shared:
        await shared.signed_in("Ada")
        [(stored, pepper)] = shared.made.sql("SELECT password_hash, pepper FROM account")
        assert str(stored).startswith("$2b$05$")
        assert pepper != first[0][1]
    async with server(tmp_path / "home", peppers=(newer,), cost=QUICK + 1) as shared:
        await shared.signed_in("Ada")


async def test_without_its_pepper_a_server_does_not_start(tmp_path: Path) -> None:
    async with server(tmp_path / "home") as shared:
        await shared.registered("Ada")
    with pytest.raises(Unavailable) as caught:
        async with server(tmp_path / "home", peppers=(Secret("another"),)):
            pass
    assert caught.value.code == "E-PEPPER"


async def test_of_an_unknown_pepper_the_log_tells_and_the_answer_does_not(
    shared: Server, caplog: pytest.LogCaptureFixture
) -> None:
    await shared.registered("Ada")
    shared.made.sql("UPDATE account SET pepper = ?", "unknown")
    before = shared.passwords.hashings
    assert (await refused(shared.signed_in("Ada"))).code == "E-LOGIN"
    assert shared.passwords.hashings == before + 1
    assert "pepper" in caplog.text


async def test_whoever_changes_their_address_signs_in_with_the_new_one(shared: Server) -> None:
    ada = await shared.registered("Ada")
    await shared.registered("Bob")
    await shared.ask(UpdateProfile(email="Zoe@example.org"), ada.token)
    assert (await shared.signed_in("Zoe")).user.user_id == ada.user.user_id
    assert (await refused(shared.signed_in("Ada"))).code == "E-LOGIN"
    assert (await refused(shared.ask(UpdateProfile(email="BOB@example.org"), ada.token))).code == "E-EMAIL-TAKEN"
    assert (await refused(shared.ask(UpdateProfile(email=""), ada.token))).code == "E-EMAIL"


# Changing the password


async def test_a_changed_password_ends_the_other_sessions_and_not_this_one(shared: Server) -> None:
    here = await shared.registered("Ada")
    there = await shared.signed_in("Ada")
    await shared.ask(ChangePassword(current=PASSWORD, new=NEW), here.token)
    assert (await shared.ask(WhoAmI(), here.token)).user_id == here.user.user_id
    assert (await shared.signed_in("Ada", password=NEW)).user.user_id == here.user.user_id
    assert isinstance(await refused(shared.ask(WhoAmI(), there.token)), Unauthenticated)
    assert (await refused(shared.signed_in("Ada"))).code == "E-LOGIN"


async def test_other_sessions_stay_when_that_is_wanted(shared: Server) -> None:
    here, there = await shared.registered("Ada"), await shared.signed_in("Ada")
    await shared.ask(ChangePassword(current=PASSWORD, new=NEW, end_others=False), here.token)
    assert len(await shared.ask(ListSessions(), there.token)) == 2


async def test_only_who_knows_the_password_changes_it_and_only_to_a_good_one(shared: Server) -> None:
    ada = await shared.registered("Ada")
    error = await refused(shared.ask(ChangePassword(current=WRONG, new=NEW), ada.token))
    assert (error.code, getattr(error, "field", "")) == ("E-PASSWORD-WRONG", "current")
    error = await refused(shared.ask(ChangePassword(current=PASSWORD, new=Secret("short")), ada.token))
    assert (error.code, getattr(error, "field", "")) == ("E-PASSWORD", "new")
    await shared.signed_in("Ada")


async def test_of_two_changes_at_once_one_holds(shared: Server) -> None:
    ada = await shared.registered("Ada")
    asks = [shared.ask(ChangePassword(current=PASSWORD, new=new, end_others=False), ada.token) for new in (NEW, WRONG)]
    ended = await asyncio.gather(*asks, return_exceptions=True)
    assert [type(each) for each in ended].count(type(None)) == 1
    [refusal] = [each for each in ended if each is not None]
    assert isinstance(refusal, MachinaError)
    assert refusal.code in {"E-PASSWORD-CHANGED", "E-PASSWORD-WRONG"}


# What is kept from whom


async def test_who_has_not_signed_in_may_ask_nothing_but_to_come_in(shared: Server) -> None:
    public = set()
    for case in REGISTRY.by_request.values():
        if case.is_public:
            public.add(case.request)
            continue
        error = await refused(shared.ask(some(case.request, team_id=shared.made.team_id)))
        assert isinstance(error, Unauthenticated), case.action
    assert public == {DescribeServer, Login, Register}


async def test_nobody_stores_a_password_hash_or_a_session_of_their_own(shared: Server) -> None:
    ada = await shared.registered("Ada")
    for request in (OpenAccount, EnterAccount):
        assert isinstance(await refused(shared.ask(some(request), ada.token)), Forbidden)


async def test_without_a_server_there_are_no_accounts(tmp_path: Path) -> None:
    async with core(tmp_path / "home") as made:
        for ask in (
            Login(email="ada@example.org", password=PASSWORD),
            Register(email="ada@example.org", display_name="Ada", password=PASSWORD),
            ChangePassword(current=PASSWORD, new=NEW),
        ):
            assert (await refused(made.call(ask))).code == "E-NO-ACCOUNTS"


async def test_no_password_token_or_hash_reaches_disk_log_feed_audit_or_answer(
    shared: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ada = await shared.registered("Ada", code=await code_for(shared.made), kind=SessionKind.DEVICE)
    again = await shared.signed_in("Ada")
    await refused(shared.signed_in("Ada", password=WRONG))
    await shared.ask(ChangePassword(current=PASSWORD, new=NEW, end_others=False), ada.token)
    secrets = {"password": PASSWORD, "new": NEW, "wrong": WRONG, "token": ada.token, "second token": again.token}
    hunt = Hunt(
        {name: secret.reveal().encode() for name, secret in secrets.items()} | {"pepper": PEPPER.reveal().encode()}
    )
    hunt.look(shared.made.stored(), "the data folder")
    hunt.look(caplog.text.encode(), "the log")
    hashes = [str(value) for row in shared.made.sql("SELECT password_hash FROM account") for value in row]
    hashes += [str(value) for row in shared.made.sql("SELECT token_hash FROM session") for value in row]
    told = repr((shared.made.events, await shared.made.audit(), await shared.ask(ListSessions(), ada.token), ada))
    for where, text in (
        ("answers", told),
        ("the log", caplog.text),
        ("the feed", repr(shared.made.sql("SELECT * FROM change"))),
    ):
        hunt.look(text.encode(), where)
        assert not [stored for stored in hashes if stored in text], where
    assert hunt.hits == set()


def test_the_core_needs_no_bcrypt() -> None:
    script = (
        "import sys; sys.modules['bcrypt'] = None\n"
        "import machina_desktop.core.host, machina_desktop.core.services.accounts"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
