"""Presets: parts of recipes by name, in one file."""

import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pipelines import atomic
from pipelines.recipe import RecipeError, check
from pipelines.recipe_json import from_json

log = logging.getLogger(__name__)

MOST = 1000
_LONGEST_NAME = 80


class Presets:
    """What a preset leaves out stays as it was. Thread-safe; two earlier versions of the file stay beside it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()

    def all(self) -> dict[str, dict[str, Any]]:
        """By name, in the order they were kept."""
        with self._lock:
            return self._read()

    def get(self, name: str) -> dict[str, Any] | None:
        return self.all().get(name)

    def put(self, name: str, recipe: Mapping[str, Any]) -> None:
        """Keep a part of a recipe; one of that name is replaced. Raises RecipeError, or OSError."""
        name = name.strip()
        if not name or len(name) > _LONGEST_NAME or not name.isprintable() or "/" in name:
            raise RecipeError("name", f"A preset needs a name of 1 to {_LONGEST_NAME} letters, without '/'.")
        check(from_json(recipe))
        with self._lock:
            known = {**self._read(), name: dict(recipe)}
            if len(known) > MOST:
                raise RecipeError("name", f"There are {MOST} presets already; delete some first.")
            self._write(known)

    def remove(self, name: str) -> bool:
        """Whether there was one of that name."""
        with self._lock:
            known = self._read()
            if known.pop(name, None) is None:
                return False
            self._write(known)
            return True

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            held = json.loads(self._file.read_bytes()) if self._file.exists() else {}
        except (OSError, ValueError, RecursionError) as error:
            log.warning("%s cannot be read (%s); there are no presets.", self._file, error)
            return {}
        known = cast("dict[str, Any]", held) if isinstance(held, dict) else {}
        return {name: cast("dict[str, Any]", part) for name, part in known.items() if isinstance(part, dict)}

    def _write(self, known: Mapping[str, Any]) -> None:
        atomic.write(self._file, json.dumps(known, indent=1, ensure_ascii=False).encode(), generations=2)
