"""A team: some processes of one thread each that train one model together, over gloo on the loopback.

For so small a model two such processes beat one process of two threads, above all while others use the cores: they
wait for each other once a step, not once an operation.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as distributed
from torch import Tensor


@dataclass(frozen=True)
class Team:
    """Member `rank` of `size`; alone unless `join` made it."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this member writes the files."""
        return self.rank == 0

    def share(self, values: Tensor) -> Tensor:
        """This member's part of a batch [n, …]."""
        return values[self.rank :: self.size]

    def add(self, values: Tensor) -> None:
        """Replaces the values by their sum over the team."""
        if self.size > 1:
            distributed.all_reduce(values)

    def average_gradients(self, parameters: list[torch.nn.Parameter]) -> None:
        """Replaces each gradient by its mean over the team."""
        self.average([value.grad for value in parameters if value.grad is not None])

    @torch.no_grad()
    def average(self, values: list[Tensor]) -> None:
        """Replaces each tensor by its mean over the team."""
        if self.size == 1:
            return
        flat = torch.cat([value.flatten() for value in values])
        self.add(flat)
        flat /= self.size
        for value, part in zip(values, flat.split([value.numel() for value in values]), strict=True):
            value.copy_(part.view_as(value))


def join(rank: int, size: int, meeting: Path) -> Team:
    """Joins the team that meets at a file, which must not exist before."""
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    if size > 1:
        distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)
    return Team(rank, size)
