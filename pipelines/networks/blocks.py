"""Blocks: strengths for single blocks of a U-Net, as <lora:name:1:lbw=…> gives them.

The numbers stand for the blocks that people number after the original layout: first BASE (the text encoders and what
lies outside of the blocks), then the way in, the middle and the way out. How many there are tells which are meant.
"""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType


def _blocks(into: Sequence[int], out: Sequence[int]) -> tuple[str, ...]:
    return ("BASE", *(f"IN{n:02}" for n in into), "M00", *(f"OUT{n:02}" for n in out))


_LISTS: Mapping[int, tuple[str, ...]] = MappingProxyType(
    {
        len(blocks): blocks
        for blocks in (
            _blocks((1, 2, 4, 5, 7, 8), range(3, 12)),
            _blocks(range(12), range(12)),
            _blocks((4, 5, 7, 8), range(6)),
            _blocks(range(9), range(9)),
        )
    }
)
"""17 and 26 numbers: Stable Diffusion 1 and 2, with attention or all; 12 and 20: the same of SDXL."""

_PRESETS: Mapping[str, str] = MappingProxyType(
    {
        "NONE": "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0",
        "ALL": "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1",
        "INS": "1,1,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0",
        "IND": "1,0,0,0,1,1,1,0,0,0,0,0,0,0,0,0,0",
        "INALL": "1,1,1,1,1,1,1,0,0,0,0,0,0,0,0,0,0",
        "MIDD": "1,0,0,0,1,1,1,1,1,1,1,1,0,0,0,0,0",
        "OUTD": "1,0,0,0,0,0,0,0,1,1,1,1,0,0,0,0,0",
        "OUTS": "1,0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1",
        "OUTALL": "1,0,0,0,0,0,0,0,1,1,1,1,1,1,1,1,1",
        "ALL0.5": "0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5",
    }
)


def strengths(text: str) -> Mapping[str, float] | None:
    """By block, from "1,0,0.5,…" or a customary name ("OUTALL"); None for what is neither.

    A block that is not in it has no strength.
    """
    numbers: list[float] = []
    for word in _PRESETS.get(text.strip().upper(), text).split(","):
        try:
            numbers.append(float(word))
        except ValueError:
            return None
    blocks = _LISTS.get(len(numbers))
    return dict(zip(blocks, numbers, strict=True)) if blocks and all(map(math.isfinite, numbers)) else None
