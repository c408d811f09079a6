"""Recipe: everything that matters to a picture, and nothing else.

The facts about each parameter (range, step, label, hint) are written here once, as annotations: the form,
the HTTP schema, the command line and the checks all read them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Annotated, Any, Literal, NewType, get_args, get_origin, get_type_hints

ImageRef = NewType("ImageRef", str)
"""SHA-256 (64 hex digits) of an input picture's bytes in the store."""

Json = str | int | float | bool | None | list[Any] | dict[str, Any]
Task = Literal["text", "image", "inpaint"]
Resize = Literal["stretch", "crop", "fill"]
Fill = Literal["original", "blurred", "noise", "empty"]
Area = Literal["whole", "masked"]
Emphasis = Literal["original", "no norm", "ignore", "none"]
NoiseSource = Literal["cpu", "device", "nv"]

SIZE_STEP = 8
"""Pixels of a side that one latent pixel stands for."""

SEED_LIMIT = 2**32


@dataclass(frozen=True)
class Range:
    low: float
    high: float
    step: float


@dataclass(frozen=True)
class Label:
    text: str
    hint: str = ""


class RecipeError(ValueError):
    """A recipe that cannot be made. `field` is the parameter at fault, `str(error)` a sentence for the user."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Mask:
    """What part of the source to repaint: white is repainted, black is kept."""

    image: ImageRef
    blur: Annotated[float, Range(0, 64, 1), Label("Mask blur", "Softens the edge of the mask, in pixels.")] = 4.0
    fill: Annotated[Fill, Label("Start from", "What the painted area holds before the first step.")] = "original"
    area: Annotated[Area, Label("Change", "'masked' works on the painted area at full size.")] = "whole"
    padding: Annotated[
        int, Range(0, 256, 4), Label("Padding", "Pixels around the painted area that the model sees as well.")
    ] = 32
    invert: Annotated[bool, Label("Invert", "Repaint what is not painted.")] = False


@dataclass(frozen=True)
class Source:
    """The picture to start from."""

    image: ImageRef
    strength: Annotated[
        float,
        Range(0, 1, 0.01),
        Label("Strength", "How far the picture may change: 0 keeps it, 1 ignores it."),
    ] = 0.75
    resize: Annotated[Resize, Label("Resize", "How a picture of another shape is made to fit.")] = "stretch"
    mask: Mask | None = None


@dataclass(frozen=True)
class Sampling:
    """What experts set about samplers, schedules and noise; 0 and None leave it to the sampler or the schedule.

    variation_seed -- None: drawn when submitted
    resize_width, resize_height -- of the picture whose noise this one keeps in its middle; 0 for none
    """

    eta: Annotated[float | None, Range(0, 1, 0.01), Label("Eta", "How much of the noise is renewed in each step.")] = (
        None
    )
    s_churn: Annotated[float, Range(0, 100, 0.01), Label("Sigma churn", "Noise added and removed on the way.")] = 0.0
    s_tmin: Annotated[float, Range(0, 100, 0.01), Label("Sigma tmin", "The lowest level with churn.")] = 0.0
    s_tmax: Annotated[float, Range(0, 999, 0.01), Label("Sigma tmax", "The highest level with churn; 0 is any.")] = 0.0
    s_noise: Annotated[float, Range(0, 1.1, 0.001), Label("Sigma noise", "Strength of the noise in the steps.")] = 1.0
    sigma_min: Annotated[
        float, Range(0, 100, 0.001), Label("Schedule min sigma", "The lowest level; 0 is the model's.")
    ] = 0.0
    sigma_max: Annotated[
        float, Range(0, 1000, 0.001), Label("Schedule max sigma", "The highest level; 0 is the model's.")
    ] = 0.0
    rho: Annotated[float, Range(0, 100, 0.01), Label("Schedule rho", "Curvature; 0 is the schedule's own.")] = 0.0
    discard: Annotated[
        bool, Label("Discard next-to-last sigma", "Leaves out the smallest step, with every sampler.")
    ] = False
    noise: Annotated[NoiseSource, Label("Random numbers", "'nv' gives those of an NVIDIA card on any machine.")] = "cpu"
    seed_delta: Annotated[
        int, Range(0, 2**32, 1), Label("Eta noise seed delta", "Added to the seed for the noise in the steps.")
    ] = 0
    variation_seed: Annotated[
        int | None, Range(0, SEED_LIMIT - 1, 1), Label("Variation seed", "A second noise to mix in.")
    ] = None
    variation: Annotated[
        float, Range(0, 1, 0.01), Label("Variation strength", "How much of the second noise is mixed in.")
    ] = 0.0
    resize_width: Annotated[int, Range(0, 2048, 8), Label("Seed from width", "As the picture was; 0 is off.")] = 0
    resize_height: Annotated[int, Range(0, 2048, 8), Label("Seed from height", "As the picture was; 0 is off.")] = 0


@dataclass(frozen=True)
class Recipe:
    """One order: `count` times `batch` pictures that differ in their seeds only.

    checkpoint -- name as in the catalogue; "" stands for the default one
    seed       -- of the first picture, 0 .. 2**32 - 1; the others count up; None: drawn when submitted
    source     -- None for text to image; with a mask it is inpainting
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
    sampling: Sampling = field(default_factory=Sampling)
    source: Source | None = None
    extras: Mapping[str, Json] = field(default_factory=dict[str, Json])

    @property
    def task(self) -> Task:
        if self.source is None:
            return "text"
        return "image" if self.source.mask is None else "inpaint"

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
        if self.source is None:
            return ()
        return (self.source.image,) if self.source.mask is None else (self.source.image, self.source.mask.image)


def rounded(recipe: Recipe) -> tuple[Recipe, tuple[str, ...]]:
    """The recipe with sides that are multiples of 8 (nearest, never 0), and a sentence for each change made."""
    width = max(SIZE_STEP, round(recipe.width / SIZE_STEP) * SIZE_STEP)
    height = max(SIZE_STEP, round(recipe.height / SIZE_STEP) * SIZE_STEP)
    if (width, height) == (recipe.width, recipe.height):
        return recipe, ()
    note = (
        f"The size {recipe.width} × {recipe.height} was rounded to {width} × {height}: "
        f"sides are multiples of {SIZE_STEP}."
    )
    return replace(recipe, width=width, height=height), (note,)


def check(recipe: Recipe) -> None:
    """Raise RecipeError for the first value that is out of its range."""
    _check_fields(recipe)


def facts(owner: type[Any], name: str) -> tuple[Label, Range | None]:
    """The label and range that the annotation of `owner.name` declares."""
    hint = get_type_hints(owner, include_extras=True)[name]
    notes = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    label = next((note for note in notes if isinstance(note, Label)), Label(name))
    return label, next((note for note in notes if isinstance(note, Range)), None)


def _check_fields(value: Any) -> None:
    for item in fields(value):
        number = getattr(value, item.name)
        if is_dataclass(number):
            _check_fields(number)
            continue
        label, limits = facts(type(value), item.name)
        if limits is None or number is None:
            continue
        if not limits.low <= number <= limits.high:
            raise RecipeError(
                item.name,
                f"{label.text} is {number:g}, but has to lie between {limits.low:g} and {limits.high:g}.",
            )
