"""Passing pictures: made for somebody who takes them along. The latest stay for a while, none outlives the program."""

import shutil
import tempfile
import threading
from pathlib import Path

from webui.store.index import Row

MOST = 256
"""Pictures that are held; the oldest give way."""


class Passing:
    """Files in a temporary folder of their own, which is made when it is first needed. Thread-safe."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._rows: dict[str, Row] = {}

    def write(self, identity: str, data: bytes) -> Path:
        """Raises OSError when it cannot be written."""
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="snowfox-"))
            path = self._folder / f"{identity}.png"
        path.write_bytes(data)
        return path

    def add(self, row: Row) -> None:
        """Make a written picture known. row: its path is absolute."""
        with self._lock:
            self._rows[row.id] = row
            oldest = [self._rows.pop(identity) for identity in list(self._rows)[: -self._most]]
        for old in oldest:
            Path(old.path).unlink(missing_ok=True)

    def get(self, identity: str) -> Row | None:
        with self._lock:
            return self._rows.get(identity)

    def remove(self, identity: str) -> None:
        with self._lock:
            row = self._rows.pop(identity, None)
        if row is not None:
            Path(row.path).unlink(missing_ok=True)

    def close(self) -> None:
        with self._lock:
            self._rows.clear()
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None
