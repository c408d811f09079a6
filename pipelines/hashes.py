"""Hashes: SHA-256 of checkpoint files, or another short text about a file, worked out in the background, remembered."""

import contextlib
import hashlib
import json
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from pipelines.header import Version

BLOCK = 4 * 2**20
_log = logging.getLogger(__name__)


class Hashes:
    """Known hashes by path, size and time of change, in one JSON file."""

    def __init__(self, file: Path, found: Callable[[], None], work: Callable[[Path], str] | None = None) -> None:
        """file: where they are remembered; found: called from the background thread after each new one.

        work -- what is remembered in place of the hash; "" for nothing
        """
        self._file = file
        self._worked = work or self._digest
        self._found = found
        self._lock = threading.Lock()
        self._known: dict[str, str] = _read(file)
        self._waiting: list[Version] = []
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def get(self, version: Version) -> str:
        """64 hex digits, or "" while unknown."""
        with self._lock:
            return self._known.get(_key(version), "")

    def want(self, versions: Iterable[Version]) -> None:
        """Work out those that are unknown, the smallest first; replaces what was wanted before."""
        with self._lock:
            unknown = {version for version in versions if _key(version) not in self._known}
            self._waiting = sorted(unknown, key=lambda version: version.bytes, reverse=True)
            if self._waiting and self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._work, name="hashes", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Stop the background work."""
        self._closed.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(5)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting or self._closed.is_set():
                    self._thread = None
                    return
                version = self._waiting.pop()
            digest = self._worked(version.path)
            if not digest:
                continue
            with self._lock:
                self._known[_key(version)] = digest
                known = dict(self._known)
            _write(self._file, known)
            self._found()

    def _digest(self, path: Path) -> str:
        """ "" if the file cannot be read or the work was stopped."""
        digest = hashlib.sha256()
        try:
            with path.open("rb") as file:
                while block := file.read(BLOCK):
                    digest.update(block)
                    if self._closed.is_set():
                        return ""
        except OSError as error:
            _log.warning("No hash of %s: %s", path, error)
            return ""
        return digest.hexdigest()


def _key(version: Version) -> str:
    path = os.fsencode(version.path.absolute()).decode("utf-8", "backslashreplace")
    return f"{path}|{version.bytes}|{version.changed}"


def _read(file: Path) -> dict[str, str]:
    try:
        value = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(value, dict):
        return {}
    return {key: text for key, text in cast("dict[str, Any]", value).items() if isinstance(text, str)}


def _write(file: Path, known: Mapping[str, str]) -> None:
    """All or nothing. A cache that cannot be written costs time, not pictures: it is only logged."""
    temporary = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            json.dump(known, out, indent=0)
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).replace(file)
    except OSError as error:
        _log.warning("The cache of hashes was not written: %s", error)
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
