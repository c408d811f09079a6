"""The belt: an add-on's mistake does not end the process it was let into. It holds nobody who means harm."""

import os
import signal
from collections.abc import Callable
from inspect import currentframe
from types import FrameType
from typing import Any, NoReturn

from webui.extension import PACKAGE


class EndRefused(RuntimeError):
    """An add-on tried to end the program."""


def fasten() -> None:
    """From now on the calls that end a process at once raise EndRefused when an add-on makes them."""

    def exits(code: int) -> NoReturn:
        _refuse()
        really_exit(code)

    def aborts() -> NoReturn:
        _refuse()
        really_abort()

    def kills(pid: int, number: int) -> None:
        if pid == os.getpid():
            _refuse()
        really_kill(pid, number)

    def raises(number: int) -> None:
        _refuse()
        really_raise(number)

    really_exit: Callable[[int], NoReturn] = os._exit
    really_abort, really_kill, really_raise = os.abort, os.kill, signal.raise_signal
    replaced: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
        (os, "_exit", exits),
        (os, "abort", aborts),
        (os, "kill", kills),
        (signal, "raise_signal", raises),
    )
    for module, name, function in replaced:
        setattr(module, name, function)


def _refuse() -> None:
    frame: FrameType | None = currentframe()
    frame = frame.f_back.f_back if frame is not None and frame.f_back is not None else None
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith(f"{PACKAGE}."):
            raise EndRefused("An add-on may not end the program.")
        frame = frame.f_back
