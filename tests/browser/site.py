"""The whole program on a loopback port, over the fake engine, for tests of the page."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from webui import server
from webui.app import App
from webui.engines.base import Engine
from webui.serve import assets
from webui.settings import Settings
from webui.ui.page import build


@dataclass(frozen=True)
class Site:
    url: str
    app: App


@contextmanager
def running(
    root: Path, engine: Engine | None, port: int = 0, settings: Settings | None = None, host: str = "127.0.0.1"
) -> Iterator[Site]:
    """Serves the page of `root` until the block ends."""
    app = App(settings or Settings(root=root), engine=engine)
    sock = server.listen(host, port)
    with ThreadPoolExecutor(1) as pool:  # the browser keeps an event loop in this thread
        made = pool.submit(
            server.build, app.api, lambda: build(app.service, app.store, app.settings), assets(), app.settings
        ).result()
    web = server.Server(made, sock)
    web.start()
    app.start()
    try:
        yield Site(server.url(host, sock), app)
    finally:
        web.close()
        app.close()
