"""The whole drill, by ``make drill``: three runners, two web processes, 300 deployments, a kill every ten seconds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.drills.fleet import fleet
from tests.drills.storm import STEPS, Storm, findings, judge, pauses

MACHINES = 60
EVERY_S = 10.0
DEADLINE_S = 1500.0


@pytest.mark.timeout(DEADLINE_S + 200)
def test_three_hundred_deployments_while_a_runner_is_killed_every_ten_seconds(tmp_path: Path) -> None:
    with fleet(tmp_path, webs=2, runners=3) as crew:
        (crew.shim / "apply.seconds").write_text("5")
        storm = Storm(crew, machines=MACHINES, deadline_s=DEADLINE_S)
        try:
            storm.run(every_s=EVERY_S)
        finally:
            print(json.dumps(findings(storm), indent=2))
        judge(storm)
        late = [pause for pause in pauses(storm) if pause > EVERY_S + 1]
        assert not late, late
        assert findings(storm)["deployments"] >= MACHINES * len(STEPS)
