"""POST txt2img and img2img."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from pipelines.catalogue import Catalogue
from pipelines.recipe import Recipe, RecipeError
from webui.api.sdapi import answers, control, recalled, scripts, waiting
from webui.api.sdapi.answers import Made
from webui.api.sdapi.bodies import Generation, ImageToImage, TextToImage
from webui.api.sdapi.errors import Refused
from webui.api.sdapi.options import Options
from webui.api.sdapi.scripts import Panel
from webui.api.sdapi.tasks import Tasks
from webui.api.sdapi.translation import Here, image_to_image, text_to_image
from webui.jobs.job import Job
from webui.jobs.service import JobService
from webui.store import codec, styles
from webui.store.images import ImageStore


@dataclass(frozen=True)
class Parts:
    """What the routes work with. panels: those of the add-ons that run at present."""

    service: JobService
    store: ImageStore
    options: Options
    styles: Path
    tasks: Tasks
    panels: Callable[[], Sequence[Panel]]

    def catalogue(self) -> Catalogue:
        """Waits while the engine starts. Raises Refused, 503, when there is none."""
        known = self.service.status.catalogue or self.service.wait_for_engine().catalogue
        if known is None:
            raise Refused(503, self.service.status.message or "The engine does not start.", "RuntimeError")
        return known


def router(parts: Parts) -> APIRouter:
    routes = APIRouter(tags=["generation"])

    @routes.post("/txt2img")
    async def txt2img(body: TextToImage, request: Request) -> Made:
        """Text to image. The answer comes when the pictures are finished."""
        return await _made(parts, body, request)

    @routes.post("/img2img")
    async def img2img(body: ImageToImage, request: Request) -> Made:
        """Image to image, and inpainting where there is a mask."""
        return await _made(parts, body, request)

    return routes


async def _made(parts: Parts, body: Generation, request: Request) -> Made:
    jobs, body = await run_in_threadpool(_submitted, parts, body)
    with parts.tasks.named(body.force_task_id or "", [job.id for job in jobs]):
        jobs = await waiting.ended(parts.service, jobs, request)
    return await run_in_threadpool(_answer, parts, body, jobs)


def _submitted(parts: Parts, body: Generation) -> tuple[list[Job], Generation]:
    body = recalled.completed(body)
    catalogue = parts.catalogue()
    options = parts.options.with_overrides(body.override_settings, catalogue)
    here = Here(catalogue, parts.store, options, styles.read(parts.styles))
    extras = scripts.extras(body, parts.panels())
    recipes = [replace(recipe, extras=extras) for recipe in _recipes(body, here)]
    jobs: list[Job] = []
    try:
        for recipe in recipes:
            jobs.append(parts.service.submit(recipe, "sdapi", kept=body.save_images))
    except BaseException:
        for job in jobs:
            parts.service.cancel(job.id)
        raise
    if not body.override_settings_restore_afterwards:
        parts.options.set({name: options[name] for name in body.override_settings if name in options}, catalogue)
    return jobs, body


def _recipes(body: Generation, here: Here) -> tuple[Recipe, ...]:
    if isinstance(body, TextToImage):
        recipe = text_to_image(body, here)
        return (replace(recipe, controls=control.controls(body, here.catalogue, here.store)),)
    if isinstance(body, ImageToImage):
        return tuple(
            replace(
                recipe,
                controls=control.controls(
                    body, here.catalogue, here.store, recipe.source.image if recipe.source else None
                ),
            )
            for recipe in image_to_image(body, here)
        )
    raise RecipeError("", f"There is no such task: {type(body).__name__}.")


def _answer(parts: Parts, body: Generation, jobs: list[Job]) -> Made:
    catalogue = parts.catalogue()
    options = parts.options.with_overrides(body.override_settings, catalogue)
    made = answers.made(jobs, _echo(body), parts.store, options, catalogue, body.styles, body.send_images)
    if body.send_images and not made.images:
        unfinished = parts.service.preview(jobs[0].id)  # stopped in its first picture: as far as it had come
        if unfinished is not None:
            made.images.append(answers.encoded(codec.png(unfinished[1]), options))
    return made


def _echo(body: Generation) -> dict[str, Any]:
    """The request with its defaults; pictures are left out unless they are asked for."""
    echo = body.model_dump()
    if isinstance(body, ImageToImage) and not body.include_init_images:
        echo |= {"init_images": None, "mask": None}
    return echo
