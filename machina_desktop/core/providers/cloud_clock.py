"""A cloud that refuses because the clock of this computer is wrong, for which no credentials are to blame."""

from __future__ import annotations

from machina_desktop.core.ids import now
from machina_desktop.core.providers.cloud_errors import CloudError

CLOCK = "E-CLOUD-CLOCK"


def clock_is_off(title: str) -> CloudError:
    """What was signed here seems too old or from the future there."""
    return CloudError(
        f"{title} refuses what this computer signs: its clock says {now():%Y-%m-%d %H:%M} UTC and seems to be wrong.",
        hint="Set the clock of this computer, best by having it set itself, then try again.",
        code=CLOCK,
    )
