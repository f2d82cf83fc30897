"""Which course of a team's history its numbers belong to: a restored copy begins another one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the epoch to each team's counter; what was there so far is the first one, without a name."""
    op.add_column("counter", sa.Column("epoch", sa.Text(), server_default="", nullable=False))
