"""Making: what a picture was made with besides its recipe, and how that differs from what would make it now."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, cast

from pipelines.catalogue import Catalogue
from pipelines.recipe import Recipe


@dataclass(frozen=True)
class Making:
    """version: of this program; torch: of the library; device: its kind; dtype: what models compute in.

    hashes -- SHA-256 of each checkpoint by name, as far as it was known
    """

    version: str = ""
    torch: str = ""
    device: str = ""
    dtype: str = ""
    hashes: Mapping[str, str] = field(default_factory=dict[str, str])

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def making(recipe: Recipe, catalogue: Catalogue | None, version: str) -> Making:
    """What would make a recipe now."""
    if catalogue is None:
        return Making(version)
    names = {recipe.checkpoint}
    names |= {part.checkpoint for part in (recipe.refiner, recipe.hires) if part is not None and part.checkpoint}
    entries = [entry for entry in catalogue.checkpoints if entry.name in names]
    device = catalogue.device
    return Making(
        version,
        device.torch,
        device.kind,
        device.dtype,
        {entry.name: entry.sha256 for entry in entries if entry.sha256},
    )


def from_json(value: object) -> Making | None:
    """What `Making.to_json` wrote; None for anything else."""
    if not isinstance(value, dict):
        return None
    given = cast("dict[str, Any]", value)
    texts = {item.name: given[item.name] for item in fields(Making) if isinstance(given.get(item.name), str)}
    hashes = given.get("hashes")
    pairs = cast("dict[str, Any]", hashes).items() if isinstance(hashes, dict) else ()
    return Making(**texts, hashes={name: digits for name, digits in pairs if isinstance(digits, str)})


def differences(before: Making | None, now: Making, recipe: Recipe) -> tuple[str, ...]:
    """In words, the likeliest cause first; what was not recorded is not named."""
    found: list[str] = []
    if before is not None:
        for name, digits in before.hashes.items():
            here = now.hashes.get(name, "")
            if here and here != digits:
                found.append(f"The model '{name}' is another file: {digits[:10]} then, {here[:10]} now.")
        told = (("dtype", "The models computed in"), ("device", "It was made on"), ("torch", "It was made by torch"))
        for key, words in told:
            then, today = getattr(before, key), getattr(now, key)
            if then and today and then != today:
                found.append(f"{words} {then} then, {today} now.")
        if before.version and before.version != now.version:
            found.append(f"It was made by {before.version}, this is {now.version}: samplers may have changed.")
    if recipe.sampling.noise == "device" and now.device != "cpu":
        found.append("Its noise came from the device: another card, or another driver, draws other numbers.")
    return tuple(found)
