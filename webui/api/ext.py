"""Routes of add-ons, under /api/ext/NAME. What one of them raises is an answer that names it, and nothing more."""

import asyncio
import logging
from collections.abc import Iterable

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webui.api import problems

log = logging.getLogger(__name__)


def application(addon: str, routers: Iterable[APIRouter]) -> ASGIApp:
    """An application of its own for one add-on's routes."""
    app = FastAPI(title=addon, openapi_url=None, docs_url=None, redoc_url=None)
    problems.install(app)
    for router in routers:
        app.include_router(router)
    return _Fence(addon, app)


class _Fence:
    def __init__(self, addon: str, app: ASGIApp) -> None:
        self._addon = addon
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt):
            raise
        except BaseException:
            log.exception("A route of the add-on %s failed.", self._addon)
            if not begun:
                answer = problems.answer(500, f"The add-on '{self._addon}' failed. The log tells more.")
                await answer(scope, receive, send)
