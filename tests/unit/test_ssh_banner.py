"""What a server says before the login stands above its shell, and can do nothing but be read."""

from __future__ import annotations

from collections.abc import Iterator

import paramiko
import psutil
import pytest

from machina_desktop.core.domain.terminal import Answer, SessionState
from machina_desktop.core.secret import Secret
from machina_desktop.core.ssh.hop import Hop
from machina_desktop.core.ssh.wish import ShellWish
from machina_desktop.core.workers.shell_process import Shells
from tests.fakes.sessions import NO_HOME, DirectLead, DirectLine, Watched, hop_to, hosted, watched
from tests.fakes.ssh_server import FINGERPRINT, AskingServer, asking
from tests.fakes.sshd import KeyPair, Sshd, running

KEY = KeyPair()
WISH = ShellWish(command="echo the-shell")


class EndlessBanner(AskingServer):
    """Says hello for ever and never comes to the login."""

    def get_banner(self) -> tuple[str, str]:
        message = banner_of(b"Welcome! " * 3000)
        transport = self.transport
        assert transport is not None
        while transport.is_active():
            transport._send_message(message)
        return "", ""


def banner_of(text: bytes) -> paramiko.Message:
    message = paramiko.Message()
    message.add_byte(b"\x35")
    message.add_string(text)
    message.add_string("")
    return message


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    folder = tmp_path_factory.mktemp("sshd")
    (folder / "banner").write_text("Only for staff.\n\n  Call 112 \x1b]0;evil\x07\x1b[31m\n")
    with running(folder, options=(f"Banner {folder / 'banner'}", NO_HOME)) as sshd:
        sshd.authorize(KEY)
        yield sshd


def all_shown(shell: Watched) -> bytes:
    shell.until_state(SessionState.ENDED)
    shell.until_shown(b"the-shell")
    return shell.shown


def answered(hop: Hop, shell: Watched) -> bytes:
    shell.asked()
    shell.session.answer(Answer(is_yes=True, texts=(Secret("tr0ub4dor"),)))
    shell.until_shown(b"hello")
    return shell.shown


def test_it_stands_above_the_shell_without_what_a_terminal_would_obey(server: Sshd) -> None:
    with watched(DirectLine(hop_to(server, KEY), wish=WISH)) as shell:
        shown = all_shown(shell)
    assert shown == b"Only for staff.\r\n\r\n  Call 112 ]0;evil[31m\r\nthe-shell\r\n"


def test_the_window_shows_it_as_well(server: Sshd) -> None:
    shells = Shells()
    with hosted(shells, DirectLead(hop_to(server, KEY), wish=WISH)) as shell:
        shown = all_shown(shell)
    shells.stop()
    assert shown == b"Only for staff.\r\n\r\n  Call 112 ]0;evil[31m\r\nthe-shell\r\n"


def test_a_command_on_pipes_is_not_mixed_up_with_it(server: Sshd) -> None:
    with watched(DirectLine(hop_to(server, KEY), wish=ShellWish(command="echo the-shell", columns=0))) as shell:
        assert all_shown(shell) == b"the-shell\n"


def test_a_very_long_one_is_cut() -> None:
    served = AskingServer(password="tr0ub4dor", banner="\x1b[2JWelcome\n" * 300_000)
    with asking(served) as target:
        hop = Hop(name="db", target=target, pins=(FINGERPRINT,))
        with watched(DirectLine(hop)) as shell:
            shown = answered(hop, shell)
    assert shown == b"[2JWelcome\r\n" * 200 + b"hello\r\n"


def test_a_server_that_never_stops_greeting_is_given_up_and_fills_no_memory() -> None:
    window = psutil.Process()
    with asking(EndlessBanner(password="tr0ub4dor")) as target:
        hop = Hop(name="db", target=target, pins=(FINGERPRINT,))
        before = window.memory_info().rss
        with watched(DirectLine(hop, timeout_s=2.0)) as shell:
            shell.until_state(SessionState.LOST)
            assert shell.session.reason is not None
            assert shell.session.reason.code == "E-SSH-TIMEOUT"
        assert window.memory_info().rss - before < 20_000_000
