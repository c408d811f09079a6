"""Backdrops: plain colours and simple scenes, drawn, on which objects are set."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.training.emoji import SIZE

Canvas = NDArray[np.float32]
Random = np.random.Generator

COLOURS: Final[dict[str, tuple[int, int, int]]] = {
    "white": (255, 255, 255),
    "black": (22, 22, 26),
    "grey": (140, 143, 150),
    "red": (222, 40, 48),
    "orange": (245, 140, 30),
    "yellow": (252, 212, 48),
    "green": (52, 168, 72),
    "blue": (40, 110, 225),
    "purple": (136, 66, 196),
    "pink": (246, 140, 186),
    "brown": (132, 84, 52),
    "turquoise": (40, 190, 190),
}
SCENES: Final = ("snow", "night", "grass", "sea", "dusk", "desert", "forest", "sky")


def plain(colour: tuple[int, int, int]) -> Canvas:
    """[128, 128, 3] of one colour, 0..255."""
    return np.broadcast_to(np.asarray(colour, dtype=np.float32), (SIZE, SIZE, 3)).copy()


def gradient(top: tuple[int, int, int], bottom: tuple[int, int, int]) -> Canvas:
    """[128, 128, 3], from one colour down to another."""
    ramp = np.linspace(0, 1, SIZE, dtype=np.float32)[:, None, None]
    above, below = np.asarray(top, dtype=np.float32), np.asarray(bottom, dtype=np.float32)
    mixed = np.asarray(above + (below - above) * ramp, dtype=np.float32)
    return np.broadcast_to(mixed, (SIZE, SIZE, 3)).copy()


def dots(canvas: Canvas, random: Random, count: int, colour: tuple[int, int, int], below: int = SIZE) -> None:
    """Soft dots (stars, snowflakes) at random places above row `below`."""
    rows, columns = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    for _ in range(count):
        row, column, radius = random.uniform(0, below), random.uniform(0, SIZE), random.uniform(0.8, 2.2)
        near = np.clip(radius + 0.5 - np.hypot(rows - row, columns - column), 0, 1)[..., None]
        canvas += (np.asarray(colour, dtype=np.float32) - canvas) * near


def ground(canvas: Canvas, random: Random, colour: tuple[int, int, int], horizon: float = 0.66) -> None:
    """Fills below a gently waving horizon (0 top .. 1 bottom)."""
    columns = np.arange(SIZE, dtype=np.float32)
    wave = random.uniform(1, 4) * np.sin(columns / random.uniform(14, 30) + random.uniform(0, 6))
    line = horizon * SIZE + wave
    rows = np.arange(SIZE, dtype=np.float32)[:, None]
    inside = np.clip(rows - line[None] + 0.5, 0, 1)[..., None]
    shade = 1.06 - 0.18 * np.clip((rows - horizon * SIZE) / (SIZE * (1 - horizon)), 0, 1)[..., None]
    canvas += (np.asarray(colour, dtype=np.float32) * shade - canvas) * inside


def trees(canvas: Canvas, random: Random, colour: tuple[int, int, int], horizon: float = 0.66) -> None:
    """A row of fir trees on the horizon."""
    rows, columns = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    for place in np.arange(4, SIZE, 17):
        middle, height = place + random.uniform(-4, 4), random.uniform(34, 60)
        foot = horizon * SIZE + 2
        share = (rows - (foot - height)) / height
        inside = np.clip(share * random.uniform(9, 13) - np.abs(columns - middle), 0, 1) * (share <= 1)
        canvas += (np.asarray(colour, dtype=np.float32) - canvas) * inside[..., None]


def scene(name: str, random: Random) -> Canvas:
    """[128, 128, 3] of one of `SCENES`, 0..255, with small differences from picture to picture."""
    if name == "snow":
        canvas = gradient((176, 206, 236), (222, 234, 246))
        ground(canvas, random, (246, 250, 255))
        dots(canvas, random, 26, (255, 255, 255))
    elif name == "night":
        canvas = gradient((12, 16, 48), (44, 50, 110))
        dots(canvas, random, 24, (255, 250, 215))
    elif name == "grass":
        canvas = gradient((122, 196, 246), (204, 232, 252))
        ground(canvas, random, (104, 182, 70))
    elif name == "sea":
        canvas = gradient((150, 212, 250), (222, 240, 252))
        ground(canvas, random, (28, 112, 190), 0.58)
    elif name == "dusk":
        canvas = gradient((88, 62, 140), (250, 150, 92))
        ground(canvas, random, (62, 44, 84), 0.76)
    elif name == "desert":
        canvas = gradient((250, 206, 140), (254, 234, 194))
        ground(canvas, random, (226, 172, 96))
    elif name == "forest":
        canvas = gradient((186, 224, 214), (222, 240, 220))
        trees(canvas, random, (40, 110, 66))
        ground(canvas, random, (84, 140, 64))
    else:
        canvas = gradient((92, 172, 244), (208, 232, 252))
        for _ in range(3):
            place = (random.uniform(10, 60), random.uniform(0, SIZE))
            rows, columns = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
            near = np.hypot((rows - place[0]) * 2, columns - place[1]) / random.uniform(18, 30)
            canvas += (255 - canvas) * np.clip(2.2 - 2 * near, 0, 0.9)[..., None]
    return np.clip(canvas, 0, 255)
