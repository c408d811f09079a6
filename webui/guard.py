"""Guard: what stands in front of every request. It believes nothing that a visitor can forge.

* Host: localhost, an address in numbers, this machine's name, or a name given at start; so a web page that points
  its own name at this machine (DNS rebinding) is refused.
* Requests that change something: not from another site's page (Origin, Sec-Fetch-Site).
* Gradio's own routes: only those that the page uses.
* Bodies have a limit; answers carry the headers that keep a browser from guessing.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from webui.policy import FORWARDED, PageReply, Reply, limited

LARGEST_BODY = 96 * 1024 * 1024
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_METHODS = frozenset((*_SAFE, "POST", "DELETE"))
_OPEN = re.compile(
    r"/(?:|theme\.css|favicon\.ico|manifest\.json|(?:assets|static|app|api|gradio_api/heartbeat)/.*"
    r"|gradio_api/(?:queue/(?:data|join)|upload|upload_progress|file=(?!https?:).*))"
)


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
        scope["headers"] = [pair for pair in scope["headers"] if not pair[0].startswith(FORWARDED)]
        reply = PageReply(send) if scope["path"] == "/" else Reply(send)
        await self._app(scope, limited(receive, LARGEST_BODY), reply)

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
