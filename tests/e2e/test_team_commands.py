"""Teams, members, grants, invites and the audit trail by commands, as a person or a script types them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.fakes.command_line import Machina


@pytest.fixture
def machina(tmp_path: Path) -> Machina:
    return Machina(tmp_path)


def test_a_team_is_made_found_by_its_handle_and_deleted_by_commands(machina: Machina) -> None:
    machina.done("teams", "create", "--name", "Web team", "--handle", "web")
    listed = machina.done("teams", "list").splitlines()
    assert [line.split("  ")[0] for line in listed] == ["NAME", "Personal", "Web team"]
    assert "Webbers" in machina.done("teams", "update", "web", "--name", "Webbers")
    members = json.loads(machina.done("members", "list", "--team", "webbers", "--json"))
    assert [member["member"]["role"] for member in members] == ["admin"]
    asked = machina("teams", "delete", "web")
    assert (asked.returncode, "E-CONFIRM" in asked.stderr) == (1, True)
    machina.done("teams", "delete", "web", "--yes")
    assert "Webbers" not in machina.done("teams", "list")


def test_an_invite_shows_its_code_once_and_a_wrong_one_lets_nobody_in(machina: Machina, tmp_path: Path) -> None:
    issued = json.loads(machina.done("invites", "create", "--role", "admin", "--hours", "2", "--json"))
    listed = machina.done("invites", "list")
    assert "open" in listed
    assert issued["code"] not in listed
    machina.done("invites", "revoke", issued["invite_id"][-8:], "--yes")
    code = tmp_path / "code"
    code.write_text("00000-00000-00000-00000-000000")
    refused = machina("teams", "join", "--code-file", code)
    assert (refused.returncode, "E-INVITE" in refused.stderr) == (1, True)


def test_the_last_administrator_stays_and_the_trail_says_who_tried(machina: Machina) -> None:
    machina.done("users", "update", "--display-name", "Ada")
    refused = machina("members", "update", "ada", "--role", "member")
    assert (refused.returncode, "E-LAST-ADMIN" in refused.stderr) == (1, True)
    assert "failed" in machina.done("audit", "list", "--action", "member", "--actor", "Ada")
    rows = list(csv.DictReader(io.StringIO(machina.done("audit", "export", "--limit", "1"))))
    assert [row["action"] for row in rows] == ["user.update", "member.update"]
