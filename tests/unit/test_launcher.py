"""The launcher keeps its promises: order, exit codes, interrupts, and a record that survives every kill."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from machina_desktop.core.process import (
    Command,
    Launch,
    Outcome,
    _is_left_by,
    clean_environment,
    end_leftovers,
    is_process,
    launch,
    process_start_time,
)

# Says what it got, and goes on until it has been interrupted as often as its first argument says.
STUBBORN = """
import signal, sys, time
got = []
def interrupted(*_):
    got.append(time.time())
    print("interrupt", len(got), time.time(), flush=True)
signal.signal(signal.SIGINT, interrupted)
print("ready", flush=True)
while len(got) < int(sys.argv[1]):
    time.sleep(0.005)
sys.exit(7)
"""

LEAVES_A_CHILD = """
import subprocess, sys
left = subprocess.Popen(["sleep", "600"])
print(left.pid, flush=True)
"""


def python(source: str, *arguments: str, output: str = "out", ok_codes: tuple[int, ...] = (0,)) -> Command:
    return Command((sys.executable, "-I", "-S", "-c", source, *arguments), output, ok_codes)


def begin(folder: Path, *commands: Command) -> Launch:
    return launch(folder, commands, cwd=folder, environment=clean_environment())


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.002)


def text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def finish(running: Launch) -> Outcome:
    async def wait() -> Outcome:
        return await asyncio.wait_for(running.wait(), 60)

    return asyncio.run(wait())


def end(pid: int) -> None:
    """Kill a leftover of a test; a finished one is no matter."""
    if psutil.pid_exists(pid):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("code", [0, 1, 2, 77])
def test_the_exit_code_is_recorded(tmp_path: Path, code: int) -> None:
    assert finish(begin(tmp_path, python(f"raise SystemExit({code})"))) == Outcome((code,))


def test_a_death_by_signal_is_a_negative_code(tmp_path: Path) -> None:
    assert finish(begin(tmp_path, python("import os; os.kill(os.getpid(), 9)"))).codes == (-9,)


def test_commands_run_in_order_while_each_ends_as_hoped(tmp_path: Path) -> None:
    first = python("print('one'); raise SystemExit(2)", ok_codes=(0, 2))
    second = python("print('two'); raise SystemExit(1)", output="second", ok_codes=(0, 2))
    third = python("print('three')", output="third")

    running = begin(tmp_path, first, second, third)

    assert finish(running).codes == (2, 1)
    assert (text(running.output("out")), text(running.output("second"))) == ("one\n", "two\n")
    assert not running.output("third").exists()


def test_output_and_errors_go_to_private_files_of_their_own(tmp_path: Path) -> None:
    running = begin(tmp_path, python("import sys; print('fine'); print('bad', file=sys.stderr); open('new', 'w')"))
    finish(running)

    assert (text(running.output("out")), text(running.errors("out"))) == ("fine\n", "bad\n")
    private = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert set(private.values()) == {0o600}, private


def test_arguments_arrive_as_they_were_given(tmp_path: Path) -> None:
    hostile = ["", "two words", "line\nbreak", "$(touch /tmp/x); `id` ${file}", "emoji 🦊", "quote ' \" \\"]
    running = begin(tmp_path, python("import sys; print(ascii(sys.argv[1:]))", *hostile))
    finish(running)
    assert text(running.output("out")) == f"{hostile!a}\n"


def test_a_command_runs_in_a_session_of_its_own_without_input(tmp_path: Path) -> None:
    source = "import os, sys; print(os.getsid(0) == os.getpid(), os.getppid(), repr(sys.stdin.read()))"
    running = begin(tmp_path, python(source))
    finish(running)
    is_leader, parent, read = text(running.output("out")).split()
    assert (is_leader, read) == ("True", "''")
    assert int(parent) != os.getpid()


def test_a_command_has_default_signals_and_inherits_no_file(tmp_path: Path) -> None:
    source = (
        "import os, signal\n"
        "print([int(s) for s in signal.Signals if s not in (2, 13, 25) and signal.getsignal(s) == signal.SIG_IGN])\n"
        "print(sorted(set(os.listdir('/proc/self/fd')) - {'0', '1', '2'})[1:])\n"
    )
    running = begin(tmp_path, python(source))
    finish(running)
    assert text(running.output("out")) == "[]\n[]\n"


def test_a_program_that_is_not_there_ends_with_127_and_a_reason(tmp_path: Path) -> None:
    running = begin(tmp_path, Command(("/no/such/program",), "out"))
    assert finish(running).codes == (127,)
    assert "/no/such/program could not be started: No such file" in text(running.errors("out"))


def test_a_program_that_may_not_be_run_ends_with_126(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("text")
    running = begin(tmp_path, Command((str(tmp_path / "plain"),), "out"))
    assert finish(running).codes == (126,)


def test_a_cancel_is_one_interrupt_within_50_ms(tmp_path: Path) -> None:
    took: list[float] = []
    # Other programs of the computer only ever make it longer: the shortest of a few says what it takes.
    while len(took) < 8 and min(took, default=1.0) > 0.05:
        folder = tmp_path / str(len(took))
        folder.mkdir()
        running = begin(folder, python(STUBBORN, "1"))
        until(lambda running=running: "ready" in text(running.output("out")))  # type: ignore[misc]

        asked = time.time()
        running.request_cancel(1)
        outcome = finish(running)

        got = [float(line.split()[2]) for line in text(running.output("out")).splitlines() if "interrupt" in line]
        assert outcome == Outcome((7,), interrupts=1)
        assert len(got) == 1
        took.append(got[0] - asked)
    # Looked for every 40 ms.
    assert min(took) <= 0.05, took


def test_telling_twice_interrupts_once_and_only_level_two_interrupts_again(tmp_path: Path) -> None:
    running = begin(tmp_path, python(STUBBORN, "2"))
    until(lambda: "ready" in text(running.output("out")))
    running.request_cancel(1)
    until(lambda: "interrupt 1" in text(running.output("out")))
    running.request_cancel(1)
    (tmp_path / "cancel").write_text("1")
    settled = time.monotonic() + 0.2
    until(lambda: time.monotonic() > settled)
    assert "interrupt 2" not in text(running.output("out"))

    running.request_cancel(2)

    assert finish(running) == Outcome((7,), interrupts=2)


def test_a_cancel_stops_the_sequence_even_when_the_command_ends_well(tmp_path: Path) -> None:
    obedient = STUBBORN.replace("sys.exit(7)", "sys.exit(0)")
    running = begin(tmp_path, python(obedient, "1"), python("print('never')", output="second"))
    until(lambda: "ready" in text(running.output("out")))
    running.request_cancel(1)
    assert finish(running).codes == (0,)
    assert not running.output("second").exists()


def test_the_interrupt_reaches_the_command_and_not_its_children(tmp_path: Path) -> None:
    source = f"import subprocess\nsubprocess.Popen(['sleep', '600'])\n{STUBBORN}"
    running = begin(tmp_path, python(source, "1"))
    until(lambda: "ready" in text(running.output("out")))
    children = psutil.Process(running.begun[0][0]).children()

    running.request_cancel(1)
    outcome = finish(running)

    # A dead one would be a zombie, for a moment or for good.
    assert [child.status() for child in children] == [psutil.STATUS_SLEEPING]
    assert outcome.leftovers == (running.begun[0][0],)
    assert end_leftovers(running) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_to_the_launcher_change_nothing(tmp_path: Path, number: signal.Signals) -> None:
    running = begin(tmp_path, python(STUBBORN, "1"))
    until(lambda: "ready" in text(running.output("out")))
    parent = psutil.Process(running.begun[0][0]).parent()
    assert parent is not None
    parent.send_signal(number)
    running.request_cancel(1)
    assert finish(running) == Outcome((7,), interrupts=1)


def test_a_killed_launcher_leaves_the_command_running_and_its_end_unknown(tmp_path: Path) -> None:
    running = begin(tmp_path, python(STUBBORN, "1"), python("print('never')", output="second"))
    until(lambda: "ready" in text(running.output("out")))
    parent = psutil.Process(running.begun[0][0]).parent()
    assert parent is not None
    parent.kill()
    until(lambda: not psutil.pid_exists(parent.pid) or parent.status() == psutil.STATUS_ZOMBIE)

    assert running.is_alive()
    assert running.outcome() is None
    # Without a launcher the interrupt is sent from here.
    running.request_cancel(1)

    assert finish(running) == Outcome(lost=True)
    assert len(running.begun) == 1
    assert "interrupt 1" in text(running.output("out"))


def test_a_launcher_killed_before_it_began_anything_is_lost_with_nothing_begun(tmp_path: Path) -> None:
    finish(begin(tmp_path, python("pass")))
    for name in ("started", "ended"):
        (tmp_path / name).unlink()
    left = Launch.attach(tmp_path)
    assert left is not None
    until(lambda: not left.is_alive())
    assert left.outcome() == Outcome(lost=True)
    assert left.begun == ()


def test_a_child_that_is_about_to_become_the_command_keeps_the_launch_alive(tmp_path: Path) -> None:
    finish(begin(tmp_path, python("pass")))
    (tmp_path / "ended").unlink()
    left = Launch.attach(tmp_path)
    assert left is not None
    until(lambda: not left.is_alive())
    with (tmp_path / "lock").open("r+b") as inherited:
        # The launcher was killed, its child has not gone on record yet: all there is of it is the lock.
        fcntl.flock(inherited, fcntl.LOCK_EX)
        assert left.outcome() is None
    assert left.outcome() == Outcome(lost=True)


def test_a_killed_application_loses_neither_run_nor_output_nor_exit_code(tmp_path: Path) -> None:
    release = tmp_path / "release"
    source = (
        "import os, time\nfor i in range(2000): print('line', i)\n"
        f"while not os.path.exists({str(release)!r}): time.sleep(0.005)\n"
        "for i in range(2000, 4000): print('line', i)\nraise SystemExit(5)\n"
    )
    app = f"""
import os, signal, sys
from pathlib import Path
from machina_desktop.core.process import *
folder = Path({str(tmp_path)!r})
launch(folder, (Command((sys.executable, "-c", {source!r}), "out"),), cwd=folder, environment=clean_environment())
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", app], check=False, start_new_session=True)
    assert killed.returncode == -signal.SIGKILL

    found = Launch.attach(tmp_path)
    assert found is not None
    assert found.is_alive()
    assert found.outcome() is None
    release.touch()

    assert finish(found) == Outcome((5,))
    assert text(found.output("out")).splitlines() == [f"line {number}" for number in range(4000)]


def test_leftovers_of_a_dead_command_are_ended_and_strangers_are_not(tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "600"])
    running = begin(tmp_path, python(LEAVES_A_CHILD))
    outcome = finish(running)
    left = int(text(running.output("out")))
    assert outcome.leftovers == (running.begun[0][0],)
    assert psutil.pid_exists(left)

    assert end_leftovers(running) == 1

    until(lambda: not psutil.pid_exists(left) or psutil.Process(left).status() == psutil.STATUS_ZOMBIE)
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_leftover_that_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    source = (
        f"import subprocess, sys\nleft = subprocess.Popen([sys.executable, '-c', {deaf!r}], stdout=subprocess.PIPE)\n"
        "left.stdout.readline()\nprint(left.pid, flush=True)\n"
    )
    running = begin(tmp_path, python(source))
    finish(running)
    left = psutil.Process(int(text(running.output("out"))))
    assert end_leftovers(running, grace_s=0.1) == 1
    until(lambda: not left.is_running() or left.status() == psutil.STATUS_ZOMBIE)


def test_only_younger_processes_of_the_commands_own_session_count_as_leftovers() -> None:
    # The rule alone, without a signal: whoever gets it wrong must not find out on a real computer.
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as stranger:
        began = process_start_time(stranger.pid)
        assert began is not None
        assert _is_left_by({stranger.pid: began}, stranger.pid)
        assert not _is_left_by({stranger.pid: began + 1}, stranger.pid)
        assert not _is_left_by({stranger.pid + 1: began}, stranger.pid)
        assert not any(_is_left_by({0: 0.0, 1: 0.0}, pid) for pid in psutil.pids())
        stranger.kill()


def test_leftovers_are_spared_while_the_command_runs(tmp_path: Path) -> None:
    running = begin(tmp_path, python(STUBBORN, "1"))
    until(lambda: "ready" in text(running.output("out")))
    assert end_leftovers(running) == 0
    assert is_process(*running.begun[0])
    running.request_cancel(1)
    finish(running)
