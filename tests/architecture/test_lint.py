"""The formatter, the linter, the type checker and the import contracts find nothing."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

TOOLS = {
    "format": ("ruff", "format", "--check", "."),
    "rules": ("ruff", "check", "."),
    "types": ("mypy",),
    "imports": ("lint-imports",),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("tool", TOOLS)
def test_the_source_passes(tool: str) -> None:
    program, *arguments = TOOLS[tool]
    command = [str(Path(sysconfig.get_path("scripts")) / program), *arguments]
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if outcome.returncode:
        pytest.fail(f"{' '.join(TOOLS[tool])}\n{outcome.stdout}{outcome.stderr}", pytrace=False)
