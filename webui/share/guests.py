"""Guests: who has come in by the link. Each is known by a secret in a cookie, kept here as its digest only."""

import hashlib
import secrets
import threading
from collections.abc import Callable
from pathlib import Path

from webui.share.caps import Caps
from webui.share.guest import Guest

Make = Callable[[int, Path, Caps, Callable[[], int]], Guest]
"""(number, folder, caps, how many jobs of all guests wait) -> the guest."""


class TooManyGuests(RuntimeError):
    """The text is a sentence for the one who may not come in."""


class Guests:
    """folder: what guests keep lies below it, until they leave."""

    def __init__(self, folder: Path, caps: Caps, make: Make) -> None:
        self._folder = folder
        self._caps = caps
        self._make = make
        self._lock = threading.RLock()
        self._known: dict[bytes, Guest] = {}
        self._count = 0
        self._closed = False

    def admit(self) -> str:
        """A new guest; returns the secret by which they are known. Raises TooManyGuests."""
        with self._lock:
            if self._closed:
                raise TooManyGuests("Sharing has ended.")
            if len(self._known) >= self._caps.guests:
                raise TooManyGuests(f"{self._caps.guests} guests are here already. Try again later.")
            self._count += 1
            number = self._count
        secret = secrets.token_urlsafe(32)
        guest = self._make(number, self._folder / secrets.token_hex(8), self._caps, self.waiting)
        with self._lock:
            self._known[_digest(secret)] = guest
        return secret

    def find(self, secret: str) -> Guest | None:
        return self._known.get(_digest(secret)) if secret else None

    def all(self) -> tuple[Guest, ...]:
        """In the order in which they came."""
        with self._lock:
            return tuple(sorted(self._known.values(), key=lambda guest: guest.number))

    def waiting(self) -> int:
        """Jobs of all guests that wait."""
        return sum(guest.service.waiting() for guest in self.all())

    def kick(self, number: int) -> bool:
        """Shows a guest the door: their cookie is worth nothing, their jobs stop, their pictures are deleted."""
        with self._lock:
            gone = [key for key, guest in self._known.items() if guest.number == number]
            guests = [self._known.pop(key) for key in gone]
        for guest in guests:
            guest.close()
        return bool(guests)

    def close(self) -> None:
        """Everybody leaves, and nobody comes in any more."""
        with self._lock:
            self._closed = True
            guests = list(self._known.values())
            self._known.clear()
        for guest in guests:
            guest.close()


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
