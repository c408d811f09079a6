"""Runner: recipe in, events out. The one door to the pipelines."""

import importlib
import logging
import os
import pkgutil
import secrets
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import torch
from PIL import Image

from pipelines import canvas, families, library, samplers, schedules
from pipelines.asset import Used
from pipelines.canvas import Canvas
from pipelines.catalogue import Catalogue, SamplerEntry
from pipelines.denoise import NotANumber, Stopped
from pipelines.device import pick
from pipelines.events import Cancelled, Event, Failed, Finished, ImageMade, Loading, Note, Step
from pipelines.family import Family, Model, ModelError, Order, Progress, Start, Successor
from pipelines.filefacts import FileFacts
from pipelines.hashes import Hashes
from pipelines.library import Checkpoint
from pipelines.loading import Shelf, give_back
from pipelines.ontop import OnTop
from pipelines.picture import Picture
from pipelines.recipe import SEED_LIMIT, ImageRef, Recipe, RecipeError, check, rounded
from pipelines.samplers import Sampler

_log = logging.getLogger(__name__)

Images = Mapping[ImageRef, Picture]
Ask = Callable[[], bool]


class Runner:
    """Makes the pictures of recipes, one job at a time, with the checkpoints of one folder."""

    def __init__(
        self,
        models: Path,
        cache: Path,
        device: str | None = None,
        dtype: str | None = None,
        more: Iterable[Family] = (),
    ) -> None:
        """Looks at the folder at once; hashes follow in the background (`on_change`).

        models -- holds the folders checkpoints/ and embeddings/, which need not exist
        cache  -- for what can be worked out again
        device, dtype -- see device.pick, which raises ValueError
        more   -- families of add-ons
        """
        # Everything is on the disk; whatever a library would like to fetch, it must not.
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        os.environ.setdefault("DIFFUSERS_DISABLE_REMOTE_CODE", "1")
        self._root = models / "checkpoints"
        self._device = pick(device, dtype)
        self._families = ordered([*_found_families(), *more])
        self._shelf = Shelf(self._device)
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[Catalogue], None]] = []
        facts = FileFacts(cache / "files.sqlite")
        self._hashes = Hashes(facts, self._announce)
        self._top = OnTop(models, facts, self._hashes)
        self._used: dict[Used, None] = {}
        self._checkpoints: list[Checkpoint] = []
        self.spoilt = False
        """The device has failed in a way that only a new process mends."""
        self.rescan()

    def catalogue(self) -> Catalogue:
        """What can be made now."""
        with self._lock:
            found = self._checkpoints
        entries = tuple(replace(c.entry, sha256="" if c.folder else self._hashes.get(c.version)) for c in found)
        return Catalogue(
            families=tuple(family.entry() for family in self._families),
            checkpoints=entries,
            samplers=tuple(SamplerEntry(s.name, s.aliases, s.schedule) for s in samplers.SAMPLERS),
            schedules=tuple(schedules.SCHEDULES),
            device=self._device.entry(),
            assets=self._top.entries(),
        )

    def rescan(self) -> Catalogue:
        """Look at the folder again."""
        with self._lock:
            known = self._checkpoints
        found = library.scan(self._root, self._families, known)
        with self._lock:
            self._checkpoints = found
        self._top.scan()
        whole, tensors = self._top.unhashed()
        checkpoints = [c.version for c in found if c.family is not None and not c.folder]
        self._hashes.want([*checkpoints, *whole], tensors)
        return self.catalogue()

    def on_change(self, callback: Callable[[Catalogue], None]) -> None:
        """`callback` gets the new catalogue whenever a late hash is known, from a thread of its own."""
        with self._lock:
            self._callbacks.append(callback)

    def unload(self) -> None:
        """Give back the memory of the models that are loaded."""
        self._shelf.clear()

    def close(self) -> None:
        """Stop the background work and give the memory back."""
        self._hashes.close()
        self._shelf.clear()

    def run(self, job: str, recipe: Recipe, images: Images, cancelled: Ask) -> Iterator[Event]:
        """The events of one job, the last one Finished, Cancelled or Failed. Never raises.

        images    -- at least those that recipe.images() names
        cancelled -- asked before every call of the model
        """
        yield self._last(job, (yield from self._tried(job, recipe, images, cancelled)))

    def _announce(self) -> None:
        catalogue = self.catalogue()
        with self._lock:
            callbacks = list(self._callbacks)
        for callback in callbacks:
            try:
                callback(catalogue)
            except Exception:
                _log.exception("A listener for the catalogue failed")

    def _tried(
        self, job: str, recipe: Recipe, images: Images, cancelled: Ask
    ) -> Generator[Event, None, Exception | None]:
        """The events of the work; returns what ended it early."""
        try:
            yield from self._work(job, recipe, images, cancelled)
        except Exception as error:
            return error
        return None

    def _last(self, job: str, error: Exception | None) -> Event:
        match error:
            case None:
                return Finished(job)
            case Stopped():
                return Cancelled(job)
            case RecipeError():
                return Failed(job, "bad recipe", str(error))
            case ModelError():
                _log.error("Job %s: %s", job, error, exc_info=error)
                return Failed(job, "model", str(error), error.hint)
            case NotANumber():
                return Failed(
                    job,
                    "not a number",
                    "The model produced values that are not numbers (NaN).",
                    "Try another seed or sampler; if it stays, the file is damaged or needs float32.",
                )
            case _ if _out_of_memory(error):
                _log.error("Job %s: out of memory", job, exc_info=error)
                self._shelf.clear()
                return Failed(
                    job,
                    "out of memory",
                    "The memory did not suffice for this picture.",
                    "Make it smaller, make fewer at once, or close other programs.",
                )
            case _:
                _log.error("Job %s failed", job, exc_info=error)
                self.spoilt = self.spoilt or isinstance(error, torch.AcceleratorError)
                message = (str(error).strip().splitlines() or [""])[0]
                return Failed(
                    job, "error", f"{type(error).__name__}: {message}".rstrip(": "), "The log holds the details."
                )

    def _work(self, job: str, recipe: Recipe, images: Images, cancelled: Ask) -> Iterator[Event]:
        if cancelled():
            raise Stopped
        self._used = {}
        recipe, notes = rounded(recipe)
        check(recipe)
        sampler = _sampler(recipe)
        schedule = _schedule(recipe)
        checkpoint = self._checkpoint(recipe)
        for note in (*notes, *_remarks(recipe, sampler)):
            yield Note(job, note)
        start = _canvas(recipe, images)
        family, header = checkpoint.family, checkpoint.header
        if family is None or header is None:
            raise ModelError(f"{checkpoint.entry.name}: {checkpoint.entry.problem}")
        if recipe.task not in (checkpoint.entry.tasks or family.tasks):
            raise RecipeError("source", f"{checkpoint.entry.title or family.title} cannot do this ({recipe.task}).")
        if not self._shelf.holds(checkpoint.version):
            yield Loading(job, checkpoint.entry.name)
        model = self._shelf.get(checkpoint.version, family, header)
        if recipe.width % model.side_step or recipe.height % model.side_step:
            raise RecipeError("width", f"Sides have to be multiples of {model.side_step} with this model.")
        order = Order(
            prompt=recipe.prompt,
            negative=recipe.negative,
            width=recipe.width,
            height=recipe.height,
            steps=recipe.steps,
            guidance=recipe.guidance,
            sampler=sampler,
            schedule=schedule,
            seeds=(),
            sampling=recipe.sampling,
            clip_skip=recipe.clip_skip,
            emphasis=recipe.emphasis,
            old_editing=recipe.old_editing,
            embeddings=self._top.embeddings,
            start=_start(recipe, start),
            image_guidance=recipe.source.image_guidance if recipe.source else 1.5,
            successor=self._successor(recipe, checkpoint),
            tiling=recipe.tiling,
        )
        recipe = _drawn(recipe)
        for first in range(0, recipe.total, recipe.batch):
            single = [recipe.starting_at(first + index) for index in range(recipe.batch)]
            seeds = tuple(one.seed or 0 for one in single)
            others = tuple(one.sampling.variation_seed or 0 for one in single)
            order = replace(order, seeds=seeds, variation_seeds=others)
            made = yield from self._batch(job, first, model, order, cancelled)
            for index, image in enumerate(made):
                picture = canvas.to_picture(start.finish(image) if start else image)
                yield ImageMade(job, first + index, seeds[index], picture, tuple(self._used))

    def _batch(
        self, job: str, first: int, model: Model, order: Order, cancelled: Ask
    ) -> Generator[Event, None, list[Image.Image]]:
        for note in self._dressed(model, order):
            yield Note(job, note)
        made = yield from _steps(job, first, _drawn_whole(model, order, cancelled))
        if made is not None:
            return made
        # Outside of the failed call, so that nothing holds its tensors any more.
        give_back()
        yield Note(job, "The memory did not suffice; trying again in a way that needs less and takes longer.")
        made = yield from _steps(job, first, _drawn_whole(model, replace(order, light=True), cancelled))
        if made is None:
            raise MemoryError
        return made

    def _successor(self, recipe: Recipe, first: Checkpoint) -> Successor | None:
        """The refiner, where it is another model than the first."""
        asked = recipe.refiner
        if asked is None or not asked.checkpoint:
            return None
        checkpoint = self._checkpoint(replace(recipe, checkpoint=asked.checkpoint))
        family, header = checkpoint.family, checkpoint.header
        if family is None or header is None:
            raise ModelError(f"{checkpoint.entry.name}: {checkpoint.entry.problem}")
        if checkpoint.version == first.version:
            return None

        def load(order: Order) -> Model:
            model = self._shelf.get(checkpoint.version, family, header)
            self._dressed(model, order)
            return model

        return Successor(load, asked.switch_at, asked.by_steps)

    def _dressed(self, model: Model, order: Order) -> tuple[str, ...]:
        """Get a model ready for an order; a sentence for each thing asked for that does not count."""
        dressed = self._top.dress(model, order)
        self._used |= dict.fromkeys(dressed.used)
        model.prepare(order)
        return dressed.notes

    def _checkpoint(self, recipe: Recipe) -> Checkpoint:
        entry = self.catalogue().checkpoint(recipe.checkpoint)
        with self._lock:
            found = {checkpoint.entry.name: checkpoint for checkpoint in self._checkpoints}
        if entry is None and recipe.checkpoint:
            raise RecipeError("checkpoint", f"There is no checkpoint '{recipe.checkpoint}'.")
        if entry is None:
            raise ModelError(
                "There is no checkpoint that can be used.",
                "Put a Stable Diffusion 1.x .safetensors file into the folder models/checkpoints.",
            )
        return found[entry.name]


def ordered(found: Iterable[Family]) -> list[Family]:
    """Families in the order in which they are asked, by their `before`.

    Raises ValueError for two of the same name and for circles.
    """
    by_name: dict[str, Family] = {}
    for family in found:
        if family.name in by_name:
            raise ValueError(f"Two model families are called '{family.name}'.")
        by_name[family.name] = family
    sorter: TopologicalSorter[str] = TopologicalSorter({name: () for name in sorted(by_name)})
    for family in by_name.values():
        for later in family.before:
            if later in by_name:
                sorter.add(later, family.name)
    try:
        return [by_name[name] for name in sorter.static_order()]
    except CycleError as error:
        raise ValueError(f"Model families want to come before each other: {error.args[1]}") from error


def _found_families() -> list[Family]:
    names = sorted(module.name for module in pkgutil.iter_modules(families.__path__, f"{families.__name__}."))
    return [importlib.import_module(name).FAMILY for name in names]


def _steps(
    job: str, first: int, work: Generator[Progress, None, list[Image.Image]]
) -> Generator[Event, None, list[Image.Image] | None]:
    """The steps of a batch as events, and its pictures; None when the memory did not suffice."""
    while True:
        try:
            progress = next(work)
        except StopIteration as stop:
            return stop.value
        except Exception as error:
            if _out_of_memory(error):
                return None
            raise
        yield Step(job, first, progress.index, progress.total, progress.preview)


def _drawn_whole(model: Model, order: Order, cancelled: Ask) -> Generator[Progress, None, list[Image.Image]]:
    latents = yield from model.draw(order, cancelled)
    # The model that drew last knows best what its latents mean.
    last = order.successor.model if order.successor and order.successor.model else model
    return last.decode(latents, order.light)


def _out_of_memory(error: Exception) -> bool:
    # torch has no class of its own for a CPU's memory.
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator" in str(error)


def _drawn(recipe: Recipe) -> Recipe:
    """With its seeds, where it has none."""
    sampling = recipe.sampling
    if sampling.variation_seed is None:
        sampling = replace(sampling, variation_seed=secrets.randbelow(SEED_LIMIT))
    seed = secrets.randbelow(SEED_LIMIT) if recipe.seed is None else recipe.seed
    return replace(recipe, seed=seed, sampling=sampling)


def _sampler(recipe: Recipe) -> Sampler:
    sampler = samplers.find(recipe.sampler)
    if sampler is None:
        known = ", ".join(sampler.name for sampler in samplers.SAMPLERS)
        raise RecipeError("sampler", f"There is no sampler '{recipe.sampler}'. Known are: {known}.")
    return sampler


def _schedule(recipe: Recipe) -> str:
    name = schedules.find(recipe.schedule)
    if name is None:
        known = ", ".join(schedules.SCHEDULES)
        raise RecipeError("schedule", f"There is no schedule '{recipe.schedule}'. Known are: {known}.")
    return name


def _remarks(recipe: Recipe, sampler: Sampler) -> Iterator[str]:
    if sampler.fixed and recipe.schedule.casefold() != "automatic":
        yield f"{sampler.name} has a schedule of its own; '{recipe.schedule}' is not used."


def _canvas(recipe: Recipe, images: Images) -> Canvas | None:
    source = recipe.source
    if source is None:
        return None
    if source.image not in images:
        raise RecipeError("source", "The source picture is missing.")
    if source.mask is not None and source.mask.image not in images:
        raise RecipeError("mask", "The mask is missing.")
    mask = images[source.mask.image] if source.mask else None
    return canvas.prepare(source, images[source.image], mask, recipe.width, recipe.height)


def _start(recipe: Recipe, start: Canvas | None) -> Start | None:
    if start is None or recipe.source is None:
        return None
    fill = recipe.source.mask.fill if recipe.source.mask else "original"
    return Start(start.image, recipe.source.strength, start.mask, fill)
