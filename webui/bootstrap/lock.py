"""Two starts at once: the second waits until the first has installed. The lock ends with the process that holds it."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def install_lock(path: Path, say: Callable[[str], None], pause: float = 0.5) -> Generator[None]:
    """Hold the lock file; the OSError of a folder that cannot be written goes to the caller."""
    with path.open("a") as file:
        told = False
        while not _take(file):
            if not told:
                say("Another start of Snowfox is installing; waiting for it to finish...")
                told = True
            time.sleep(pause)
        yield


if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[str]) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _take(file: IO[str]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            # Some network file systems have no locks: better to go on than not to start.
            return True
        return True
