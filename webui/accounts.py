"""Accounts: who may use the program, where it asks. By name and password, or by the key in the link of the start."""

import base64
import hashlib
import hmac
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Literal

from starlette.datastructures import Headers

from pipelines import atomic

Verdict = Literal["in", "unknown", "too often"]

COOKIE = "snowfox_key"
_SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}
_MARK = "scrypt"
_MOST_WRONG = 30
_WINDOW = 60.0


class Accounts:
    """accounts: "name:password", or "name:scrypt:SALT:HASH" as `hashed` writes it; key: "" for none.

    After 30 wrong tries within a minute no new try is looked at for the rest of it; those who are in stay in.
    """

    def __init__(self, accounts: Iterable[str] = (), key: str = "", now: Callable[[], float] = time.monotonic) -> None:
        self._passwords = {name: rest for name, _, rest in (account.partition(":") for account in accounts)}
        self._key = key
        self._now = now
        self._wrong: deque[float] = deque()
        self._known: set[bytes] = set()

    @property
    def asks(self) -> bool:
        return bool(self._passwords or self._key)

    @property
    def named(self) -> bool:
        """Whether there are names and passwords, so that a browser may ask for them."""
        return bool(self._passwords)

    def judge(self, headers: Headers) -> Verdict:
        """By the Authorization header (Basic or Bearer), or the cookie that `opens` led to."""
        if self._key and self._same(_cookie(headers), self._key):
            return "in"
        given = headers.get("authorization", "")
        if not given:
            return "unknown"
        digest = _digest(given)
        if digest in self._known:
            return "in"
        if self._tried_too_often():
            return "too often"
        if self._right(given):
            self._known.add(digest)
            return "in"
        self._wrong.append(self._now())
        return "unknown"

    def opens(self, key: str) -> Verdict:
        """Whether the key in a link is the right one."""
        if not self._key or self._tried_too_often():
            return "too often" if self._key else "unknown"
        if self._same(key, self._key):
            return "in"
        self._wrong.append(self._now())
        return "unknown"

    def _right(self, authorization: str) -> bool:
        kind, _, given = authorization.partition(" ")
        if kind.casefold() == "bearer":
            return bool(self._key) and self._same(given.strip(), self._key)
        if kind.casefold() != "basic":
            return False
        try:
            name, _, password = base64.b64decode(given, validate=True).decode().partition(":")
        except ValueError:
            return False
        if self._key and self._same(password, self._key):
            return True
        return self._password_fits(password, self._passwords.get(name))

    def _password_fits(self, password: str, kept: str | None) -> bool:
        """An unknown name takes as long as a known one."""
        parts = (kept or "").split(":")
        if len(parts) == 3 and parts[0] == _MARK:
            return self._same(_scrypt(password, parts[1]), parts[2])
        return self._same(password, kept or "") and kept is not None

    @staticmethod
    def _same(given: str, wanted: str) -> bool:
        return hmac.compare_digest(_digest(given), _digest(wanted))

    def _tried_too_often(self) -> bool:
        while self._wrong and self._now() - self._wrong[0] > _WINDOW:
            self._wrong.popleft()
        return len(self._wrong) >= _MOST_WRONG


def hashed(password: str) -> str:
    """A password as it may be kept: "scrypt:SALT:HASH" (RFC 7914, n = 2**14, r = 8, p = 1)."""
    salt = secrets.token_hex(16)
    return f"{_MARK}:{salt}:{_scrypt(password, salt)}"


def kept_key(path: Path) -> str:
    """The key in the file at `path`, made when there is none; only the owner may read the file. Raises OSError."""
    try:
        key = path.read_text().strip()
    except FileNotFoundError:
        key = ""
    if len(key) < 32:
        key = secrets.token_urlsafe(32)
        atomic.write(path, f"{key}\n".encode())
        path.chmod(0o600)
    return key


def _scrypt(password: str, salt: str) -> str:
    return hashlib.scrypt(password.encode(), salt=salt.encode(), **_SCRYPT).hex()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _cookie(headers: Headers) -> str:
    try:
        held = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return held.value if held is not None else ""
