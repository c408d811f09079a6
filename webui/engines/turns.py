"""Turns: one engine for the owner's queue and for guests. The owner's next job always goes first."""

import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from pipelines.events import Cancelled, Event
from pipelines.picture import Picture
from pipelines.recipe import ImageRef, Recipe
from webui.engines.base import Engine, EngineStatus

Rank = Literal["owner", "guest"]


class Turns:
    """Who may use the engine: one at a time, the owner before any guest, guests in the order in which they came."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy = False
        self._waiting: list[tuple[int, int]] = []
        self._number = 0

    @contextmanager
    def taken(self, rank: Rank, given_up: Callable[[], bool]) -> Generator[bool]:
        """Waits for a turn and holds it. False, and no turn, when `given_up` became true first; see `stir`."""
        with self._changed:
            self._number += 1
            ticket = (0 if rank == "owner" else 1, self._number)
            self._waiting.append(ticket)
            self._changed.wait_for(lambda: given_up() or (not self._busy and min(self._waiting) == ticket))
            self._waiting.remove(ticket)
            mine = not given_up()
            self._busy = self._busy or mine
            self._changed.notify_all()
        try:
            yield mine
        finally:
            if mine:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()

    def stir(self) -> None:
        """Those who wait ask again whether they have given up."""
        with self._changed:
            self._changed.notify_all()


class SharedEngine:
    """The engine as one queue among several sees it: each run waits for its turn."""

    def __init__(self, engine: Engine, turns: Turns, rank: Rank) -> None:
        self._engine = engine
        self._turns = turns
        self._rank: Rank = rank
        self._lock = threading.Lock()
        self._ended = ""
        self._inside = ""

    @property
    def status(self) -> EngineStatus:
        return self._engine.status

    def start(self, announce: Callable[[EngineStatus], None]) -> None:
        self._engine.start(announce)

    def run(self, job: str, recipe: Recipe, images: Mapping[ImageRef, Picture]) -> Iterator[Event]:
        self._ended = ""
        return self._events(job, recipe, images)

    def cancel(self, job: str) -> None:
        self._end(job, self._engine.cancel)

    def kill(self, job: str) -> None:
        self._end(job, self._engine.kill)

    def rescan(self) -> None:
        self._engine.rescan()

    def unload(self) -> None:
        self._engine.unload()

    def close(self) -> None:
        self._engine.close()

    def _events(self, job: str, recipe: Recipe, images: Mapping[ImageRef, Picture]) -> Iterator[Event]:
        with self._turns.taken(self._rank, lambda: self._ended == job) as mine:
            if not mine:
                yield Cancelled(job)
                return
            with self._lock:
                events = self._engine.run(job, recipe, images)
                self._inside = job
                if self._ended == job:
                    self._engine.cancel(job)
            try:
                yield from events
            finally:
                self._inside = ""

    def _end(self, job: str, ask: Callable[[str], None]) -> None:
        with self._lock:
            self._ended = job
            if self._inside == job:
                ask(job)
        self._turns.stir()
