"""Webhooks: a job's end is told to an address, signed, and told again while nobody answers."""

import hashlib
import heapq
import hmac
import json
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import httpx

from pipelines.recipe import RecipeError

log = logging.getLogger(__name__)

SIGNATURE = "X-Snowfox-Signature"
"""Holds "sha256=" and the HMAC-SHA256 of the body, in hex, with the secret of the settings as its key."""

WAITS = (0.0, 2.0, 10.0, 60.0, 300.0)
"""Seconds before each attempt."""

_MOST_WAITING = 1000


@dataclass(order=True)
class _Message:
    """due: by the monotonic clock; number: in the order they came."""

    due: float
    number: int
    address: str = field(compare=False)
    body: bytes = field(compare=False)
    attempt: int = field(default=0, compare=False)


class Webhooks:
    """Sends only to addresses that begin with one of `allowed`, follows no redirect, and uses no proxy.

    allowed -- such as "http://127.0.0.1:9000/hooks/"; none: every webhook is refused
    secret  -- the key of the signature
    """

    def __init__(self, allowed: Sequence[str], secret: str, waits: Sequence[float] = WAITS) -> None:
        self._allowed = tuple(allowed)
        self._secret = secret.encode()
        self._waits = tuple(waits)
        self._changed = threading.Condition()
        self._messages: list[_Message] = []
        self._count = 0
        self._closing = False
        self._thread: threading.Thread | None = None

    def check(self, address: str) -> None:
        """Raises RecipeError for an address that may not be called."""
        if not self._secret or not self._allowed:
            raise RecipeError("webhook", "Webhooks are off: set webhooks and webhook_secret in settings.yaml.")
        if not any(_within(address, allowed) for allowed in self._allowed):
            raise RecipeError("webhook", "This address is not among the webhooks of settings.yaml.")

    def send(self, address: str, body: dict[str, Any]) -> None:
        """Returns at once."""
        data = json.dumps(body).encode()
        with self._changed:
            if len(self._messages) >= _MOST_WAITING:
                log.warning("Too many webhooks wait; %s is not called.", urlsplit(address).netloc)
                return
            self._count += 1
            heapq.heappush(self._messages, _Message(time.monotonic() + self._waits[0], self._count, address, data))
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="webhooks", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """What has not been delivered by now is given up."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(15)

    def _work(self) -> None:
        with httpx.Client(timeout=10, trust_env=False, follow_redirects=False) as client:
            while (message := self._next()) is not None:
                if not self._delivered(client, message):
                    self._later(message)

    def _next(self) -> _Message | None:
        """The next message when it is due; None when this closes."""
        with self._changed:
            while not self._closing:
                now = time.monotonic()
                if self._messages and self._messages[0].due <= now:
                    return heapq.heappop(self._messages)
                self._changed.wait(self._messages[0].due - now if self._messages else None)
        return None

    def _later(self, message: _Message) -> None:
        attempt = message.attempt + 1
        if attempt >= len(self._waits):
            log.warning("The webhook at %s was given up after %d attempts.", urlsplit(message.address).netloc, attempt)
            return
        with self._changed:
            due = time.monotonic() + self._waits[attempt]
            heapq.heappush(self._messages, replace(message, due=due, attempt=attempt))

    def _delivered(self, client: httpx.Client, message: _Message) -> bool:
        signature = hmac.new(self._secret, message.body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", SIGNATURE: f"sha256={signature}"}
        told = urlsplit(message.address).netloc
        try:
            with client.stream("POST", message.address, content=message.body, headers=headers) as answer:
                if answer.is_success:
                    return True
                log.info("The webhook at %s answered %d.", told, answer.status_code)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            log.info("The webhook at %s was not reached: %s", told, error)
        return False


def _within(address: str, allowed: str) -> bool:
    """Same scheme, host and port, and a path that begins alike and leads nowhere else."""
    if not address.isprintable() or len(address) > 2000 or "\\" in address or ".." in address or "%" in address:
        return False
    try:
        wanted, known = urlsplit(address), urlsplit(allowed)
        same = (wanted.scheme, wanted.hostname, wanted.port) == (known.scheme, known.hostname, known.port)
    except ValueError:
        return False
    inside = wanted.path == known.path or wanted.path.startswith(f"{known.path.rstrip('/')}/")
    return same and inside and wanted.scheme in ("http", "https") and "@" not in wanted.netloc
