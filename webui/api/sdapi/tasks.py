"""Tasks: names that clients give to their requests, to ask for their progress."""

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager

_REMEMBERED = 200


class Tasks:
    """Thread-safe; the latest names only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, tuple[str, ...]] = {}
        self._over: set[str] = set()

    @contextmanager
    def named(self, name: str, jobs: Sequence[str]) -> Generator[None]:
        """While the jobs run, `name` stands for them; later it is known to be over."""
        if not name:
            yield
            return
        with self._lock:
            self._jobs[name] = tuple(jobs)
            self._over.discard(name)
            for old in list(self._jobs)[:-_REMEMBERED]:
                del self._jobs[old]
                self._over.discard(old)
        try:
            yield
        finally:
            with self._lock:
                self._over.add(name)

    def jobs(self, name: str) -> tuple[str, ...]:
        """The ids of the jobs; none for an unknown name."""
        return self._jobs.get(name, ())

    def over(self, name: str) -> bool:
        return name in self._over

    def pending(self) -> tuple[str, ...]:
        """Names whose jobs are not over, oldest first."""
        with self._lock:
            return tuple(name for name in self._jobs if name not in self._over)
