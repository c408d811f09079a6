"""Watching: what an add-on does outside of itself, seen by Python's audit events. It reports; it does not prevent."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from inspect import currentframe
from types import FrameType
from typing import Any, Literal

from webui.extension import PACKAGE

Doing = Literal["network", "file", "program"]

_MOST = 40
"""Different deeds that are reported of one add-on."""


@dataclass(frozen=True)
class Deed:
    """Something that an add-on was seen to do: `network` "example.org:443", `file` (written), `program` (started)."""

    addon: str
    doing: Doing
    what: str


def watch(report: Callable[[Deed], None]) -> None:
    """Begin; it lasts as long as the process. `report` is called once for each different deed, from any thread."""
    seen: set[Deed] = set()
    counts: dict[str, int] = {}

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        doing, what = _deed(event, arguments)
        if doing is None:
            return
        addon = _acting(currentframe())
        if not addon or counts.get(addon, 0) >= _MOST:
            return
        deed = Deed(addon, doing, what[:200])
        if deed not in seen:
            seen.add(deed)
            counts[addon] = counts.get(addon, 0) + 1
            report(deed)

    sys.addaudithook(hook)


def _deed(event: str, arguments: tuple[Any, ...]) -> tuple[Doing | None, str]:
    try:
        if event == "open":
            mode, flags = arguments[1], arguments[2]
            writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) if isinstance(flags, int) else "w" in str(mode)
            # A number is a pipe or file opened already.
            return ("file", os.fsdecode(arguments[0])) if writes and not isinstance(arguments[0], int) else (None, "")
        if event in ("os.remove", "os.rename", "os.rmdir", "shutil.rmtree"):
            return "file", os.fsdecode(arguments[0])
        if event in ("socket.connect", "socket.bind"):
            address = arguments[1]
            return "network", ":".join(map(str, address[:2])) if isinstance(address, tuple) else str(address)
        if event == "socket.getaddrinfo":
            return "network", str(arguments[0])
        if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.startfile"):
            return "program", str(arguments[0])
        if event == "os.system":
            return "program", os.fsdecode(arguments[0])
    except (TypeError, ValueError, IndexError):
        return None, ""
    return None, ""


def _acting(frame: FrameType | None) -> str:
    """The add-on whose code is nearest on the stack; "" for none."""
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if isinstance(module, str) and module.startswith(f"{PACKAGE}."):
            # Importing it writes its own bytecode, which is no deed of its.
            return "" if _imports(frame) else module.split(".")[1]
        frame = frame.f_back
    return ""


def _imports(frame: FrameType) -> bool:
    inner = currentframe()
    while inner is not None and inner is not frame:
        if inner.f_globals.get("__name__") == "importlib._bootstrap_external":
            return True
        inner = inner.f_back
    return False
