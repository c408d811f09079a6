"""Fidelity: how much of what a picture says of itself could be taken over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pipelines.recipe import Recipe

Fidelity = Literal["exact", "nearest", "lost"]
"""exact: as it was; nearest: taken over, but the picture may differ by it; lost: not taken over."""


@dataclass(frozen=True)
class Restored:
    """A recipe as far as it could be read.

    tool     -- the program that wrote it, "" where that is not said
    text     -- its parameters text, as the picture holds it or as it would stand there
    fidelity -- by field of the recipe, or by the key of the parameters text where no field of ours corresponds
    exact    -- it is our own record, read whole
    """

    recipe: Recipe
    text: str = ""
    tool: str = ""
    fidelity: Mapping[str, Fidelity] = field(default_factory=dict[str, Fidelity])
    exact: bool = False
