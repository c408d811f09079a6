"""Patience: a deadline that is set and lifted many times a second, kept by one thread."""

import threading
import time
from collections.abc import Callable


class Patience:
    """`over` is called, from a thread of its own, when a deadline has passed that was not lifted."""

    def __init__(self, over: Callable[[], object]) -> None:
        self._over = over
        self._changed = threading.Condition()
        self._deadline: float | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def set(self, seconds: float) -> None:
        """From now; in place of the last one."""
        with self._changed:
            self._deadline = time.monotonic() + seconds
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="patience", daemon=True)
                self._thread.start()
            self._changed.notify()

    def lift(self) -> None:
        with self._changed:
            self._deadline = None

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._deadline = None
            self._changed.notify()

    def _watch(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                left = None if self._deadline is None else self._deadline - time.monotonic()
                if left is None or left > 0:
                    self._changed.wait(left)
                    continue
                self._deadline = None
            self._over()
