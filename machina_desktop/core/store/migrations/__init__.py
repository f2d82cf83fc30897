"""Bringing a database to this version's schema with Alembic, in one transaction."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from machina_desktop.core.errors import Unavailable

HEAD = "0008"
KNOWN = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")

NEIGHBOURS = ("procrastinate_",)
"""How the names of tables begin that may lie beside ours: the queue of runners keeps its own."""


def revision_of(connection: sa.Connection) -> str | None:
    """The schema that is there, ``None`` for none at all.

    Raises:
        Unavailable: it was made by a newer version (``E-DB-NEWER``), or is not ours (``E-DB-FOREIGN``).
    """
    tables = [name for name in sa.inspect(connection).get_table_names() if not name.startswith(NEIGHBOURS)]
    if not tables:
        return None
    if "alembic_version" not in tables:
        raise Unavailable(
            "The database belongs to another program. It was left as it is.",
            hint="Move it away or name another one; MACHINA_HOME names another data folder.",
            code="E-DB-FOREIGN",
        )
    revision = str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())
    if revision not in KNOWN:
        raise Unavailable(
            f"The data was written by a newer version (schema {revision}).",
            hint="Install the newest version of Machina.",
            code="E-DB-NEWER",
        )
    return revision


def upgrade(connection: sa.Connection) -> None:
    """Run the missing migrations in the connection's transaction; none when another process has just done so."""
    # Alembic costs half a second to import; most starts have nothing to migrate.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
