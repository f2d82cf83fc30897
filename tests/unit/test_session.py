"""A shell over a real openssh-server: what is typed arrives, what comes can be taken, and every end has its reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from machina_desktop.core.domain.terminal import Answer, QuestionKind, SessionState
from machina_desktop.core.ssh.wish import ShellWish
from tests.fakes.sessions import NO_HOME, DirectLine, Watched, hop_to, watched
from tests.fakes.sshd import KeyPair, Sshd, running

KEY = KeyPair()
YES = Answer(is_yes=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd"), options=("AcceptEnv LANG COLORTERM", NO_HOME)) as sshd:
        sshd.authorize(KEY)
        yield sshd


@pytest.fixture
def shell(server: Sshd) -> Iterator[Watched]:
    wish = ShellWish(variables={"LANG": "C.UTF-8", "COLORTERM": "truecolor"})
    with watched(DirectLine(hop_to(server, KEY), wish=wish)) as watching:
        watching.until_state(SessionState.LIVE)
        yield watching


def test_what_is_typed_is_answered(shell: Watched) -> None:
    shell.session.write(b"echo $((6*7))-ok\n")
    shell.until_shown(b"42-ok")


def test_what_is_typed_while_it_connects_is_kept(server: Sshd) -> None:
    with watched(DirectLine(hop_to(server, KEY))) as shell:
        shell.session.write(b"echo $((6*7))-early\n")
        shell.until_shown(b"42-early")


def test_the_terminal_has_its_type_and_size_and_what_the_server_takes(shell: Watched) -> None:
    shell.session.write(b"echo $TERM/$COLORTERM/$LANG/$(stty size)/\n")
    shell.until_shown(b"xterm-256color/truecolor/C.UTF-8/24 80/")


def test_a_new_size_reaches_the_shell(shell: Watched) -> None:
    shell.session.resize(132, 50)
    shell.session.write(b"echo $(stty size)/\n")
    shell.until_shown(b"50 132/")


def test_what_came_is_taken_in_pieces_of_any_size_and_in_order(server: Sshd) -> None:
    with watched(DirectLine(hop_to(server, KEY), wish=ShellWish(command="seq 1 3000"))) as shell:
        shell.until_state(SessionState.ENDED)
        pieces = []
        while piece := shell.session.take(97):
            pieces.append(piece)
    assert set(map(len, pieces[:-1])) == {97}
    assert b"".join(pieces).split() == [b"%d" % each for each in range(1, 3001)]


def test_the_exit_status_of_the_shell_is_known(shell: Watched) -> None:
    shell.session.write(b"exit 3\n")
    shell.until_state(SessionState.ENDED)
    assert (shell.session.exit_status, shell.session.reason) == (3, None)


def test_an_unknown_host_key_is_asked_about_and_pinned_before_anybody_logs_in(server: Sshd) -> None:
    before = server.log.read_text()
    line = DirectLine(hop_to(server, KEY, pin="", known="Made today."))
    with watched(line) as shell:
        question = shell.asked()
        assert question.kind is QuestionKind.HOST_KEY
        assert question.host_key is not None
        assert (question.host_key.fingerprint, question.known) == (server.fingerprint, "Made today.")
        assert "Accepted" not in server.log.read_text().removeprefix(before)
        shell.session.answer(YES)
        shell.until_state(SessionState.LIVE)
    assert line.pinned == [("web-1", server.fingerprint)]
