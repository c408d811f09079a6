"""InlineEngine: the pipelines in this very process, for debuggers and profilers. It dies with its job."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from pipelines.catalogue import Catalogue
from pipelines.events import Cancelled, Event, Failed
from pipelines.picture import Picture
from pipelines.recipe import ImageRef, Recipe
from pipelines.runner import Runner
from webui.addons.loading import Trouble
from webui.engines.base import EngineStatus
from webui.engines.hooks import Engaged
from webui.engines.messages import Setup

log = logging.getLogger(__name__)


class InlineEngine:
    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._runner: Runner | None = None
        self._status = EngineStatus("starting", message="The engine is starting.")
        self._announce: Callable[[EngineStatus], None] = lambda status: None
        self._ready = threading.Event()
        self._stop = threading.Event()
        self._current = ""

    @property
    def status(self) -> EngineStatus:
        return self._status

    def start(self, announce: Callable[[EngineStatus], None]) -> None:
        self._announce = announce
        announce(self._status)
        threading.Thread(target=self._begin, name="inline-engine", daemon=True).start()

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
        if self._runner is not None:
            self._runner.rescan()
            self._changed(self._runner.catalogue())

    def unload(self) -> None:
        if self._runner is not None:
            self._runner.unload()

    def close(self) -> None:
        self._stop.set()
        self._status = EngineStatus("closed", self._status.catalogue)
        self._announce(self._status)

    def _begin(self) -> None:
        try:
            addons = Engaged(self._setup, self._told)
            runner = Runner(*self._setup.arguments(), more=addons.families, hooks=addons.hooks())
            self._runner = runner
            runner.on_change(self._changed)
            self._changed(runner.catalogue())
        except Exception as error:
            log.exception("The engine does not start.")
            self._status = replace(self._status, phase="failed", message=f"The engine does not start: {error}")
            self._announce(self._status)
        self._ready.set()

    def _changed(self, catalogue: Catalogue) -> None:
        if self._status.phase != "closed":
            self._status = replace(self._status, phase="ready", catalogue=catalogue, message="")
            self._announce(self._status)

    def _told(self, message: object) -> None:
        if isinstance(message, Trouble):
            self._status = replace(self._status, troubles=(*self._status.troubles, message))
            self._announce(self._status)

    def _events(self, job: str, recipe: Recipe, images: Mapping[ImageRef, Picture]) -> Iterator[Event]:
        while not self._ready.wait(0.05):
            if self._stop.is_set():
                yield Cancelled(job)
                return
        if self._runner is None:
            yield Failed(job, "error", self._status.message, "The log tells more.")
            return
        yield from self._runner.run(job, recipe, images, self._stop.is_set)
