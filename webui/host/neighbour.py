"""Neighbour: the annex as the web process sees it. It may die and stand still; then it says whose doing that was."""

import logging
import queue
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pipelines.recipe import Recipe
from webui.addons.loading import Offer, Trouble
from webui.addons.watching import Deed
from webui.engines.child import Child, Launch
from webui.engines.exits import Exit
from webui.engines.messages import Inside
from webui.extension import Saved
from webui.host.messages import Begin, Leave, Prepare, Prepared, Ready, Tell, Told

log = logging.getLogger(__name__)

_TRIES = 2
"""Ends in a row that no add-on can be blamed for, until the annex counts as lost."""


class Lost(RuntimeError):
    """There is no annex; the text is a sentence."""


class Neighbour:
    """hear: is told of every trouble and deed, with the lock held; it must return at once."""

    def __init__(self, begin: Begin, log_file: Path, hear: Callable[[Trouble | Deed], None]) -> None:
        self._begin = begin
        self._log = log_file
        self._hear = hear
        self._lock = threading.Lock()
        self._inbox: queue.SimpleQueue[tuple[Child, object]] = queue.SimpleQueue()
        self._child: Child | None = None
        self._offers: dict[str, Offer] = {}
        self._blameless_ends = 0

    def load(self) -> tuple[Offer, ...]:
        """What those add-ons offer that load. Raises Lost."""
        with self._lock:
            self._ready()
            return tuple(self._offers.values())

    def prepare(self, recipe: Recipe, addons: tuple[str, ...]) -> tuple[Recipe, ...]:
        """The recipes to queue in place of this one; none when an add-on failed, which was heard. Raises Lost."""
        with self._lock:
            answer = self._ask(Prepare, recipe, addons)
            return answer.recipes if isinstance(answer, Prepared) else ()

    def tell(self, saved: Saved, addon: str) -> None:
        """Raises Lost."""
        with self._lock:
            self._ask(Tell, saved, (addon,))

    def close(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.send(Leave())
            child.end(patience=2.0)

    def _ask(self, kind: type[Prepare] | type[Tell], value: Recipe | Saved, addons: tuple[str, ...]) -> object:
        """The answer; None when the annex ended in an add-on."""
        while True:
            self._ready()
            known = tuple(name for name in addons if name in self._offers)
            if self._child is None or not known:
                return Prepared((value,)) if isinstance(value, Recipe) else None
            before = self._blameless_ends
            self._child.send(kind(value, known))  # pyright: ignore[reportArgumentType]
            answer = self._hear_until((Prepared, Told), self._child)
            if answer is not None or self._blameless_ends == before:
                return answer

    def _ready(self) -> None:
        """A child that has loaded the add-ons, but for those that broke it. None is needed where none is left."""
        while self._child is None and self._begin.addons:
            if self._blameless_ends >= _TRIES:
                raise Lost(f"The process for add-ons ends by itself. Details are in {self._log}.")
            self._offers = {}
            try:
                self._child = Child(self._launch(), self._received, self._left)
            except OSError as error:
                raise Lost(f"The process for add-ons cannot be started: {error}.") from error
            self._hear_until((Ready,), self._child)

    def _launch(self) -> Launch:
        return Launch(self._begin, self._log, (sys.executable, "-m", "webui.host.annex"))

    def _received(self, child: Child, message: object) -> None:
        self._inbox.put((child, message))

    def _left(self, child: Child, exit: Exit) -> None:
        self._inbox.put((child, exit))

    def _hear_until(self, answers: tuple[type, ...], child: Child) -> object:
        """The answer, or None when the child has ended."""
        inside, deadline, late = Inside(""), None, False
        while True:
            try:
                wait = None if deadline is None else max(0.0, deadline - time.monotonic())
                sender, message = self._inbox.get(timeout=wait)
            except queue.Empty:
                late, deadline = True, None
                child.kill()
                continue
            if sender is not child:
                continue
            match message:
                case Inside(addon=addon, patience=patience):
                    inside, deadline = message, time.monotonic() + patience if addon else None
                case Offer():
                    self._offers[message.addon] = message
                case Trouble(grave=True):
                    self._note(message)
                    self._child = None
                    child.kill()  # it is spoilt
                    return None
                case Trouble() | Deed():
                    self._note(message)
                case Exit():
                    self._ended(inside, message, late, loading=Ready in answers)
                    return None
                case _:
                    if isinstance(message, answers):
                        self._blameless_ends = 0
                        return message

    def _ended(self, inside: Inside, exit: Exit, late: bool, loading: bool) -> None:
        self._child = None
        if not inside.addon:
            self._blameless_ends += 1
            log.warning("The process for add-ons ended: %s", exit.message)
            return
        doing = "loading it" if loading else "a hook"
        how = f"{doing} took longer than {inside.patience:g} s" if late else f"{doing} ended its process ({exit.why})"
        kind = "load error" if loading else "failure"
        self._note(Trouble(inside.addon, kind, f"It was stopped: {how}.", grave=True))

    def _note(self, message: Trouble | Deed) -> None:
        if isinstance(message, Trouble):
            log.warning("Add-on %s: %s", message.addon, message.message)
            self._offers.pop(message.addon, None)
            rest = tuple(found for found in self._begin.addons if found.name != message.addon)
            self._begin = replace(self._begin, addons=rest)
        self._hear(message)
