"""Server-sent events: the state of things first, then every change, the latest only for a slow reader."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

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
    over = asyncio.Event()
    service.when_over(identity, from_anywhere(over.set))
    async for _ in _wakes(service, closing, over):
        job = service.job(identity)
        if job is None:
            return
        shape = job_shape(job, service)
        if shape != told:
            told = shape
            yield ServerSentEvent(event="job", data=shape)
        if job.over:
            return


async def _wakes(service: JobService, closing: asyncio.Event, over: asyncio.Event | None = None) -> AsyncIterator[None]:
    """Once at once, then after each change, until the server closes. over: what is not to wait for the next burst."""
    changed = asyncio.Event()
    hurry = over or closing
    unsubscribe = service.subscribe(from_anywhere(changed.set))
    tasks = {asyncio.ensure_future(closing.wait())}
    try:
        while not closing.is_set():
            changed.clear()
            yield None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(hurry.wait(), _PAUSE)
            waits = asyncio.ensure_future(changed.wait())
            tasks.add(waits)
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            tasks.discard(waits)
            waits.cancel()
    finally:
        unsubscribe()
        for task in tasks:
            task.cancel()


def from_anywhere(call: Callable[[], object]) -> Callable[[], object]:
    """`call` in this event loop, for threads to use."""
    loop = asyncio.get_running_loop()

    def calling() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is there to wake
            loop.call_soon_threadsafe(call)

    return calling
