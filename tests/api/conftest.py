"""A real server on a loopback port, over the fake engine."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from webui import server
from webui.app import App
from webui.engines.fake import FakeEngine
from webui.serve import assets
from webui.settings import Settings
from webui.ui.page import build


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    root: Path = tmp_path_factory.mktemp("root")
    made = App(Settings(root=root), engine=FakeEngine(step_seconds=0.01))
    yield made
    made.close()


@pytest.fixture(scope="module")
def address(app: App) -> Iterator[str]:
    sock = server.listen("127.0.0.1", 0)
    site = server.build(app.api, lambda: build(app.service, app.store, app.settings), assets(), app.settings)
    web = server.Server(site, sock)
    web.start()
    app.start()
    app.service.wait_for_engine()
    yield server.url("127.0.0.1", sock)
    web.close()


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=30, trust_env=False) as made:
        yield made
