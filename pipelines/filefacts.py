"""File facts: what was worked out about files, remembered in one SQLite file. It may be deleted at any time."""

import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from pipelines.header import Version

_log = logging.getLogger(__name__)

_TABLE = """
CREATE TABLE IF NOT EXISTS facts (
    topic TEXT, path TEXT, bytes INTEGER, changed INTEGER, value TEXT, PRIMARY KEY (topic, path)
) WITHOUT ROWID
"""


class FileFacts:
    """Texts by topic and file. A file of another size or time is another file; the newest is kept.

    A cache that cannot be read or written costs time, nothing else: it is only logged.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()

    def known(self, topic: str) -> dict[Version, str]:
        """All that is known of a topic. Read it once and keep it: it may be large."""
        try:
            with self._open() as base:
                rows = base.execute(
                    "SELECT path, bytes, changed, value FROM facts WHERE topic = ?", (topic,)
                ).fetchall()
        except (OSError, sqlite3.Error) as error:
            _log.warning("The cache of file facts was not read: %s", error)
            return {}
        return {Version(Path(os.fsdecode(path)), size, changed): value for path, size, changed, value in rows}

    def keep(self, topic: str, facts: Mapping[Version, str]) -> None:
        rows = [
            (topic, os.fsencode(version.path.absolute()), version.bytes, version.changed, value)
            for version, value in facts.items()
        ]
        if not rows:
            return
        try:
            with self._open() as base, base:
                base.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?, ?)", rows)
        except (OSError, sqlite3.Error) as error:
            _log.warning("The cache of file facts was not written: %s", error)

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        with self._lock:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            try:
                base = self._connected()
            except sqlite3.DatabaseError:
                # It is no database, or a broken one.
                with contextlib.suppress(OSError):
                    self._file.unlink()
                base = self._connected()
            with closing(base):
                yield base

    def _connected(self) -> sqlite3.Connection:
        base = sqlite3.connect(self._file, timeout=10)
        try:
            base.execute("PRAGMA synchronous = OFF")
            base.execute(_TABLE)
        except sqlite3.Error:
            base.close()
            raise
        return base
