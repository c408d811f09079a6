"""Family: what a model family subclasses, and what the runner asks of a loaded model."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import torch
from PIL import Image

from pipelines.catalogue import FamilyEntry
from pipelines.control.guide import Unit
from pipelines.device import Device
from pipelines.header import Header
from pipelines.hooks import Wrap
from pipelines.latents import Autoencoder
from pipelines.picture import Picture
from pipelines.prompt.embeddings import Embeddings
from pipelines.recipe import Control, Emphasis, Fill, Json, Sampling, Soft, Task, Tiling
from pipelines.samplers import Sampler


class ModelError(Exception):
    """A checkpoint that cannot be loaded. str(error): a sentence; hint: what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True)
class Start:
    """What noise is put on: a picture for the whole batch, or the latents of a first pass.

    source   -- RGB, at the order's size, or of another whose latents are brought to it;
                or (pictures, channels, height, width) of unit scale, one for each seed
    strength -- 0 .. 1, how much noise
    whole    -- the order's steps are those made; else they are those of the way from pure noise
    mask     -- grey at the order's size, white is repainted
    soft     -- its grey counts
    hidden   -- 0 .. 1: how far inpainting models do not see what is to be repainted
    """

    source: Image.Image | torch.Tensor
    strength: float
    mask: Image.Image | None = None
    fill: Fill = "original"
    whole: bool = False
    soft: Soft | None = None
    hidden: float = 1.0


class Successor:
    """The model that takes over within a pass, a refiner; loaded when its time has come.

    at -- the part of the noise (`by_steps`: of the steps) after which it does
    """

    def __init__(self, load: "Callable[[Order], Model]", at: float, by_steps: bool) -> None:
        """load: gives the model, ready for that order."""
        self._load = load
        self.at = at
        self.by_steps = by_steps
        self.model: Model | None = None
        """Where it has taken over: what makes pictures of the latents."""

    def take(self, order: "Order") -> "Model":
        self.model = self._load(order)
        return self.model


@dataclass(frozen=True)
class Guided:
    """A control as the recipe has it, and its picture."""

    control: Control
    image: Image.Image


@dataclass(frozen=True)
class Order:
    """One pass over a batch of pictures that differ in their seeds only, with every name resolved.

    image_guidance -- how closely an edit model follows the picture it starts from
    references -- pictures that an edit model looks at
    after -- in a second pass: the steps of the first by which its prompt counted; None: this is the first
    wrap  -- what add-ons put between the sampler and the model
    vae   -- name of an asset; "": the model's own one
    light -- spare memory at the price of time
    """

    prompt: str
    negative: str
    width: int
    height: int
    steps: int
    guidance: float
    sampler: Sampler
    schedule: str
    seeds: tuple[int, ...]
    sampling: Sampling = field(default_factory=Sampling)
    variation_seeds: tuple[int, ...] = ()
    clip_skip: int = 1
    emphasis: Emphasis = "original"
    old_editing: bool = False
    embeddings: Embeddings | None = None
    start: Start | None = None
    successor: Successor | None = None
    tiling: Tiling = "off"
    image_guidance: float = 1.5
    references: tuple[Image.Image, ...] = ()
    after: int | None = None
    wrap: Wrap | None = None
    vae: str = ""
    controls: tuple[Guided, ...] = ()
    light: bool = False


@dataclass(frozen=True)
class Progress:
    """Step `index` (from 1) of `total` is done. preview: of the batch's first picture."""

    index: int
    total: int
    preview: Picture | None = None


@dataclass(frozen=True)
class Variant:
    """What a file is within its family, where that differs.

    title    -- for people; "" is the family's
    tasks    -- what it can do; () is what the family can
    defaults -- over those of the family
    lacks    -- controls without effect -> why, a sentence; over those of the family
    """

    title: str = ""
    tasks: tuple[Task, ...] = ()
    defaults: Mapping[str, Json] = field(default_factory=dict[str, Json])
    lacks: Mapping[str, str] = field(default_factory=dict[str, str])


class Model(ABC):
    """A loaded checkpoint. bytes: of its weights in memory; side_step: sides of a picture are multiples of it."""

    bytes: int
    side_step: int

    def components(self) -> Mapping[str, Any]:
        """The torch modules that networks (LoRA) may change: "unet" (or what stands in its place), and the text
        encoders "te", "te2", "te3" in the order in which trainers number them. Empty: no network can be used."""
        return {}

    @property
    def autoencoder(self) -> Autoencoder | None:
        """Its own one; None: it cannot take another."""
        return None

    def use_vae(self, vae: Autoencoder | None) -> None:  # noqa: B027 (for those that can take another)
        """Work with this autoencoder from now on; None: with its own."""

    def use_controls(self, units: Sequence[Unit]) -> None:  # noqa: B027 (for those that have control networks)
        """Let these guide what is drawn from now on."""

    def remarks(self) -> tuple[str, ...]:
        """Sentences about what happened to the last pictures."""
        return ()

    def words(self, order: Order) -> tuple[str, ...]:
        """The trained words (of `order.embeddings`) that take part, by name."""
        return ()

    def prepare(self, order: Order) -> None:  # noqa: B027 (most models have nothing to prepare)
        """Called before a pass, whenever another may have come between: what an order asks of the networks themselves
        (edges that fit, merged tokens) is put on, and what it does not ask for is taken off."""

    @abstractmethod
    def steps(self, order: Order) -> int:
        """How many steps `draw` will report."""

    @abstractmethod
    def draw(self, order: Order, cancelled: Callable[[], bool]) -> Generator[Progress, None, torch.Tensor]:
        """The clean latents of an order, one for each seed: (pictures, channels, height, width), fp32, unit scale.

        Raises denoise.Stopped, denoise.NotANumber, or whatever torch raises.
        """

    def changed(self, order: Order, latents: torch.Tensor) -> list[Image.Image]:
        """For an order with soft inpainting and what was drawn for it: where each picture is a new one, grey, white
        where it is. Empty where there is no such thing."""
        return []

    @abstractmethod
    def encode(self, images: Sequence[Image.Image], seeds: tuple[int, ...]) -> torch.Tensor:
        """The latents of RGB pictures of one size, one for each seed."""

    @abstractmethod
    def decode(self, latents: torch.Tensor, light: bool = False) -> list[Image.Image]:
        """The pictures of latents, RGB. Raises denoise.NotANumber."""


class Family(ABC):
    """A kind of model. One file in `families/` ends with `FAMILY = …`.

    name     -- short and lasting, it is stored in the catalogue
    before   -- names of families that are asked later than this one
    defaults -- values for fields of a Recipe
    lacks    -- fields of a Recipe that have no effect here -> why, a sentence
    side_step -- sides of a picture are multiples of it
    """

    name: ClassVar[str]
    title: ClassVar[str]
    before: ClassVar[tuple[str, ...]] = ()
    tasks: ClassVar[tuple[Task, ...]] = ("text", "image", "inpaint")
    defaults: ClassVar[Mapping[str, Json]] = {}
    lacks: ClassVar[Mapping[str, str]] = {}
    side_step: ClassVar[int] = 8

    @abstractmethod
    def detect(self, header: Header) -> bool:
        """Whether a file with this header is of this family."""

    def problem(self, header: Header) -> str:
        """Why a file of this family cannot be used all the same: a sentence, or ""."""
        return ""

    def variant(self, header: Header, name: str) -> Variant:
        """What is special about a file. name: the checkpoint's."""
        return Variant()

    @abstractmethod
    def load(self, path: Path, header: Header, device: Device) -> Model:
        """The model in the file or folder at `path`, from the disk alone. Raises ModelError."""

    def entry(self) -> FamilyEntry:
        return FamilyEntry(self.name, self.title, self.tasks, dict(self.defaults), dict(self.lacks), self.side_step)
