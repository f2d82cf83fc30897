"""Row-level security as a second wall: a transaction reaches rows of its actor's teams only, whatever it asks for.

The wall stands for the owner of the tables too, and without a word on teams it lets nothing through. Whoever dumps
the tables needs a role with BYPASSRLS, or ``PGOPTIONS='-c machina.teams={*}' pg_dump --enable-row-security``.
"""

from __future__ import annotations

import sqlalchemy as sa

from machina_desktop.core.store.tables import METADATA

_ALL = "*"


def _ddl(statement: str) -> sa.DDL:
    return sa.DDL(statement)  # type: ignore[no-untyped-call] # the library forgot to say what it answers


_LIMIT = sa.text("SELECT set_config('machina.teams', CAST(CAST(:teams AS text[]) AS text), true)")

_WALL = (
    _ddl("ALTER TABLE %(fullname)s ENABLE ROW LEVEL SECURITY"),
    _ddl("ALTER TABLE %(fullname)s FORCE ROW LEVEL SECURITY"),
    _ddl("DROP POLICY IF EXISTS teams ON %(fullname)s"),
)
_REACH = "(SELECT coalesce(nullif(current_setting('machina.teams', true), '')::text[], '{}'))"
_POLICY = _ddl(f"CREATE POLICY teams ON %(fullname)s USING ({_REACH} && ARRAY['{_ALL}', team_id])")
_OPEN_POLICY = _ddl(
    f"CREATE POLICY teams ON %(fullname)s USING (team_id IS NULL OR {_REACH} && ARRAY['{_ALL}', team_id])"
)
"""Rows without a team are everybody's, as a profile that comes with the program is."""


def limit(connection: sa.Connection, team_ids: tuple[str, ...] | None) -> None:
    """Until its transaction ends or this is called again, ``connection`` reaches these teams; ``None`` is all."""
    teams = [_ALL] if team_ids is None else [team_id for team_id in team_ids if team_id != _ALL]
    connection.execute(_LIMIT, {"teams": teams})


def build(connection: sa.Connection) -> None:
    """Wall every table in that has rows of teams, anew."""
    for table in METADATA.sorted_tables:
        if "team_id" in table.c:
            policy = _OPEN_POLICY if table.c.team_id.nullable else _POLICY
            for statement in (*_WALL, policy):
                connection.execute(statement.against(table))
