"""Source: the picture that a recipe starts from, and what of it may change."""

from dataclasses import dataclass, field
from typing import Annotated, Literal, NewType

from pipelines.parameter import Label, Range

ImageRef = NewType("ImageRef", str)
"""SHA-256 (64 hex digits) of an input picture's bytes in the store."""

NO_IMAGE = ImageRef("")

Resize = Literal["stretch", "crop", "fill", "latent"]
Fill = Literal["original", "blurred", "noise", "empty"]
Area = Literal["whole", "masked"]
Curve = Literal["linear", "aggressive", "lazy"]


@dataclass(frozen=True)
class Soft:
    """Soft inpainting: the mask's grey says how much may change (Levin, Fried 2023: Differential Diffusion).

    The first three are of the blending of latents in each step; the others of that of pixels at the end.
    """

    bias: Annotated[
        float, Range(0, 8, 0.1), Label("Schedule bias", "Above 1 the original is kept in early steps, below 1 in late.")
    ] = 1.0
    preservation: Annotated[
        float, Range(0, 8, 0.05), Label("Preservation strength", "How strongly half painted parts keep the original.")
    ] = 0.5
    boost: Annotated[
        float, Range(1, 32, 0.5), Label("Transition contrast boost", "Gives half painted parts their contrast back.")
    ] = 4.0
    influence: Annotated[
        float, Range(0, 1, 0.05), Label("Mask influence", "How far the mask says where pixels count as changed.")
    ] = 0.0
    threshold: Annotated[
        float, Range(0, 8, 0.25), Label("Difference threshold", "How much has to change before pixels are replaced.")
    ] = 0.5
    contrast: Annotated[
        float, Range(0, 8, 0.25), Label("Difference contrast", "How sharp the edge of what is replaced is.")
    ] = 2.0


@dataclass(frozen=True)
class Mask:
    """What part of the source to repaint: white is repainted, black is kept.

    image -- NO_IMAGE: nothing is painted; where the source is extended, what is added is repainted
    soft  -- None: what is painted is repainted altogether
    """

    image: ImageRef = NO_IMAGE
    blur: Annotated[float, Range(0, 64, 1), Label("Mask blur", "Softens the edge of the mask, in pixels.")] = 4.0
    fill: Annotated[Fill, Label("Start from", "What the painted area holds before the first step.")] = "original"
    area: Annotated[Area, Label("Change", "'masked' works on the painted area at full size.")] = "whole"
    padding: Annotated[
        int, Range(0, 256, 4), Label("Padding", "Pixels around the painted area that the model sees as well.")
    ] = 32
    invert: Annotated[bool, Label("Invert", "Repaint what is not painted.")] = False
    conditioning: Annotated[
        float,
        Range(0, 1, 0.01),
        Label("Mask weight", "For inpainting models: how far the painted part is hidden from them."),
    ] = 1.0
    soft: Soft | None = None


@dataclass(frozen=True)
class Extension:
    """Pixels of the source by which it is extended at each side; what is added is repainted."""

    left: Annotated[int, Range(0, 2048, 8), Label("Extend left", "In pixels of the picture.")] = 0
    top: Annotated[int, Range(0, 2048, 8), Label("Extend top", "In pixels of the picture.")] = 0
    right: Annotated[int, Range(0, 2048, 8), Label("Extend right", "In pixels of the picture.")] = 0
    bottom: Annotated[int, Range(0, 2048, 8), Label("Extend bottom", "In pixels of the picture.")] = 0

    def __bool__(self) -> bool:
        return any((self.left, self.top, self.right, self.bottom))


@dataclass(frozen=True)
class Loopback:
    """The result is the source of the next loop; the last one's is kept.

    strength -- of the last loop; the first has the source's
    """

    loops: Annotated[int, Range(1, 32, 1), Label("Loops", "How many times the result is drawn again.")] = 4
    strength: Annotated[
        float, Range(0, 1, 0.01), Label("Final strength", "Of the last loop; the first has the usual strength.")
    ] = 0.5
    curve: Annotated[Curve, Label("Strength curve", "How the strength goes over: 'aggressive' early, 'lazy' late.")] = (
        "linear"
    )


@dataclass(frozen=True)
class Source:
    """The picture to start from.

    sketch -- colours laid over it before anything else, a picture with transparency; NO_IMAGE for none
    mask   -- None: all of it may change (but see `extend`)
    """

    image: ImageRef
    strength: Annotated[
        float,
        Range(0, 1, 0.01),
        Label("Strength", "How far the picture may change: 0 keeps it, 1 ignores it."),
    ] = 0.75
    resize: Annotated[Resize, Label("Resize", "How a picture of another shape is made to fit.")] = "stretch"
    colour_correction: Annotated[
        bool, Label("Colour correction", "Gives the result the colours of the picture it started from.")
    ] = False
    image_guidance: Annotated[
        float,
        Range(1, 3, 0.05),
        Label("Image CFG", "How closely a model that edits pictures keeps to this one; others do not use it."),
    ] = 1.5
    mask: Mask | None = None
    sketch: ImageRef = NO_IMAGE
    extend: Extension = field(default_factory=Extension)
    loopback: Loopback | None = None

    @property
    def partial(self) -> bool:
        """Whether a part of it stays as it is."""
        return self.mask is not None or bool(self.extend)

    def images(self) -> tuple[ImageRef, ...]:
        """The stored pictures that it needs."""
        found = (self.image, self.sketch, self.mask.image if self.mask else NO_IMAGE)
        return tuple(ref for ref in found if ref != NO_IMAGE)
