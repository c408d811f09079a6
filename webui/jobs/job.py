"""Job: a recipe with an identity and a history. Its state is a fold over its events."""

from dataclasses import dataclass, replace
from typing import Literal

from pipelines.events import Cancelled, Event, Failed, Finished, ImageMade, Loading, Note, Step
from pipelines.recipe import Recipe

State = Literal["queued", "loading", "running", "done", "cancelled", "failed"]

ENDED: frozenset[State] = frozenset(("done", "cancelled", "failed"))


@dataclass(frozen=True)
class JobImage:
    """A finished picture of a job. id: in the store."""

    id: str
    index: int
    seed: int
    width: int
    height: int


@dataclass(frozen=True)
class Job:
    """Times are seconds since the epoch. recipe: resolved, its seed is a number and its names exist.

    picture, step, steps -- where the job is: picture from 0, step 1 .. steps (0: not begun)
    loading  -- how much of the checkpoint is loaded, 0 .. 1; None when unknown or not loading
    attempts -- how often an engine was given this job
    skipped  -- pictures that were left out on request
    kept     -- whether it and its pictures are to last; else it is forgotten when the program ends
    """

    id: str
    recipe: Recipe
    origin: str
    created: float
    state: State = "queued"
    started: float | None = None
    ended: float | None = None
    stopping: bool = False
    picture: int = 0
    step: int = 0
    steps: int = 0
    loading: float | None = None
    first_step: float | None = None
    last_step: float | None = None
    steps_done: int = 0
    images: tuple[JobImage, ...] = ()
    notes: tuple[str, ...] = ()
    failure: Failed | None = None
    attempts: int = 0
    skipped: int = 0
    kept: bool = True

    def __post_init__(self) -> None:
        if self.recipe.seed is None:
            raise ValueError("A job needs a recipe whose seed is drawn.")

    @property
    def over(self) -> bool:
        return self.state in ENDED

    def apply(self, event: Event, now: float) -> "Job":
        """The job after `event`. Events after the end change nothing."""
        if self.over:
            return self
        match event:
            case Loading(fraction=fraction):
                return replace(self, state="loading", loading=fraction)
            case Step():
                return self._stepped(event, now)
            case Note(message=message):
                return self if message in self.notes else replace(self, notes=(*self.notes, message))
            case ImageMade():
                return replace(self, state="running", loading=None)
            case Finished():
                return replace(self, state="done", ended=now, stopping=False, loading=None)
            case Cancelled():
                return replace(self, state="cancelled", ended=now, stopping=False, loading=None)
            case Failed():
                return replace(self, state="failed", ended=now, stopping=False, failure=event, loading=None)

    def with_image(self, image: JobImage) -> "Job":
        return replace(self, images=(*self.images, image))

    @property
    def base(self) -> int:
        """The picture that the first batch not finished yet begins with."""
        return (len(self.images) + self.skipped) // self.recipe.batch * self.recipe.batch

    def remaining(self) -> Recipe:
        """The recipe of the pictures not made yet: after an interruption only these are made."""
        if not self.base:
            return self.recipe
        rest = self.recipe.starting_at(self.base)
        return replace(rest, count=self.recipe.count - self.base // self.recipe.batch)

    def skipping(self) -> "Job":
        """The job without the batch in hand."""
        return replace(self, skipped=self.base + self.recipe.batch - len(self.images), stopping=False)

    @property
    def fraction(self) -> float:
        """How much is done, 0 .. 1."""
        if self.state == "done":
            return 1.0
        whole = self.recipe.total
        part = (self.step / self.steps) * self.recipe.batch if self.steps and self.step else 0.0
        return min(1.0, max(len(self.images) + self.skipped, self.picture + part) / whole)

    def eta(self, now: float) -> float | None:
        """Seconds left, from the pace since the first step; None until two steps are done."""
        if self.over or self.first_step is None or self.last_step is None or self.steps_done < 2:
            return None
        pace = (self.last_step - self.first_step) / (self.steps_done - 1)
        left = self.recipe.count * self.steps - self.steps_done - self._steps_before()
        return max(0.0, left * pace - (now - self.last_step))

    def _steps_before(self) -> int:
        return max(0, (self.picture // self.recipe.batch) * self.steps + self.step - self.steps_done)

    def _stepped(self, event: Step, now: float) -> "Job":
        return replace(
            self,
            state="running",
            loading=None,
            picture=event.picture,
            step=event.index,
            steps=event.total,
            first_step=self.first_step if self.first_step is not None else now,
            last_step=now,
            steps_done=self.steps_done + 1,
        )
