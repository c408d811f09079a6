"""What goes between the web process and the worker: frozen messages in length-prefixed pickles over two pipes.

Both ends are ours and belong to the same user; nothing else can reach a pipe.
"""

import pickle
import struct
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pipelines.catalogue import Catalogue
from pipelines.events import Event
from pipelines.picture import Picture
from pipelines.recipe import ImageRef, Recipe

_LENGTH = struct.Struct(">Q")


@dataclass(frozen=True)
class Setup:
    """The first message to a worker. device, dtype: "" lets the worker choose."""

    models: Path
    cache: Path
    device: str = ""
    dtype: str = ""

    def arguments(self) -> tuple[Path, Path, str | None, str | None]:
        """What a Runner takes."""
        return self.models, self.cache, self.device or None, self.dtype or None


@dataclass(frozen=True)
class Run:
    job: str
    recipe: Recipe
    images: Mapping[ImageRef, Picture]


@dataclass(frozen=True)
class Cancel:
    job: str


@dataclass(frozen=True)
class Rescan:
    pass


@dataclass(frozen=True)
class Unload:
    """Give back the memory of the models."""


@dataclass(frozen=True)
class Close:
    pass


@dataclass(frozen=True)
class Announce:
    """The worker is ready, or its catalogue has changed."""

    catalogue: Catalogue


Message = Setup | Run | Cancel | Rescan | Unload | Close | Announce | Event


class Channel:
    """Messages over a pair of binary streams. `send` may be called from several threads, `receive` from one."""

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Raises OSError (or ValueError after `close`) when the other end is gone."""
        data = pickle.dumps(message, protocol=5)
        with self._lock:
            self._outgoing.write(_LENGTH.pack(len(data)))
            self._outgoing.write(data)
            self._outgoing.flush()

    def receive(self) -> Message:
        """The next message. Raises EOFError when the other end is gone."""
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        return pickle.loads(self._exactly(length))

    def close(self) -> None:
        self._incoming.close()
        with suppress(OSError):  # what was buffered has nobody to go to
            self._outgoing.close()

    def _exactly(self, length: int) -> bytes:
        data = self._incoming.read(length)
        if len(data) < length:
            raise EOFError
        return data
