"""Providers: programs that open a tunnel, told by an argument template and by what they print.

A provider is written as one word in the settings or after --share:

    gradio                     Gradio's relay
    ssh:USER@HOST[:PORT]       a server that prints the address it gives
    ssh:USER@HOST[:PORT]/ADDRESS:PORT   an own server: the address at which it listens for the tunnel
    command:PROGRAM …          anything else; {port} stands for the local port, the first https address it prints counts
"""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from webui.settings import SettingsError

_PORT = "{port}"
_SSH = re.compile(r"ssh:(?P<who>[\w.-]+@[\w.-]+)(?::(?P<port>\d{1,5}))?(?:/(?P<listen>[\w.-]+:\d{1,5}))?")
_ADDRESS = re.compile(r"(https?://[^\s\"'<>|]+)")
_GIVEN = re.compile(r"(https://[^\s\"'<>|]+)")
_LISTENING = re.compile(r"remote forward success")


@dataclass(frozen=True)
class Plan:
    """A tunnel to be opened now. ready: what it prints when it stands; its first group, if any, is the address."""

    argv: tuple[str, ...]
    ready: re.Pattern[str]
    address: str = ""


@dataclass(frozen=True)
class Provider:
    """name: as in the settings; title: for people; prepare: the plan for a local port, which may raise ShareError."""

    name: str
    title: str
    prepare: Callable[[int], Plan]


class ShareError(Exception):
    """Sharing that cannot begin; the text is a sentence for the owner."""


def ssh(name: str) -> Provider:
    """A tunnel by OpenSSH's client. Raises SettingsError for a word that is not of the form above."""
    match = _SSH.fullmatch(name)
    if match is None:
        raise SettingsError(f"'{name}' cannot be understood. Write ssh:USER@HOST, or ssh:USER@HOST:PORT.")
    who, port, listen = match["who"], match["port"] or "22", match["listen"]

    def prepare(local: int) -> Plan:
        argv = ["ssh", "-T", "-v" if listen else "-q", "-p", port]
        for option in (
            "BatchMode=yes",
            "ExitOnForwardFailure=yes",
            "ServerAliveInterval=3",
            "ServerAliveCountMax=2",
            "StrictHostKeyChecking=accept-new",
        ):
            argv += ["-o", option]
        argv += ["-R", f"{listen or 80}:127.0.0.1:{local}"]
        argv += ["-N", who] if listen else [who]
        return Plan(tuple(argv), _LISTENING if listen else _GIVEN, f"http://{listen}" if listen else "")

    return Provider(name, who.rpartition("@")[2], prepare)


def command(name: str) -> Provider:
    """A tunnel by any program. Raises SettingsError where {port} is missing."""
    words = tuple(shlex.split(name.removeprefix("command:")))
    if not words or not any(_PORT in word for word in words):
        raise SettingsError("A share command needs {port} where the local port belongs.")

    def prepare(local: int) -> Plan:
        return Plan(tuple(word.replace(_PORT, str(local)) for word in words), _ADDRESS)

    return Provider(name, Path(words[0]).name, prepare)
