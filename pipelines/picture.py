"""A picture as a value: raw pixels that may cross a process boundary."""

from dataclasses import dataclass
from typing import Literal

Mode = Literal["L", "RGB", "RGBA"]

CHANNELS: dict[Mode, int] = {"L": 1, "RGB": 3, "RGBA": 4}


@dataclass(frozen=True)
class Picture:
    """Pixels of 8 bits a channel, rows from the top, no padding.

    width, height -- in pixels, at least 1
    mode          -- "L" (grey, masks), "RGB" or "RGBA" (straight alpha)
    pixels        -- exactly width * height * channels bytes
    """

    width: int
    height: int
    mode: Mode
    pixels: bytes

    def __post_init__(self) -> None:
        expected = self.width * self.height * CHANNELS[self.mode]
        if len(self.pixels) != expected:
            raise ValueError(f"{self.width} x {self.height} {self.mode} needs {expected} bytes, got {len(self.pixels)}")

    def __repr__(self) -> str:
        return f"Picture({self.width} x {self.height} {self.mode})"
