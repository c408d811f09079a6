"""Record: what is remembered of add-ons between starts: which are on, and how the last starts went."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pipelines import atomic

log = logging.getLogger(__name__)

FILE = "extensions.json"
FAILED_STARTS = 2
"""Starts in a row that ended before the page was up, until the next one goes without add-ons."""


@dataclass(frozen=True)
class Origin:
    """Where an installed add-on came from. source: an address, or a file's name; commit: of git, "" for others.

    sha256 -- over all its files, when it was installed
    """

    source: str
    commit: str = ""
    branch: str = ""
    sha256: str = ""
    date: str = ""


@dataclass(frozen=True)
class Hunt:
    """The search for an add-on that does harm, by halves. trying: those of the suspects that are on in this start."""

    suspects: tuple[str, ...]
    trying: tuple[str, ...]
    culprit: str = ""


@dataclass(frozen=True)
class Record:
    """on: add-ons that the user switched on or off. hunt: None while none is under way."""

    on: Mapping[str, bool] = field(default_factory=dict[str, bool])
    origins: Mapping[str, Origin] = field(default_factory=dict[str, Origin])
    indexes: tuple[str, ...] = ()
    hunt: Hunt | None = None

    def switched(self, name: str, on: bool) -> "Record":
        return replace(self, on={**self.on, name: on})

    def without(self, name: str) -> "Record":
        """Forget an add-on."""
        return replace(
            self,
            on={other: value for other, value in self.on.items() if other != name},
            origins={other: value for other, value in self.origins.items() if other != name},
        )


class Records:
    """The record of one root folder, on disk after every change. A file that cannot be read counts as none."""

    def __init__(self, root: Path) -> None:
        self._path = root / FILE

    def read(self) -> Record:
        try:
            return _record(json.loads(self._path.read_bytes()))
        except FileNotFoundError:
            return Record()
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            log.warning("%s cannot be read (%s); every add-on is as at first.", self._path, error)
            return Record()

    def write(self, record: Record) -> None:
        """Raises OSError."""
        atomic.write(self._path, json.dumps(asdict(record), indent=1).encode(), generations=2)


@dataclass(frozen=True)
class Start:
    """failed: starts in a row that did not come to the page; inside: the add-on that the last one was in, or ""."""

    failed: int = 0
    inside: str = ""


class Starts:
    """Remembers starts that fail. `begin` first, then `enter` an add-on before its code runs, then `end`."""

    def __init__(self, cache: Path) -> None:
        self._path = cache / "start.json"

    def begin(self) -> Start:
        """How the starts before this one went; from now on this one counts as failed."""
        before = self._read()
        self._write(Start(before.failed + 1))
        return before

    def enter(self, addon: str) -> None:
        """The code of `addon` runs from here on; "" is our own."""
        self._write(replace(self._read(), inside=addon))

    def end(self) -> None:
        """The page is up, or the start ended in order: no add-on is to blame."""
        self._path.unlink(missing_ok=True)

    def _read(self) -> Start:
        try:
            held = json.loads(self._path.read_bytes())
            return Start(int(held["failed"]), str(held["inside"]))
        except (OSError, ValueError, TypeError, KeyError):
            return Start()

    def _write(self, start: Start) -> None:
        atomic.write(self._path, json.dumps(asdict(start)).encode())


def _record(held: dict[str, Any]) -> Record:
    hunt = held.get("hunt")
    return Record(
        {str(name): bool(value) for name, value in held.get("on", {}).items()},
        {str(name): Origin(**value) for name, value in held.get("origins", {}).items()},
        tuple(map(str, held.get("indexes", ()))),
        Hunt(tuple(hunt["suspects"]), tuple(hunt["trying"]), str(hunt["culprit"])) if hunt else None,
    )
