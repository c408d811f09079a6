"""FakeEngine: no torch, no waiting for models. The page and the queue are built and tested on it."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping

from PIL import Image

from pipelines.catalogue import AssetEntry, Catalogue, CheckpointEntry, DeviceEntry, FamilyEntry, SamplerEntry
from pipelines.events import Cancelled, Event, Failed, Finished, ImageMade, Loading, Note, Step
from pipelines.picture import Picture
from pipelines.recipe import ImageRef, Recipe
from webui.engines.base import EngineStatus

FAKE_CATALOGUE = Catalogue(
    families=(
        FamilyEntry("sd15", "Stable Diffusion 1.x", ("text", "image", "inpaint"), {"width": 512, "height": 512}),
    ),
    checkpoints=(
        CheckpointEntry("plain", "checkpoints/plain.safetensors", "sd15", 2_132_625_894, "ab" * 32),
        CheckpointEntry(
            "small", "checkpoints/small.safetensors", "sd15", 54_000_000, defaults={"width": 128, "height": 128}
        ),
        CheckpointEntry(
            "broken", "checkpoints/broken.safetensors", "", 1_200_000, problem="The file is cut short; get it again."
        ),
    ),
    samplers=(SamplerEntry("DPM++ 2M", ("k_dpmpp_2m",), "Karras"), SamplerEntry("Euler a", ("k_euler_a",))),
    schedules=("Automatic", "Karras", "Exponential"),
    device=DeviceEntry("cpu", "Fake device", "float32"),
    assets=tuple(AssetEntry("upscaler", name, "", 0, facts={"built_in": True}) for name in ("Lanczos", "Nearest")),
)


class FakeEngine:
    """Draws flat pictures in a colour that the prompt and the seed decide.

    A prompt that begins with "fail:" fails with the rest of it as the sentence; one that begins with "note:"
    adds that note. step_seconds: how long a step takes; start_seconds: how long until it is ready.
    """

    def __init__(
        self, catalogue: Catalogue = FAKE_CATALOGUE, step_seconds: float = 0.0, start_seconds: float = 0.0
    ) -> None:
        self._catalogue = catalogue
        self._step_seconds = step_seconds
        self._start_seconds = start_seconds
        self._status = EngineStatus("starting", message="The engine is starting.")
        self._ready = threading.Event()
        self._stop = threading.Event()
        self._closed = threading.Event()
        self._current = ""
        self._announce: Callable[[EngineStatus], None] = lambda status: None
        self._timer: threading.Timer | None = None

    @property
    def status(self) -> EngineStatus:
        return self._status

    def start(self, announce: Callable[[EngineStatus], None]) -> None:
        self._announce = announce
        announce(self._status)
        self._timer = threading.Timer(self._start_seconds, self._begin)
        self._timer.daemon = True
        self._timer.start()

    def run(self, job: str, recipe: Recipe, images: Mapping[ImageRef, Picture]) -> Iterator[Event]:
        self._stop.clear()
        self._current = job
        return self._events(job, recipe, images)

    def cancel(self, job: str) -> None:
        if job == self._current:
            self._stop.set()

    def kill(self, job: str) -> None:
        self.cancel(job)

    def rescan(self) -> None:
        self._announce(self._status)

    def unload(self) -> None:
        """It holds nothing."""

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._closed.set()
        self._stop.set()
        self._status = EngineStatus("closed", self._catalogue)
        self._announce(self._status)

    def _begin(self) -> None:
        self._status = EngineStatus("ready", self._catalogue)
        self._ready.set()
        self._announce(self._status)

    def _events(self, job: str, recipe: Recipe, images: Mapping[ImageRef, Picture]) -> Iterator[Event]:
        while not self._ready.wait(0.02):
            if self._stop.is_set():
                yield Cancelled(job)
                return
        yield Loading(job, recipe.checkpoint, 1.0)
        if recipe.prompt.startswith("note:"):
            yield Note(job, recipe.prompt.removeprefix("note:").strip())
        for first in range(0, recipe.total, recipe.batch):
            for step in range(1, recipe.steps + 1):
                if self._stop.wait(self._step_seconds):
                    yield Cancelled(job)
                    return
                yield Step(job, first, step, recipe.steps, _flat(recipe, first, 16, 16))
            if recipe.prompt.startswith("fail:"):
                message = recipe.prompt.removeprefix("fail:").strip()
                yield Failed(job, "error", message, "Try another prompt.")
                return
            for index in range(first, first + recipe.batch):
                picture = _enlarged(recipe, images) if recipe.task == "finish" else _flat(recipe, index, *_size(recipe))
                yield ImageMade(job, index, recipe.seed_of(index), picture)
        yield Finished(job)


def _size(recipe: Recipe) -> tuple[int, int]:
    hires = recipe.hires
    if hires is None:
        return recipe.width, recipe.height
    return hires.width or int(recipe.width * hires.scale), hires.height or int(recipe.height * hires.scale)


def _enlarged(recipe: Recipe, images: Mapping[ImageRef, Picture]) -> Picture:
    """The source, made larger as a recipe without drawing asks."""
    if recipe.source is None or recipe.finish is None:
        raise ValueError("There is nothing to finish.")
    picture, finish = images[recipe.source.image], recipe.finish
    width, height = int(picture.width * finish.scale), int(picture.height * finish.scale)
    width, height = finish.width or width, finish.height or height
    image = Image.frombytes(picture.mode, (picture.width, picture.height), picture.pixels)
    return Picture(width, height, picture.mode, image.resize((width, height), Image.Resampling.NEAREST).tobytes())


def _flat(recipe: Recipe, index: int, width: int, height: int) -> Picture:
    key = f"{recipe.prompt} {recipe.seed_of(index)}"
    colour = hashlib.sha256(key.encode()).digest()[:3]
    return Picture(width, height, "RGB", colour * (width * height))
