"""Guide: what control networks add to the model at each of its calls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from pipelines.control.hints import array
from pipelines.prompt.encoder import Condition
from pipelines.recipe import ControlMode

FADE = 0.825
"""By how much a level counts less than the one below it where the prompt or the control is to count more."""

FADED_FROM = 12


@dataclass(frozen=True)
class Unit:
    """A control network and its picture. module: a diffusers ControlNetModel.

    hint -- (width, height) -> the RGB picture it looks at; start, end -- see recipe.Control
    """

    module: Any
    hint: Callable[[int, int], Image.Image]
    weight: float = 1.0
    start: float = 0.0
    end: float = 1.0
    mode: ControlMode = "balanced"


class Guide:
    """Called beside the model, with what it is called with."""

    def __init__(
        self, units: Sequence[Unit], size: tuple[int, int], channels: int, device: str, dtype: torch.dtype, soft: bool
    ) -> None:
        """size: width and height of the picture; channels: of a latent; soft: fade as in the modes that fade."""
        self._channels = channels
        self._dtype = dtype
        self._soft = soft
        self._units = [(unit, torch.from_numpy(array(unit.hint(*size)))[None].to(device, dtype)) for unit in units]

    @torch.inference_mode()
    def __call__(self, x: Tensor, timesteps: Tensor, told: Condition, share: float, along: Sequence[bool]) -> Condition:
        """What the model is told, with the residuals for its levels.

        share -- of the calls that are done; along -- which of the batch follow the prompt, not the negative one
        """
        total: list[Tensor] = []
        for unit, hint in self._units:
            if unit.start <= share <= unit.end and unit.weight:
                found = self._asked(unit, hint, x, timesteps, told, along)
                total = [one + other for one, other in zip(total, found, strict=True)] if total else found
        return told._replace(residuals=tuple(total)) if total else told

    def _asked(
        self, unit: Unit, hint: Tensor, x: Tensor, timesteps: Tensor, told: Condition, along: Sequence[bool]
    ) -> list[Tensor]:
        more = None if told.pooled is None else {"text_embeds": told.pooled, "time_ids": told.ids}
        down, middle = unit.module(
            x[:, : self._channels].to(self._dtype),
            timesteps,
            encoder_hidden_states=told.tokens,
            controlnet_cond=hint.expand(x.shape[0], -1, -1, -1),
            added_cond_kwargs=more,
            return_dict=False,
        )
        levels = [*down, middle]
        fading = self._soft or unit.mode != "balanced"
        weights = [unit.weight * (FADE ** (FADED_FROM - level) if fading else 1.0) for level in range(len(levels))]
        rows = 1.0
        if unit.mode == "control":
            rows = torch.tensor(along, device=x.device, dtype=self._dtype)[:, None, None, None]
        return [residual * weight * rows for residual, weight in zip(levels, weights, strict=True)]
