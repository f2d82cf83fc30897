"""What the window imports before it is painted: Qt, the standard library and light code of ours."""

from __future__ import annotations

import subprocess
import sys

from tests.architecture.source import PACKAGE, ROOT

CLOUDS = {"boto3", "botocore", "google.auth", "machina_desktop.core.providers.cloud_api"}
HEAVY = {"alembic", "cryptography", "httpx", "keyring", "paramiko", "sqlalchemy"} | CLOUDS

# Prints what is loaded once the modules named on its command line are.
REPORT = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*sys.modules)
"""


def window_modules() -> list[str]:
    """All modules outside of the core and of the other two faces."""
    return sorted(
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for file in PACKAGE.rglob("*.py")
        if file.relative_to(PACKAGE).parts[0] not in {"cli", "core", "server"}
    )


def test_nothing_heavy_is_imported_before_the_first_paint() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", REPORT, *window_modules()], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert loaded.returncode == 0, loaded.stderr
    assert HEAVY.intersection(loaded.stdout.split()) == set()


def test_no_library_of_a_cloud_is_imported_before_its_provider_is_asked() -> None:
    """Not even by what serves requests and runs, in the window, at the command line and on a server."""
    faces = ["machina_desktop.core.providers.registry", "machina_desktop.core.services.providers"]
    faces += ["machina_desktop.core.workers.deployer", "machina_desktop.app", "machina_desktop.cli.shell"]
    loaded = subprocess.run(
        [sys.executable, "-c", REPORT, *faces], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert loaded.returncode == 0, loaded.stderr
    assert CLOUDS.intersection(loaded.stdout.split()) == set()
