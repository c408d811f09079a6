"""Server: the page, the API and our static files behind the guard, on one socket."""

import asyncio
import contextlib
import logging
import mimetypes
import os
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gradio
import uvicorn
from fastapi import APIRouter, FastAPI, Response
from starlette.types import ASGIApp

from webui.accounts import Accounts
from webui.api import ext, problems, reference, schema
from webui.api.surface import Surface
from webui.guard import Guard
from webui.host.host import NOTHING, Contributions
from webui.settings import Settings
from webui.ui.page import Page

_PORTS_TRIED = 50
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png"}


class PortTaken(OSError):
    """No port could be had; the text is a sentence for the user."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket at `port`, or at the next free one of the fifty after it; 0 takes any.

    Raises PortTaken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    reason = ""
    for candidate in range(port, port + (_PORTS_TRIED if port else 1)):
        # With the protocol named, asyncio sends small packets at once; else each answer may wait 40 ms for its end.
        sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            if os.name != "nt":  # there it would let two programs share a port
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, candidate))
            sock.listen(128)
        except (OSError, OverflowError) as error:
            sock.close()
            reason = str(error)
            continue
        return sock
    raise PortTaken(f"No port from {port} on can be had on {host} ({reason}). Choose another with --port.")


def url(host: str, sock: socket.socket) -> str:
    """The address to open in a browser."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{sock.getsockname()[1]}"


def build(
    api: Callable[[asyncio.Event], Surface],
    make_page: Callable[[], Page],
    assets: Path,
    settings: Settings,
    key: str = "",
    brought: Contributions = NOTHING,
) -> FastAPI:
    """The whole application.

    api -- makes what other programs talk to, given the event that is set when the server ends
    key -- opens it, where it asks who is there; with neither a key nor accounts it does not ask
    brought -- by add-ons: their routes and files
    """

    async def inside_a_loop() -> FastAPI:
        return _build(api, make_page(), assets, settings, key, brought)

    return asyncio.run(inside_a_loop())  # outside of one, Gradio makes loops of its own and leaves them open


def _build(
    api: Callable[[asyncio.Event], Surface],
    page: Page,
    assets: Path,
    settings: Settings,
    key: str,
    brought: Contributions,
) -> FastAPI:
    closing = asyncio.Event()

    app = _Described(title="Snowfox", version="1", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json")
    app.state.closing = closing
    problems.install(app)
    surface = api(closing)
    app.include_router(surface.routes, prefix="/api/v1", responses=problems.DESCRIBED)
    for path, application in surface.applications.items():
        app.mount(path, application)
    app.include_router(reference.router(lambda: _documents(app, surface)))
    for addon, routers in brought.routers.items():
        app.mount(f"/api/ext/{addon}", ext.application(addon, routers))
    app.include_router(_static(assets, {(addon, path.name): path for addon, path in brought.assets}))
    _mount(app, page)
    accounts = Accounts(_parts(settings.api_auth), key)
    app.add_middleware(Guard, names=(settings.host,), accounts=accounts, origins=_parts(settings.cors_allow_origins))
    return app


def build_shared(make_page: Callable[[], Page], assets: Path) -> FastAPI:
    """The page for guests and its assets, for a door to stand in front of."""

    async def inside_a_loop() -> FastAPI:
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        app.state.closing = asyncio.Event()
        problems.install(app)
        app.include_router(_static(assets, {}))
        _mount(app, make_page())
        return app

    return asyncio.run(inside_a_loop())


def _mount(app: FastAPI, page: Page) -> None:
    gradio.mount_gradio_app(
        app,
        page.blocks,
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size="64mb",
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=page.theme,
        head=page.head,
    )


def relay() -> tuple[str, str, str]:
    """What Gradio's package knows of its relay: the address that tells where it is, that of its client for this
    machine, and the client's SHA-256, "" where there is none."""
    from gradio import networking, tunneling

    return networking.GRADIO_API_SERVER, tunneling.BINARY_URL, tunneling.CHECKSUMS.get(tunneling.BINARY_URL, "")


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _documents(app: FastAPI, surface: Surface) -> list[tuple[str, dict[str, Any]]]:
    """Of the APIs that are described, with the path below which each lies."""
    described = {path: known for path, known in surface.applications.items() if known.openapi_url}
    return [("", app.openapi()), *((path, known.openapi()) for path, known in described.items())]


class _Described(FastAPI):
    """Its description holds the schema of a recipe."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            made = super().openapi()
            made["components"]["schemas"] |= schema.components()
            self.openapi_schema = made
        return self.openapi_schema


class Server:
    """Runs an application in a thread of its own until `close`. front: what stands before it on this socket."""

    def __init__(self, app: FastAPI, sock: socket.socket, front: ASGIApp | None = None) -> None:
        self._app = app
        self._sock = sock
        config = uvicorn.Config(
            front or app, log_level="warning", proxy_headers=False, server_header=False, timeout_graceful_shutdown=2
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="server")
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Ends the event streams, then the server; the socket is closed when this returns."""
        if self._loop is not None and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._app.state.closing.set)
        log = logging.getLogger("uvicorn.error")
        level = log.level
        log.setLevel(logging.CRITICAL)  # streams that pages hold open are cut off: that is no error to tell of
        self._server.should_exit = True
        self._thread.join()
        log.setLevel(level)
        self._sock.close()

    def _run(self) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            await self._server.serve(sockets=[self._sock])

        asyncio.run(serve())


def _static(assets: Path, theirs: Mapping[tuple[str, str], Path]) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    files = {path.name: path for path in assets.iterdir() if path.is_file()}

    started = secrets.randbits(64)

    @routes.get("/app_id")
    def app_id() -> dict[str, int]:
        """Clients tell by it that the program was started anew."""
        return {"app_id": started}

    @routes.get("/app/{name}")
    def asset(name: str) -> Response:
        return answer(files.get(name))

    @routes.get("/app/ext/{addon}/{name}")
    def addon_asset(addon: str, name: str) -> Response:
        return answer(theirs.get((addon, name)))

    def answer(path: Path | None) -> Response:
        if path is None or not path.is_file():
            raise problems.NotHere("There is no such file.")
        media = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(path.read_bytes(), media_type=media, headers=headers)

    return routes
