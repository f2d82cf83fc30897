"""Row-level security as a second wall: a transaction reaches rows of its actor's teams only, whatever it asks for.

The wall stands for the owner of the tables too, and without a word on teams it lets nothing through. Whoever dumps
the tables needs a role with BYPASSRLS, or ``PGOPTIONS='-c machina.teams={*}' pg_dump --enable-row-security``.
"""

from __future__ import annotations

import sqlalchemy as sa

from machina_desktop.core.store.tables import METADATA

_ALL = "*"
_REACH = "(SELECT coalesce(nullif(current_setting('machina.teams', true), '')::text[], '{}'))"
_LIMIT = sa.text("SELECT set_config('machina.teams', CAST(CAST(:teams AS text[]) AS text), true)")


def limit(connection: sa.Connection, team_ids: tuple[str, ...] | None) -> None:
    """Until its transaction ends or this is called again, ``connection`` reaches these teams; ``None`` is all."""
    teams = [_ALL] if team_ids is None else [team_id for team_id in team_ids if team_id != _ALL]
    connection.execute(_LIMIT, {"teams": teams})


def build(connection: sa.Connection) -> None:
    """Wall every table in that has rows of teams, anew."""
    for table in METADATA.sorted_tables:
        if "team_id" not in table.c:
            continue
        name = connection.dialect.identifier_preparer.quote(table.name)
        is_open = " OR team_id IS NULL" if table.c.team_id.nullable else ""
        connection.exec_driver_sql(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
        connection.exec_driver_sql(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
        connection.exec_driver_sql(f"DROP POLICY IF EXISTS teams ON {name}")
        connection.exec_driver_sql(
            f"CREATE POLICY teams ON {name} USING ({_REACH} && ARRAY['{_ALL}', team_id]{is_open})"
        )
