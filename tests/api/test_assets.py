"""Cards over HTTP: a page at a time, by opaque ids, with previews."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from PIL import Image

from pipelines.catalogue import AssetEntry, Catalogue
from webui.api import assets, hints, problems
from webui.engines.fake import FAKE_CATALOGUE
from webui.store.images import ImageStore


def lora(name: str, folder: str = "", **facts: object) -> AssetEntry:
    place = {"folder": folder} if folder else {}
    return AssetEntry("lora", name, f"/models/loras/{folder}/{name}.safetensors", 5, "sd15", facts={**place, **facts})  # pyright: ignore[reportArgumentType]


@pytest.fixture
def client(tmp_path: Path) -> httpx.Client:
    Image.new("RGB", (900, 600), "red").save(tmp_path / "red.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    many = [lora(f"many-{number:05}", "bulk" if number % 2 else "bulk/odd") for number in range(10_000)]
    special = [
        lora("ink", words=["fur", "brush"], preview=str(tmp_path / "red.png"), title="Ink strokes"),
        lora("torn", preview=str(tmp_path / "broken.png")),
        lora("gone", preview=str(tmp_path / "gone.png")),
    ]
    catalogue = replace(FAKE_CATALOGUE, assets=(*special, *many, AssetEntry("vae", "soft", "/models/vae/soft.pt", 1)))
    return made(lambda: catalogue)


def made(catalogue: object) -> httpx.Client:
    from fastapi.testclient import TestClient

    app = FastAPI()
    app.include_router(assets.router(catalogue))  # pyright: ignore[reportArgumentType]
    problems.install(app)
    return TestClient(app)


def names(client: httpx.Client, **query: object) -> list[str]:
    return [card["name"] for card in client.get("/assets", params=query).json()["assets"]]  # pyright: ignore[reportArgumentType]


def test_ten_thousand_come_page_by_page(client: httpx.Client) -> None:
    seen: list[str] = []
    offset: int | None = 0
    while offset is not None:
        page = client.get("/assets", params={"kind": "lora", "offset": offset, "limit": 500}).json()
        assert page["total"] == 10_003 and len(page["assets"]) <= 500
        seen += [card["name"] for card in page["assets"]]
        offset = page["next"]
    assert len(set(seen)) == 10_003


def test_every_word_of_a_search_has_to_be_there(client: httpx.Client) -> None:
    assert names(client, search="INK") == ["ink"]
    assert names(client, search="brush strokes") == ["ink"]
    assert names(client, search="brush nothing") == []


def test_folders_hold_what_is_below_them(client: httpx.Client) -> None:
    page = client.get("/assets", params={"folder": "bulk", "limit": 1}).json()
    assert (page["total"], page["folders"]) == (10_000, ["bulk", "bulk/odd"])
    assert client.get("/assets", params={"folder": "bulk/odd", "limit": 1}).json()["total"] == 5_000


def test_a_card_tells_no_path_and_its_preview_is_small(client: httpx.Client) -> None:
    (card,) = client.get("/assets", params={"search": "ink"}).json()["assets"]
    assert "/models" not in str(card) and card["preview"] is True and card["facts"] == {"words": ["fur", "brush"]}
    answer = client.get(f"/assets/{card['id']}/preview")
    assert answer.headers["content-type"] == "image/jpeg" and len(answer.content) < 20_000


@pytest.mark.parametrize("name", ["torn", "gone", "many-00001"])
def test_a_preview_that_is_not_there_or_broken_is_not_found(client: httpx.Client, name: str) -> None:
    (card,) = client.get("/assets", params={"search": name}).json()["assets"]
    assert client.get(f"/assets/{card['id']}/preview").status_code == 404


@pytest.mark.parametrize("identity", ["0" * 32, "..%2f..%2fetc%2fpasswd", "x"])
def test_an_unknown_id_is_not_found(client: httpx.Client, identity: str) -> None:
    assert client.get(f"/assets/{identity}/preview").status_code == 404


def test_checkpoints_are_cards_too_with_the_picture_beside_them(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "a.preview.png")
    entry = replace(FAKE_CATALOGUE.checkpoints[0], name="sub/a", path=str(tmp_path / "a.safetensors"))
    client = made(lambda: replace(FAKE_CATALOGUE, checkpoints=(entry,)))
    (card,) = client.get("/assets", params={"kind": "checkpoint"}).json()["assets"]
    assert (card["name"], card["folder"], card["preview"]) == ("sub/a", "sub", True)


def test_before_the_engine_has_told_there_are_none() -> None:
    nothing: Catalogue | None = None
    assert names(made(lambda: nothing)) == []


def test_a_look_at_what_a_control_network_sees(tmp_path: Path, store: ImageStore) -> None:
    from fastapi.testclient import TestClient

    image = Image.new("RGB", (96, 64), "black")
    image.paste("white", (32, 16, 64, 48))
    image.save(tmp_path / "square.png")
    ref = store.put((tmp_path / "square.png").read_bytes())
    app = FastAPI()
    app.include_router(hints.router(store))
    problems.install(app)
    client = TestClient(app)
    answer = client.post("/hints", json={"image": ref, "preprocessor": "canny", "width": 96, "height": 64})
    seen = Image.open(BytesIO(answer.content))
    assert seen.size == (96, 64) and seen.getextrema()[0] == (0, 255) and seen.getpixel((48, 32)) == (0, 0, 0)
    assert client.post("/hints", json={"image": ref, "preprocessor": "pose"}).status_code == 422
    assert client.post("/hints", json={"image": "0" * 64}).status_code == 422
    assert client.post("/hints", json={"image": ref, "low": -5}).status_code == 422
