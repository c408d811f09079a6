"""Loopback: pictures drawn again and again, each result being the next loop's source."""

import math
from collections.abc import Callable, Generator
from dataclasses import replace

from PIL import Image

from pipelines.canvas import Canvas
from pipelines.drawing import Plan
from pipelines.events import Event, Step
from pipelines.family import Start
from pipelines.recipe import SEED_LIMIT, Mask, Source

Draw = Callable[[Plan], Generator[Event, None, list[Image.Image]]]


def started(source: Source, canvas: Canvas) -> Start:
    """What noise is put on."""
    mask = source.mask or Mask()
    return Start(canvas.image, source.strength, canvas.mask, mask.fill, soft=mask.soft, hidden=mask.conditioning)


def looped(plan: Plan, source: Source, canvas: Canvas, draw: Draw) -> Generator[Event, None, list[Image.Image]]:
    """The pictures of a batch, each looped by itself: they have sources of their own from the second loop on.

    Each loop has the next seed, and the last one alone is finished, as is customary.
    """
    made: list[Image.Image] = []
    levels = strengths(source)
    for single in plan.one_by_one():
        now, image = canvas, canvas.image
        for loop, strength in enumerate(levels):
            turned = replace(source, strength=strength)
            if loop and turned.mask is not None:
                turned = replace(turned, mask=replace(turned.mask, fill="original"))
            order = single.first.order
            seeds = tuple((seed + loop) % SEED_LIMIT for seed in order.seeds)
            first = replace(single.first, order=replace(order, seeds=seeds, start=started(turned, now)))
            last = loop == len(levels) - 1
            once = replace(single, first=first, laid=now.finish, finish=single.finish if last else None)
            (image,) = yield from _counted(draw(once), loop, len(levels))
            now = now if last else now.again(image)
        made.append(image)
    return made


def _counted(
    work: Generator[Event, None, list[Image.Image]], loop: int, loops: int
) -> Generator[Event, None, list[Image.Image]]:
    """The steps of a loop as part of those of all loops."""
    while True:
        try:
            event = next(work)
        except StopIteration as stop:
            return stop.value
        if isinstance(event, Step):
            event = replace(event, index=loop * event.total + event.index, total=loops * event.total)
        yield event


def strengths(source: Source) -> list[float]:
    """One for each loop, from the source's strength to the final one along the curve."""
    asked = source.loopback
    if asked is None or asked.loops == 1:
        return [source.strength]
    change = asked.strength - source.strength
    return [source.strength + change * _share(asked.curve, loop / (asked.loops - 1)) for loop in range(asked.loops)]


def _share(curve: str, progress: float) -> float:
    if curve == "aggressive":
        return math.sin(progress * math.pi / 2)
    if curve == "lazy":
        return 1 - math.cos(progress * math.pi / 2)
    return progress
