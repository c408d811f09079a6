"""Child: one worker program, the pipes to it, and the thread that reads them."""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from webui.channel import Channel
from webui.engines.exits import Exit, diagnose

logger = logging.getLogger(__name__)

_OOM_EVENTS = Path("/sys/fs/cgroup/memory.events")


def _worker_command() -> tuple[str, ...]:
    return (sys.executable, "-m", "webui.engines.worker")


@dataclass(frozen=True)
class Launch:
    """How to start a child. setup: its first message; log: where its output goes; environment: added to ours."""

    setup: object
    log: Path
    command: Sequence[str] = field(default_factory=_worker_command)
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


class Child:
    """received and gone are called from the reader thread; gone once, as the last call."""

    def __init__(
        self,
        launch: Launch,
        received: Callable[["Child", object], None],
        gone: Callable[["Child", Exit], None],
    ) -> None:
        self._launch = launch
        self._received = received
        self._gone = gone
        self._killed_before = _system_kills()
        launch.log.parent.mkdir(parents=True, exist_ok=True)
        with launch.log.open("wb") as log:
            self._process = subprocess.Popen(
                launch.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(launch.environment),
            )
        self._channel = Channel(_stream(self._process.stdout), _stream(self._process.stdin))
        self._reader = threading.Thread(target=self._read, name=f"engine-{self._process.pid}", daemon=True)
        self.send(launch.setup)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: object) -> None:
        """Sends nothing when the child is gone: the reader tells of that."""
        try:
            self._channel.send(message)
        except (OSError, ValueError):
            logger.debug("The worker %d is gone; %s was not sent.", self.pid, type(message).__name__)

    def kill(self) -> None:
        self._process.kill()

    def end(self, patience: float) -> None:
        """Wait for the child to leave by itself, at most `patience` seconds; then kill it."""
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join(5.0)

    def _read(self) -> None:
        try:
            while True:
                self._received(self, self._channel.receive())
        except (EOFError, OSError, ValueError):
            pass
        except Exception:
            logger.exception("The worker sent something that cannot be read.")
        code = self._wait()
        self._channel.close()
        self._gone(self, diagnose(code, self._launch.log, _system_kills() > self._killed_before))

    def _wait(self) -> int | None:
        """The exit code; a child that closed its pipe and lives on is killed."""
        try:
            return self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    checkout = str(Path(__file__).resolve().parents[2])
    paths = [checkout, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        # Threads that wait by spinning make a small model ten times slower when another program wants the cores.
        "OMP_WAIT_POLICY": "PASSIVE",
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DIFFUSERS_DISABLE_REMOTE_CODE": "1",
        **extra,
    }


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def _system_kills() -> int:
    """How many processes of this control group the kernel has ended for want of memory; 0 where it is not told."""
    try:
        lines = _OOM_EVENTS.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
