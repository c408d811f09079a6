"""Guest: one visitor of a shared page, with a queue, a store and a folder of their own."""

import shutil
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pipelines.catalogue import Catalogue
from pipelines.recipe import ImageRef, Recipe, RecipeError
from webui.engines.base import Engine, EngineStatus
from webui.engines.turns import SharedEngine, Turns
from webui.jobs.job import Job
from webui.jobs.journal import Journal
from webui.jobs.service import JobService, QueueFull
from webui.share.caps import Caps
from webui.store import codec
from webui.store.images import BadPicture, ImageStore

HOUR = 3600.0


class GuestEngine(SharedEngine):
    """The owner's engine as a guest may use it: neither started nor closed nor killed, and silent about paths."""

    def __init__(self, engine: Engine, turns: Turns, owner: JobService) -> None:
        super().__init__(engine, turns, "guest")
        self._owner = owner
        self._seen: EngineStatus | None = None
        self._shown = EngineStatus("starting")
        self._leave: Callable[[], object] = lambda: None

    @property
    def status(self) -> EngineStatus:
        status = self._owner.status
        if status is not self._seen:
            catalogue = without_paths(status.catalogue) if status.catalogue else None
            self._shown, self._seen = replace(status, catalogue=catalogue), status
        return self._shown

    def start(self, announce: Callable[[EngineStatus], None]) -> None:
        told: EngineStatus | None = None

        def listen() -> None:
            nonlocal told
            status = self.status
            if status is not told:
                told = status
                announce(status)

        self._leave = self._owner.subscribe(listen)
        listen()

    def kill(self, job: str) -> None:
        self.cancel(job)

    def rescan(self) -> None:
        """Not for guests."""

    def unload(self) -> None:
        """Not for guests."""

    def close(self) -> None:
        self._leave()


class GuestStore(ImageStore):
    """Pictures of one guest, up to the caps; what is deleted is gone."""

    def __init__(self, folder: Path, caps: Caps) -> None:
        super().__init__(folder / "outputs", folder / "inputs", folder / "index.sqlite")
        self._folder = folder
        self._caps = caps

    def put(self, data: bytes) -> ImageRef:
        if len(data) > self._caps.upload:
            raise BadPicture(f"On a shared page pictures have at most {self._caps.upload // 2**20} MB.")
        width, height = codec.size(data)
        if width * height > self._caps.pixels:
            raise BadPicture(f"On a shared page pictures have at most {self._caps.pixels // 1_000_000} megapixels.")
        self.check_room(len(data))
        return super().put(data)

    def check_room(self, more: int = 0) -> None:
        """Raise BadPicture when the guest's share of the disk is used up."""
        if self.used() + more > self._caps.disk:
            raise BadPicture(f"Your {self._caps.disk // 2**20} MB here are full. Delete some pictures first.")

    def used(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in self._folder.rglob("*") if path.is_file())

    def delete(self, identity: str) -> None:
        saved = self.saved(identity)
        super().delete(identity)
        if saved is not None:
            shutil.rmtree(self.outputs / ".bin", ignore_errors=True)


class GuestService(JobService):
    """The queue of one guest, which refuses what the caps do not allow."""

    def __init__(self, engine: Engine, store: GuestStore, folder: Path, caps: Caps, others: Callable[[], int]) -> None:
        """others: how many jobs of all guests wait."""
        super().__init__(engine, store, Journal(folder / "jobs"), caps.waiting)
        self._caps = caps
        self._others = others
        self._guest_store = store
        self._times: deque[float] = deque()
        self._counting = threading.Lock()

    def submit(self, recipe: Recipe, origin: str = "guest", kept: bool = True) -> Job:
        self._caps.check(recipe)
        try:
            self._guest_store.check_room()
        except BadPicture as error:
            raise RecipeError("", str(error)) from error
        if self._others() >= self._caps.together:
            raise QueueFull(f"{self._caps.together} pictures of guests are waiting already. Try again in a while.")
        with self._counting:
            now = time.monotonic()
            while self._times and now - self._times[0] > HOUR:
                self._times.popleft()
            if len(self._times) >= self._caps.hourly:
                raise QueueFull(f"That makes {self._caps.hourly} in an hour, the most for one guest. Try again later.")
            job = super().submit(recipe, "guest", kept)
            self._times.append(now)
        return job


class Guest:
    """number: counts up from 1 within a session, for the owner's list."""

    def __init__(
        self,
        number: int,
        folder: Path,
        caps: Caps,
        engine: GuestEngine,
        others: Callable[[], int],
        now: Callable[[], float],
    ) -> None:
        self.number = number
        self.came = self.seen = now()
        self._folder = folder
        self.store = GuestStore(folder, caps)
        self.service = GuestService(engine, self.store, folder, caps, others)
        self.service.start()

    @property
    def name(self) -> str:
        return f"Guest {self.number}"

    @property
    def made(self) -> int:
        """Pictures made so far."""
        return sum(len(job.images) for job in self.service.jobs())

    def close(self) -> None:
        """Stops what is being made, and deletes all that was kept."""
        running = self.service.running
        if running:
            self.service.cancel(running)
        self.service.close()
        self.store.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def without_paths(catalogue: Catalogue) -> Catalogue:
    """What a guest may know of the models: what can be used, by name, and nothing of where it lies."""
    return replace(
        catalogue,
        checkpoints=tuple(replace(entry, path="") for entry in catalogue.usable()),
        assets=tuple(replace(entry, path="", facts={}) for entry in catalogue.assets if not entry.problem),
    )
