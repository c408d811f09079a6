"""Why a worker ended: its exit code in words."""

import signal
from dataclasses import dataclass
from pathlib import Path

from pipelines.events import Cause, Failed

_WINDOWS_FAULTS = {0xC0000005: "an invalid memory access", 0xC00000FD: "a stack overflow", 0xC0000409: "a fault"}
_OUT_OF_MEMORY = ("MemoryError", "DefaultCPUAllocator: can't allocate memory", "std::bad_alloc")
_TAIL = 4000


@dataclass(frozen=True)
class Exit:
    """cause, message and hint as in a Failed event; why: in two words."""

    cause: Cause
    message: str
    hint: str
    why: str = ""

    def failed(self, job: str) -> Failed:
        return Failed(job, self.cause, self.message, self.hint)


def diagnose(code: int | None, log: Path, system_killed: bool = False) -> Exit:
    """code: as subprocess gives it, negative for a signal. system_killed: the kernel counted an out-of-memory kill."""
    tail = _tail(log)
    if code == -getattr(signal, "SIGKILL", 9):
        memory = "The system ended the engine because memory ran out." if system_killed else ""
        return Exit(
            "out of memory" if system_killed else "killed",
            memory or "The engine was ended from outside; most often the system does so when memory runs out.",
            "Close other programs, make the picture smaller or choose a smaller model, then try again.",
            _reason(code),
        )
    if any(sign in tail for sign in _OUT_OF_MEMORY):
        return Exit(
            "out of memory",
            "The engine ran out of memory.",
            "Make the picture smaller, or fewer at once, then try again.",
            _reason(code),
        )
    why = _reason(code)
    return Exit("crash", f"The engine crashed ({why}).", f"It starts again by itself. Details are in {log}.", why)


def _reason(code: int | None) -> str:
    if code is None:
        return "it closed its connection"
    if code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
    return _WINDOWS_FAULTS.get(code, f"exit code {code}")


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TAIL))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
