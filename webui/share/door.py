"""Door: what stands in front of the shared page. Without the link there is nothing; with it, only what guests need.

The tunnel makes every visitor look local, and headers can be forged, so nothing here looks at addresses: a visitor is
the one whose cookie holds a secret that this door gave out.
"""

import hashlib
import hmac
import ipaddress
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from webui.policy import FORWARDED, HEADERS, PageReply, Reply, limited
from webui.share.guest import Guest
from webui.share.guests import Guests, TooManyGuests

COOKIE = "snowfox_guest"
LARGEST_BODY = 11 * 2**20

_IDENTITY = "[0-9a-f]{32}"
_READ = re.compile(
    r"/(?:|theme\.css|favicon\.ico|(?:assets|static|app|gradio_api/heartbeat)/.*|gradio_api/queue/data"
    r"|api/v1/(?:status|catalogue|events|jobs|images|tokens|inputs/[0-9a-f]{64}"
    rf"|jobs/{_IDENTITY}(?:/preview|/events)?|images/{_IDENTITY}(?:/thumbnail|/details)?))"
)
_CHANGE = re.compile(
    rf"/(?:gradio_api/queue/join|api/v1/(?:jobs|images|parameters|jobs/{_IDENTITY}/cancel|images/{_IDENTITY}/use))"
)
_DELETE = re.compile(rf"/api/v1/images/{_IDENTITY}")
_OURS = {
    **HEADERS,
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
_FORM = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "img-src data:"
)


@dataclass(frozen=True)
class Key:
    """What opens the door. token: the secret of the link; phrase: "" where none is asked for."""

    token: str
    phrase: str = ""

    def opens(self, token: str) -> bool:
        return _same(token, self.token)

    def says(self, phrase: str) -> bool:
        return not self.phrase or _same(phrase.strip(), self.phrase)


@dataclass
class Door:
    """ASGI application in front of `page`; what guests ask of the API goes to `api` of that guest.

    host   -- the name in the link, once it is known
    secure -- whether the link is https, so that the cookie may be bound to it
    """

    page: ASGIApp
    api: Callable[[Guest], ASGIApp]
    guests: Guests
    key: Key
    host: str = ""
    secure: bool = True
    now: Callable[[], float] = time.monotonic
    _wrong: deque[float] = field(default_factory=deque[float])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.page(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        reply = Reply(send, _OURS)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _answer(*refusal)(scope, receive, reply)
            return
        scope["headers"] = [pair for pair in scope["headers"] if not pair[0].startswith(FORWARDED)]
        if scope["path"].startswith("/s/"):
            answer = await self._enter(Request(scope, limited(receive, 4096)))
            await answer(scope, receive, reply)
            return
        guest = self.guests.find(_cookie(headers))
        if guest is None:
            await _no_link(scope["path"])(scope, receive, reply)
            return
        guest.seen = self.now()
        if not _open(scope["method"], scope["path"]):
            await _answer(404, "There is nothing here.")(scope, receive, reply)
            return
        body = limited(receive, LARGEST_BODY)
        if scope["path"].startswith("/api/"):
            await self.api(guest)(scope, body, reply)
        else:
            scope["snowfox.guest"] = guest
            await self.page(scope, body, PageReply(send, _OURS) if scope["path"] == "/" else reply)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if not self._ours(host):
            return 421, "This is not the address of the link."
        method = scope["method"]
        if method not in ("GET", "HEAD", "POST", "DELETE"):
            return 405, "This is not used here."
        if method in ("POST", "DELETE") and not _same_site(headers, host):
            return 403, "This request came from another web page and was refused."
        if int(headers.get("content-length") or 0) > LARGEST_BODY:
            return 413, "This is larger than 10 MB."
        return None

    def _ours(self, host: str) -> bool:
        name = (urlsplit(f"//{host}").hostname or "").casefold()
        if name == self.host.casefold():
            return True
        try:  # relays that name the near end
            return name == "localhost" or ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False

    async def _enter(self, request: Request) -> Response:
        """By the link, and the pass phrase if there is one: a cookie, and the way to the page."""
        if self._tried_too_often():
            return _answer(429, "Too many wrong tries. Wait a minute.", {"Retry-After": "60"})
        if not self.key.opens(request.url.path.removeprefix("/s/")):
            self._wrong.append(self.now())
            return _no_link("/")
        if self.key.phrase:
            if request.method != "POST":
                return _phrase_form("")
            given = parse_qs((await request.body()).decode("utf-8", "replace")).get("phrase", [""])[0]
            if not self.key.says(given):
                self._wrong.append(self.now())
                return _phrase_form("That is not the pass phrase.")
        known = self.guests.find(request.cookies.get(COOKIE, ""))
        answer = _welcome()
        if known is None:
            try:
                secret = await run_in_threadpool(self.guests.admit)
            except TooManyGuests as error:
                return _page(503, "Full", str(error))
            answer.set_cookie(COOKIE, secret, httponly=True, samesite="strict", secure=self.secure, path="/")
        return answer

    def _tried_too_often(self, most: int = 30, seconds: float = 60.0) -> bool:
        while self._wrong and self.now() - self._wrong[0] > seconds:
            self._wrong.popleft()
        return len(self._wrong) >= most


def _same(given: str, wanted: str) -> bool:
    one, other = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (given, wanted))
    return hmac.compare_digest(one, other)


def _cookie(headers: Headers) -> str:
    try:
        held = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return held.value if held is not None else ""


def _same_site(headers: Headers, host: str) -> bool:
    """Guests are browsers, which name the page that sends."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is None and origin is None:
        return False
    return site in (None, "same-origin") and (origin is None or urlsplit(origin).netloc == host)


def _open(method: str, path: str) -> bool:
    allowed = {"GET": _READ, "HEAD": _READ, "POST": _CHANGE, "DELETE": _DELETE}[method]
    return allowed.fullmatch(path) is not None


def _answer(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": {"field": None, "message": sentence}}, status, headers)


def _no_link(path: str) -> Response:
    sentence = "This link has ended, or is not complete. Ask for a new one."
    return _page(404, "Nothing here", sentence) if path == "/" else _answer(404, sentence)


def _phrase_form(wrong: str) -> Response:
    note = f'<p role="alert"><strong>{escape(wrong)}</strong></p>' if wrong else ""
    return _page(
        200 if not wrong else 403,
        "Snowfox",
        "You were invited to make pictures here. What is the pass phrase?",
        f'{note}<form method="post"><label for="p">Pass phrase</label><br>'
        '<input id="p" name="phrase" type="password" autocomplete="off" autofocus required> '
        "<button>Come in</button></form>",
    )


def _welcome() -> Response:
    # The page is asked for by this page, not by the one with the link: so the cookie may be a strict one.
    return _page(200, "Snowfox", "Opening the page…", '<meta http-equiv="refresh" content="0;url=/">')


def _page(status: int, title: str, sentence: str, more: str = "") -> Response:
    text = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="robots" content="noindex">'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f'<link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>body{{font:16px/1.5 system-ui,sans-serif;max-width:32rem;"
        "margin:15vh auto;padding:0 1.5rem}input,button{font:inherit;padding:.5rem .75rem}</style>"
        f"<h1>{escape(title)}</h1><p>{escape(sentence)}</p>{more}</html>"
    )
    # A form that names no referrer names no origin either, and would be refused.
    headers = {"Content-Security-Policy": _FORM, "Cache-Control": "no-store", "Referrer-Policy": "same-origin"}
    return HTMLResponse(text, status, headers)
