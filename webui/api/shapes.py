"""What the API says, as JSON."""

import time
from dataclasses import asdict
from typing import Any, Literal

from pydantic import BaseModel

from pipelines.recipe_json import to_json
from webui.jobs.job import Job, State
from webui.jobs.service import JobService
from webui.store.fidelity import Restored
from webui.store.images import SavedImage


class EngineShape(BaseModel):
    """announced: grows when the engine or its catalogue has changed; device: "" until the catalogue is known."""

    phase: Literal["starting", "ready", "restarting", "failed", "closed"]
    message: str
    device: str
    announced: int


class QueueShape(BaseModel):
    waiting: int
    running: str | None


class StatusShape(BaseModel):
    engine: EngineShape
    queue: QueueShape


class ProgressShape(BaseModel):
    """picture counts from 0; step from 1, 0 before the first; eta in seconds."""

    picture: int
    pictures: int
    step: int
    steps: int
    fraction: float
    eta: float | None
    loading: float | None


class JobImageShape(BaseModel):
    id: str
    index: int
    seed: int
    width: int
    height: int


class FailureShape(BaseModel):
    cause: str
    message: str
    hint: str


class JobShape(BaseModel):
    """Times are seconds since the epoch. place: 1 runs next. preview: a number that grows; 0 when there is none."""

    id: str
    state: State
    stopping: bool
    origin: str
    created: float
    started: float | None
    ended: float | None
    place: int | None
    progress: ProgressShape
    preview: int
    images: list[JobImageShape]
    notes: list[str]
    failure: FailureShape | None
    recipe: dict[str, Any]


class ImageShape(BaseModel):
    id: str
    created: float
    width: int
    height: int
    seed: int | None
    prompt: str
    parameters: str
    recipe: dict[str, Any] | None


class ImagesShape(BaseModel):
    """next: give it as `before` for the pictures that follow; null at the end."""

    images: list[ImageShape]
    next: str | None


class InputShape(BaseModel):
    """ref: what a recipe calls this picture; notes: what was changed to make it usable, in sentences."""

    ref: str
    width: int
    height: int
    notes: list[str] = []


class RefShape(BaseModel):
    ref: str


class TokensShape(BaseModel):
    count: int
    limit: int


class ParametersShape(BaseModel):
    """exact: the recipe was read whole, not guessed from the text. tool: the program that wrote it, "" if unknown.

    fidelity -- by field of the recipe, or by the text's own key where a recipe has no such field
    """

    text: str
    recipe: dict[str, Any]
    exact: bool
    tool: str
    fidelity: dict[str, Literal["exact", "nearest", "lost"]]


class Problem(BaseModel):
    field: str | None
    message: str


class ProblemShape(BaseModel):
    error: Problem


def status_shape(service: JobService) -> StatusShape:
    status = service.status
    device = status.catalogue.device.title if status.catalogue else ""
    return StatusShape(
        engine=EngineShape(phase=status.phase, message=status.message, device=device, announced=service.announced),
        queue=QueueShape(waiting=service.waiting(), running=service.running or None),
    )


def job_shape(job: Job, service: JobService) -> JobShape:
    preview = service.preview(job.id)
    failure = job.failure
    return JobShape(
        id=job.id,
        state=job.state,
        stopping=job.stopping,
        origin=job.origin,
        created=job.created,
        started=job.started,
        ended=job.ended,
        place=service.place(job.id),
        progress=ProgressShape(
            picture=job.picture,
            pictures=job.recipe.total,
            step=job.step,
            steps=job.steps or job.recipe.steps,
            fraction=round(job.fraction, 4),
            eta=job.eta(time.time()),
            loading=job.loading,
        ),
        preview=preview[0] if preview else 0,
        images=[JobImageShape(**asdict(image)) for image in job.images],
        notes=list(job.notes),
        failure=FailureShape(cause=failure.cause, message=failure.message, hint=failure.hint) if failure else None,
        recipe=to_json(job.recipe),
    )


def parameters_shape(found: Restored) -> ParametersShape:
    return ParametersShape(
        text=found.text,
        recipe=to_json(found.recipe),
        exact=found.exact,
        tool=found.tool,
        fidelity=dict(found.fidelity),
    )


def image_shape(image: SavedImage) -> ImageShape:
    return ImageShape(
        id=image.id,
        created=image.created,
        width=image.width,
        height=image.height,
        seed=image.seed,
        prompt=image.prompt,
        parameters=image.parameters,
        recipe=to_json(image.recipe) if image.recipe else None,
    )
