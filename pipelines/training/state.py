"""State of a training run: the running average of weights, the learning rate's course, files written whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


class Average:
    """An exponential moving average of a module's trained weights."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.values = {name: value.detach().clone() for name, value in module.named_parameters() if value.requires_grad}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """One step of the average; early steps forget faster."""
        decay = min(self.decay, (step + 1) / (step + 10))
        weights = dict(module.named_parameters())
        for name, value in self.values.items():
            value.lerp_(weights[name], 1 - decay)

    @torch.no_grad()
    def copy_to(self, module: nn.Module) -> None:
        """Writes the averaged weights into a module of the same shape."""
        weights = dict(module.named_parameters())
        for name, value in self.values.items():
            weights[name].copy_(value)

    def state(self) -> dict[str, Tensor]:
        return self.values

    def load(self, values: dict[str, Tensor]) -> None:
        self.values = {name: values[name].clone() for name in self.values}


def schedule(step: int, steps: int, decay: float, warm_up: int = 100, floor: float = 0.05) -> float:
    """The learning rate's factor: up over `warm_up` steps, level, then down over the last share `decay` to `floor`."""
    up = min(1.0, (step + 1) / warm_up)
    down = min(1.0, max(0.0, steps - step) / max(1.0, decay * steps))
    return up * max(floor, down)


def save_state(state: dict[str, Any], path: Path) -> None:
    """Writes a state so that the file is always a whole one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def load_state(path: Path) -> dict[str, Any] | None:
    """The saved state, or None where there is none yet."""
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
