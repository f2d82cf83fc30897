"""Outputs of several machines, compared."""

from __future__ import annotations

import subprocess

import pytest

from machina_desktop.core.domain.output_groups import Change, difference, grouped
from machina_desktop.core.domain.snippet import reporting


def test_equal_outputs_stand_together_and_the_largest_group_first() -> None:
    groups = grouped({"a": "5.1\n", "b": "6.1", "c": "6.1  \n\n", "d": "4.9"})
    assert [(group.text, group.keys) for group in groups] == [
        ("6.1", ("b", "c")),
        ("5.1", ("a",)),
        ("4.9", ("d",)),
    ]


def test_a_difference_has_all_lines_of_both() -> None:
    lines = [(line.change, line.text) for line in difference("one\ntwo\nthree", "one\nTWO\nthree\nfour")]
    assert lines == [
        (Change.SAME, "one"),
        (Change.MISSING, "two"),
        (Change.ADDED, "TWO"),
        (Change.SAME, "three"),
        (Change.ADDED, "four"),
    ]


def test_no_output_is_a_group_too() -> None:
    assert [group.keys for group in grouped({"a": "", "b": "\n"})] == [("a", "b")]


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize(("text", "status"), [("true", 0), ("exit_with() { return 7; }\nexit_with # so", 7)])
def test_a_shell_reports_its_output_and_status_and_keeps_it(shell: str, text: str, status: int) -> None:
    script = f'{reporting("echo out; " + text)}\necho "then $?"'
    answer = subprocess.run([shell, "-c", script], capture_output=True, text=True, check=True).stdout
    assert answer == f"\x1b]133;C\x1b\\out\n\x1b]133;D;{status}\x1b\\then {status}\n"
