"""``python -m tests.fakes.clouds.quick_program``: the command line, waiting no longer than a stand-in takes."""

from __future__ import annotations

import sys

from machina_desktop.cli import main
from machina_desktop.core.providers.digitalocean import DigitalOcean
from machina_desktop.core.providers.hetzner import Hetzner
from tests.fakes.clouds.stage import PACE, PATIENCE, WAITS
from tests.fakes.provider import install

if __name__ == "__main__":
    for provider in (DigitalOcean, Hetzner):
        install(provider(pace=PACE, waits=WAITS, patience=PATIENCE))
    sys.exit(main(sys.argv[1:]))
