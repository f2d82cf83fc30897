"""A shell in the process of shells is used like any other: nobody who shows it need know where it runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from machina_desktop.core.domain.terminal import NO, Answer, QuestionKind, SessionState
from machina_desktop.core.errors import Conflict
from machina_desktop.core.secret import Secret
from machina_desktop.core.ssh.hop import Hop
from machina_desktop.core.ssh.wish import ShellWish
from machina_desktop.core.workers.shell_process import Shells
from tests.fakes.sessions import NO_HOME, DirectLead, Watched, hop_to, hosted
from tests.fakes.ssh_server import FINGERPRINT, AskingServer, asking
from tests.fakes.sshd import KeyPair, Sshd, running

KEY = KeyPair()
YES = Answer(is_yes=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd"), options=("AcceptEnv LANG COLORTERM", NO_HOME)) as sshd:
        sshd.authorize(KEY)
        yield sshd


@pytest.fixture(scope="module")
def shells() -> Iterator[Shells]:
    made = Shells()
    yield made
    made.stop()


@pytest.fixture
def shell(shells: Shells, server: Sshd) -> Iterator[Watched]:
    wish = ShellWish(variables={"LANG": "C.UTF-8", "COLORTERM": "truecolor"})
    with hosted(shells, DirectLead(hop_to(server, KEY), wish=wish)) as watching:
        watching.until_state(SessionState.LIVE)
        yield watching


def reason_of(shell: Watched) -> str:
    shell.until_state(SessionState.LOST)
    assert shell.session.reason is not None
    return shell.session.reason.code


def test_what_is_typed_is_answered(shell: Watched) -> None:
    shell.session.write(b"echo $((6*7))-ok\n")
    shell.until_shown(b"42-ok")


def test_what_is_typed_while_it_connects_is_kept(shells: Shells, server: Sshd) -> None:
    with hosted(shells, DirectLead(hop_to(server, KEY))) as shell:
        shell.session.write(b"echo $((6*7))-early\n")
        shell.until_shown(b"42-early")


def test_the_terminal_has_its_type_and_size_and_what_the_server_takes(shell: Watched) -> None:
    shell.session.write(b"echo $TERM/$COLORTERM/$LANG/$(stty size)/\n")
    shell.until_shown(b"xterm-256color/truecolor/C.UTF-8/24 80/")


def test_a_new_size_reaches_the_shell(shell: Watched) -> None:
    shell.session.resize(132, 50)
    shell.session.write(b"echo $(stty size)/\n")
    shell.until_shown(b"50 132/")


def test_a_size_given_while_it_connects_is_the_one_it_begins_with(shells: Shells, server: Sshd) -> None:
    with hosted(shells, DirectLead(hop_to(server, KEY))) as shell:
        shell.session.resize(101, 33)
        shell.session.write(b"echo $(stty size)/\n")
        shell.until_shown(b"33 101/")


def test_every_byte_arrives_once_and_in_order(shells: Shells, server: Sshd) -> None:
    wish = ShellWish(command="stty raw; seq 1 400000")
    with hosted(shells, DirectLead(hop_to(server, KEY), wish=wish)) as shell:
        pieces = []
        while not shell.session.state.is_over or shell.session.waiting:
            if piece := shell.session.take(97_001):
                pieces.append(piece)
            else:
                shell.until(lambda: shell.session.waiting > 0 or shell.session.state.is_over, "more")
    assert max(map(len, pieces)) <= 97_001
    assert b"".join(pieces) == b"".join(b"%d\n" % each for each in range(1, 400_001))


def test_a_long_paste_arrives_whole_although_nobody_reads_it_at_first(shell: Watched) -> None:
    shell.session.write(b"stty raw -echo; echo rea''dy; sleep 0.5; head -c 3000000 | md5sum; stty sane\n")
    shell.until_shown(b"ready")
    pasted = b"".join(b"%d " % each for each in range(600_000))[:3_000_000]
    shell.session.write(pasted)
    shell.until_shown(hashlib.md5(pasted, usedforsecurity=False).hexdigest().encode())


def test_when_it_is_over_all_it_has_said_can_be_taken(shells: Shells, server: Sshd) -> None:
    with hosted(shells, DirectLead(hop_to(server, KEY), wish=ShellWish(command="seq 1 9000; exit 3"))) as shell:
        shell.until_state(SessionState.ENDED)
        assert (shell.session.exit_status, shell.session.reason) == (3, None)
        said = shell.session.waiting
        assert len(shell.session.take()) == said
        assert shell.session.take() == b""
        assert said == sum(len(f"{each}\r\n") for each in range(1, 9001))


def test_an_unknown_host_key_is_asked_about_and_kept_before_anybody_logs_in(shells: Shells, server: Sshd) -> None:
    before = server.log.read_text()
    lead = DirectLead(hop_to(server, KEY, pin="", known="Made today."))
    with hosted(shells, lead) as shell:
        question = shell.asked()
        assert question.kind is QuestionKind.HOST_KEY
        assert question.host_key is not None
        assert (question.host_key.fingerprint, question.known) == (server.fingerprint, "Made today.")
        assert "Accepted" not in server.log.read_text().removeprefix(before)
        shell.session.answer(YES)
        assert shell.session.question is None
        shell.until_state(SessionState.LIVE)
    assert lead.pinned == [("web-1", server.fingerprint)]


def test_a_host_key_that_could_not_be_kept_is_the_reason(shells: Shells, server: Sshd) -> None:
    lead = DirectLead(hop_to(server, KEY, pin=""))
    lead.refusal = Conflict("Somebody was quicker.", hint="Look again.", code="E-SSH-HOST-KEY")
    with hosted(shells, lead) as shell:
        shell.asked()
        shell.session.answer(YES)
        shell.until_state(SessionState.LOST)
        reason = shell.session.reason
        assert isinstance(reason, Conflict)
        assert (reason.message, reason.hint, reason.code) == ("Somebody was quicker.", "Look again.", "E-SSH-HOST-KEY")


def test_a_host_key_that_the_person_does_not_know_ends_it(shells: Shells, server: Sshd) -> None:
    lead = DirectLead(hop_to(server, KEY, pin=""))
    with hosted(shells, lead) as shell:
        shell.asked()
        shell.session.answer(NO)
        assert reason_of(shell) == "E-SSH-HOST-KEY"
    assert lead.pinned == []
    assert lead.ends == [0]


def test_a_changed_host_key_is_a_hard_stop_without_a_question(shells: Shells, server: Sshd) -> None:
    with hosted(shells, DirectLead(hop_to(server, KEY, pin=KeyPair().fingerprint))) as shell:
        assert reason_of(shell) == "E-SSH-HOST-KEY"


def test_a_wrong_password_is_asked_for_anew_and_a_right_one_logs_in(shells: Shells) -> None:
    served = AskingServer(password="open sesame")
    with asking(served) as target:
        hop = Hop(name="web-1", target=target, pins=(FINGERPRINT,))
        with hosted(shells, DirectLead(hop)) as shell:
            first = shell.asked()
            shell.session.answer(Answer(is_yes=True, texts=(Secret("wrong"),)))
            second = shell.asked()
            assert (first.is_retry, second.is_retry) == (False, True)
            shell.session.answer(Answer(is_yes=True, texts=(Secret("open sesame"),)))
            shell.until_shown(b"hello")
    assert served.given == ["wrong", "open sesame"]


def test_each_admission_is_ended_once(shells: Shells, server: Sshd) -> None:
    lead = DirectLead(hop_to(server, KEY))
    with hosted(shells, lead) as shell:
        shell.until_state(SessionState.LIVE)
        shell.session.reconnect()
        assert len(lead.ends) == 1
        shell.until_state(SessionState.LIVE)
        shell.session.write(b"exit\n")
        shell.until_state(SessionState.ENDED)
        shell.session.close()
    assert len(lead.ends) == 2
