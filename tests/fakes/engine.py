"""The real Terraform that tests run: the program on the search path, or the bundled library where there is none."""

from __future__ import annotations

import os
from functools import cache

from machina_desktop.core.terraform.engine import Engine, find_engine


@cache
def real_engine() -> Engine:
    """The engine that Machina itself would take on this computer; asked once, blocks for up to a second."""
    return find_engine("", os.environ.get("PATH", os.defpath))
