"""Site: the guests' page, their API, and the port they are served on."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from pipelines.catalogue import Catalogue
from webui import server
from webui.api import jobs as jobs_api
from webui.api import pictures as pictures_api
from webui.api import problems
from webui.api.tokens import Count
from webui.engines.base import Engine
from webui.engines.turns import Turns
from webui.jobs.service import JobService, QueueFull
from webui.settings import Settings
from webui.share.caps import Caps
from webui.share.door import COOKIE, Door, Key
from webui.share.guest import Guest, GuestEngine
from webui.share.guests import Guests
from webui.ui import page as page_module
from webui.ui.page import build_for_guests

ASSETS = Path(page_module.__file__).parent / "assets"
NOTICE = (
    "You are a guest here. What you type and make passes through another company's computer on its way to you, and "
    "your pictures are deleted when sharing ends: save those that you want to keep."
)


@dataclass(frozen=True)
class Owner:
    """What of the owner's the guests use: the engine in turns, and what it can make."""

    engine: Engine
    turns: Turns
    service: JobService
    settings: Settings
    count_tokens: Count
    now: Callable[[], float] = time.monotonic

    def make_guest(self, number: int, folder: Path, caps: Caps, waiting: Callable[[], int]) -> Guest:
        return Guest(number, folder, caps, GuestEngine(self.engine, self.turns, self.service), waiting, self.now)

    def listen(self, guests: Guests, key: Key) -> tuple[Door, "Port"]:
        """The guests' page behind a door, on a free port of this machine."""

        def queue(cookies: Mapping[str, str]) -> JobService:
            guest = guests.find(cookies.get(COOKIE, ""))
            if guest is None:
                raise QueueFull("Sharing has ended.")
            return guest.service

        page = server.build_shared(lambda: build_for_guests(self.service, queue, self.settings, NOTICE), ASSETS)

        @cache
        def api(guest: Guest) -> ASGIApp:
            return _api(guest, page, self.count_tokens)

        door = Door(page, api, guests, key, now=self.now)
        sock = server.listen("127.0.0.1", 0)
        return door, Port(server.Server(page, sock, front=door), sock.getsockname()[1])


class Port:
    """A running listener. port: its number."""

    def __init__(self, running: server.Server, port: int) -> None:
        self._server = running
        self.port = port
        running.start()

    def close(self) -> None:
        self._server.close()


def _api(guest: Guest, page: FastAPI, count_tokens: Count) -> FastAPI:
    """Of the API what guests need, about their own jobs and pictures."""

    def catalogue() -> Catalogue | None:
        return guest.service.status.catalogue

    routes = APIRouter()
    routes.include_router(jobs_api.router(guest.service, page.state.closing))
    routes.include_router(pictures_api.router(guest.store, count_tokens, catalogue))
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    problems.install(app)
    app.include_router(routes, prefix="/api/v1")
    return app
