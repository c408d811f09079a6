"""Asset: a file that goes with a checkpoint, as the catalogue and the finished pictures tell of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pipelines.recipe import Json

AssetKind = Literal["lora", "hypernetwork", "embedding", "vae", "upscaler", "controlnet", "faces"]


@dataclass(frozen=True)
class AssetEntry:
    """A file that goes with a checkpoint. name: as a recipe or a tag in the prompt calls it.

    family  -- name of the FamilyEntry it was made for; "" where that is unknown or does not matter
    hash    -- the digits that the parameters text carries for its kind; "" while they are being worked out
    problem -- a sentence: why it cannot be used; "" when it can
    facts   -- what its kind has to tell: trigger words, vectors, scale, …
    """

    kind: AssetKind
    name: str
    path: str
    bytes: int
    family: str = ""
    hash: str = ""
    problem: str = ""
    facts: Mapping[str, Json] = field(default_factory=dict[str, Json])


@dataclass(frozen=True)
class Used:
    """An asset that took part in a picture. name: as the recipe or its prompt writes it; hash: as in AssetEntry."""

    kind: AssetKind
    name: str
    hash: str = ""
