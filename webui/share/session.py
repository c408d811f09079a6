"""Session: sharing from its beginning to its end, which comes by itself."""

import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

from webui.share.caps import Caps
from webui.share.door import Door, Key
from webui.share.guest import Guest
from webui.share.guests import Guests, Make
from webui.share.provider import Provider, ShareError
from webui.share.tunnel import PATIENCE, Tunnel

log = logging.getLogger(__name__)

USUAL_HOURS = 8.0
MOST_HOURS = 72.0
_LOOK = 0.25
"""Seconds between two looks at the tunnel and at the clock."""

Phase = Literal["off", "opening", "on"]


@dataclass(frozen=True)
class GuestState:
    """came, seen: seconds ago."""

    number: int
    name: str
    came: float
    seen: float
    made: int
    waiting: int


@dataclass(frozen=True)
class ShareState:
    """link: "" unless on; left: seconds until it ends by itself; message: why it ended, or did not begin."""

    phase: Phase
    provider: str = ""
    link: str = ""
    phrase: bool = False
    left: float = 0.0
    guests: tuple[GuestState, ...] = ()
    message: str = ""


class Listener(Protocol):
    """The shared page on a port of its own."""

    port: int

    def close(self) -> None:
        """The port is closed when this returns."""
        ...


Listen = Callable[[Guests, Key], tuple[Door, Listener]]
"""Serves a door, before the guests' page, on a free port of this machine."""


class Share:
    """Off until `start`. Everything that it needs is given: how to serve, how to make a guest, the clock.

    folder -- for what guests keep; it is emptied at the beginning and at the end
    """

    def __init__(
        self,
        folder: Path,
        make: Make,
        listen: Listen,
        caps: Caps | None = None,
        now: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE,
    ) -> None:
        self._folder = folder
        self._make = make
        self._listen = listen
        self._caps = caps or Caps()
        self._now = now
        self._patience = patience
        self._lock = threading.RLock()
        self._running: _Running | None = None
        self._message = ""

    @property
    def state(self) -> ShareState:
        with self._lock:
            running = self._running
        if running is None:
            return ShareState("off", message=self._message)
        return running.state()

    def start(self, provider: Provider, hours: float = USUAL_HOURS, phrase: str = "") -> ShareState:
        """Opens the tunnel; returns when the link works. Raises ShareError, after which nothing is open."""
        if not 0 < hours <= MOST_HOURS:
            raise ShareError(f"A link lives for {MOST_HOURS:g} hours at most.")
        with self._lock:
            if self._running is not None:
                raise ShareError("The page is being shared already.")
            self._message = ""
            shutil.rmtree(self._folder, ignore_errors=True)
            guests = Guests(self._folder, self._caps, self._make)
            running = self._running = _Running(provider, guests, Key(secrets.token_urlsafe(32), phrase), self._now)
        try:
            running.open(self._listen, hours, self._patience)
        except BaseException as error:
            self._end(running, str(error) if isinstance(error, ShareError) else "Sharing could not begin.")
            raise
        threading.Thread(target=self._watch, args=(running,), name="share", daemon=True).start()
        log.info("Sharing began by %s for %g hours.", provider.title, hours)
        return self.state

    def stop(self) -> None:
        """Ends it; the port is closed and the tunnel gone when this returns."""
        with self._lock:
            running = self._running
        if running is not None:
            self._end(running, "")

    def kick(self, number: int) -> bool:
        with self._lock:
            running = self._running
        return running is not None and running.guests.kick(number)

    def _watch(self, running: "_Running") -> None:
        while not running.ended.wait(_LOOK):
            reason = running.over()
            if reason:
                self._end(running, reason)

    def _end(self, running: "_Running", message: str) -> None:
        with self._lock:
            if self._running is not running:
                return
            running.close()
            self._running = None
            self._message = message
        # Jobs may take a step to stop: nobody needs to wait for that.
        threading.Thread(target=self._clear, args=(running,), name="share-end", daemon=True).start()
        log.info("Sharing ended. %s", message)

    def _clear(self, running: "_Running") -> None:
        running.guests.close()
        with self._lock:
            if self._running is None:
                shutil.rmtree(self._folder, ignore_errors=True)


class _Running:
    """One session: listener, tunnel, guests, and when it ends."""

    def __init__(self, provider: Provider, guests: Guests, key: Key, now: Callable[[], float]) -> None:
        self.guests = guests
        self.ended = threading.Event()
        self._provider = provider
        self._key = key
        self._now = now
        self._listener: Listener | None = None
        self._tunnel: Tunnel | None = None
        self._until = 0.0
        self._link = ""

    def open(self, listen: Listen, hours: float, patience: float) -> None:
        door, self._listener = listen(self.guests, self._key)
        self._tunnel = Tunnel(self._provider.prepare(self._listener.port), patience)
        address = urlsplit(self._tunnel.address)
        door.host, door.secure = address.hostname or "", address.scheme == "https"
        self._until = self._now() + hours * 3600
        self._link = f"{self._tunnel.address}/s/{self._key.token}"

    def over(self) -> str:
        """Why it has to end now; "" while it need not."""
        if self._now() >= self._until:
            return "The time of the link is over."
        if self._tunnel is not None and not self._tunnel.alive:
            log.warning("The tunnel ended: %s", self._tunnel.said)
            return "The tunnel was lost, so the link does not work any more. You can share again."
        return ""

    def state(self) -> ShareState:
        now = self._now()
        return ShareState(
            "on" if self._link else "opening",
            self._provider.title,
            self._link,
            bool(self._key.phrase),
            max(0.0, self._until - now) if self._link else 0.0,
            tuple(_told(guest, now) for guest in self.guests.all()),
        )

    def close(self) -> None:
        self.ended.set()
        if self._tunnel is not None:
            self._tunnel.close()
        if self._listener is not None:
            self._listener.close()


def _told(guest: Guest, now: float) -> GuestState:
    return GuestState(guest.number, guest.name, now - guest.came, now - guest.seen, guest.made, guest.service.waiting())
