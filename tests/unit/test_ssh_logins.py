"""Logins as a person makes them: stored keys, the agent, key files, passwords and prompts, over jump hosts as well."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from machina_desktop.core.domain.terminal import NO, Answer, QuestionKind, SessionState
from machina_desktop.core.secret import Secret
from machina_desktop.core.ssh.hop import Hop
from machina_desktop.core.ssh.target import Target
from machina_desktop.core.ssh.wish import ShellWish
from tests.fakes.sessions import NO_HOME, DirectLine, hop_to, watched
from tests.fakes.ssh_server import FINGERPRINT, AskingServer, asking
from tests.fakes.sshd import KeyPair, Sshd, running

KEY = KeyPair()
YES = Answer(is_yes=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd"), options=(NO_HOME,)) as sshd:
        sshd.authorize(KEY)
        yield sshd


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    """The socket of an agent of its own."""
    program = shutil.which("ssh-agent")
    assert program, "ssh-agent is missing: install the Debian package openssh-client"
    socket = str(tmp_path / "agent")
    with subprocess.Popen([program, "-D", "-a", socket], stdout=subprocess.DEVNULL) as process:
        while not os.path.exists(socket):  # noqa: PTH110 - a socket, not a file
            assert process.poll() is None
        yield socket
        psutil.Process(process.pid).kill()


def add_to(agent: str, *keys: KeyPair, folder: Path) -> None:
    for number, key in enumerate(keys):
        path = key.write(folder / f"agent-{number}")
        subprocess.run(["ssh-add", "-q", path], env={**os.environ, "SSH_AUTH_SOCK": agent}, check=True)


def locked_file(folder: Path, key: KeyPair, passphrase: str) -> Path:
    path = key.write(folder / "id_locked")
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", passphrase, "-f", path], check=True)
    return path


def typed(*texts: str) -> Answer:
    return Answer(is_yes=True, texts=tuple(map(Secret, texts)))


def db(target: Target) -> Hop:
    return Hop(name="db", target=target, pins=(FINGERPRINT,))


def logs_in(hop: Hop, *answers: Answer) -> list[QuestionKind]:
    """Log in, answering what is asked; the kinds of questions."""
    kinds = []
    with watched(DirectLine(hop)) as shell:
        for answer in answers:
            kinds.append(shell.asked().kind)
            shell.session.answer(answer)
        shell.until(lambda: shell.session.state in {SessionState.LIVE, SessionState.ENDED}, "a login")
    return kinds


def refusal(hop: Hop, *answers: Answer) -> str:
    with watched(DirectLine(hop)) as shell:
        for answer in answers:
            shell.asked()
            shell.session.answer(answer)
        shell.until_state(SessionState.LOST)
        assert shell.session.reason is not None
        return shell.session.reason.code


def test_the_agents_key_logs_in_without_a_question(server: Sshd, agent: str, tmp_path: Path) -> None:
    add_to(agent, KeyPair("rsa"), KEY, folder=tmp_path)
    assert logs_in(hop_to(server, agent=agent)) == []


def test_a_key_that_is_known_to_fit_comes_before_all_others_of_the_agent(tmp_path: Path, agent: str) -> None:
    with running(tmp_path / "sshd", options=("MaxAuthTries 1", "LogLevel VERBOSE", NO_HOME)) as strict:
        strict.authorize(KEY)
        add_to(agent, *(KeyPair() for _ in range(4)), KEY, folder=tmp_path)
        assert logs_in(hop_to(strict, agent=agent, fitting=(KEY.fingerprint,))) == []
        assert "Failed" not in strict.log.read_text()


def test_a_full_agent_gets_in_although_the_server_hangs_up_after_three(tmp_path: Path, agent: str) -> None:
    with running(tmp_path / "sshd", options=("MaxAuthTries 3", NO_HOME)) as strict:
        strict.authorize(KEY)
        add_to(agent, *(KeyPair() for _ in range(4)), KEY, folder=tmp_path)
        assert logs_in(hop_to(strict, agent=agent)) == []


def test_no_more_keys_than_fifteen_are_ever_offered(server: Sshd, agent: str, tmp_path: Path) -> None:
    add_to(agent, *(KeyPair() for _ in range(18)), folder=tmp_path)
    before = server.log.read_text().count("Connection")
    assert refusal(hop_to(server, agent=agent)) == "E-SSH-AUTH"
    assert server.log.read_text().count("Connection") - before <= 3


def test_other_keys_of_the_agent_are_kept_back_where_only_named_ones_may_go(
    server: Sshd, agent: str, tmp_path: Path
) -> None:
    add_to(agent, KEY, folder=tmp_path)
    assert refusal(hop_to(server, agent=agent, is_limited=True)) == "E-SSH-KEY"


def test_an_agent_that_does_not_answer_is_as_good_as_none(server: Sshd, tmp_path: Path) -> None:
    assert logs_in(hop_to(server, KEY, agent=str(tmp_path / "nothing"))) == []


def test_a_key_file_asks_for_its_passphrase_until_it_is_right(server: Sshd, tmp_path: Path) -> None:
    path = locked_file(tmp_path, KEY, "open sesame")
    kinds = logs_in(hop_to(server, key_files=(path,)), typed("wrong"), typed("open sesame"))
    assert kinds == [QuestionKind.PASSPHRASE, QuestionKind.PASSPHRASE]


def test_who_gives_no_passphrase_is_not_asked_again(server: Sshd, tmp_path: Path) -> None:
    path = locked_file(tmp_path, KEY, "open sesame")
    assert refusal(hop_to(server, key_files=(path,)), NO) in {"E-SSH-KEY", "E-SSH-AUTH"}


def test_a_key_file_nobody_has_named_is_left_alone_when_it_has_a_passphrase(server: Sshd, tmp_path: Path) -> None:
    path = locked_file(tmp_path, KEY, "open sesame")
    assert refusal(hop_to(server, default_files=(path,))) == "E-SSH-KEY"


def test_a_password_is_asked_for_and_once_more_when_it_was_wrong() -> None:
    server = AskingServer(password="tr0ub4dor")
    with asking(server) as target:
        assert logs_in(db(target), typed("guess"), typed("tr0ub4dor")) == [QuestionKind.PASSWORD] * 2
    assert server.given == ["guess", "tr0ub4dor"]


def test_a_password_is_never_sent_before_the_host_key_is_accepted() -> None:
    server = AskingServer(password="tr0ub4dor")
    with asking(server) as target:
        assert refusal(Hop(name="db", target=target), NO) == "E-SSH-HOST-KEY"
    assert server.given == []


def test_the_servers_own_prompts_are_put_without_what_a_terminal_would_obey() -> None:
    with asking(AskingServer(answers=("ada", "123456"))) as target, watched(DirectLine(db(target))) as shell:
        question = shell.asked()
        assert (question.kind, question.text) == (QuestionKind.PROMPTS, "Two steps Look at]0;evil your token")
        assert [(each.text, each.is_shown) for each in question.prompts] == [("Name:", True), ("Code:", False)]
        shell.session.answer(typed("ada", "123456"))
        shell.until_shown(b"hello")


def test_closing_while_the_server_waits_for_an_answer_ends_at_once() -> None:
    with asking(AskingServer(answers=("ada", "123456"))) as target, watched(DirectLine(db(target))) as shell:
        shell.asked()
        shell.session.close()
        assert (shell.session.state, shell.session.question) == (SessionState.ENDED, None)


def test_each_hop_on_the_way_has_its_own_pin_and_key(server: Sshd, tmp_path: Path) -> None:
    inner_key = KeyPair()
    with running(tmp_path / "inner", options=(NO_HOME,)) as inner:
        inner.authorize(inner_key)
        line = DirectLine(hop_to(server, KEY, name="jump"), hop_to(inner, inner_key, pin="", name="inner"))
        with watched(line) as shell:
            assert shell.asked().name == "inner"
            shell.session.answer(YES)
            shell.session.write(b"echo $((6*7))-inside\n")
            shell.until_shown(b"42-inside")
        assert line.pinned == [("inner", inner.fingerprint)]


def test_a_jump_host_with_another_key_is_never_passed(server: Sshd) -> None:
    forged = hop_to(server, KEY, pin=KeyPair().fingerprint, name="jump")
    with watched(DirectLine(forged, hop_to(server, KEY))) as shell:
        shell.until_state(SessionState.LOST)
        assert shell.session.reason is not None
        assert shell.session.reason.code == "E-SSH-HOST-KEY"


@pytest.mark.parametrize("option", ["AllowTcpForwarding no", "PermitOpen 127.0.0.1:1"])
def test_a_jump_host_that_lets_nobody_through_says_so(server: Sshd, tmp_path: Path, option: str) -> None:
    with running(tmp_path / "jump", options=(option, NO_HOME)) as jump:
        jump.authorize(KEY)
        with watched(DirectLine(hop_to(jump, KEY, name="jump"), hop_to(server, KEY))) as shell:
            shell.until_state(SessionState.LOST)
            assert shell.session.reason is not None
            assert shell.session.reason.code == "E-SSH-JUMP"


def test_the_agent_is_there_on_the_machine_only_where_it_is_forwarded(
    server: Sshd, agent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_to(agent, KEY, folder=tmp_path)
    monkeypatch.setenv("SSH_AUTH_SOCK", agent)
    for forwards in (True, False):
        wish = ShellWish(command="ssh-add -l || echo none-here", forwards_agent=forwards)
        with watched(DirectLine(hop_to(server, KEY), wish=wish)) as shell:
            shell.until_shown(KEY.fingerprint.encode() if forwards else b"none-here")
