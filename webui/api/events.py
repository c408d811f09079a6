"""Server-sent events: the state of things first, then every change, the latest only for a slow reader."""

import asyncio
from collections.abc import AsyncIterator

from fastapi.sse import ServerSentEvent

from webui.api.shapes import job_shape, status_shape
from webui.jobs.service import JobService

_PAUSE = 0.1
"""Seconds between two bursts to one reader."""


async def everything(service: JobService, closing: asyncio.Event) -> AsyncIterator[ServerSentEvent]:
    """`engine` and `job` events, without end."""
    version, told = 0, None
    async for _ in _wakes(service, closing):
        changes = service.changes(version)
        version = changes.version
        status = status_shape(service)
        if status != told:
            told = status
            yield ServerSentEvent(event="engine", data=status)
        for job in changes.jobs:
            yield ServerSentEvent(event="job", data=job_shape(job, service))


async def of_job(service: JobService, identity: str, closing: asyncio.Event) -> AsyncIterator[ServerSentEvent]:
    """`job` events of one job until it is over."""
    told = None
    async for _ in _wakes(service, closing):
        job = service.job(identity)
        if job is None:
            return
        shape = job_shape(job, service)
        if shape != told:
            told = shape
            yield ServerSentEvent(event="job", data=shape)
        if job.over:
            return


async def _wakes(service: JobService, closing: asyncio.Event) -> AsyncIterator[None]:
    """Once at once, then after each change, until the server closes."""
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()
    unsubscribe = service.subscribe(lambda: loop.call_soon_threadsafe(changed.set))
    closes = asyncio.ensure_future(closing.wait())
    try:
        while not closing.is_set():
            changed.clear()
            yield None
            await asyncio.sleep(_PAUSE)
            waits = asyncio.ensure_future(changed.wait())
            await asyncio.wait((waits, closes), return_when=asyncio.FIRST_COMPLETED)
            waits.cancel()
    finally:
        unsubscribe()
        closes.cancel()
