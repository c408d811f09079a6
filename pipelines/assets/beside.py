"""Beside: the preview and the notes that people and other programs put next to a model file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pipelines.assets.folders import File
from pipelines.recipe import Json

PICTURES = ("png", "jpg", "jpeg", "webp", "avif", "gif")
TEXT_LIMIT = 64 * 1024
"""Bytes of notes that are read."""

SHOWN = 600
"""Letters of notes that are kept."""

FAMILIES: Mapping[str, str] = {"SD1": "sd15", "SD2": "sd2", "SDXL": "sdxl"}


def preview(file: File) -> Path | None:
    """The picture next to it: `name.preview.png` before `name.png`."""
    place, stem = file.version.path.parent, file.version.path.stem
    names = [f"{stem}{middle}.{ending}" for middle in (".preview", "") for ending in PICTURES]
    return next((place / name for name in names if name in file.beside), None)


def notes(file: File) -> dict[str, Json]:
    """text: words to put into the prompt; weight: the strength it is best at; notes; family: that they say it is of."""
    place, stem = file.version.path.parent, file.version.path.stem
    found: dict[str, Json] = {}
    if f"{stem}.json" in file.beside:
        said = _object(place / f"{stem}.json")
        found |= {
            "text": _text(said.get("activation text")),
            "negative": _text(said.get("negative text")),
            "notes": _text(said.get("notes")) or _text(said.get("description")),
            "weight": _number(said.get("preferred weight")),
            "family": FAMILIES.get(str(said.get("sd version")), ""),
        }
    if f"{stem}.civitai.info" in file.beside:
        said = _object(place / f"{stem}.civitai.info")
        words = said.get("trainedWords")
        joined = ", ".join(map(str, cast("list[Any]", words))) if isinstance(words, list) else ""
        found.setdefault("text", "")
        found["text"] = found["text"] or _text(joined)
        found["notes"] = found.get("notes") or _text(said.get("description"))
    if f"{stem}.txt" in file.beside:
        found["notes"] = found.get("notes") or _text(_read(place / f"{stem}.txt").decode("utf-8", "replace"))
    return {key: value for key, value in found.items() if value}


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(TEXT_LIMIT)
    except OSError:
        return b""


def _object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(_read(path))
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value.strip()[:SHOWN] if isinstance(value, str) else ""


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and -10 <= value <= 10 else 0.0
