"""The worker program: `python -m webui.engines.worker`, started by ProcessEngine, speaks over stdin and stdout."""

import faulthandler
import logging
import os
import queue
import sys
import threading
from functools import partial

from pipelines.events import Terminal
from webui.channel import Channel, private_stdout
from webui.engines.messages import Announce, Cancel, Close, Rescan, Run, Setup, Unload

log = logging.getLogger(__name__)


class _Orders:
    """What the web process asked for. A thread reads it, so that a cancel is seen while a job runs."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._lock = threading.Lock()
        self._accepted: set[str] = set()
        self._cancelled: set[str] = set()
        self.waiting: queue.SimpleQueue[Run | Rescan | Unload] = queue.SimpleQueue()

    def read(self) -> None:
        """Until the web process closes the pipe or is gone: then this program ends at once, job or not."""
        try:
            while True:
                self._take(self._channel.receive())
        except EOFError:
            os._exit(0)
        except BaseException:
            log.exception("The connection broke.")
            os._exit(1)

    def cancelled(self, job: str) -> bool:
        return job in self._cancelled

    def done(self, job: str) -> None:
        with self._lock:
            self._accepted.discard(job)
            self._cancelled.discard(job)

    def _take(self, message: object) -> None:
        match message:
            case Run(job=job):
                with self._lock:
                    self._accepted.add(job)
                self.waiting.put(message)
            case Cancel(job=job):
                with self._lock:
                    if job in self._accepted:
                        self._cancelled.add(job)
            case Rescan() | Unload():
                self.waiting.put(message)
            case Close():
                os._exit(0)
            case _:
                log.error("Unexpected: %r", message)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    faulthandler.enable()
    channel = Channel(sys.stdin.buffer, private_stdout())
    setup = channel.receive()
    if not isinstance(setup, Setup):
        raise TypeError(f"Expected a Setup, got {type(setup).__name__}.")
    orders = _Orders(channel)
    threading.Thread(target=orders.read, name="orders", daemon=True).start()
    _serve(channel, setup, orders)


def _serve(channel: Channel, setup: Setup, orders: _Orders) -> None:
    from pipelines.runner import Runner  # takes seconds: by now a cancel or an end is heard
    from webui.engines.hooks import Engaged

    addons = Engaged(setup, channel.send)
    runner = Runner(*setup.arguments(), more=addons.families, hooks=addons.hooks())
    runner.on_change(lambda catalogue: channel.send(Announce(catalogue)))
    channel.send(Announce(runner.catalogue()))
    while True:
        order = orders.waiting.get()
        if isinstance(order, Rescan):
            runner.rescan()
            channel.send(Announce(runner.catalogue()))
            continue
        if isinstance(order, Unload):
            runner.unload()
            continue
        cancelled = partial(orders.cancelled, order.job)
        for event in runner.run(order.job, order.recipe, order.images, cancelled):
            if isinstance(event, Terminal):
                orders.done(order.job)  # before it is told: the same job may come again at once
            channel.send(event)
        if runner.spoilt:
            log.error("The device has failed; this process makes way for a new one.")
            os._exit(1)


if __name__ == "__main__":
    main()
