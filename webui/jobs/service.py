"""JobService: submit, watch, cancel. The only way in for the page, the API and the command line."""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from pipelines.events import Cancelled, Event, Failed, Finished, ImageMade, Step
from pipelines.picture import Picture
from pipelines.recipe import SEED_LIMIT, ImageRef, Recipe, RecipeError, check, rounded
from webui.engines.base import Engine, EngineStatus
from webui.extension import Saved
from webui.jobs.addons import AddOns, NoAddOns
from webui.jobs.job import Job, JobImage
from webui.jobs.journal import Journal
from webui.jobs.resolve import resolve
from webui.store.images import BadPicture, ImageStore

log = logging.getLogger(__name__)

_MOST_ATTEMPTS = 2
_REMEMBERED = 200


class QueueFull(RuntimeError):
    """The queue holds as many jobs as it may; the text is a sentence for the user."""


@dataclass(frozen=True)
class Changes:
    """What happened since a version. jobs: in the order they were submitted; version: to ask with next time."""

    version: int
    jobs: tuple[Job, ...]
    status: EngineStatus


class JobService:
    """One queue, first come, first served, and one engine that takes from it."""

    def __init__(
        self,
        engine: Engine,
        store: ImageStore,
        journal: Journal,
        queue_limit: int = 200,
        addons: AddOns | None = None,
    ) -> None:
        self._engine = engine
        self._store = store
        self._journal = journal
        self._limit = queue_limit
        self._addons = addons or NoAddOns()
        self._changed = threading.Condition(threading.RLock())
        self._jobs: dict[str, Job] = {}
        self._versions: dict[str, int] = {}
        self._previews: dict[str, tuple[int, Picture]] = {}
        self._version = 1
        self._running = ""
        self._skipping = ""
        self._announcements = 0
        self._status = engine.status
        self._listeners: dict[int, Callable[[], object]] = {}
        self._waiters: dict[str, list[Callable[[], object]]] = {}
        self._closing = False
        self._dispatcher = threading.Thread(target=self._dispatch, name="dispatcher", daemon=True)

    def start(self) -> None:
        """Take up what the journal holds, start the engine, begin to work."""
        for job in self._journal.read():
            self._jobs[job.id] = job
            self._versions[job.id] = 0
        self._engine.start(self._announced)
        self._dispatcher.start()

    @property
    def status(self) -> EngineStatus:
        return self._status

    def submit(self, recipe: Recipe, origin: str = "page", kept: bool = True) -> Job:
        """Put a job at the end of the queue; it is on disk when this returns.

        Add-ons may make several jobs of it; this returns the first.
        kept -- False: for somebody who waits for the pictures and takes them along. Neither job nor pictures last.

        Raises RecipeError for a recipe that cannot be made, QueueFull, or OSError when it cannot be kept.
        """
        recipe, notes = rounded(recipe)
        check(recipe)
        prepared, told = self._addons.prepare(_drawn(recipe))
        jobs = [self._order(one, origin, (*notes, *told), kept) for one in prepared]
        with self._changed:
            if len(self._waiting()) + len(jobs) > self._limit:
                raise QueueFull(f"{self._limit} jobs are waiting already. Wait for some to finish, or cancel some.")
            for job in jobs:
                self._record(job)
                self._keep(job)
        return jobs[0]

    def _order(self, recipe: Recipe, origin: str, notes: tuple[str, ...], kept: bool) -> Job:
        """The job of a recipe, as the catalogue spells it. Raises RecipeError."""
        recipe, more = rounded(recipe)
        check(recipe)
        recipe = self._resolve(recipe)
        for ref in recipe.images():
            try:
                self._store.data(ref)
            except BadPicture as error:
                raise RecipeError("source", str(error)) from error
        return Job(secrets.token_hex(16), recipe, origin, time.time(), notes=(*notes, *more), kept=kept)

    def cancel(self, identity: str) -> None:
        """Take a waiting job out of the queue; ask the engine to stop a running one. Else nothing."""
        self._stop(identity, self._engine.cancel)

    def kill(self, identity: str) -> None:
        """Like cancel, but does not wait for the engine to answer."""
        self._stop(identity, self._engine.kill)

    def skip(self, identity: str) -> None:
        """Leave out the pictures in hand of a running job and go on with its next ones, if there are any."""
        with self._changed:
            job = self._jobs.get(identity)
            if job is not None and not job.over and identity == self._running:
                self._skipping = identity
                self._engine.cancel(identity)

    def unload(self) -> None:
        """Have the engine give back the memory of its models; the next job loads what it needs."""
        self._engine.unload()

    def job(self, identity: str) -> Job | None:
        return self._jobs.get(identity)

    def jobs(self) -> tuple[Job, ...]:
        """Every job known, newest first."""
        with self._changed:
            return tuple(reversed(self._jobs.values()))

    def place(self, identity: str) -> int | None:
        """1 for the job that runs next; None for one that does not wait."""
        with self._changed:
            return next((n for n, job in enumerate(self._waiting(), 1) if job.id == identity), None)

    @property
    def announced(self) -> int:
        """How often the engine has told of a change of its own."""
        return self._announcements

    @property
    def running(self) -> str:
        """The id of the job in hand; "" when there is none."""
        return self._running

    def waiting(self) -> int:
        with self._changed:
            return len(self._waiting())

    def preview(self, identity: str) -> tuple[int, Picture] | None:
        """The latest preview of the job that runs, or ran last, and its number, which grows."""
        return self._previews.get(identity)

    def rescan(self) -> None:
        self._engine.rescan()

    def watch(self, identity: str) -> Iterator[Job]:
        """The job as it is, then at each change, until it is over. A slow watcher gets the latest only."""
        seen = -1
        while True:
            with self._changed:
                while self._versions.get(identity, 0) == seen and not self._closing:
                    self._changed.wait()
                job, seen = self._jobs.get(identity), self._versions.get(identity, 0)
            if job is None:
                return
            yield job
            if job.over or self._closing:
                return

    def when_over(self, identity: str, then: Callable[[], object]) -> None:
        """`then` is called once, from any thread, when the job is over or the service closes; it must return at once.

        At once for a job that is over or unknown.
        """
        with self._changed:
            job = self._jobs.get(identity)
            if job is not None and not job.over and not self._closing:
                self._waiters.setdefault(identity, []).append(then)
                return
        then()

    def wait_for_engine(self) -> EngineStatus:
        """Returns when the engine is ready, or will not be."""
        with self._changed:
            self._changed.wait_for(lambda: self._status.phase in ("ready", "failed", "closed"))
            return self._status

    def changes(self, since: int) -> Changes:
        """Jobs changed after version `since`. 0 gives every job that is not over and the newest that is."""
        with self._changed:
            jobs = tuple(self._jobs.values())
            if since:
                jobs = tuple(job for job in jobs if self._versions[job.id] > since)
            else:
                newest = next((job for job in reversed(jobs) if job.over), None)
                jobs = tuple(job for job in jobs if not job.over or job is newest)
            return Changes(self._version, jobs, self._status)

    def subscribe(self, listener: Callable[[], object]) -> Callable[[], object]:
        """`listener` is called, from any thread, at each change; it must return at once. Gives the way to end it."""
        with self._changed:
            key = max(self._listeners, default=0) + 1
            self._listeners[key] = listener
        return lambda: self._listeners.pop(key, None)

    def close(self) -> None:
        """Stop. What waits, or was running, is taken up again at the next start."""
        with self._changed:
            self._closing = True
            self._tell()
            waiters = [waiter for several in self._waiters.values() for waiter in several]
            self._waiters.clear()
        for waiter in waiters:
            waiter()
        self._engine.close()
        if self._dispatcher.is_alive():
            self._dispatcher.join(10.0)

    def _resolve(self, recipe: Recipe) -> Recipe:
        """The recipe with its seed drawn and every name as the catalogue has it."""
        recipe = _drawn(recipe)
        catalogue = self._status.catalogue
        return resolve(recipe, catalogue) if catalogue is not None else recipe

    def _stop(self, identity: str, ask: Callable[[str], None]) -> None:
        with self._changed:
            job = self._jobs.get(identity)
            if job is None or job.over:
                return
            if identity == self._running:
                self._keep(replace(job, stopping=True))
                ask(identity)
            else:
                self._finish(job.apply(Cancelled(identity), time.time()))

    def _waiting(self) -> list[Job]:
        return [job for job in self._jobs.values() if job.state == "queued" and job.id != self._running]

    def _dispatch(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._waiting())
                if self._closing:
                    return
                job = self._waiting()[0]
                self._running = job.id
            try:
                self._perform(job)
            except Exception as error:
                log.exception("The job %s broke.", job.id)
                event = Failed(job.id, "error", f"Something went wrong: {error}", "The log tells more.")
                with self._changed:
                    self._finish(self._jobs[job.id].apply(event, time.time()))
            finally:
                with self._changed:
                    self._running = ""
                    self._tell()

    def _perform(self, job: Job) -> None:
        if job.attempts >= _MOST_ATTEMPTS:
            message = "This job was running each time the program ended unexpectedly; it is not tried again."
            self._receive(job, Failed(job.id, "crash", message, "Check the log, then submit it anew."), 0)
            return
        whole = tuple(image for image in job.images if image.index < job.base)
        job = replace(job, started=time.time(), attempts=job.attempts + 1, images=whole)
        images = {ref: self._store.get(ref) for ref in job.recipe.images()}
        with self._changed:
            if self._jobs[job.id].over:
                return
            self._record(job)
            self._keep(replace(job, stopping=self._jobs[job.id].stopping))
        while self._run(self._jobs[job.id], images):
            pass

    def _run(self, job: Job, images: Mapping[ImageRef, Picture]) -> bool:
        """Have the engine make what is left of a job. True when pictures were left out and others are to follow."""
        base = job.base
        with self._changed:
            self._skipping = ""
            events = self._engine.run(job.id, self._named_now(job), images)
            if self._jobs[job.id].stopping:
                self._engine.cancel(job.id)
        for event in events:
            if self._closing and isinstance(event, Cancelled | Failed):
                return False  # not the job's doing: it stays on record as unfinished
            if isinstance(event, Cancelled) and self._skipping == job.id and not self._jobs[job.id].stopping:
                return self._skip(self._jobs[job.id])
            self._receive(self._jobs[job.id], event, base)
        return False

    def _skip(self, job: Job) -> bool:
        job = job.skipping()
        if job.base < job.recipe.total:
            self._record(job)
            self._keep(job)
            return True
        self._finish(job.apply(Finished(job.id), time.time()))
        return False

    def _named_now(self, job: Job) -> Recipe:
        """What the engine is to make. Names are looked up again: the job may have come before the catalogue."""
        recipe = job.remaining()
        catalogue = self._status.catalogue
        if catalogue is None:
            return recipe
        try:
            return resolve(recipe, catalogue)
        except RecipeError:
            return recipe  # the engine says what is wrong

    def _receive(self, job: Job, event: Event, base: int) -> None:
        """Fold an event into its job. base: pictures that were made before an interruption."""
        now = time.time()
        if isinstance(event, ImageMade):
            job = self._save(job, event, base)
        if isinstance(event, Step):
            event = replace(event, picture=event.picture + base)
        with self._changed:
            current = self._jobs[event.job]
            job = replace(job.apply(event, now), stopping=current.stopping and not job.over)
            if isinstance(event, Step) and event.preview is not None:
                number = self._previews.get(job.id, (0, event.preview))[0] + 1
                self._previews = {job.id: (number, event.preview)}  # the last one stays for a page that asks late
            if job.over:
                self._finish(job)
            else:
                self._keep(job)

    def _save(self, job: Job, event: ImageMade, base: int) -> Job:
        catalogue = self._status.catalogue
        checkpoint = catalogue.checkpoint(job.recipe.checkpoint) if catalogue else None
        recipe = job.recipe
        if checkpoint is not None and not recipe.checkpoint:
            recipe = replace(recipe, checkpoint=checkpoint.name)
        single = recipe.starting_at(event.index + base)
        if event.first_pass:
            # It is in the gallery, with the recipe of just that pass, and not counted among the job's pictures.
            plain = replace(single, hires=None, finish=None)
            self._store.save(event.picture, plain, event.seed, checkpoint, event.used, job.kept, catalogue)
            return job
        saved = self._store.save(event.picture, single, event.seed, checkpoint, event.used, job.kept, catalogue)
        if job.kept:
            parameters = saved.parameters
            self._addons.saved(Saved(saved.id, saved.path, single, parameters, event.seed, saved.width, saved.height))
        image = JobImage(saved.id, event.index + base, event.seed, saved.width, saved.height)
        job = replace(job, recipe=recipe).with_image(image)
        self._record(job)
        return job

    def _record(self, job: Job) -> None:
        if job.kept:
            self._journal.write(job)

    def _finish(self, job: Job) -> None:
        self._keep(job)
        try:
            self._record(job)
        except OSError:
            log.exception("The end of job %s could not be written down.", job.id)
        ended = [known for known in self._jobs.values() if known.over]
        for old in ended[:-_REMEMBERED]:
            del self._jobs[old.id], self._versions[old.id]
        for waiter in self._waiters.pop(job.id, ()):
            waiter()

    def _keep(self, job: Job) -> None:
        with self._changed:
            self._jobs[job.id] = job
            self._version += 1
            self._versions[job.id] = self._version
            self._tell()

    def _announced(self, status: EngineStatus) -> None:
        with self._changed:
            self._status = self._engine.status  # two announcements may come in either order
            self._announcements += 1
            self._version += 1
            self._tell()

    def _tell(self) -> None:
        self._changed.notify_all()
        for listener in tuple(self._listeners.values()):
            listener()


def _drawn(recipe: Recipe) -> Recipe:
    """With its seeds, where it has none."""
    if recipe.seed is None:
        recipe = replace(recipe, seed=secrets.randbelow(SEED_LIMIT))
    if recipe.sampling.variation and recipe.sampling.variation_seed is None:
        drawn = replace(recipe.sampling, variation_seed=secrets.randbelow(SEED_LIMIT))
        recipe = replace(recipe, sampling=drawn)
    return recipe
