"""``machina-server``: serve, back up, restore."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from machina_desktop.core import log
from machina_desktop.core.config import LOG_LEVEL, Paths, Settings, environment
from machina_desktop.server.config import read_config
from machina_desktop.server.copies import Made, back_up, restore
from machina_desktop.server.exit_code import exit_code_of
from machina_desktop.server.serving import serve

EPILOG = """\
environment:
  PORT                     TCP port, 3001 by default
  MACHINA_BIND             address to listen at, 127.0.0.1 by default; 0.0.0.0 for every network
  PUBLIC_SERVER_URL        how people and agents reach this server; https in production
  CORS_ORIGIN              origins of web clients, separated by commas
  MACHINA_ENV              development, test or production (also NODE_ENV)
  DATABASE_URL             postgresql://…; without it a SQLite file in the data folder
  MACHINA_TRUSTED_PROXIES  addresses or networks whose X-Forwarded-For is believed
  MACHINA_ALLOWED_HOSTS    further names this server answers under
  MACHINA_REGISTRATION     invite (the default): whoever has a team's code; open: everybody
  MACHINA_RUNNER           off: runs are not carried out here; on (the default) does so with SQLite, in this process.
                           With PostgreSQL machina-runner carries them out, never this process
  MACHINA_HOME             data folder
"""


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; 0 for success, 1 for a failure, 2 for a wrong configuration, 130 interrupted."""
    asked = _parser().parse_args(arguments)
    return exit_code_of(lambda: _do(asked))


def _do(asked: argparse.Namespace) -> int:
    paths, config = Paths.default(), read_config(environment())
    if asked.command in {"backup", "restore"}:
        # Told to end, they put away what they began, as they do when they are interrupted.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    if asked.command == "backup":
        _tell(back_up(config, paths, Path(asked.file)))
    elif asked.command == "restore":
        aside = restore(config, paths, Path(asked.file))
        print(f"Restored.{f' What was there lies at {aside}.' if aside else ''} Everybody signs in again.")
    else:
        log.configure_stream(sys.stderr, level=Settings(paths.settings).get(LOG_LEVEL))
        asyncio.run(serve(config, paths))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="machina-server",
        description="Machina for a team: the API of its machines, runs and people.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("serve", help="answer requests until told to end (the default)")
    copy = commands.add_parser("backup", help="copy database and pepper while the server runs; needs pg_dump")
    copy.add_argument("file", help="a new file, or a folder; keep it as secret as the server itself")
    back = commands.add_parser("restore", help="put a backup in the database's place while the server is stopped")
    back.add_argument("file", help="a file that backup wrote")
    return parser


def _tell(made: Made) -> None:
    print(f"Wrote {made.file}. It holds: {', '.join(made.parts)}. Keep it as secret as the server itself.")
    for path in made.left_out:
        print(f"{path} is not in it: without that key nothing sealed can be opened. Keep it elsewhere.")


if __name__ == "__main__":
    sys.exit(main())
