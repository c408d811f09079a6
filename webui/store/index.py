"""Index of saved pictures: SQLite with full-text search. It can be deleted; it is built again from the files."""

import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS images (
    id TEXT PRIMARY KEY, path TEXT NOT NULL UNIQUE, created REAL NOT NULL, width INTEGER NOT NULL,
    height INTEGER NOT NULL, seed INTEGER, prompt TEXT NOT NULL, parameters TEXT NOT NULL, recipe TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_time ON images (created DESC, id DESC);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (parameters, content='images', content_rowid='rowid');
CREATE TRIGGER IF NOT EXISTS added AFTER INSERT ON images BEGIN
    INSERT INTO words (rowid, parameters) VALUES (new.rowid, new.parameters); END;
CREATE TRIGGER IF NOT EXISTS removed AFTER DELETE ON images BEGIN
    INSERT INTO words (words, rowid, parameters) VALUES ('delete', old.rowid, old.parameters); END;
"""
_COLUMNS = "id, path, created, width, height, seed, prompt, parameters, recipe"


@dataclass(frozen=True)
class Row:
    """path: below the outputs folder, with "/"; recipe: JSON, "" when the picture carries none of ours."""

    id: str
    path: str
    created: float
    width: int
    height: int
    seed: int | None
    prompt: str
    parameters: str
    recipe: str


class Index:
    """Thread-safe. A file that is damaged is replaced by an empty index; `fresh` then tells that it must be filled."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.fresh = not path.exists()
        self._lock = threading.Lock()
        try:
            self._connection = _connect(path)
        except sqlite3.DatabaseError:
            path.unlink(missing_ok=True)
            self.fresh = True
            self._connection = _connect(path)

    def add(self, rows: Iterable[Row]) -> None:
        values = [(r.id, r.path, r.created, r.width, r.height, r.seed, r.prompt, r.parameters, r.recipe) for r in rows]
        with self._lock, self._connection:
            self._connection.executemany("DELETE FROM images WHERE id = ? OR path = ?", [v[:2] for v in values])
            self._connection.executemany(f"INSERT INTO images ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?)", values)

    def remove(self, identity: str) -> None:
        with self._lock, self._connection:
            self._connection.execute("DELETE FROM images WHERE id = ?", (identity,))

    def get(self, identity: str) -> Row | None:
        rows = self._select("WHERE id = ?", (identity,))
        return rows[0] if rows else None

    def paths(self) -> dict[str, str]:
        """Path → id of every picture known."""
        with self._lock:
            return dict(self._connection.execute("SELECT path, id FROM images").fetchall())

    def find(self, search: str, before: Row | None, limit: int) -> tuple[Row, ...]:
        """Newest first; every word of `search` has to begin a word of the parameters text."""
        clauses: list[str] = []
        values: list[object] = []
        words = ["".join(c for c in word if c.isalnum()) for word in search.split()]
        if any(words):
            clauses.append("rowid IN (SELECT rowid FROM words WHERE words MATCH ?)")
            values.append(" ".join(f'"{word}"*' for word in words if word))
        if before:
            clauses.append("(created, id) < (?, ?)")
            values += [before.created, before.id]
        where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
        return tuple(self._select(f"{where} ORDER BY created DESC, id DESC LIMIT ?", (*values, limit)))

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _select(self, rest: str, values: tuple[object, ...]) -> list[Row]:
        with self._lock:
            return [Row(*row) for row in self._connection.execute(f"SELECT {_COLUMNS} FROM images {rest}", values)]


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.executescript(_SCHEMA)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection
