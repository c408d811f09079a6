"""Guard: what stands in front of every request. It believes nothing that a visitor can forge.

* Host: localhost, an address in numbers, this machine's name, or a name given at start; so a web page that points
  its own name at this machine (DNS rebinding) is refused.
* Requests that change something: not from another site's page (Origin, Sec-Fetch-Site).
* Gradio's own routes: only those that the page uses.
* Bodies have a limit; answers carry the headers that keep a browser from guessing.
"""

import base64
import hashlib
import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 96 * 1024 * 1024
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_METHODS = frozenset((*_SAFE, "POST", "DELETE"))
_OPEN = re.compile(
    r"/(?:|theme\.css|favicon\.ico|manifest\.json|(?:assets|static|app|api|gradio_api/heartbeat)/.*"
    r"|gradio_api/(?:queue/(?:data|join)|upload|upload_progress|file=(?!https?:).*))"
)
_INLINE = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_FORWARDED = (b"x-forwarded-", b"forwarded", b"x-gradio-server", b"x-real-ip")


class Guard:
    """ASGI middleware. names: host names, besides this machine's own, under which the program may be called."""

    def __init__(self, app: ASGIApp, names: Iterable[str] = ()) -> None:
        self._app = app
        own = socket.gethostname().casefold()
        self._names = frozenset(("localhost", own, f"{own}.local", *(name.casefold() for name in names)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            status, sentence = refusal
            body = {"error": {"field": None, "message": sentence}}
            await JSONResponse(body, status)(scope, receive, send)
            return
        scope["headers"] = [pair for pair in scope["headers"] if not pair[0].startswith(_FORWARDED)]
        reply = _Page(send) if scope["path"] == "/" else _Reply(send)
        await self._app(scope, _limited(receive), reply)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if not self._ours(host):
            return 421, f"This program does not answer to the name '{host}'. Start it with --host {host.split(':')[0]}."
        if scope["method"] not in _METHODS:
            return 405, f"{scope['method']} is not used here."
        if scope["method"] not in _SAFE and not _same_site(headers, host):
            return 403, "This request came from another web page and was refused."
        if not _OPEN.fullmatch(scope["path"]):
            return 404, "There is nothing here."
        if int(headers.get("content-length") or 0) > LARGEST_BODY:
            return 413, f"This is larger than {LARGEST_BODY // 2**20} MB."
        return None

    def _ours(self, host: str) -> bool:
        name = urlsplit(f"//{host}").hostname or ""
        if name.casefold() in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _same_site(headers: Headers, host: str) -> bool:
    """Browsers name the page that sends; programs that are no browser name nothing."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == host


def _limited(receive: Receive) -> Receive:
    """The body, cut off where it passes the limit: its sender is then told that it left."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        return message if seen <= LARGEST_BODY else {"type": "http.disconnect"}

    return counted


class _Reply:
    """Adds the headers to an answer on its way out."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)


class _Page:
    """Holds the page back until it is whole, to allow exactly the inline scripts that it holds."""

    def __init__(self, send: Send) -> None:
        self._reply = _Reply(send)
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
        headers["Content-Security-Policy"] = _policy(self._body)
        headers["Cache-Control"] = "no-store"
        await self._reply(self._start)
        await self._reply({"type": "http.response.body", "body": self._body})


def _policy(page: bytes) -> str:
    """Gradio builds its components' templates with eval and its styles inline; both stay allowed."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'" for script in _INLINE.findall(page)
    )
    return (
        f"default-src 'none'; script-src 'self' 'unsafe-eval' {hashes}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; connect-src 'self'; "
        "manifest-src 'self'; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'self'; form-action 'none'"
    )
