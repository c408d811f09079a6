"""/api/v1: status, catalogue and jobs."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Response
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from pipelines.recipe_json import from_paths
from webui.api import events, schema
from webui.api.presets import known_recipe
from webui.api.problems import NotHere, answer
from webui.api.shapes import JobShape, StatusShape, job_shape, status_shape
from webui.api.webhooks import Webhooks
from webui.jobs.job import Job
from webui.jobs.service import JobService
from webui.store import codec
from webui.store.presets import Presets


def router(
    service: JobService, closing: asyncio.Event, presets: Presets | None = None, webhooks: Webhooks | None = None
) -> APIRouter:
    """closing: set when the server ends, so that event streams end too.

    presets, webhooks -- None where there are none
    """
    routes = APIRouter(tags=["jobs"])
    _add_reading(routes, service, closing)
    _add_submit(routes, service, presets, webhooks)
    _add_doing(routes, service)
    return routes


def _add_reading(routes: APIRouter, service: JobService, closing: asyncio.Event) -> None:
    @routes.get("/status")
    def status() -> StatusShape:
        """Whether the engine is ready, and how much waits."""
        return status_shape(service)

    @routes.get("/catalogue", response_model=None)
    def catalogue() -> dict[str, Any] | JSONResponse:
        """Models, samplers and schedules; 503 until the engine has told them. Assets have a route of their own."""
        known = service.status.catalogue
        if known is None:
            return answer(503, service.status.message or "The engine is starting.")
        told = asdict(replace(known, assets=()))
        del told["assets"]
        return told

    @routes.get("/jobs")
    def jobs() -> list[JobShape]:
        """The latest 50 jobs, newest first."""
        return [job_shape(job, service) for job in service.jobs()[:50]]

    @routes.get("/jobs/{identity}")
    def job(identity: str) -> JobShape:
        return job_shape(_known(service, identity), service)

    @routes.get("/jobs/{identity}/preview")
    def preview(identity: str) -> Response:
        """The latest live preview, a small JPEG."""
        latest = service.preview(identity)
        if latest is None:
            raise NotHere("There is no preview of this job at present.")
        return Response(codec.jpeg(latest[1]), media_type="image/jpeg", headers={"Cache-Control": "no-store"})

    def known(identity: str) -> None:
        _known(service, identity)

    @routes.get("/jobs/{identity}/events", response_class=EventSourceResponse, dependencies=[Depends(known)])
    async def job_events(identity: str) -> AsyncIterator[ServerSentEvent]:
        """`job` events until the job is over."""
        async for event in events.of_job(service, identity, closing):
            yield event

    @routes.get("/events", response_class=EventSourceResponse)
    async def all_events() -> AsyncIterator[ServerSentEvent]:
        """`engine` and `job` events: first how things stand, then every change."""
        async for event in events.everything(service, closing):
            yield event


def _add_submit(routes: APIRouter, service: JobService, presets: Presets | None, webhooks: Webhooks | None) -> None:
    whole = {"$ref": "#/components/schemas/Recipe"}
    body = {"requestBody": {"content": {"application/json": {"schema": whole}}, "required": True}}

    @routes.get("/schema")
    def recipe_schema() -> dict[str, Any]:
        """The JSON Schema of a recipe."""
        return schema.document()

    @routes.post("/jobs", status_code=201, openapi_extra=body)
    def submit(recipe: Annotated[dict[str, Any], Body()], preset: str = "", webhook: str = "") -> JobShape:
        """Put a recipe into the queue. Fields that are left out are as the checkpoint likes them.

        preset: the name of one, whose fields come before the checkpoint's and after those given here.
        webhook: an address that is told when the job is over.
        While the engine starts this waits for its catalogue, a few seconds, to know what suits the checkpoint.
        """
        told = webhooks or Webhooks((), "")
        if webhook:
            told.check(webhook)
        if preset:
            recipe = {**known_recipe(presets, preset), **recipe}
        if service.status.catalogue is None:
            service.wait_for_engine()
        job = service.submit(from_paths(_with_defaults(recipe, service)), "api")
        if webhook:
            service.when_over(job.id, lambda: _tell(service, told, webhook, job.id))
        return job_shape(job, service)


def _tell(service: JobService, webhooks: Webhooks, address: str, identity: str) -> None:
    job = service.job(identity)
    if job is not None and job.over:
        webhooks.send(address, job_shape(job, service).model_dump(mode="json"))


def _add_doing(routes: APIRouter, service: JobService) -> None:
    @routes.post("/jobs/{identity}/cancel")
    def cancel(identity: str) -> JobShape:
        """Take a job out of the queue, or stop it within one step."""
        service.cancel(_known(service, identity).id)
        return job_shape(_known(service, identity), service)

    @routes.post("/jobs/{identity}/kill")
    def kill(identity: str) -> JobShape:
        """Stop a job at once, even while it loads; the engine starts again by itself."""
        service.kill(_known(service, identity).id)
        return job_shape(_known(service, identity), service)

    @routes.post("/rescan", status_code=202)
    def rescan() -> StatusShape:
        """Look at the models folder again."""
        service.rescan()
        return status_shape(service)


def _known(service: JobService, identity: str) -> Job:
    job = service.job(identity)
    if job is None:
        raise NotHere("There is no such job.")
    return job


def _with_defaults(given: dict[str, Any], service: JobService) -> dict[str, Any]:
    """What is left out is as the checkpoint likes it: its size, steps, guidance, sampler."""
    catalogue = service.status.catalogue
    name = given.get("checkpoint", "")
    if catalogue is None or not isinstance(name, str):
        return given
    return catalogue.completed(given)
