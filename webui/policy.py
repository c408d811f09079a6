"""Policy: what every answer carries, and the script policy of the page."""

import base64
import hashlib
import re
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Send

HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}
FORWARDED = (b"x-forwarded-", b"forwarded", b"x-gradio-server", b"x-real-ip")
"""Beginnings of the names of headers that anyone can write, and that libraries believe."""

_INLINE = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)


def limited(receive: Receive, limit: int) -> Receive:
    """The body, cut off where it passes `limit` bytes: its sender is then told that it left."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        return message if seen <= limit else {"type": "http.disconnect"}

    return counted


class Reply:
    """Adds headers to an answer on its way out, where it does not have them."""

    def __init__(self, send: Send, headers: Mapping[str, str] = HEADERS) -> None:
        self._send = send
        self._headers = headers

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
        await self._send(message)


class PageReply:
    """Holds the page back until it is whole, to allow exactly the inline scripts that it holds."""

    def __init__(self, send: Send, headers: Mapping[str, str] = HEADERS) -> None:
        self._reply = Reply(send, headers)
        self._start: Message = {}
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        headers = MutableHeaders(scope=self._start)
        headers["Content-Security-Policy"] = policy(self._body)
        headers["Cache-Control"] = "no-store"
        await self._reply(self._start)
        await self._reply({"type": "http.response.body", "body": self._body})


def policy(page: bytes) -> str:
    """Gradio builds its components' templates with eval and its styles inline; both stay allowed."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'" for script in _INLINE.findall(page)
    )
    return (
        f"default-src 'none'; script-src 'self' 'unsafe-eval' {hashes}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; connect-src 'self'; "
        "manifest-src 'self'; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'self'; form-action 'none'"
    )
