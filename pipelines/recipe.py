"""Recipe: everything that matters to a picture, and nothing else.

The facts about each parameter (range, step, label, hint) are written here once, as annotations: the form,
the HTTP schema, the command line and the checks all read them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from pipelines.parameter import SEED_LIMIT, Label, Range, RecipeError, check_fields, facts
from pipelines.passes import Finish, Hires, NoiseSource, Padding, Passes, Refiner, Sampling
from pipelines.source import (
    NO_IMAGE,
    Area,
    Curve,
    Extension,
    Fill,
    ImageRef,
    Loopback,
    Mask,
    Resize,
    Soft,
    Source,
)

__all__ = [
    "NO_IMAGE",
    "SEED_LIMIT",
    "Area",
    "Control",
    "ControlMode",
    "Curve",
    "Emphasis",
    "Extension",
    "Fill",
    "Finish",
    "Hires",
    "ImageRef",
    "Json",
    "Label",
    "Loopback",
    "Mask",
    "NoiseSource",
    "Padding",
    "Passes",
    "Range",
    "Recipe",
    "RecipeError",
    "Refiner",
    "Resize",
    "Sampling",
    "Soft",
    "Source",
    "Task",
    "Tiling",
    "check",
    "facts",
    "rounded",
]

Json = str | int | float | bool | None | list[Any] | dict[str, Any]
Task = Literal["text", "image", "inpaint", "edit", "finish"]
Emphasis = Literal["original", "no norm", "ignore", "none"]
Tiling = Literal["off", "both", "horizontal", "vertical"]
ControlMode = Literal["balanced", "prompt", "control"]

SIZE_STEP = 8
"""Pixels of a side that one latent pixel stands for."""

_BEYOND_REASON = 2**32


@dataclass(frozen=True)
class Control:
    """One ControlNet, T2I adapter or image prompt.

    preprocessor -- what makes the hint from the picture; "" takes the picture as it is
    start, end   -- the part of the steps in which it counts, 0 .. 1
    """

    image: ImageRef
    model: Annotated[str, Label("Control model", "As the catalogue names it.")] = ""
    preprocessor: Annotated[str, Label("Preprocessor", "Makes the hint from the picture.")] = ""
    weight: Annotated[float, Range(0, 2, 0.05), Label("Weight", "How much it counts.")] = 1.0
    start: Annotated[float, Range(0, 1, 0.01), Label("From", "The part of the steps at which it begins.")] = 0.0
    end: Annotated[float, Range(0, 1, 0.01), Label("Until", "The part of the steps at which it ends.")] = 1.0
    mode: Annotated[ControlMode, Label("Mode", "What counts more: the prompt or the control.")] = "balanced"
    resize: Annotated[Resize, Label("Resize", "How a picture of another shape is made to fit.")] = "crop"
    low: Annotated[float, Range(0, 1024, 1), Label("Low threshold", "Of the preprocessor, where it has one.")] = 100.0
    high: Annotated[float, Range(0, 1024, 1), Label("High threshold", "Of the preprocessor, where it has one.")] = 200.0
    resolution: Annotated[int, Range(0, 2048, 8), Label("Resolution", "Of the hint; 0 is that of the picture.")] = 0


@dataclass(frozen=True)
class Recipe:
    """One order: `count` times `batch` pictures that differ in their seeds only.

    checkpoint -- name as in the catalogue; "" stands for the default one
    seed       -- of the first picture, 0 .. 2**32 - 1; the others count up; None: drawn when submitted
    vae        -- name as in the catalogue; "" stands for the one beside the checkpoint, or its own; "None" for its own
    source     -- None for text to image; with a mask it is inpainting
    references -- pictures that an edit model looks at
    extras     -- what add-ons' panels hold, by add-on name
    """

    prompt: Annotated[str, Label("Prompt", "What the picture shows.")] = ""
    negative: Annotated[str, Label("Negative prompt", "What to keep out of the picture.")] = ""
    checkpoint: Annotated[str, Label("Model", "The Stable Diffusion checkpoint.")] = ""
    width: Annotated[int, Range(64, 2048, 8), Label("Width", "In pixels.")] = 512
    height: Annotated[int, Range(64, 2048, 8), Label("Height", "In pixels.")] = 512
    steps: Annotated[
        int, Range(1, 150, 1), Label("Steps", "How many times the picture is refined. More is slower.")
    ] = 20
    guidance: Annotated[
        float,
        Range(1, 30, 0.5),
        Label("CFG", "How closely the picture follows the prompt. 1 is off and twice as fast."),
    ] = 7.0
    sampler: Annotated[str, Label("Sampler", "The rule by which noise becomes a picture.")] = "DPM++ 2M"
    schedule: Annotated[str, Label("Schedule", "How the noise is spread over the steps.")] = "Automatic"
    seed: Annotated[
        int | None,
        Range(0, SEED_LIMIT - 1, 1),
        Label("Seed", "The number the noise is drawn from. -1 draws a new one."),
    ] = None
    count: Annotated[int, Range(1, 100, 1), Label("Pictures", "How many, one after another.")] = 1
    batch: Annotated[int, Range(1, 8, 1), Label("Pictures at once", "Quicker on large cards, needs more memory.")] = 1
    clip_skip: Annotated[int, Range(1, 12, 1), Label("Clip skip", "Leaves out the last layers of the text model.")] = 1
    emphasis: Annotated[
        Emphasis, Label("Emphasis", "How (words:1.2) count: 'no norm' suits SDXL, 'none' takes brackets as text.")
    ] = "original"
    old_editing: Annotated[
        bool, Label("Old prompt editing", "[from:to:when] as it was before version 1.6, for old pictures.")
    ] = False
    vae: Annotated[str, Label("VAE", "What turns latents into pictures; empty is the model's own.")] = ""
    tiling: Annotated[Tiling, Label("Tiling", "The picture's edges fit together.")] = "off"
    sampling: Sampling = field(default_factory=Sampling)
    hires: Hires | None = None
    refiner: Refiner | None = None
    controls: tuple[Control, ...] = ()
    source: Source | None = None
    references: Annotated[tuple[ImageRef, ...], Label("References", "Pictures that an edit model looks at.")] = ()
    finish: Finish | None = None
    extras: Annotated[Mapping[str, Json], Label("Add-ons", "What their panels hold.")] = field(
        default_factory=dict[str, Json]
    )

    @property
    def task(self) -> Task:
        if self.finish is not None and self.finish.only:
            return "finish"
        if self.source is None:
            return "edit" if self.references else "text"
        return "inpaint" if self.source.partial else "image"

    @property
    def total(self) -> int:
        """How many pictures this recipe makes."""
        return self.count * self.batch

    def seed_of(self, index: int) -> int:
        """The seed of picture `index`; needs a resolved recipe (its seed is a number).

        Variations are all of one seed: their variation seeds count up.
        """
        if self.seed is None:
            raise ValueError("The seed of this recipe has not been drawn yet.")
        return self.seed if self.sampling.variation else (self.seed + index) % SEED_LIMIT

    def starting_at(self, index: int) -> "Recipe":
        """The recipe whose first picture is picture `index` of this (resolved) one."""
        sampling = self.sampling
        if sampling.variation and sampling.variation_seed is not None:
            sampling = replace(sampling, variation_seed=(sampling.variation_seed + index) % SEED_LIMIT)
        return replace(self, seed=self.seed_of(index), sampling=sampling)

    def images(self) -> tuple[ImageRef, ...]:
        """The stored pictures that this recipe needs."""
        starts = () if self.source is None else self.source.images()
        return (*starts, *self.references, *(control.image for control in self.controls))


def rounded(recipe: Recipe, step: int = SIZE_STEP) -> tuple[Recipe, tuple[str, ...]]:
    """The recipe with sides that are multiples of `step` (nearest, never 0), and a sentence for each change made."""
    if max(abs(recipe.width), abs(recipe.height)) > _BEYOND_REASON:
        return recipe, ()  # `check` has the word
    width = max(step, round(recipe.width / step) * step)
    height = max(step, round(recipe.height / step) * step)
    if (width, height) == (recipe.width, recipe.height):
        return recipe, ()
    note = (
        f"The size {recipe.width} × {recipe.height} was rounded to {width} × {height}: sides are multiples of {step}."
    )
    return replace(recipe, width=width, height=height), (note,)


def check(recipe: Recipe) -> None:
    """Raise RecipeError for the first value that is out of its range."""
    check_fields(recipe)
    source = recipe.source
    if source is not None and source.mask is not None and not source.mask.image and not source.extend:
        raise RecipeError("mask", "Paint what should change, or extend the picture.")
