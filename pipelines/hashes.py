"""Hashes: SHA-256 of files, worked out in the background and remembered."""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from pipelines.filefacts import FileFacts
from pipelines.header import Version

BLOCK = 4 * 2**20
PAUSE = 1.0
"""Seconds between two announcements while there is more to do."""

Extent = Literal["file", "tensors"]
"""The whole file, or what follows the header of a .safetensors file: that stays when its notes are edited."""

_log = logging.getLogger(__name__)


class Hashes:
    """Known hashes of files as they were."""

    def __init__(self, facts: FileFacts, found: Callable[[], None], pause: float = PAUSE) -> None:
        """facts: where they are remembered; found: called from the background thread when there are new ones, not more
        often than every `pause` seconds while there is more to do."""
        self._facts = facts
        self._found = found
        self._pause = pause
        self._lock = threading.Lock()
        self._known: dict[Extent, dict[Version, str]] = {e: facts.known(_topic(e)) for e in ("file", "tensors")}
        self._waiting: list[tuple[Version, Extent]] = []
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def get(self, version: Version, extent: Extent = "file") -> str:
        """64 hex digits, or "" while unknown."""
        with self._lock:
            return self._known[extent].get(_absolute(version), "")

    def now(self, version: Version, extent: Extent = "file") -> str:
        """The same, worked out at once where it is unknown; "" if the file cannot be read."""
        return self.get(version, extent) or self._worked_out(version, extent)

    def want(self, versions: Iterable[Version], tensors: Iterable[Version] = ()) -> None:
        """Work out those that are unknown, the smallest first; replaces what was wanted before.

        tensors -- those of which the second extent is wanted
        """
        with self._lock:
            wanted: set[tuple[Version, Extent]] = {(version, "file") for version in versions}
            wanted |= {(version, "tensors") for version in tensors}
            unknown = [item for item in wanted if _absolute(item[0]) not in self._known[item[1]]]
            self._waiting = sorted(unknown, key=lambda item: item[0].bytes, reverse=True)
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
        told, news = 0.0, False
        while True:
            with self._lock:
                if not self._waiting or self._closed.is_set():
                    self._thread = None
                    break
                version, extent = self._waiting.pop()
            news = bool(self._worked_out(version, extent)) or news
            if news and time.monotonic() - told >= self._pause:
                self._found()
                told, news = time.monotonic(), False
        if news:
            self._found()

    def _worked_out(self, version: Version, extent: Extent) -> str:
        digest = self._digest(version.path, extent)
        if digest:
            version = _absolute(version)
            with self._lock:
                self._known[extent][version] = digest
            self._facts.keep(_topic(extent), {version: digest})
        return digest

    def _digest(self, path: Path, extent: Extent) -> str:
        """ "" if the file cannot be read or the work was stopped."""
        digest = hashlib.sha256()
        try:
            with path.open("rb") as file:
                if extent == "tensors":
                    file.seek(8 + int.from_bytes(file.read(8), "little"))
                while block := file.read(BLOCK):
                    digest.update(block)
                    if self._closed.is_set():
                        return ""
        except (OSError, OverflowError) as error:
            _log.warning("No hash of %s: %s", path, error)
            return ""
        return digest.hexdigest()


def _absolute(version: Version) -> Version:
    return version._replace(path=version.path.absolute())


def _topic(extent: Extent) -> str:
    return f"sha256 of {extent}"
