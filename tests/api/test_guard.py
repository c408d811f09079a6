"""The guard: what it lets through, and what it refuses, whoever asks."""

import socket

import httpx
import pytest

from tests.api.test_routes import SMALL


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
        "/docs",
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
