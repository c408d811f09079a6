"""Event: what happened to a job, in order. Frozen, picklable, each with its job's id."""

from dataclasses import dataclass
from typing import Literal

from pipelines.asset import Used
from pipelines.picture import Picture

Cause = Literal[
    "bad recipe",  # the recipe cannot be made as it stands
    "model",  # the checkpoint cannot be read or used
    "out of memory",  # the device's or the machine's memory ran out
    "crash",  # the engine's process died (segfault, exit code)
    "killed",  # the system killed the engine's process
    "not a number",  # the model produced NaN
    "add-on",  # an add-on's hook raised
    "error",  # anything else
]


@dataclass(frozen=True)
class Loading:
    """The checkpoint is being loaded. fraction: 0 .. 1, or None where it is not known."""

    job: str
    checkpoint: str
    fraction: float | None = None


@dataclass(frozen=True)
class Step:
    """A step is done. picture: index of the first picture of the batch; index: 1 .. total."""

    job: str
    picture: int
    index: int
    total: int
    preview: Picture | None = None


@dataclass(frozen=True)
class ImageMade:
    """Picture `index` (from 0) of the job is finished.

    used       -- what took part in it, in the order of the prompt
    first_pass -- it is what the second pass of that picture begins with, kept beside it
    """

    job: str
    index: int
    seed: int
    picture: Picture
    used: tuple[Used, ...] = ()
    first_pass: bool = False


@dataclass(frozen=True)
class Note:
    """A sentence the user should read; the job goes on."""

    job: str
    message: str


@dataclass(frozen=True)
class Finished:
    job: str


@dataclass(frozen=True)
class Cancelled:
    """forced: the engine did not answer and was ended; it starts again by itself."""

    job: str
    forced: bool = False


@dataclass(frozen=True)
class Failed:
    """message: one sentence on what happened; hint: the next step to take."""

    job: str
    cause: Cause
    message: str
    hint: str = ""


Event = Loading | Step | ImageMade | Note | Finished | Cancelled | Failed
Terminal = Finished | Cancelled | Failed
