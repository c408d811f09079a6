"""Hooks: where add-ons reach into a job. Without add-ons they do nothing."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from PIL import Image

from pipelines.recipe import Recipe

Tensor = torch.Tensor

Denoise = Callable[[Tensor, float], Tensor]
"""(x (batch, channels, height, width) fp32, sigma) -> the denoised estimate, of the same shape or two of it stacked."""

Wrap = Callable[[Denoise], Denoise]


class AddOnError(Exception):
    """An add-on failed. str(error): a sentence that names it; hint: what to do."""

    def __init__(self, addon: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.addon = addon
        self.hint = hint


def _no_wrap(recipe: Recipe) -> Wrap | None:
    return None


def _as_it_is(image: Image.Image, recipe: Recipe) -> Image.Image:
    return image


def _no_notes(recipe: Recipe) -> Iterable[str]:
    return ()


@dataclass(frozen=True)
class Hooks:
    """Each raises AddOnError for an add-on that fails.

    wrap   -- what stands between the sampler and the model in a job of this recipe; None: nothing
    finish -- the finished picture as the add-ons leave it; recipe: of this one picture
    notes  -- sentences on what a recipe asks of add-ons that cannot be given
    """

    wrap: Callable[[Recipe], Wrap | None] = _no_wrap
    finish: Callable[[Image.Image, Recipe], Image.Image] = _as_it_is
    notes: Callable[[Recipe], Iterable[str]] = _no_notes
