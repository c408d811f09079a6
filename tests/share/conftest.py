"""A shared page for real: the whole program on the fake engine, a relay on loopback, real sockets."""

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from webui.app import App
from webui.engines.fake import FakeEngine
from webui.settings import Settings
from webui.share.caps import Caps
from webui.share.provider import Provider
from webui.share.relay import Relay
from webui.share.session import Share
from webui.share.site import Owner

API, CLIENT = "https://relay.invalid/v3", "https://relay.invalid/client"
CLIENT_BYTES = f"#!{sys.executable}\n".encode() + (Path(__file__).parent / "stub_relay.py").read_bytes()
ANSWER = json.dumps([{"host": "relay.invalid", "port": 7000, "root_ca": "no certificate"}]).encode()


def relay(folder: Path, client: bytes = CLIENT_BYTES) -> Relay:
    """A relay whose client is the stub; `client`: what its address gives, which may be something else."""
    served = {API: ANSWER, CLIENT: client}
    return Relay(folder, lambda address, limit: served[address], API, CLIENT, hashlib.sha256(CLIENT_BYTES).hexdigest())


class Clock:
    """Runs by itself, and can be moved."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    made = App(Settings(root=tmp_path_factory.mktemp("root")), engine=FakeEngine(step_seconds=0.02))
    made.start()
    made.service.wait_for_engine()
    yield made
    made.close()


@pytest.fixture(scope="module")
def owner(app: App, clock: Clock) -> Owner:
    return Owner(app.engine, app.turns, app.service, app.settings, lambda text: (len(text), 75), clock)


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def share(owner: Owner, clock: Clock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Share]:
    folder = tmp_path_factory.mktemp("share")
    made = Share(folder / "guests", owner.make_guest, owner.listen, Caps(guests=100), clock)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Provider:
    return Provider("stub", "the stub", relay(tmp_path_factory.mktemp("relay")).prepare)


@pytest.fixture
def visit() -> Iterator[Callable[[str], httpx.Client]]:
    """Comes in by a link, as a browser does."""
    opened: list[httpx.Client] = []

    def come(link: str) -> httpx.Client:
        base = link.partition("/s/")[0]
        client = httpx.Client(base_url=base, timeout=30, trust_env=False, headers={"Origin": base})
        opened.append(client)
        assert client.get(link).status_code == 200
        return client

    yield come
    for client in opened:
        client.close()


def until(true: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return true()
