"""A folder that Terraform takes provider plugins from instead of a registry, and plugins of ours in it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

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
    folder = mirror / "registry.terraform.io" / source / version / "linux_amd64"
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / f"terraform-provider-{name}_v{version}"
    program.write_text(f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.join(command)}\n")
    program.chmod(0o755)


def install_remembered(mirror: Path, name: str, store: Path) -> None:
    """Have the provider's objects lie in a file."""
    install(mirror, name, (sys.executable, "-m", "tests.fakes.plugin.memory", str(schema_of(name)), str(store)))


def configuration(path: Path, mirror: Path) -> Path:
    """A file of settings for Terraform that names the mirror."""
    path.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n')
    return path
