"""Parts of a picture's making that have keys of their own in the parameters text: tiling, the refiner."""

import re
from collections.abc import Mapping

from pipelines.recipe import Passes, Refiner, Tiling

_TILINGS: Mapping[Tiling, str] = {"both": "Tiling", "horizontal": "Tile X", "vertical": "Tile Y"}
_PASSES: Mapping[str, Passes] = {"first pass": "first", "second pass": "second", "both passes": "both"}
_NAMED = re.compile(r"(?P<name>.*?)(?:\s*\[(?P<digits>[0-9a-fA-F]{6,64})\])?")

KEYS = frozenset(
    {*_TILINGS.values(), "Refiner", "Refiner switch at", "Refiner switch by sampling steps", "Hires refiner"}
)
"""What is read here."""


def tiling(value: Tiling) -> dict[str, str]:
    """The pair that tells it; those of a single direction are an add-on's."""
    return {key: "True" if way == value else "" for way, key in _TILINGS.items()}


def tiled(values: Mapping[str, str]) -> Tiling:
    """What the pairs say."""
    across, down = (values.get(key) == "True" for key in ("Tile X", "Tile Y"))
    if values.get("Tiling") == "True" or (across and down):
        return "both"
    return "horizontal" if across else "vertical" if down else "off"


def refiner(value: Refiner | None, digits: str = "") -> dict[str, str]:
    """digits: the hash of its file, "" when it is not known."""
    if value is None:
        return {}
    passes = {way: key for key, way in _PASSES.items()}[value.passes]
    return {
        "Hires refiner": "" if value.passes == "second" else passes,
        "Refiner": f"{value.checkpoint} [{digits}]" if digits else value.checkpoint,
        "Refiner switch at": f"{value.switch_at:g}",
        "Refiner switch by sampling steps": "True" if value.by_steps else "",
    }


def refined(values: Mapping[str, str]) -> tuple[Refiner, str] | None:
    """What the pairs say, and the hash of the refiner's file, "" when it is not said."""
    name, digits = named(values.get("Refiner", ""))
    if not name and not digits:
        return None
    try:
        switch_at = min(1.0, max(0.01, float(values.get("Refiner switch at", "0.8"))))
    except ValueError:
        switch_at = Refiner.switch_at
    passes = _PASSES.get(values.get("Hires refiner", ""), "second")
    return Refiner(name, switch_at, values.get("Refiner switch by sampling steps") == "True", passes), digits


def named(text: str) -> tuple[str, str]:
    """Name and hash of a checkpoint as the text writes both: "name [hash]"."""
    match = _NAMED.fullmatch(text.strip())
    return (match["name"].strip(), (match["digits"] or "").lower()) if match else (text.strip(), "")
