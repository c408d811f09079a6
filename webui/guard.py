"""Guard: what stands in front of every request. It believes nothing that a visitor can forge.

* Host: localhost, an address in numbers, this machine's name, or a name given at start; so a web page that points
  its own name at this machine (DNS rebinding) is refused.
* Requests that change something: not from another site's page (Origin, Sec-Fetch-Site).
* Gradio's own routes: only those that the page uses.
* A name and a password, or the key of the link, where the program was started with some. Without, A1111's API is for
  this machine alone.
* Bodies have a limit; answers carry the headers that keep a browser from guessing.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webui.accounts import COOKIE, Accounts
from webui.policy import FORWARDED, PageReply, Reply, limited

LARGEST_BODY = 96 * 1024 * 1024
_API = ("/api/", "/sdapi/", "/controlnet/", "/internal/")
_LOCAL_API = ("/sdapi/", "/controlnet/", "/internal/")
"""What is not part of the page, and so needs no door to the network."""
_KEY = "This program asks for its key. Open the link that it printed at its start."
_KEPT = 400 * 24 * 3600
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_METHODS = frozenset((*_SAFE, "POST", "DELETE"))
_OPEN = re.compile(
    r"/(?:|docs|app_id|theme\.css|favicon\.ico|manifest\.json"
    r"|(?:assets|static|app|api|sdapi|controlnet|internal|gradio_api/heartbeat)/.*"
    r"|gradio_api/(?:queue/(?:data|join)|upload|upload_progress|file=(?!https?:).*))"
)


class Guard:
    """ASGI middleware.

    names    -- host names, besides this machine's own, under which the program may be called
    accounts -- who may use it; asked for where there are any
    origins  -- addresses of web pages that may use the API; "*" for all
    """

    def __init__(
        self,
        app: ASGIApp,
        names: Iterable[str] = (),
        accounts: Accounts | None = None,
        origins: Iterable[str] = (),
    ) -> None:
        self._app = app
        self._accounts = accounts or Accounts()
        self._origins = frozenset(origin.rstrip("/") for origin in origins)
        own = socket.gethostname().casefold()
        self._names = frozenset(("localhost", own, f"{own}.local", *(name.casefold() for name in names)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        origin = self._origin(scope, headers)
        if scope["path"] == "/" and scope["query_string"].startswith(b"key=") and self._ours(headers.get("host", "")):
            await self._key(scope)(scope, receive, Reply(send))
            return
        refusal = self._refusal(scope, headers, bool(origin))
        if refusal is not None:
            status, sentence = refusal
            body = {"error": {"field": None, "message": sentence}}
            known = {"detail": sentence, "errors": sentence} if scope["path"].startswith(_LOCAL_API) else {}
            challenge = (
                {"WWW-Authenticate": 'Basic realm="Snowfox"'} if status == 401 and self._accounts.named else None
            )
            answer = JSONResponse({**body, **known}, status, challenge)
            await answer(scope, receive, _Allowed(send, origin) if origin else send)
            return
        if origin and scope["method"] == "OPTIONS":
            await Response(status_code=204)(scope, receive, _Allowed(send, origin, headers))
            return
        if origin:
            send = _Allowed(send, origin)
        scope["headers"] = [pair for pair in scope["headers"] if not pair[0].startswith(FORWARDED)]
        reply = PageReply(send) if scope["path"] == "/" else Reply(send)
        await self._app(scope, limited(receive, LARGEST_BODY), reply)

    def _origin(self, scope: Scope, headers: Headers) -> str:
        """The page that asks, or "*" for any, if it is another one that may use the API; else ""."""
        origin = headers.get("origin", "")
        if not origin or not scope["path"].startswith(_API):
            return ""
        if origin in self._origins:
            return origin
        return "*" if "*" in self._origins else ""

    def _refusal(self, scope: Scope, headers: Headers, welcome: bool) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if not self._ours(host):
            return 421, f"This program does not answer to the name '{host}'. Start it with --host {host.split(':')[0]}."
        if scope["method"] not in _METHODS:
            return 405, f"{scope['method']} is not used here."
        if scope["method"] not in _SAFE and not welcome and not _same_site(headers, host):
            return 403, "This request came from another web page and was refused."
        if not _OPEN.fullmatch(scope["path"]):
            return 404, "There is nothing here."
        if scope["method"] == "OPTIONS" and welcome:  # a browser asks first, and gives no password then
            return None
        verdict = self._accounts.judge(headers) if self._accounts.asks else "in"
        if verdict == "too often":
            return 429, "Too many wrong tries. Wait a minute."
        if verdict == "unknown":
            return 401, "Incorrect username or password" if self._accounts.named else _KEY
        if not self._accounts.asks and scope["path"].startswith(_LOCAL_API) and not _local(scope):
            return 403, "From other machines this needs a password: start Snowfox with --api-auth NAME:PASSWORD."
        if int(headers.get("content-length") or 0) > LARGEST_BODY:
            return 413, f"This is larger than {LARGEST_BODY // 2**20} MB."
        return None

    def _key(self, scope: Scope) -> Response:
        """The answer to the link with the key: a cookie, and the way to the page."""
        given = parse_qs(scope["query_string"].decode("utf-8", "replace")).get("key", [""])[0]
        verdict = self._accounts.opens(given)
        if verdict != "in":
            status = 429 if verdict == "too often" else 401
            return JSONResponse({"error": {"field": None, "message": _KEY}}, status)
        # The page is asked for by this page, not by the one with the key: so the cookie may be a strict one.
        answer = HTMLResponse('<!doctype html><title>Snowfox</title><meta http-equiv="refresh" content="0;url=/">')
        answer.set_cookie(COOKIE, given, httponly=True, samesite="strict", path="/", max_age=_KEPT)
        return answer

    def _ours(self, host: str) -> bool:
        name = urlsplit(f"//{host}").hostname or ""
        if name.casefold() in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _local(scope: Scope) -> bool:
    """Whether the other end of the connection is this machine."""
    client = scope.get("client")
    try:
        return client is None or ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False


def _same_site(headers: Headers, host: str) -> bool:
    """Browsers name the page that sends; programs that are no browser name nothing."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == host


class _Allowed:
    """Tells the browser that another page may read the answer. asked: headers of a question asked beforehand."""

    def __init__(self, send: Send, origin: str, asked: Headers | None = None) -> None:
        self._send = send
        self._origin = origin
        self._asked = asked

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Access-Control-Allow-Origin"] = self._origin
            if self._origin != "*":  # what the browser knows of accounts is lent to pages that were named only
                headers["Access-Control-Allow-Credentials"] = "true"
            headers["Vary"] = "Origin"
            if self._asked is not None:
                headers["Access-Control-Allow-Methods"] = ", ".join(sorted(_METHODS))
                headers["Access-Control-Allow-Headers"] = self._asked.get("access-control-request-headers", "*")
        await self._send(message)
