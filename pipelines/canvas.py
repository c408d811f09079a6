"""Canvas: a source picture and its mask made ready for a model, and the result put back where it belongs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from PIL import Image, ImageChops, ImageFilter, ImageOps

from pipelines.colours import matched
from pipelines.fitting import Box, flattened, region, resized
from pipelines.masking import blurred, kept, painted_part, smeared
from pipelines.picture import Mode, Picture
from pipelines.recipe import Extension, ImageRef, Mask, Recipe, RecipeError, Source

STEP = 8
"""Sides of a picture that goes through an autoencoder at its own size are multiples of this."""

LARGEST = 2048 * 2048
"""Pixels of such a picture; a larger one is brought to the recipe's size first."""


@dataclass(frozen=True)
class Canvas:
    """What a model starts from.

    image   -- RGB at the recipe's size; larger or smaller where its latents are to be resized
    mask    -- grey at the recipe's size, white is repainted; None: all of it
    whole   -- RGB, the picture that the unpainted pixels come from, at the size of the result
    overlay -- grey at that size, white where nothing of `whole` stays
    place   -- where the model's picture goes within `whole`; None: it is as large
    colours -- the picture whose colours the result gets
    notes   -- sentences for the user
    """

    image: Image.Image
    mask: Image.Image | None = None
    whole: Image.Image | None = None
    overlay: Image.Image | None = None
    place: Box | None = None
    colours: Image.Image | None = None
    notes: tuple[str, ...] = ()

    def finish(self, made: Image.Image, changed: Image.Image | None = None) -> Image.Image:
        """The model's picture with what stays laid over it. Pixels outside the mask are those of the source.

        changed -- grey, of the size of `made`: what soft inpainting has found to be new, in place of the overlay
        """
        if self.colours is not None:
            made = matched(made, self.colours)
        if self.whole is None or self.overlay is None:
            return made
        overlay = self.overlay
        if self.place is not None:
            made = _placed(made, self.place, self.whole.size)
        if changed is not None:
            changed = changed if self.place is None else _placed(changed, self.place, self.whole.size)
            # However far the change reaches: where nothing is painted, not even faintly, pixels stay.
            overlay = ImageChops.multiply(changed, overlay.point([0, *[255] * 255]))
        result = made.convert("RGBA")
        result.alpha_composite(kept(self.whole, overlay))
        return result.convert("RGB")

    def again(self, made: Image.Image) -> "Canvas":
        """The canvas of the next loop: the finished result in place of the source, as it is."""
        image = made if self.place is None else resized(made.crop(self.place), *self.image.size, "fill")
        return replace(self, image=image, whole=self.whole and made)


def opened(recipe: Recipe, images: Mapping[ImageRef, Picture]) -> Canvas | None:
    """The canvas for a recipe; None where it starts from nothing.

    Raises RecipeError for pictures that are not among `images`, and for a mask in which nothing is painted.
    """
    source = recipe.source
    if source is None:
        return None
    if source.image not in images:
        raise RecipeError("source", "The source picture is missing.")
    if source.sketch and source.sketch not in images:
        raise RecipeError("sketch", "The sketch is missing.")
    painted = source.mask.image if source.mask else ""
    if painted and painted not in images:
        raise RecipeError("mask", "The mask is missing.")
    mask = images[painted] if painted else None
    sketch = images[source.sketch] if source.sketch else None
    return prepare(source, images[source.image], mask, recipe.width, recipe.height, sketch)


def prepare(
    source: Source, image: Picture, mask: Picture | None, width: int, height: int, sketch: Picture | None = None
) -> Canvas:
    """The canvas for a recipe of that size.

    Area "whole": the result has the recipe's size. Area "masked": the painted part is worked on at the recipe's size
    and goes back into the source, so the result has the size of the (extended) source.
    Raises RecipeError for a mask in which nothing is painted.
    """
    original = flattened(to_image(image))
    picture = original if sketch is None else _sketched(original, to_image(sketch))
    if source.mask is None and not source.extend:
        fitted = _for_latents(picture) if source.resize == "latent" else resized(picture, width, height, source.resize)
        return Canvas(fitted, colours=fitted if source.colour_correction else None)
    asked = source.mask or Mask()
    painted, notes = _painted(asked, mask, picture.size)
    if source.extend:
        original, picture = extended(original, source.extend), extended(picture, source.extend)
        painted = _extended_mask(painted, source.extend)
    painted = blurred(painted, asked.blur)
    box = painted.getbbox()
    if box is None:
        raise RecipeError("mask", "The mask is empty: paint over the part that should change.")
    if asked.area == "masked":
        place = region(box, asked.padding, (width, height), picture.size)
        whole, overlay = original, painted
        painted = resized(painted.crop(place), width, height, "fill")
        picture = resized(picture.crop(place), width, height, "fill")
    else:
        place = None
        painted = resized(painted, width, height, source.resize)
        picture, whole = (resized(one, width, height, source.resize) for one in (picture, original))
        # Twice as strong, so that the middle of the blurred edge is the model's alone.
        overlay = painted.point([min(255, 2 * level) for level in range(256)])
    if asked.fill != "original":
        picture = smeared(picture, painted, picture if source.extend else None)
    colours = picture if source.colour_correction else None
    return Canvas(picture, painted, whole, overlay, place, colours, notes)


def extended(image: Image.Image, by: Extension) -> Image.Image:
    """`image` with room at its sides, which holds the colours of its edge."""
    sides = ((by.top, by.bottom), (by.left, by.right), (0, 0))
    wide = Image.fromarray(np.pad(np.asarray(image), sides, mode="edge"))
    # Streaks of single pixels would be taken for what they look like: they run into one another.
    soft = wide.filter(ImageFilter.GaussianBlur(max(by.left, by.top, by.right, by.bottom) / 8))
    soft.paste(image, (by.left, by.top))
    return soft


def to_image(picture: Picture) -> Image.Image:
    return Image.frombytes(picture.mode, (picture.width, picture.height), picture.pixels)


def to_picture(image: Image.Image) -> Picture:
    if image.mode not in ("L", "RGB", "RGBA"):
        image = image.convert("RGB")
    return Picture(image.width, image.height, cast("Mode", image.mode), image.tobytes())


def _painted(asked: Mask, mask: Picture | None, size: tuple[int, int]) -> tuple[Image.Image, tuple[str, ...]]:
    """The mask at the size of the source, before its edge is softened; and what had to be done to it."""
    if mask is None:
        return Image.new("L", size), ()
    painted, notes = painted_part(to_image(mask)), ()
    if painted.size != size:
        notes = (
            f"The mask was {mask.width} × {mask.height} and has been fitted to the picture, {size[0]} × {size[1]}.",
        )
        painted = painted.resize(size, Image.Resampling.LANCZOS)
    return (ImageOps.invert(painted) if asked.invert else painted), notes


def _extended_mask(mask: Image.Image, by: Extension) -> Image.Image:
    wide = Image.new("L", (by.left + mask.width + by.right, by.top + mask.height + by.bottom), 255)
    wide.paste(mask, (by.left, by.top))
    return wide


def _sketched(image: Image.Image, sketch: Image.Image) -> Image.Image:
    colours = sketch.convert("RGBA")
    if colours.size != image.size:
        colours = colours.resize(image.size, Image.Resampling.LANCZOS)
    whole = image.convert("RGBA")
    whole.alpha_composite(colours)
    return whole.convert("RGB")


def _for_latents(image: Image.Image) -> Image.Image:
    """As large as it is, as far as an autoencoder can take it; its latents are resized."""
    width, height = image.size
    if width * height > LARGEST:
        scale = (LARGEST / (width * height)) ** 0.5
        width, height = int(width * scale), int(height * scale)
    width, height = (max(STEP, side // STEP * STEP) for side in (width, height))
    return resized(image, width, height, "stretch")


def _placed(image: Image.Image, place: Box, size: tuple[int, int]) -> Image.Image:
    """`image` brought to `place` in an otherwise black picture of `size`."""
    left, top, right, bottom = place
    whole = Image.new(image.mode, size)
    whole.paste(resized(image, right - left, bottom - top, "crop"), (left, top))
    return whole
