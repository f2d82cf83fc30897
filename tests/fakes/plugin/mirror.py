"""A folder that Terraform takes provider plugins from instead of a registry, and plugins of ours in it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tests.fakes.engine import real_engine

SCHEMAS = Path(__file__).parents[2] / "data/provider-schemas"
ROOT = Path(__file__).parents[3]
SOURCES = {
    "aws": ("hashicorp/aws", "6.25.0"),
    "digitalocean": ("digitalocean/digitalocean", "2.71.0"),
    "google": ("hashicorp/google", "6.50.0"),
    "hcloud": ("hetznercloud/hcloud", "1.52.0"),
}
"""Address and version that a plugin goes by."""


def schema_of(name: str) -> Path:
    """The schema file of a provider."""
    return SCHEMAS / f"{name}-{SOURCES[name][1]}.json"


def install(mirror: Path, name: str, command: Sequence[str]) -> None:
    """Have ``command`` be the plugin of that name; it is run with the tests in its path."""
    source, version = SOURCES[name]
    folder = mirror / _address(source) / version / "linux_amd64"
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / f"terraform-provider-{name}_v{version}"
    program.write_text(f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.join(command)}\n")
    program.chmod(0o755)


@cache
def _address(source: str) -> str:
    """The provider's whole address, with the registry that goes without saying, as Terraform itself has it."""
    needed = {"terraform": {"required_providers": {"wanted": {"source": source}}}}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "main.tf.json").write_text(json.dumps(needed), encoding="utf-8")
        environment = {"PATH": os.environ["PATH"], "TF_CLI_CONFIG_FILE": os.devnull, "CHECKPOINT_DISABLE": "1"}
        command = [*real_engine().argv, "providers"]
        told = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True).stdout
    return re.findall(r"provider\[(\S+)\]", told)[0]


def install_remembered(mirror: Path, name: str, store: Path) -> None:
    """Have the provider's objects lie in a file."""
    install(mirror, name, (sys.executable, "-m", "tests.fakes.plugin.memory", str(schema_of(name)), str(store)))


def configuration(path: Path, mirror: Path) -> Path:
    """A file of settings for Terraform that names the mirror."""
    path.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n')
    return path
