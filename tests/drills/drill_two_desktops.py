"""The whole drill of two desktops and a server, by ``make drill``: a wire that is cut, twenty kills, an older copy."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.drills.namespaces import wire
from tests.drills.two_desktops import apart, edits_of_both, killed_again_and_again, put_out, restored, scene

CUT_S = 30.0
KILLS = 20


@pytest.mark.timeout(1800)
def test_two_desktops_and_a_server_lose_and_double_nothing(tmp_path: Path) -> None:
    """Ada's is the real application behind its window, and runs of hers are carried out by the real Terraform."""
    terraform = shutil.which("terraform")
    assert terraform, "terraform is missing: see scripts/setup.sh"
    with wire() as between, scene(tmp_path, wire=between, window=True, engine=terraform) as it:
        try:
            it.meet()
            first = it.deploy_and_approve("web-of-the-team").machine_id
            second = it.deploy_and_approve("database-of-the-team", here=True).machine_id
            edits_of_both(it, first, rounds=20)
            apart(it, between, first, second, seconds=CUT_S)
            killed_again_and_again(it, (first, second), kills=KILLS)
            restored(it, first)
            put_out(it)
        finally:
            print(json.dumps(it.findings, indent=2))
