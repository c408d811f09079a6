"""Waiting for jobs, without a thread for each who waits."""

import asyncio
from collections.abc import Sequence

from fastapi import Request

from pipelines.events import Failed
from webui.api.events import from_anywhere
from webui.api.sdapi.errors import Refused
from webui.jobs.job import Job
from webui.jobs.service import JobService

_STATUS = {"bad recipe": 422, "model": 422, "out of memory": 507}


async def ended(service: JobService, jobs: Sequence[Job], request: Request) -> list[Job]:
    """The jobs as they are when the last is over.

    When the one who asked hangs up, jobs whose pictures nobody would see any more are cancelled.
    Raises Refused when a job has failed, or when the program ends.
    """
    over = asyncio.ensure_future(_all_over(service, jobs))
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((over, gone), return_when=asyncio.FIRST_COMPLETED)
        if not over.done():
            for job in jobs:
                if not job.kept:
                    service.cancel(job.id)
        await over
    finally:
        over.cancel()
        gone.cancel()
    found = [service.job(job.id) for job in jobs]
    last = [job for job in found if job is not None and job.over]
    if len(last) < len(jobs):
        raise Refused(503, "Snowfox was closed while this was made.", "RuntimeError")
    failure = next((job.failure for job in last if job.failure is not None), None)
    if failure is not None:
        raise _refusal(failure)
    return last


async def _all_over(service: JobService, jobs: Sequence[Job]) -> None:
    await asyncio.gather(*(_over(service, job.id) for job in jobs))


async def _over(service: JobService, identity: str) -> None:
    told = asyncio.Event()
    service.when_over(identity, from_anywhere(told.set))
    await told.wait()


async def _gone(request: Request) -> None:
    """Returns when the one who asked has hung up. The body has been read: nothing else can come."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _refusal(failure: Failed) -> Refused:
    text = f"{failure.message} {failure.hint}".strip()
    return Refused(_STATUS.get(failure.cause, 500), text, failure.cause)
