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

from pipelines import canvas, families, hires, library, samplers, schedules
from pipelines.asset import Used
from pipelines.catalogue import Catalogue, SamplerEntry
from pipelines.denoise import NotANumber, Stopped
from pipelines.device import pick
from pipelines.drawing import Plan, Second, Turn, drawn, finished
from pipelines.events import Cancelled, Event, Failed, Finished, ImageMade, Loading, Note
from pipelines.family import Family, Guided, Model, ModelError, Order, Successor
from pipelines.filefacts import FileFacts
from pipelines.hashes import Hashes
from pipelines.hooks import AddOnError, Hooks
from pipelines.library import Checkpoint
from pipelines.loading import Shelf, give_back
from pipelines.loopback import looped, started
from pipelines.ontop import OnTop
from pipelines.picture import Picture
from pipelines.recipe import SEED_LIMIT, SIZE_STEP, ImageRef, Recipe, RecipeError, check, rounded
from pipelines.samplers import Sampler
from pipelines.upscaling import UpscalerError, Upscalers

_log = logging.getLogger(__name__)

Images = Mapping[ImageRef, Picture]
Ask = Callable[[], bool]

NO_HOOKS = Hooks()


class Runner:
    """Makes the pictures of recipes, one job at a time, with the checkpoints of one folder."""

    def __init__(
        self,
        models: Path,
        cache: Path,
        device: str | None = None,
        dtype: str | None = None,
        more: Iterable[Family] = (),
        hooks: Hooks = NO_HOOKS,
    ) -> None:
        """Looks at the folder at once; hashes follow in the background (`on_change`).

        models -- holds the folders checkpoints/ and embeddings/, which need not exist
        cache  -- for what can be worked out again
        device, dtype -- see device.pick, which raises ValueError
        more   -- families of add-ons
        hooks  -- what add-ons do in a job
        """
        # Everything is on the disk; whatever a library would like to fetch, it must not.
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        os.environ.setdefault("DIFFUSERS_DISABLE_REMOTE_CODE", "1")
        self._root = models / "checkpoints"
        self._device = pick(device, dtype)
        self._families = ordered([*found_families(), *more])
        self._hooks = hooks
        building = threading.Lock()
        self._shelf = Shelf(self._device, building=building)
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[Catalogue], None]] = []
        facts = FileFacts(cache / "files.sqlite")
        self._hashes = Hashes(facts, self._announce)
        self._top = OnTop(models, facts, self._hashes, self._device)
        self._upscalers = Upscalers(models / "upscalers", facts, self._device, self._announce, building)
        self._used: dict[Used, None] = {}
        self._checkpoints: list[Checkpoint] = []
        self.spoilt = False
        """The device has failed in a way that only a new process mends."""
        self.rescan()

    def catalogue(self) -> Catalogue:
        """What can be made now."""
        with self._lock:
            found = self._checkpoints
        upscalers = self._upscalers.entries()
        finishing = any(entry.name == library.FINISHER and not entry.problem for entry in upscalers)
        entries = tuple(
            replace(
                c.entry,
                sha256="" if c.folder else self._hashes.get(c.version),
                defaults={**c.entry.defaults, **(library.finishing(c.entry) if finishing else {})},
            )
            for c in found
        )
        return Catalogue(
            families=tuple(family.entry() for family in self._families),
            checkpoints=entries,
            samplers=tuple(SamplerEntry(s.name, s.aliases, s.schedule) for s in samplers.SAMPLERS),
            schedules=tuple(schedules.SCHEDULES),
            device=self._device.entry(),
            assets=(*self._top.entries(), *upscalers),
        )

    def rescan(self) -> Catalogue:
        """Look at the folder again."""
        with self._lock:
            known = self._checkpoints
        found = library.scan(self._root, self._families, known)
        with self._lock:
            self._checkpoints = found
        self._top.scan()
        self._upscalers.scan()
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
        self._top.clear()
        self._upscalers.close()
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
            case AddOnError():
                _log.error("Job %s: %s", job, error, exc_info=error)
                return Failed(job, "add-on", str(error), error.hint)
            case UpscalerError():
                return Failed(job, "model", str(error), "Get the file again, or choose another upscaler.")
            case NotANumber():
                return Failed(
                    job,
                    "not a number",
                    "The model produced values that are not numbers (NaN).",
                    "Try another seed or sampler; if it stays, the file is damaged or needs float32.",
                )
            case _ if out_of_memory(error):
                _log.error("Job %s: out of memory", job, exc_info=error)
                self._top.clear()
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
        self._check_upscalers(recipe)
        if recipe.task == "finish":
            yield from self._finish(job, recipe, images, cancelled)
            return
        sampler = _sampler(recipe.sampler)
        self._top.check_controls(recipe)
        checkpoint = self._checkpoint(recipe.checkpoint, recipe)
        recipe, coarser = rounded(recipe, checkpoint.family.side_step if checkpoint.family else SIZE_STEP)
        for note in (*notes, *coarser, *_remarks(recipe, sampler), *self._hooks.notes(recipe)):
            yield Note(job, note)
        start = canvas.opened(recipe, images)
        for note in start.notes if start else ():
            yield Note(job, note)
        order = Order(
            prompt=recipe.prompt,
            negative=recipe.negative,
            width=recipe.width,
            height=recipe.height,
            steps=recipe.steps,
            guidance=recipe.guidance,
            sampler=sampler,
            schedule=_schedule(recipe.schedule),
            seeds=(),
            sampling=recipe.sampling,
            clip_skip=recipe.clip_skip,
            emphasis=recipe.emphasis,
            old_editing=recipe.old_editing,
            embeddings=self._top.embeddings,
            start=started(recipe.source, start) if recipe.source and start else None,
            wrap=self._hooks.wrap(recipe),
            image_guidance=recipe.source.image_guidance if recipe.source else 1.5,
            references=_references(recipe, images),
            successor=self._successor(recipe, checkpoint),
            tiling=recipe.tiling,
            vae=self._top.vae(recipe, checkpoint.version.path),
            controls=_controls(recipe, images),
        )
        second = self._second(job, recipe, order, checkpoint)
        # As is customary, a refiner waits for the second pass where there is one, unless the recipe says otherwise.
        waits = second is not None and recipe.refiner is not None and recipe.refiner.passes == "second"
        first = self._turn(job, replace(order, successor=None) if waits else order, checkpoint)
        recipe = _drawn(recipe)
        laid = start.finish if start else _as_it_is
        for index in range(0, recipe.total, recipe.batch):
            single = [recipe.starting_at(index + place) for place in range(recipe.batch)]
            seeds = tuple(one.seed or 0 for one in single)
            others = tuple(one.sampling.variation_seed or 0 for one in single)
            plan = Plan(job, index, first, second, recipe.finish, laid, self._upscalers, self._taking_part, cancelled)
            plan = plan.of(seeds, others)
            if start and recipe.source and recipe.source.loopback:
                made = yield from looped(plan, recipe.source, start, self._batch)
            else:
                made = yield from self._batch(plan)
            for place, image in enumerate(made):
                whole = self._hooks.finish(image, replace(single[place], count=1, batch=1))
                yield ImageMade(job, index + place, seeds[place], canvas.to_picture(whole), self._taking_part())

    def _finish(self, job: str, recipe: Recipe, images: Images, cancelled: Ask) -> Iterator[Event]:
        """A picture that is there already, finished."""
        source, finish = recipe.source, recipe.finish
        if source is None or source.image not in images:
            raise RecipeError("source", "Open a picture first.")
        if finish is None:
            return
        image = canvas.to_image(images[source.image])
        recipe = _drawn(recipe)
        for index in range(recipe.total):
            made = yield from finished(job, index, image, finish, self._upscalers, cancelled)
            whole = self._hooks.finish(made, replace(recipe.starting_at(index), count=1, batch=1))
            yield ImageMade(job, index, recipe.seed_of(index), canvas.to_picture(whole))

    def _turn(self, job: str, order: Order, checkpoint: Checkpoint) -> Turn:
        def model() -> Generator[Event, None, Model]:
            family, header = checkpoint.family, checkpoint.header
            if family is None or header is None:
                raise ModelError(f"{checkpoint.entry.name}: {checkpoint.entry.problem}")
            if not self._shelf.holds(checkpoint.version):
                yield Loading(job, checkpoint.entry.name)
            model = self._shelf.get(checkpoint.version, family, header)
            if order.width % model.side_step or order.height % model.side_step:
                raise RecipeError("width", f"Sides have to be multiples of {model.side_step} with this model.")
            for note in self._dressed(model, order):
                yield Note(job, note)
            return model

        return Turn(order, model)

    def _second(self, job: str, recipe: Recipe, first: Order, checkpoint: Checkpoint) -> Second | None:
        """The second pass; only what is drawn from nothing has one."""
        asked = recipe.hires
        if asked is None or recipe.task != "text":
            return None
        sampler = _sampler(asked.sampler) if asked.sampler else first.sampler
        schedule = _schedule(asked.schedule) if asked.schedule else first.schedule
        other = self._checkpoint(asked.checkpoint, recipe) if asked.checkpoint else checkpoint
        if other.entry.family != checkpoint.entry.family:
            raise RecipeError("checkpoint", "The model of the second pass has to be of the same kind as the first.")
        order = hires.second(first, asked, sampler, schedule)
        if recipe.refiner is not None and recipe.refiner.passes == "first":
            order = replace(order, successor=None)
        target = hires.target(asked, recipe.width, recipe.height)
        return Second(self._turn(job, order, other), asked, target)

    def _check_upscalers(self, recipe: Recipe) -> None:
        if recipe.hires is not None and recipe.task == "text" and not hires.is_latent(recipe.hires.upscaler):
            self._upscalers.check(recipe.hires.upscaler)
        if recipe.finish is not None:
            self._upscalers.check(recipe.finish.upscaler)
            self._upscalers.check(recipe.finish.second, "second")

    def _batch(self, plan: Plan) -> Generator[Event, None, list[Image.Image]]:
        made = yield from _unless_too_large(drawn(plan))
        if made is not None:
            return made
        # Outside of the failed call, so that nothing holds its tensors any more.
        self._upscalers.clear()
        give_back()
        yield Note(plan.job, "The memory did not suffice; trying again in a way that needs less and takes longer.")
        made = yield from _unless_too_large(drawn(plan.light()))
        if made is None:
            raise MemoryError
        return made

    def _successor(self, recipe: Recipe, first: Checkpoint) -> Successor | None:
        """The refiner, where it is another model than the first."""
        asked = recipe.refiner
        if asked is None or not asked.checkpoint:
            return None
        checkpoint = self._checkpoint(asked.checkpoint, recipe)
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

    def _taking_part(self) -> tuple[Used, ...]:
        return tuple(self._used)

    def _dressed(self, model: Model, order: Order) -> tuple[str, ...]:
        """Get a model ready for an order; a sentence for each thing asked for that does not count."""
        dressed = self._top.dress(model, order)
        self._used |= dict.fromkeys(dressed.used)
        model.prepare(order)
        return dressed.notes

    def _checkpoint(self, name: str, recipe: Recipe) -> Checkpoint:
        """The checkpoint of that name, if it can do what the recipe asks for."""
        catalogue = self.catalogue()
        entry = catalogue.checkpoint(name)
        with self._lock:
            found = {checkpoint.entry.name: checkpoint for checkpoint in self._checkpoints}
        if entry is None and name:
            raise RecipeError("checkpoint", f"There is no checkpoint '{name}'.")
        if entry is None:
            raise ModelError(
                "There is no checkpoint that can be used.",
                "Put a checkpoint, such as a .safetensors file, into the folder models/checkpoints.",
            )
        family = found[entry.name].family
        if family is not None and recipe.task not in (entry.tasks or family.tasks):
            raise RecipeError("source", f"{entry.title or family.title} cannot do this ({recipe.task}).")
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


def found_families() -> list[Family]:
    names = sorted(module.name for module in pkgutil.iter_modules(families.__path__, f"{families.__name__}."))
    return [importlib.import_module(name).FAMILY for name in names]


def _unless_too_large(
    work: Generator[Event, None, list[Image.Image]],
) -> Generator[Event, None, list[Image.Image] | None]:
    """The events of a batch, and its pictures; None when the memory did not suffice."""
    try:
        return (yield from work)
    except Exception as error:
        if out_of_memory(error):
            return None
        raise


def _as_it_is(image: Image.Image, changed: Image.Image | None) -> Image.Image:
    return image


def out_of_memory(error: Exception) -> bool:
    # torch has no class of its own for a CPU's memory.
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator" in str(error)


def _drawn(recipe: Recipe) -> Recipe:
    """With its seeds, where it has none."""
    sampling = recipe.sampling
    if sampling.variation_seed is None:
        sampling = replace(sampling, variation_seed=secrets.randbelow(SEED_LIMIT))
    seed = secrets.randbelow(SEED_LIMIT) if recipe.seed is None else recipe.seed
    return replace(recipe, seed=seed, sampling=sampling)


def _sampler(name: str) -> Sampler:
    sampler = samplers.find(name)
    if sampler is None:
        known = ", ".join(sampler.name for sampler in samplers.SAMPLERS)
        raise RecipeError("sampler", f"There is no sampler '{name}'. Known are: {known}.")
    return sampler


def _schedule(name: str) -> str:
    found = schedules.find(name)
    if found is None:
        known = ", ".join(schedules.SCHEDULES)
        raise RecipeError("schedule", f"There is no schedule '{name}'. Known are: {known}.")
    return found


def _remarks(recipe: Recipe, sampler: Sampler) -> Iterator[str]:
    if sampler.fixed and recipe.schedule.casefold() != "automatic":
        yield f"{sampler.name} has a schedule of its own; '{recipe.schedule}' is not used."


def _references(recipe: Recipe, images: Images) -> tuple[Image.Image, ...]:
    if any(reference not in images for reference in recipe.references):
        raise RecipeError("references", "A reference picture is missing.")
    return tuple(canvas.flattened(canvas.to_image(images[reference])) for reference in recipe.references)


def _controls(recipe: Recipe, images: Images) -> tuple[Guided, ...]:
    missing = next((place for place, control in enumerate(recipe.controls) if control.image not in images), None)
    if missing is not None:
        raise RecipeError(f"controls.{missing}.image", "The picture for ControlNet is missing.")
    return tuple(Guided(control, canvas.to_image(images[control.image])) for control in recipe.controls)
