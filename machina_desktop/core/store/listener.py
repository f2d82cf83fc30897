"""Hears what processes tell each other through PostgreSQL, on a thread and a connection of its own."""

from __future__ import annotations

import logging
import random
import selectors
import socket
import threading
from collections.abc import Callable

import psycopg

from machina_desktop.core.store.news import Heard, read_news

LOG = logging.getLogger(__name__)
CHANNEL = "machina"
"""Where news are told; the statement that listens takes no parameter and names it once more."""
ASK_S = 20.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0


class Listener:
    """Listens until it is stopped; a connection that breaks is made again, later each time it fails."""

    def __init__(self, connect: Callable[[], psycopg.Connection], heard: Heard) -> None:
        self._connect = connect
        self._heard = heard
        self._stopped = threading.Event()
        self._bell, self._cord = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="store-listener", daemon=True)

    def start(self) -> None:
        """Begin; the connection is made on the listener's own thread."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it. Blocking for some milliseconds, for a connection being made up to its time-out."""
        self._stopped.set()
        self._cord.send(b"!")
        self._thread.join()
        self._bell.close()
        self._cord.close()

    def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stopped.is_set():
            try:
                with self._connect() as connection:
                    connection.autocommit = True
                    connection.execute("LISTEN machina")
                    pause_s = FIRST_PAUSE_S
                    # While nobody listened anything may have been told.
                    self._heard(None)
                    self._listen(connection)
            except (psycopg.Error, OSError) as error:
                LOG.warning("news of other processes are not heard for a while: %s", type(error).__name__)
                self._stopped.wait(pause_s * random.uniform(0.5, 1))  # noqa: S311 - no secret
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _listen(self, connection: psycopg.Connection) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(connection.fileno(), selectors.EVENT_READ)
            selector.register(self._bell, selectors.EVENT_READ)
            while not self._stopped.is_set():
                if not selector.select(ASK_S):
                    # A line that is dead without a word is noticed by using it.
                    connection.execute("SELECT 1")
                for notify in connection.notifies(timeout=0):
                    if news := read_news(notify.payload):
                        self._heard(news)
