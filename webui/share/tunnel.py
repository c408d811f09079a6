"""Tunnel: the running program that carries the shared page to the outside."""

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque

from webui.share.provider import Plan, ShareError

PATIENCE = 30.0
"""Seconds that a tunnel has to stand."""

_KEPT = 12


class Tunnel:
    """Opened by its constructor, which returns when the address is known. Raises ShareError."""

    def __init__(self, plan: Plan, patience: float = PATIENCE) -> None:
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._last: deque[str] = deque(maxlen=_KEPT)
        try:
            self._process = subprocess.Popen(
                plan.argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=os.name != "nt",
            )
        except OSError as error:
            raise ShareError(f"The program '{plan.argv[0]}' cannot be started: {error.strerror or error}.") from error
        self._reader = threading.Thread(target=self._read, name="tunnel", daemon=True)
        self._reader.start()
        try:
            self.address = self._wait(plan, time.monotonic() + patience)
        except ShareError:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def said(self) -> str:
        """The last lines that it printed, for the log."""
        return "\n".join(self._last)

    def close(self) -> None:
        """Ends the program and whatever it started; returns when it is gone, a second later at most."""
        for end in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
            if not self.alive:
                break
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.name == "nt":
                    self._process.terminate()
                else:
                    os.killpg(self._process.pid, end)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.5)
        self._reader.join(0.5)

    def _read(self) -> None:
        stream = self._process.stdout
        if stream is None:
            return
        with stream:
            for line in stream:
                self._last.append(line.rstrip())
                self._lines.put(line)
        self._lines.put(None)

    def _wait(self, plan: Plan, deadline: float) -> str:
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty as error:
                raise ShareError("The tunnel did not open in time. Are you online?") from error
            if line is None:
                last = next((text for text in reversed(self._last) if text.strip()), "it said nothing")
                raise ShareError(f"The tunnel closed at once: {last}")
            found = plan.ready.search(line)
            if found is not None:
                return (plan.address or found[1]).rstrip("/")
