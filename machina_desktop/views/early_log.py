"""What is logged before there is a log: kept in memory, and written once the log has been opened."""

from __future__ import annotations

import logging


class EarlyLog(logging.Handler):
    """Keeps records while it is installed. Opening the log takes a few milliseconds that the first paint has not."""

    def __init__(self) -> None:
        super().__init__()
        self._records: list[logging.LogRecord] = []

    def install(self) -> None:
        """Keep what is logged from now on."""
        logging.getLogger().addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)

    def write(self) -> None:
        """Give what was kept to the handlers that are installed by now."""
        logging.getLogger().removeHandler(self)
        for record in self._records:
            logging.getLogger(record.name).handle(record)
        self._records.clear()
