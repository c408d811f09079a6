"""Translation: another program's record as an Infotext, and what it may have lost on the way."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from webui.store.fidelity import Fidelity
from webui.store.infotext import Infotext

Record = dict[str, Any]


@dataclass(frozen=True)
class Translation:
    """doubts: fields of a recipe, or keys of the other program, that are not exact."""

    tool: str
    info: Infotext
    doubts: Mapping[str, Fidelity] = field(default_factory=dict[str, Fidelity])


def record(text: str | None) -> Record | None:
    """The JSON object in a text; None where it holds none."""
    if not text or not text.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast("Record", value) if isinstance(value, dict) else None


def values(**given: Any) -> dict[str, str]:
    """Key names with "_" for blanks -> the line of an Infotext; None and "" are left out, whole numbers have no dot."""
    line: dict[str, str] = {}
    for key, value in given.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
            continue
        line[key.replace("_", " ")] = f"{value:g}" if isinstance(value, float) else str(value)
    return line


def size(width: Any, height: Any) -> dict[str, str]:
    """As the keys that a reader of "Size: 512x768" finds."""
    try:
        return {"Size-1": str(int(width)), "Size-2": str(int(height))}
    except (TypeError, ValueError, OverflowError):
        return {}


def lost(given: Mapping[str, Any], used: set[str]) -> dict[str, Fidelity]:
    """The keys that were not taken over and hold something."""
    empty: tuple[Any, ...] = (None, "", [], {}, False, "None")
    return {key: "lost" for key, value in given.items() if key not in used and value not in empty}
