"""Channel: messages to another process of ours, as length-prefixed pickles over two pipes.

Both ends are ours and belong to the same user; nothing else can reach a pipe.
"""

import os
import pickle
import struct
import sys
import threading
from contextlib import suppress
from typing import IO, BinaryIO

_LENGTH = struct.Struct(">Q")


class Channel:
    """Messages over a pair of binary streams. `send` may be called from several threads, `receive` from one."""

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._lock = threading.Lock()

    def send(self, message: object) -> None:
        """Raises OSError (or ValueError after `close`) when the other end is gone."""
        data = pickle.dumps(message, protocol=5)
        with self._lock:
            self._outgoing.write(_LENGTH.pack(len(data)))
            self._outgoing.write(data)
            self._outgoing.flush()

    def receive(self) -> object:
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


def private_stdout() -> BinaryIO:
    """The pipe to the web process, kept from libraries that print: their output goes to the log."""
    pipe = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return os.fdopen(pipe, "wb")
