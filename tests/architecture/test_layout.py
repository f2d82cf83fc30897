"""A checkout is the same everywhere: nothing in it names the computer or the mirror it was written with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

FOLDERS = (
    "machina_desktop",
    "agent",
    "bench",
    "docs",
    "packaging",
    "requirements",
    "resources",
    "scripts",
    "terraform",
    "tests",
)
BINARY = {".png", ".svg", ".ttf", ".ico", ".icns", ".pyc", ".db"}
FOREIGN = re.compile(
    r"""(?<![\w.])/(?:work|Users|root)/\w                      # a path of somebody's computer
    | \b(?:pypi|pythonhosted|npmjs|(?:deb|security)\.debian)\.org\b   # a package registry
    | --(?:extra-)?index-url | --find-links\ (?!\w*$)          # an address or a folder of packages
    """,
    re.VERBOSE,
)


def documents() -> Iterator[Path]:
    """Every text file of the project."""
    yield from (each for each in ROOT.iterdir() if each.is_file())
    for folder in FOLDERS:
        for each in (ROOT / folder).rglob("*"):
            if each.is_file() and each.suffix not in BINARY and each != Path(__file__):
                yield each


def test_no_file_names_a_computer_or_a_registry() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for file in documents()
        for number, line in enumerate(file.read_text("utf-8", "replace").splitlines(), 1)
        if FOREIGN.search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("line", ["cd /" + "root/checkout", "--index-url x", "https://pypi" + ".org/simple"])
def test_a_foreign_name_is_recognised(line: str) -> None:
    assert FOREIGN.search(line)


@pytest.mark.parametrize("lock", ["run.lock", "dev.lock"])
def test_every_locked_package_has_its_hashes(lock: str) -> None:
    entries = (ROOT / "requirements" / lock).read_text("utf-8").replace("\\\n", " ").splitlines()
    assert [entry for entry in entries if entry.strip() and "--hash=sha256:" not in entry] == []


def test_continuous_integration_runs_the_tests_as_the_readme_says() -> None:
    assert (ROOT / ".ci" / "run").read_text("utf-8").splitlines() == ["#!/usr/bin/env bash", "exec make test"]
    assert "make test" in (ROOT / "README.md").read_text("utf-8")
