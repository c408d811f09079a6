"""What guests can do on a shared page, and what they cannot."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pipelines.recipe import Recipe
from tests.share.conftest import until
from webui.app import App
from webui.share.provider import Provider
from webui.share.session import Share

Visit = Callable[[str], httpx.Client]
SMALL: dict[str, Any] = {"prompt": "a fox", "checkpoint": "small", "width": 64, "height": 64, "steps": 3, "seed": 1}
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000040001"
    "f61738550000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def link(share: Share, provider: Provider) -> str:
    return share.start(provider).link


def made(client: httpx.Client, **changes: Any) -> dict[str, Any]:
    """A finished job of this guest."""
    job = client.post("/api/v1/jobs", json={**SMALL, **changes})
    assert job.status_code == 201, job.text
    identity = job.json()["id"]
    assert until(lambda: client.get(f"/api/v1/jobs/{identity}").json()["state"] == "done")
    return client.get(f"/api/v1/jobs/{identity}").json()


def test_a_guest_makes_a_picture_and_gets_it(link: str, visit: Visit) -> None:
    guest = visit(link)
    image = made(guest)["images"][0]["id"]
    assert guest.get(f"/api/v1/images/{image}").content.startswith(b"\x89PNG")
    assert [picture["id"] for picture in guest.get("/api/v1/images").json()["images"]] == [image]


def test_without_the_link_there_is_nothing(link: str, provider: Provider) -> None:
    base, _, token = link.partition("/s/")
    with httpx.Client(base_url=base, trust_env=False) as stranger:
        for path in ("/", "/s/", f"/s/{token[:-1]}", f"/s/{token}x", "/api/v1/status", "/assets/index.js"):
            assert stranger.get(path).status_code == 404, path
        stranger.cookies.set("snowfox_guest", token)
        assert stranger.get("/").status_code == 404


def test_the_link_sets_a_cookie_that_scripts_and_other_pages_cannot_use_and_leaves_the_address(
    link: str, visit: Visit
) -> None:
    base = link.partition("/s/")[0]
    with httpx.Client(base_url=base, trust_env=False) as browser:
        answer = browser.get(link)
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower()
        assert link.rpartition("/")[2] not in cookie and "url=/" in answer.text
        assert (
            browser.get("/").headers["referrer-policy"] == "no-referrer" and "noindex" in answer.headers["x-robots-tag"]
        )
        page = browser.get("/")
        assert page.status_code == 200 and "default-src 'none'" in page.headers["content-security-policy"]


def test_guests_see_nothing_of_each_other_nor_of_the_owner(app: App, link: str, visit: Visit) -> None:
    one, other = visit(link), visit(link)
    job = made(one, prompt="mine alone")
    own = app.service.submit(_recipe())
    for path in (f"jobs/{job['id']}", f"jobs/{job['id']}/preview", f"images/{job['images'][0]['id']}"):
        assert other.get(f"/api/v1/{path}").status_code == 404, path
    assert other.post(f"/api/v1/jobs/{job['id']}/cancel").status_code == 404
    assert other.get("/api/v1/jobs").json() == [] and other.get("/api/v1/images").json()["images"] == []
    assert other.get(f"/api/v1/jobs/{own.id}").status_code == 404


def test_owners_pictures_and_paths_are_not_shown(app: App, link: str, visit: Visit) -> None:
    mine = app.service.submit(_recipe())
    assert until(lambda: (job := app.service.job(mine.id)) is not None and job.over)
    guest = visit(link)
    assert guest.get("/api/v1/images").json()["images"] == []
    told = guest.get("/api/v1/catalogue").text + guest.get("/api/v1/status").text + guest.get("/").text
    assert "safetensors" not in told and str(app.settings.root) not in told
    assert mine.id not in told and "broken" not in guest.get("/api/v1/catalogue").text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/share"),
        ("POST", "/api/v1/share"),
        ("DELETE", "/api/v1/share"),
        ("POST", "/api/v1/rescan"),
        ("GET", "/api/v1/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/config"),
        ("GET", "/gradio_api/info"),
        ("GET", "/gradio_api/file=/etc/passwd"),
        ("GET", "/gradio_api/file=https://example.org/x.png"),
        ("POST", "/gradio_api/upload"),
        ("POST", "/gradio_api/run/predict"),
        ("POST", "/gradio_api/cancel"),
        ("POST", "/gradio_api/component_server"),
        ("GET", "/gradio_api/deep_link"),
        ("GET", "/pwa_icon/8000"),
        ("GET", "/gradio_api/startup-events"),
        ("POST", "/sdapi/v1/txt2img"),
        ("GET", "/sdapi/v1/options"),
        ("POST", "/api/v1/jobs/" + "0" * 32 + "/kill"),
        ("POST", "/api/v1/images/" + "0" * 32 + "/restore"),
    ],
)
def test_routes_that_guests_do_not_need_are_closed(link: str, visit: Visit, method: str, path: str) -> None:
    assert visit(link).request(method, path).status_code == 404


def test_the_page_for_guests_has_no_tabs_about_the_machine(link: str, visit: Visit) -> None:
    page = visit(link).get("/").text
    assert "tab_txt2img" in page and "tab_gallery" in page
    for tab in ("tab_settings", "tab_extensions", "tab_models"):
        assert tab not in page


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"count": 5}, "4 pictures"),
        ({"steps": 51}, "50 steps"),
        ({"width": 2048, "height": 2048}, "megapixels"),
        ({"hires": {"scale": 4}, "width": 512, "height": 512}, "megapixels"),
        ({"finish": {"upscaler": "Lanczos", "scale": 8}, "width": 512, "height": 512}, "megapixels"),
    ],
)
def test_what_is_too_much_is_refused_with_a_sentence(
    link: str, visit: Visit, changes: dict[str, Any], word: str
) -> None:
    answer = visit(link).post("/api/v1/jobs", json={**SMALL, **changes})
    assert answer.status_code == 422 and word in answer.json()["error"]["message"]


def test_a_guest_may_have_two_jobs_waiting(link: str, visit: Visit) -> None:
    guest = visit(link)
    statuses = [guest.post("/api/v1/jobs", json={**SMALL, "steps": 50}).status_code for _ in range(5)]
    assert statuses[0] == 201 and statuses[-1] == 429 and statuses.count(201) in (2, 3)


def test_forged_headers_change_nothing(link: str, visit: Visit) -> None:
    guest = visit(link)
    base = link.partition("/s/")[0]
    forged = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "evil.example", "X-Gradio-Server": "http://evil"}
    assert "evil" not in guest.get("/", headers=forged).text
    assert guest.get("/api/v1/share", headers=forged).status_code == 404
    assert guest.get("/", headers={"Host": "evil.example"}).status_code == 421
    assert guest.post("/api/v1/jobs", json=SMALL, headers={"Origin": "http://evil.example"}).status_code == 403
    with httpx.Client(base_url=base, cookies=guest.cookies, trust_env=False) as form:
        assert form.post("/api/v1/jobs", json=SMALL).status_code == 403  # neither Origin nor Sec-Fetch-Site


def test_pictures_to_start_from_have_a_limit(link: str, visit: Visit) -> None:
    guest = visit(link)
    assert guest.post("/api/v1/images", content=PNG).status_code == 201
    assert guest.post("/api/v1/images", content=PNG + bytes(10 * 2**20)).status_code == 422
    assert guest.post("/api/v1/images", content=bytes(12 * 2**20)).status_code == 413


def test_the_owners_jobs_go_first(app: App, link: str, visit: Visit) -> None:
    guests = [visit(link) for _ in range(3)]
    theirs = [guest.post("/api/v1/jobs", json={**SMALL, "steps": 20}).json()["id"] for guest in guests]
    mine = app.service.submit(_recipe())
    assert until(lambda: (job := app.service.job(mine.id)) is not None and job.over)
    over = [
        guest.get(f"/api/v1/jobs/{identity}").json()["state"] == "done"
        for guest, identity in zip(guests, theirs, strict=True)
    ]
    assert over.count(True) <= 1


def _recipe() -> Recipe:
    return Recipe(prompt="of the owner", checkpoint="small", width=64, height=64, steps=2, seed=3)
