"""Drawing: the passes of one batch in turn and what follows them, counted as one row of steps."""

import math
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

import torch
from PIL import Image

from pipelines import canvas, hires
from pipelines.asset import Used
from pipelines.denoise import Stopped
from pipelines.events import Event, ImageMade, Note, Step
from pipelines.family import Model, Order, Progress
from pipelines.hires import Target
from pipelines.picture import Picture
from pipelines.recipe import Finish, Hires
from pipelines.upscaling import Upscalers, finishing


@dataclass(frozen=True)
class Turn:
    """A pass. model: gives the model, ready for the order's prompt; only the pass that is on may hold it."""

    order: Order
    model: Callable[[], Generator[Event, None, Model]]


@dataclass(frozen=True)
class Second:
    turn: Turn
    hires: Hires
    target: Target


@dataclass(frozen=True)
class Plan:
    """One batch. index: of its first picture in the job; laid: puts a picture of the model where it belongs,
    and is told where it is new if soft inpainting knows; used: what has taken part so far."""

    job: str
    index: int
    first: Turn
    second: Second | None
    finish: Finish | None
    laid: Callable[[Image.Image, Image.Image | None], Image.Image]
    upscalers: Upscalers
    used: Callable[[], tuple[Used, ...]]
    cancelled: Callable[[], bool]

    def of(self, seeds: tuple[int, ...], variation_seeds: tuple[int, ...]) -> "Plan":
        """The same for other pictures."""
        return self._with(seeds=seeds, variation_seeds=variation_seeds)

    def one_by_one(self) -> Iterator["Plan"]:
        """A plan for each of its pictures."""
        order = self.first.order
        for place, seed in enumerate(order.seeds):
            yield replace(self.of((seed,), order.variation_seeds[place : place + 1]), index=self.index + place)

    def light(self) -> "Plan":
        """The same with least memory."""
        return self._with(light=True)

    def _with(self, **values: Any) -> "Plan":
        """Both orders changed."""

        def changed(turn: Turn) -> Turn:
            return replace(turn, order=replace(turn.order, **values))

        second = self.second and replace(self.second, turn=changed(self.second.turn))
        return replace(self, first=changed(self.first), second=second)


class Meter:
    """Steps of several parts counted as one row: each part has its planned number, whatever it reports."""

    def __init__(self, job: str, index: int, total: int, cancelled: Callable[[], bool]) -> None:
        self._job = job
        self._index = index
        self._total = max(1, total)
        self._cancelled = cancelled
        self._done = 0

    def steps(
        self, planned: int, work: Generator[Progress, None, torch.Tensor]
    ) -> Generator[Event, None, torch.Tensor]:
        """The steps of a pass."""
        before = self._done
        while True:
            try:
                step = next(work)
            except StopIteration as stop:
                self._done = before + planned
                return stop.value
            yield self._step(before + math.ceil(planned * step.index / step.total), step.preview)

    def tiles(
        self, planned: int, work: Generator[tuple[int, int], None, Image.Image]
    ) -> Generator[Event, None, Image.Image]:
        """The tiles of an upscaler. Between them it may be told to stop."""
        before, count = self._done, 0
        while True:
            if self._cancelled():
                raise Stopped
            try:
                next(work)
            except StopIteration as stop:
                self._done = before + planned
                return stop.value
            count += 1
            yield self._step(before + min(count, planned), None)

    def _step(self, index: int, preview: Picture | None) -> Step:
        return Step(self._job, self._index, min(index, self._total), self._total, preview)


def drawn(plan: Plan) -> Generator[Event, None, list[Image.Image]]:
    """The pictures of a batch, finished; on the way its events. Raises what models and upscalers raise."""
    order, second = plan.first.order, plan.second
    model, successor = (yield from plan.first.model()), order.successor
    first_steps = model.steps(order)
    meter = Meter(plan.job, plan.index, first_steps + _planned(plan), plan.cancelled)
    latents = yield from meter.steps(first_steps, model.draw(order, plan.cancelled))
    changes = model.changed(order, latents)
    if second is not None:
        latents = yield from _enlarged(plan, second, model, latents, meter)
        if second.hires.strength > 0:
            # Let go of, so that it can make room.
            del model
            model = yield from second.turn.model()
            started = hires.started(second.turn.order, latents, second.hires.strength, model.side_step)
            latents = yield from meter.steps(second.turn.order.steps, model.draw(started, plan.cancelled))
            successor = started.successor
    # The model that drew last knows best what its latents mean.
    model = successor.model if successor is not None and successor.model is not None else model
    pairs = zip_longest(model.decode(latents, order.light), changes)
    images = [plan.laid(image, change) for image, change in pairs]
    for remark in model.remarks():
        yield Note(plan.job, remark)
    del model, latents
    if plan.finish is None:
        return images
    made: list[Image.Image] = []
    for image in images:
        work = finishing.finished(image, plan.finish, plan.upscalers, order.light)
        made.append((yield from meter.tiles(finishing.tiles(plan.finish, plan.upscalers, *image.size), work)))
    return made


def finished(
    job: str, index: int, image: Image.Image, finish: Finish, upscalers: Upscalers, cancelled: Callable[[], bool]
) -> Generator[Event, None, Image.Image]:
    """A picture that was there already, finished; on the way the events."""
    count = finishing.tiles(finish, upscalers, *image.size)
    meter = Meter(job, index, count, cancelled)
    return (yield from meter.tiles(count, finishing.finished(image, finish, upscalers)))


def _planned(plan: Plan) -> int:
    """Steps after the first pass."""
    order, second, total = plan.first.order, plan.second, 0
    size, count = (order.width, order.height), len(order.seeds)
    if second is not None:
        total += plan.upscalers.tiles(second.hires.upscaler, *size) * count
        total += second.turn.order.steps if second.hires.strength else 0
        size = second.target.width, second.target.height
    if plan.finish is not None:
        total += finishing.tiles(plan.finish, plan.upscalers, *size) * count
    return total


def _enlarged(
    plan: Plan, second: Second, model: Model, latents: torch.Tensor, meter: Meter
) -> Generator[Event, None, torch.Tensor]:
    """The latents of the first pass at the size of the second."""
    upscaler, target, factor = second.hires.upscaler, second.target, model.side_step
    order = plan.first.order
    latent = hires.is_latent(upscaler)
    images = [] if latent and not second.hires.keep else model.decode(latents, order.light)
    if second.hires.keep:
        for place, image in enumerate(images):
            picture = canvas.to_picture(image)
            yield ImageMade(plan.job, plan.index + place, order.seeds[place], picture, plan.used(), first_pass=True)
    if latent:
        return hires.cut(hires.enlarged(latents, upscaler, target, factor), target, factor)
    large: list[Image.Image] = []
    for image in images:
        work = plan.upscalers.enlarged(image, upscaler, target.width, target.height, order.light)
        made = yield from meter.tiles(plan.upscalers.tiles(upscaler, *image.size), work)
        large.append(hires.whole(made, factor))
    return hires.cut(model.encode(large, order.seeds), target, factor)
