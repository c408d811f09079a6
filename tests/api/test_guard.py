"""The guard: what it lets through, and what it refuses, whoever asks."""

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.test_routes import SMALL
from tests.browser.site import running
from webui.engines.fake import FakeEngine
from webui.settings import Settings


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:7860", "", "a@b"])
def test_a_name_that_is_not_ours_is_refused(client: httpx.Client, host: str) -> None:
    assert client.get("/api/v1/status", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:7860", "127.0.0.1:1", "[::1]:7860", "192.168.1.20"])
def test_local_names_and_addresses_are_ours(client: httpx.Client, host: str) -> None:
    assert client.get("/api/v1/status", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_other_web_pages_cannot_change_anything(client: httpx.Client, headers: dict[str, str]) -> None:
    assert client.post("/api/v1/jobs", json=SMALL, headers=headers).status_code == 403
    assert client.post("/gradio_api/upload", files={"files": b"x"}, headers=headers).status_code == 403


def test_our_own_page_and_programs_that_are_no_browser_may(client: httpx.Client, address: str) -> None:
    own = {"Origin": address, "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/v1/jobs", json=SMALL, headers=own).status_code == 201
    assert client.post("/api/v1/jobs", json=SMALL).status_code == 201


@pytest.mark.parametrize(
    "path",
    [
        "/config",
        "/gradio_api/info",
        "/gradio_api/run/predict",
        "/gradio_api/call/x",
        "/gradio_api/file=http://example.org/x.png",
        "/gradio_api/proxy=http://example.org",
        "/pwa_icon/8000",
        "/%63onfig",
    ],
)
def test_routes_that_the_page_does_not_use_are_closed(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/etc/passwd", "../../../../etc/passwd", "settings.yaml"])
def test_no_file_is_given_away(client: httpx.Client, path: str) -> None:
    assert client.get(f"/gradio_api/file={path}").status_code in (403, 404)


def test_bodies_have_a_limit(address: str) -> None:
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 10) as plain:
        plain.sendall(f"POST /api/v1/images HTTP/1.1\r\nHost: {host}\r\nContent-Length: {2**30}\r\n\r\n".encode())
        assert b" 413 " in plain.recv(100)


def test_methods_that_are_not_used_are_refused(client: httpx.Client) -> None:
    assert client.request("PUT", "/api/v1/jobs").status_code == 405
    assert client.request("TRACE", "/").status_code == 405


def test_the_page_allows_no_script_but_its_own(client: httpx.Client) -> None:
    answer = client.get("/")
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert "default-src 'none'" in policy and "'unsafe-inline'" not in policy.split("style-src")[0]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"


def test_a_forged_forwarding_header_changes_nothing(client: httpx.Client, address: str) -> None:
    answer = client.get("/", headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"})
    assert "evil.example" not in answer.text


FRIEND = "http://friend.example"


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a program that asks for a name and a password, and lets one web page in."""
    root: Path = tmp_path_factory.mktemp("closed")
    settings = Settings(root=root, api_auth="anna:secret, ben:two:words", cors_allow_origins=f"{FRIEND}/, null")
    with running(root, FakeEngine(), settings=settings) as site:
        yield site.url


@pytest.mark.parametrize("path", ["/", "/sdapi/v1/options", "/api/v1/status", "/controlnet/version", "/app_id"])
def test_everything_asks_for_a_name_and_a_password(closed: str, path: str) -> None:
    with httpx.Client(base_url=closed, trust_env=False, timeout=30) as client:
        for wrong in (None, ("anna", "two:words"), ("anna", ""), ("ben", "secret")):
            answer = client.get(path, auth=wrong)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Basic realm="Snowfox"')
            assert "Incorrect username or password" in answer.text
        assert client.get(path, headers={"Authorization": "Basic %%%"}).status_code == 401
        assert client.get(path, headers={"Authorization": "Bearer secret"}).status_code == 401
        assert client.get(path, auth=("anna", "secret")).status_code == 200
        assert client.get(path, auth=("ben", "two:words")).status_code == 200


def test_a_web_page_that_may_use_the_api_is_told_so_and_no_other(closed: str) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,authorization"}
    with httpx.Client(base_url=closed, trust_env=False, timeout=30, auth=("anna", "secret")) as client:
        before = client.options("/sdapi/v1/txt2img", headers={"Origin": FRIEND, **asked}, auth=None)
        assert (before.status_code, before.headers["access-control-allow-origin"]) == (204, FRIEND)
        assert before.headers["access-control-allow-headers"] == "content-type,authorization"
        sent = client.post("/sdapi/v1/options", json={}, headers={"Origin": FRIEND, "Sec-Fetch-Site": "cross-site"})
        assert (sent.status_code, sent.headers["access-control-allow-origin"]) == (200, FRIEND)
        for other in ("http://evil.example", f"{FRIEND}.evil.example", f"{FRIEND}:81"):
            refused = client.post("/sdapi/v1/options", json={}, headers={"Origin": other})
            assert (refused.status_code, "access-control-allow-origin" in refused.headers) == (403, False)
        page = client.get("/", headers={"Origin": FRIEND})
        assert "access-control-allow-origin" not in page.headers


def test_no_other_page_is_let_in_unless_asked(client: httpx.Client) -> None:
    asked = {"Origin": FRIEND, "Access-Control-Request-Method": "POST"}
    answer = client.options("/sdapi/v1/txt2img", headers=asked)
    assert not any(name.startswith("access-control") for name in answer.headers)
    assert client.post("/sdapi/v1/options", json={}, headers={"Origin": FRIEND}).status_code == 403
    assert client.post("/sdapi/v1/options", json={}, headers={"Authorization": ""}).status_code == 200


@pytest.mark.skipif(not Path("/proc/net/route").exists(), reason="needs a second address of this machine")
def test_from_other_machines_a1111s_api_needs_a_password(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only asks which address would be used
        except OSError:
            pytest.skip("this machine has no other address")
        outer = probe.getsockname()[0]
    with running(tmp_path, FakeEngine(), host="0.0.0.0") as site:
        address = site.url.replace("127.0.0.1", outer)
        with httpx.Client(trust_env=False, timeout=30) as client:
            assert client.get(f"{site.url}/sdapi/v1/options").status_code == 200
            for path in ("sdapi/v1/options", "controlnet/version", "internal/ping"):
                answer = client.get(f"{address}/{path}")
                assert (answer.status_code, "--api-auth" in answer.json()["detail"]) == (403, True)
            assert client.get(f"{address}/api/v1/status").status_code == 200  # the page needs it
