"""/api/v1 from outside: over a socket, as another program would use it."""

import json
import time
from dataclasses import replace
from typing import Any

import httpx
import pytest

from pipelines.recipe import Recipe
from pipelines.recipe_json import to_json
from tests.conftest import png_bytes
from webui.app import App
from webui.store import codec

SMALL: dict[str, Any] = {"prompt": "a fox", "steps": 3, "width": 64, "height": 64}


def submit(client: httpx.Client, **recipe: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/jobs", json={**SMALL, **recipe})
    assert answer.status_code == 201, answer.text
    return answer.json()


def end(client: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    """The last event of the job's own stream."""
    with client.stream("GET", f"/api/v1/jobs/{job['id']}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        data = [line.removeprefix("data: ") for line in stream.iter_lines() if line.startswith("data: ")]
    return json.loads(data[-1])


def test_a_recipe_becomes_pictures_that_can_be_fetched(client: httpx.Client) -> None:
    job = end(client, submit(client, seed=41, count=2))
    assert (job["state"], job["progress"]["fraction"]) == ("done", 1.0)
    assert [image["seed"] for image in job["images"]] == [41, 42]
    first = job["images"][0]["id"]
    answer = client.get(f"/api/v1/images/{first}")
    assert answer.headers["content-type"] == "image/png"
    assert codec.describe(answer.content)["parameters"].startswith("a fox\nSteps: 3,")
    small = client.get(f"/api/v1/images/{first}/thumbnail")
    assert small.headers["content-type"] == "image/jpeg"
    assert client.get(f"/api/v1/images/{first}/details").json()["seed"] == 41


def test_what_a_recipe_leaves_out_is_as_its_checkpoint_likes_it(client: httpx.Client) -> None:
    answer = client.post("/api/v1/jobs", json={"prompt": "x", "checkpoint": "small", "steps": 1})
    assert (answer.json()["recipe"]["width"], answer.json()["recipe"]["height"]) == (128, 128)


def test_a_recipe_that_the_api_gave_can_be_sent_again(client: httpx.Client) -> None:
    recipe = end(client, submit(client, seed=3))["recipe"]
    assert client.post("/api/v1/jobs", json=recipe).json()["recipe"] == recipe
    assert set(recipe) == set(to_json(Recipe()))


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"steps": 0}, "steps", "between 1 and 150"),
        ({"stepz": 5}, "stepz", "not a field"),
        ({"steps": "many"}, "steps", "wrong type"),
        ({"sampler": "Magic"}, "sampler", "Known are"),
        ({"checkpoint": "../../etc/passwd"}, "checkpoint", "no model named"),
        ({"source": {"image": "0" * 64}}, "source", "open it again"),
        ({"source": {"strength": 0.5}}, "image", "missing"),
        ({"source": {"image": "a", "strength": 2}}, "strength", "between 0 and 1"),
        ({"width": 100000}, "width", "between 64 and 2048"),
        ([1, 2], None, "dict"),
    ],
)
def test_bad_recipes_get_a_sentence(client: httpx.Client, body: Any, field: str | None, words: str) -> None:
    answer = client.post("/api/v1/jobs", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == field
    assert words in answer.json()["error"]["message"]


def test_what_is_no_json_is_told_so(client: httpx.Client) -> None:
    answer = client.post("/api/v1/jobs", content=b"{half", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (422, "The request is not JSON.")


def test_a_job_is_cancelled(client: httpx.Client) -> None:
    job = submit(client, steps=150)
    assert client.post(f"/api/v1/jobs/{job['id']}/cancel").status_code == 200
    assert end(client, job)["state"] == "cancelled"


def test_previews_come_while_a_job_runs(client: httpx.Client) -> None:
    job = submit(client, steps=100)
    while not client.get(f"/api/v1/jobs/{job['id']}").json()["preview"]:
        time.sleep(0.01)
    answer = client.get(f"/api/v1/jobs/{job['id']}/preview")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    client.post(f"/api/v1/jobs/{job['id']}/cancel")
    end(client, job)
    assert client.get(f"/api/v1/jobs/{job['id']}/preview").status_code == 200  # for a page that asks late
    end(client, submit(client, steps=2))
    assert client.get(f"/api/v1/jobs/{job['id']}/preview").status_code == 404


def test_the_stream_of_everything_tells_how_things_stand_and_then_every_change(client: httpx.Client) -> None:
    names: list[str] = []
    with client.stream("GET", "/api/v1/events") as stream:
        lines = stream.iter_lines()
        job = submit(client)
        for line in lines:
            if line.startswith("event: "):
                names.append(line.removeprefix("event: "))
            if line.startswith("data: ") and names[-1] == "job":
                told = json.loads(line.removeprefix("data: "))
                if told["id"] == job["id"] and told["state"] == "done":
                    break
    assert names[0] == "engine"


def test_an_input_is_uploaded_used_and_given_back(client: httpx.Client) -> None:
    data = png_bytes(80, 40)
    put = client.post("/api/v1/images", content=data, headers={"content-type": "image/png"})
    assert (put.status_code, put.json()["width"], put.json()["height"]) == (201, 80, 40)
    ref = put.json()["ref"]
    assert client.get(f"/api/v1/inputs/{ref}").content == data
    job = end(client, submit(client, source={"image": ref, "strength": 0.5}))
    assert job["state"] == "done"
    again = client.post(f"/api/v1/images/{job['images'][0]['id']}/use")
    assert client.get(f"/api/v1/inputs/{again.json()['ref']}").status_code == 200


def test_pictures_are_listed_page_by_page_deleted_and_brought_back(client: httpx.Client) -> None:
    job = end(client, submit(client, prompt="unicorn", count=3))
    newest = [image["id"] for image in job["images"]][::-1]
    page = client.get("/api/v1/images", params={"search": "unicorn", "limit": 2}).json()
    assert [image["id"] for image in page["images"]] == newest[:2]
    rest = client.get("/api/v1/images", params={"search": "unicorn", "before": page["next"], "limit": 2}).json()
    assert ([image["id"] for image in rest["images"]], rest["next"]) == (newest[2:], None)
    assert client.delete(f"/api/v1/images/{newest[0]}").status_code == 204
    assert client.get(f"/api/v1/images/{newest[0]}").status_code == 404
    assert client.post(f"/api/v1/images/{newest[0]}/restore").json()["id"] == newest[0]
    assert client.get(f"/api/v1/images/{newest[0]}").status_code == 200


def test_tokens_are_counted_as_clip_counts_them(client: httpx.Client) -> None:
    def count(text: str) -> Any:
        return client.get("/api/v1/tokens", params={"text": text}).json()

    assert count("a photo of a cat") == {"count": 5, "limit": 75}
    assert count("") == {"count": 0, "limit": 75}
    assert count("cat " * 80) == {"count": 80, "limit": 150}
    assert count("cat BREAK dog <lora:x:1>") == {"count": 76, "limit": 150}
    assert count("(cat:1.3) # a remark") == {"count": 1, "limit": 75}


def test_a_picture_tells_how_it_was_made_and_so_does_a_pasted_text(client: httpx.Client) -> None:
    job = end(client, submit(client, seed=99, sampler="Euler a"))
    data = client.get(f"/api/v1/images/{job['images'][0]['id']}").content
    told = client.post("/api/v1/parameters", content=data).json()
    assert (told["exact"], told["recipe"]["seed"], told["recipe"]["sampler"]) == (True, 99, "Euler a")
    pasted = client.post("/api/v1/parameters", json={"text": told["text"]}).json()
    assert (pasted["exact"], pasted["recipe"]["seed"]) == (False, 99)
    assert set(told["fidelity"].values()) == {"exact"}
    assert (pasted["tool"], pasted["fidelity"]["seed"]) == ("Snowfox", "exact")
    other = client.post(
        "/api/v1/parameters", json={"text": "x\nSteps: 9, Seed: 1, FP8 weight: Enable, Version: v1.10.1"}
    ).json()
    assert (other["fidelity"]["steps"], other["fidelity"]["seed"]) == ("exact", "nearest")
    assert (other["fidelity"]["FP8 weight"], other["recipe"]["steps"]) == ("lost", 9)
    nothing = client.post("/api/v1/parameters", content=png_bytes())
    assert (nothing.status_code, "says nothing" in nothing.text) == (422, True)


def test_a_picture_is_made_again_and_compared(client: httpx.Client, app: App) -> None:
    job = end(client, submit(client, seed=99))
    address = f"/api/v1/images/{job['images'][0]['id']}"
    once_more = end(client, client.post(f"{address}/again").json())
    other = once_more["images"][0]["id"]
    assert client.get(f"{address}/again/{other}").json() == {"identical": True, "mean": 0, "largest": 0, "causes": []}
    assert other not in [image["id"] for image in client.get("/api/v1/images").json()["images"]]
    # As if another machine had made it: one pixel differs, and so does what it says of itself.
    saved = app.store.saved(job["images"][0]["id"])
    assert saved is not None
    data = saved.path.read_bytes()
    picture, texts = codec.decode(data), dict(codec.describe(data))
    record = json.loads(texts["snowfox"])
    record["made"] |= {"dtype": "float16", "torch": "1.0"}
    first = bytes((picture.pixels[0] ^ 0x10, *picture.pixels[1:]))
    saved.path.write_bytes(codec.png(replace(picture, pixels=first), texts | {"snowfox": json.dumps(record)}))
    found = client.get(f"{address}/again/{other}").json()
    assert (found["identical"], found["largest"]) == (False, 16)
    assert 0 < found["mean"] < 0.01
    assert found["causes"][0] == "The models computed in float16 then, float32 now."
    shown = codec.decode(client.get(f"{address}/again/{other}/difference").content)
    assert max(shown.pixels[:3]) == 255 and not any(shown.pixels[3:])


def test_a_picture_without_settings_is_not_made_again(client: httpx.Client, app: App) -> None:
    (app.settings.outputs / "mine").mkdir(parents=True)
    (app.settings.outputs / "mine" / "photo.png").write_bytes(png_bytes())
    app.store.refresh()
    photo = next(image for image in app.store.list() if image.path.name == "photo.png")
    answer = client.post(f"/api/v1/images/{photo.id}/again")
    assert (answer.status_code, "says nothing" in answer.text) == (422, True)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/jobs/nope",
        "/api/v1/images/nope",
        "/api/v1/inputs/" + "0" * 64,
        "/app/page.py",
    ],
)
def test_what_is_not_there_is_told_with_a_sentence(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/images/..%2f..%2fsettings.yaml",
        "/api/v1/inputs/..%2f..%2f..%2fetc%2fpasswd",
        "/app/..%2fpage.py",
        "/app/%2e%2e/page.py",
    ],
)
def test_no_path_leads_out_of_a_folder(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404
