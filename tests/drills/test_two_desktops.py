"""Two desktops and a server as processes of their own, in short; ``make drill`` does all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drills.two_desktops import edits_of_both, killed_again_and_again, put_out, scene


@pytest.mark.timeout(300)
def test_two_desktops_share_a_server_that_is_killed_and_part_without_a_trace(tmp_path: Path) -> None:
    with scene(tmp_path) as it:
        it.meet()
        first = it.deploy_and_approve("web-of-the-team")
        second = it.deploy("database-of-the-team", here=True, auto_approve=True)
        it.until(lambda: it.state(it.ben, second).is_final, "the end of the run at Ada's")
        it.same_log(second.deployment_id)
        edits_of_both(it, first.machine_id, rounds=4)
        killed_again_and_again(it, (first.machine_id, second.machine_id), kills=2)
        it.edit(it.ada, first.machine_id, notes="canary-7f3a9c")
        it.converged()
        put_out(it)
