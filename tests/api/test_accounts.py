"""Accounts and the key: what lets in, what does not, and how guessing is slowed down."""

import base64
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from starlette.datastructures import Headers

from webui import server
from webui.accounts import Accounts, hashed, kept_key
from webui.app import App
from webui.engines.fake import FakeEngine
from webui.serve import assets
from webui.settings import Settings
from webui.ui.page import build

KEY = "k" * 43


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def basic(name: str, password: str) -> Headers:
    return Headers({"authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()})


def test_a_kept_password_does_not_show_it_and_lets_in() -> None:
    kept = hashed("two:words ü")
    accounts = Accounts([f"anna:{kept}"])
    assert "two" not in kept and hashed("two:words ü") != kept
    assert accounts.judge(basic("anna", "two:words ü")) == "in"
    for name, password in (("anna", "two"), ("anna", kept), ("ben", "two:words ü"), ("", "")):
        assert accounts.judge(basic(name, password)) == "unknown"


def test_after_thirty_wrong_tries_no_new_one_is_looked_at_for_a_minute() -> None:
    clock = Clock()
    accounts = Accounts(["anna:secret", "ben:other"], now=clock)
    assert accounts.judge(basic("ben", "other")) == "in"
    verdicts = [accounts.judge(basic("anna", str(number))) for number in range(500)]
    assert verdicts.count("unknown") == 30 and verdicts.count("too often") == 470
    assert accounts.judge(basic("anna", "secret")) == "too often"
    assert accounts.judge(basic("ben", "other")) == "in"  # who is in stays in
    clock.now = 61
    assert accounts.judge(basic("anna", "secret")) == "in"


def test_the_key_stays_the_same_and_is_for_the_owners_eyes(tmp_path: Path) -> None:
    key = kept_key(tmp_path / "access.key")
    assert len(key) >= 43 and kept_key(tmp_path / "access.key") == key
    assert stat.S_IMODE((tmp_path / "access.key").stat().st_mode) == 0o600


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A program that asks for its key, as when other machines can reach it."""
    root: Path = tmp_path_factory.mktemp("locked")
    app = App(Settings(root=root), engine=FakeEngine())
    sock = server.listen("127.0.0.1", 0)
    with ThreadPoolExecutor(1) as pool:
        site = pool.submit(
            server.build, app.api, lambda: build(app.service, app.store, app.settings), assets(), app.settings, KEY
        ).result()
    web = server.Server(site, sock)
    web.start()
    app.start()
    yield server.url("127.0.0.1", sock)
    web.close()
    app.close()


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/status", "/api/v1/images", "/sdapi/v1/options", "/docs", "/app/logo.svg"]
)
def test_nothing_is_given_without_the_key(locked: str, path: str) -> None:
    answer = httpx.get(locked + path, trust_env=False, timeout=60)
    assert answer.status_code == 401 and "key" in answer.json()["error"]["message"]


def test_the_link_leads_to_the_page_and_the_key_leaves_the_address(locked: str) -> None:
    with httpx.Client(base_url=locked, trust_env=False, timeout=60) as browser:
        assert browser.get("/?key=wrong").status_code == 401 and not browser.cookies
        entered = browser.get(f"/?key={KEY}")
        assert entered.status_code == 200 and "url=/" in entered.text
        cookie = entered.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie
        assert browser.get("/").status_code == 200 and browser.get("/api/v1/status").status_code == 200


def test_programs_give_the_key_as_a_bearer_or_as_a_password(locked: str) -> None:
    bearer = {"Authorization": f"Bearer {KEY}"}
    assert httpx.get(f"{locked}/api/v1/status", headers=bearer, trust_env=False, timeout=60).status_code == 200
    assert httpx.get(f"{locked}/sdapi/v1/options", auth=("any", KEY), trust_env=False, timeout=60).status_code == 200
    assert httpx.get(f"{locked}/api/v1/status", auth=("any", "wrong"), trust_env=False, timeout=60).status_code == 401
