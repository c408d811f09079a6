"""Token merging (Bolya, Hoffman 2023, "Token Merging for Fast Stable Diffusion"): self-attention over fewer tokens.

The picture's tokens are split into cells of 2 x 2. The first of each cell stays; of the others those most like a first
one are merged into it before attention, and get its answer after.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

_MARK = "_token_merging"


class TokenMerging:
    """Merging in the blocks of one U-Net that see the picture at its full latent size."""

    def __init__(self, unet: Any) -> None:
        self._unet = unet
        self._hooks: list[Any] = []
        self._layers: list[Any] = []
        self._size = (0, 0)
        self.ratio = 0.0

    def use(self, ratio: float) -> None:
        """ratio: the part of the tokens that are merged, 0 .. 0.75; 0 takes everything off exactly."""
        if ratio == self.ratio:
            return
        for hook in self._hooks:
            hook.remove()
        for layer in self._layers:
            vars(layer).pop("forward", None)
        self._hooks, self._layers, self.ratio = [], [], ratio
        if ratio <= 0:
            return
        self._hooks.append(self._unet.register_forward_pre_hook(self._seen))
        for block in self._unet.modules():
            # Blocks of a transformer: self-attention, attention to the text, feed-forward.
            if hasattr(block, "attn1") and hasattr(block, "norm1"):
                self._put_on(block)

    def _seen(self, module: Any, arguments: tuple[torch.Tensor, ...]) -> None:
        self._size = arguments[0].shape[2], arguments[0].shape[3]

    def _put_on(self, block: Any) -> None:
        attention: Any = block.attn1
        held: list[torch.Tensor] = []

        def before(module: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
            # What is alike is told by what comes into the block, before its norm.
            held[:] = [arguments[0] if arguments else named["hidden_states"]]

        plain: Callable[..., torch.Tensor] = attention.forward

        def forward(hidden_states: torch.Tensor, *arguments: Any, **named: Any) -> torch.Tensor:
            height, width = self._size
            tokens = held.pop() if held else hidden_states
            if hidden_states.shape[1] != height * width:
                return plain(hidden_states, *arguments, **named)
            merge = matched(tokens, height, width, self.ratio)
            return merge.apart(plain(merge.together(hidden_states), *arguments, **named))

        self._hooks.append(block.register_forward_pre_hook(before, with_kwargs=True))
        vars(attention)["forward"] = forward
        self._layers.append(attention)


@dataclass(frozen=True)
class Merge:
    """Which tokens go into which. All are indices of tokens, (pictures, count, 1).

    first -- one of each cell, the same for all pictures: (1, count, 1); others -- the rest
    kept, gone -- places within `others`; into -- for each of `gone`, a place within `first`
    """

    first: torch.Tensor
    others: torch.Tensor
    kept: torch.Tensor
    gone: torch.Tensor
    into: torch.Tensor

    def together(self, tokens: torch.Tensor) -> torch.Tensor:
        """(pictures, tokens, channels) -> fewer: those kept, then the firsts, each the mean of what it took in."""
        first, others = _taken(tokens, self.first), _taken(tokens, self.others)
        index = self.into.expand(-1, -1, tokens.shape[2])
        first = first.scatter_reduce(1, index, _taken(others, self.gone), reduce="mean")
        return torch.cat([_taken(others, self.kept), first], dim=1)

    def apart(self, merged: torch.Tensor) -> torch.Tensor:
        """All tokens again: those that were merged share one answer."""
        count, channels = self.kept.shape[1], merged.shape[2]
        kept, first = merged[:, :count], merged[:, count:]
        others = merged.new_empty(merged.shape[0], self.others.shape[1], channels)
        others.scatter_(1, self.kept.expand(-1, -1, channels), kept)
        others.scatter_(1, self.gone.expand(-1, -1, channels), _taken(first, self.into))
        whole = merged.new_empty(merged.shape[0], self.first.shape[1] + self.others.shape[1], channels)
        whole.scatter_(1, self.first.expand(merged.shape[0], -1, channels), first)
        whole.scatter_(1, self.others.expand(merged.shape[0], -1, channels), others)
        return whole


def matched(tokens: torch.Tensor, height: int, width: int, ratio: float) -> Merge:
    """The likest pairs. tokens: (pictures, height * width, channels), row by row."""
    grid = torch.arange(height * width, device=tokens.device).view(height, width)
    starts = torch.zeros_like(grid, dtype=torch.bool)
    # A row or column left over at the edge belongs to no cell.
    starts[: height // 2 * 2 : 2, : width // 2 * 2 : 2] = True
    first, others = grid[starts][None, :, None], grid[~starts][None, :, None]
    with torch.no_grad():
        unit = tokens / tokens.norm(dim=-1, keepdim=True).clamp(min=1e-6)
        alike = _taken(unit, others) @ _taken(unit, first).transpose(1, 2)
        best, target = alike.max(dim=-1)
        order = best.argsort(dim=-1, descending=True)[..., None]
    count = min(others.shape[1], math.floor(height * width * ratio))
    gone = order[:, :count]
    return Merge(first, others, order[:, count:], gone, target[..., None].gather(1, gone))


def _taken(tokens: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """The tokens at these places."""
    return tokens.gather(1, index.expand(tokens.shape[0], -1, tokens.shape[2]))
