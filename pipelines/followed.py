"""Followed: work that reports by calling back, turned into a generator of its reports."""

import queue
import threading
from collections.abc import Callable, Generator
from typing import TypeVar

from pipelines.denoise import Stopped

Report = TypeVar("Report")
Result = TypeVar("Result")


def followed(work: Callable[[Callable[[Report], None]], Result]) -> Generator[Report, None, Result]:
    """Runs `work` in a thread of its own and yields what it reports; returns what it returns, raises what it raises.

    Where nobody follows any more, the next report raises Stopped within the work, and its end is waited for.
    """
    reports: queue.SimpleQueue[tuple[Report] | None] = queue.SimpleQueue()
    abandoned = threading.Event()
    ended: list[Result] = []
    failed: list[BaseException] = []

    def report(item: Report) -> None:
        if abandoned.is_set():
            raise Stopped
        reports.put((item,))

    def run() -> None:
        try:
            ended.append(work(report))
        except BaseException as error:
            failed.append(error)
        finally:
            reports.put(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        while (item := reports.get()) is not None:
            yield item[0]
    finally:
        abandoned.set()
        thread.join()
    if failed:
        raise failed[0]
    return ended[0]
