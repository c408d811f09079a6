"""ProcessEngine: generation in a child program that may die without harm.

The ladder of cancel: ask; after a grace, kill and start again. A child that is gone is diagnosed by its exit
code, its job fails with a reason, and the next job runs in a new child.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from pipelines.events import Cancelled, Event, Failed, Finished, Loading
from pipelines.picture import Picture
from pipelines.recipe import ImageRef, Recipe
from webui.addons.loading import Trouble
from webui.addons.watching import Deed
from webui.engines.base import EngineStatus, Phase
from webui.engines.child import Child, Launch
from webui.engines.exits import Exit
from webui.engines.messages import Announce, Cancel, Close, Inside, Rescan, Run, Setup, Unload
from webui.engines.patience import Patience

_TRIES = 3
"""Children that may die before they are ready, one after another, until the engine counts as failed."""


@dataclass(frozen=True)
class _Ready:
    pass


@dataclass(frozen=True)
class _Asked:
    now: bool


@dataclass(frozen=True)
class _Gone:
    child: Child
    exit: Exit


@dataclass
class _Order:
    """The run in hand. child: the one that was given the job; None while none is ready."""

    job: str
    inbox: "queue.SimpleQueue[Event | _Ready | _Asked | _Gone]" = field(default_factory=queue.SimpleQueue)
    child: Child | None = None
    asked: bool = False
    loading: bool = True
    deadline: float | None = None


class ProcessEngine:
    """grace, loading_grace -- seconds that a running (loading) job has to answer a cancel."""

    def __init__(self, launch: Launch, grace: float = 5.0, loading_grace: float = 30.0) -> None:
        self._launch = launch
        self._grace = grace
        self._loading_grace = loading_grace
        self._lock = threading.RLock()
        self._status = EngineStatus("starting")
        self._announce: Callable[[EngineStatus], None] = lambda status: None
        self._child: Child | None = None
        self._order: _Order | None = None
        self._early_deaths = 0
        self._closed = False
        self._inside = ""
        self._patience = Patience(self._tired)

    @property
    def status(self) -> EngineStatus:
        return self._status

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is none."""
        return self._child.pid if self._child is not None else None

    def start(self, announce: Callable[[EngineStatus], None]) -> None:
        self._announce = announce
        with self._lock:
            self._spawn("starting", "The engine is starting.")
        self._tell()

    def run(self, job: str, recipe: Recipe, images: Mapping[ImageRef, Picture]) -> Iterator[Event]:
        with self._lock:
            order = _Order(job)
            self._order = order
            if self._status.phase == "failed" and not self._closed:
                self._early_deaths = 0
                self._spawn("restarting", "The engine is starting again.")
        self._tell()
        return self._events(order, Run(job, recipe, images))

    def cancel(self, job: str) -> None:
        self._ask(job, now=False)

    def kill(self, job: str) -> None:
        self._ask(job, now=True)

    def rescan(self) -> None:
        child = self._child
        if child is not None:
            child.send(Rescan())

    def unload(self) -> None:
        child = self._child
        if child is not None:
            child.send(Unload())

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._patience.close()
            child = self._child
            self._child = None
            self._set("closed")
        self._tell()
        if child is not None:
            child.send(Close())
            child.end(patience=3.0)

    def _ask(self, job: str, now: bool) -> None:
        with self._lock:
            if self._order is not None and self._order.job == job:
                self._order.inbox.put(_Asked(now))

    def _events(self, order: _Order, message: Run) -> Iterator[Event]:
        try:
            while True:
                ended = self._hand_over(order, message)
                if ended is None:
                    event = self._next(order)
                    if event is None:
                        continue
                    ended = event
                yield ended
                if isinstance(ended, Finished | Cancelled | Failed):
                    return
        finally:
            self._leave(order)

    def _hand_over(self, order: _Order, message: Run) -> Failed | None:
        """Give the job to a child that is ready. Failed when there will be none."""
        with self._lock:
            if order.child is not None:
                return None
            if self._status.phase in ("failed", "closed"):
                return Failed(order.job, "crash", self._status.message, f"Details are in {self._launch.log}.")
            if self._status.phase != "ready" or self._child is None:
                return None
            order.child = self._child
        order.child.send(message)
        return None

    def _next(self, order: _Order) -> Event | None:
        """The next event of the order; None when something else happened and the loop goes round."""
        try:
            wait = None if order.deadline is None else max(0.0, order.deadline - time.monotonic())
            message = order.inbox.get(timeout=wait)
        except queue.Empty:
            return self._end(order)
        match message:
            case _Ready():
                return None
            case _Asked(now=now):
                return self._asked(order, now)
            case _Gone(child=child, exit=exit):
                if child is not order.child:
                    return None
                return Cancelled(order.job, forced=True) if order.asked else exit.failed(order.job)
            case _:
                order.loading = isinstance(message, Loading)
                return message

    def _asked(self, order: _Order, now: bool) -> Event | None:
        if order.child is None:
            return Cancelled(order.job)
        order.asked = True
        if now:
            return self._end(order)
        if order.deadline is None:
            order.child.send(Cancel(order.job))
            order.deadline = time.monotonic() + (self._loading_grace if order.loading else self._grace)
        return None

    def _end(self, order: _Order) -> Cancelled:
        if order.child is not None:
            order.child.kill()
        return Cancelled(order.job, forced=True)

    def _leave(self, order: _Order) -> None:
        with self._lock:
            if self._order is order:
                self._order = None
        if order.child is not None:
            order.child.send(Cancel(order.job))  # of no effect unless the caller stopped listening

    def _spawn(self, phase: Phase, message: str) -> None:
        self._set(phase, message)
        try:
            self._child = Child(self._launch, self._received, self._gone)
        except OSError as error:
            self._child = None
            self._set("failed", f"The engine cannot be started: {error}.")

    def _received(self, child: Child, message: object) -> None:
        """Called by the child's reader for each message."""
        with self._lock:
            if child is not self._child:
                return
            order = self._order
            if isinstance(message, Announce):
                self._early_deaths = 0
                self._status = replace(self._status, phase="ready", catalogue=message.catalogue, message="")
                if order is not None:
                    order.inbox.put(_Ready())
            elif isinstance(message, Inside):
                self._enter(message)
            elif isinstance(message, Trouble):
                self._blame(message)
                if message.grave:
                    self._replace(child, message.message)
            elif isinstance(message, Deed):
                self._status = replace(self._status, deeds=(*self._status.deeds, message))
            elif order is not None and isinstance(message, Event) and message.job == order.job:
                order.inbox.put(message)
        if isinstance(message, Announce | Trouble | Deed):
            self._tell()

    def _gone(self, child: Child, exit: Exit) -> None:
        """Called by the child's reader when the child has ended."""
        with self._lock:
            order = self._order
            culprit = self._inside if child is self._child else ""
            if culprit:
                exit = self._culprit(culprit, exit)
            if order is not None:
                order.inbox.put(_Gone(child, exit))
            if self._closed or child is not self._child:
                return
            if not culprit:
                self._early_deaths = self._early_deaths + 1 if self._status.phase != "ready" else 0
            if self._early_deaths < _TRIES:
                self._spawn("restarting", exit.message)
            else:
                self._child = None
                self._set("failed", f"The engine does not start. {exit.message}")
                if order is not None:
                    order.inbox.put(_Ready())  # wakes it, to find that there is no engine
        self._tell()

    def _enter(self, message: Inside) -> None:
        self._inside = message.addon
        if message.addon:
            self._patience.set(message.patience)
        else:
            self._patience.lift()

    def _tired(self) -> None:
        """An add-on has been at work for too long: its process ends, and is found dead inside of it."""
        with self._lock:
            child = self._child if self._inside else None
        if child is not None:
            child.kill()

    def _culprit(self, addon: str, exit: Exit) -> Exit:
        """What is told of a child that ended inside an add-on, which the next one goes without."""
        self._enter(Inside(""))
        what = "did not finish in time" if exit.cause == "killed" else "ended the engine"
        message = f"The add-on '{addon}' {what}. {exit.message}"
        self._blame(Trouble(addon, "failure", message, grave=True))
        return Exit("add-on", message, "It is left out until the next start: generate again.")

    def _blame(self, trouble: Trouble) -> None:
        """The next child goes without that add-on."""
        self._status = replace(self._status, troubles=(*self._status.troubles, trouble))
        setup = self._launch.setup
        if isinstance(setup, Setup):
            rest = tuple(loaded for loaded in setup.addons if loaded.found.name != trouble.addon)
            self._launch = replace(self._launch, setup=replace(setup, addons=rest))

    def _replace(self, child: Child, message: str) -> None:
        """A spoilt child makes way for another; it is not heard any more."""
        self._enter(Inside(""))
        child.kill()
        self._spawn("restarting", message)

    def _set(self, phase: Phase, message: str = "") -> None:
        self._status = replace(self._status, phase=phase, message=message)

    def _tell(self) -> None:
        """Never called with the lock held: whoever listens may hold a lock of its own and call us."""
        self._announce(self._status)
