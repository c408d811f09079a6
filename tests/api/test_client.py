"""The typed client, and through it: presets, webhooks, the schema, the reference."""

import hashlib
import hmac
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest

from pipelines.recipe import Control, Finish, Hires, ImageRef, Mask, Recipe, Refiner, Source
from pipelines.recipe_json import to_json
from tests.browser.site import running
from tests.conftest import png_bytes
from webui.api.webhooks import SIGNATURE, Webhooks
from webui.app import App
from webui.cli import main
from webui.client import Client, ClientError
from webui.engines.fake import FakeEngine
from webui.settings import Settings
from webui.store import codec

SMALL: dict[str, Any] = {"prompt": "a fox", "steps": 2, "width": 64, "height": 64}


@pytest.fixture
def snowfox(address: str) -> Iterator[Client]:
    with Client(address) as made:
        yield made


def test_a_recipe_is_made_watched_and_fetched(snowfox: Client) -> None:
    job = snowfox.submit({**SMALL, "seed": 5, "count": 2})
    seen = list(snowfox.watch(job))
    assert (seen[-1].state, seen[-1].progress.fraction) == ("done", 1.0)
    assert snowfox.job(job.id) == snowfox.jobs()[0] == seen[-1]
    first = seen[-1].images[0]
    assert codec.size(snowfox.picture(first.id)) == (64, 64)
    assert snowfox.details(first.id).seed == 5
    assert snowfox.parameters(snowfox.picture(first.id)).exact
    assert snowfox.parameters("a fox\nSteps: 2, Sampler: Euler a, Seed: 5").recipe["seed"] == 5
    assert [image.id for image in snowfox.find("fox", limit=1).images] == [seen[-1].images[1].id]
    snowfox.delete(first.id)
    assert snowfox.restore(first.id).id == first.id
    assert (snowfox.tokens("a fox").count, snowfox.status().engine.phase) == (2, "ready")
    assert {entry["name"] for entry in snowfox.catalogue()["checkpoints"]} >= {"plain", "small"}
    assert snowfox.rescan().engine.phase == "ready"


def test_pictures_to_start_from_come_from_here_or_from_there(snowfox: Client) -> None:
    ref = snowfox.upload(png_bytes(64, 64)).ref
    recipe = Recipe(prompt="x", steps=2, width=64, height=64, source=Source(ImageRef(ref), mask=Mask(ImageRef(ref))))
    made = snowfox.wait(snowfox.submit(recipe))
    again = {**SMALL, "source": {"image": snowfox.use(made.images[0].id)}}
    assert snowfox.wait(snowfox.submit(again)).state == "done"


def test_what_is_refused_is_an_error_with_its_sentence(snowfox: Client) -> None:
    with pytest.raises(ClientError, match="between 1 and 150") as caught:
        snowfox.submit({"steps": 0})
    assert (caught.value.status, caught.value.field) == (422, "steps")
    with pytest.raises(ClientError, match="no such job"):
        snowfox.job("nope")
    with pytest.raises(ClientError, match="no such job"):
        snowfox.wait("nope")
    long = snowfox.submit({**SMALL, "steps": 150})
    snowfox.cancel(long.id)
    assert snowfox.wait(long).state == "cancelled"
    with Client("127.0.0.1:9", timeout=2) as nowhere, pytest.raises(ClientError, match="No Snowfox answers"):
        nowhere.status()


def test_a_preset_fills_in_what_a_recipe_leaves_out(snowfox: Client, app: App) -> None:
    snowfox.keep_preset("ink & wash", {"sampler": "Euler a", "steps": 3, "width": 72, "height": 64})
    assert snowfox.presets()["ink & wash"]["steps"] == 3
    job = snowfox.submit({"prompt": "x", "steps": 2}, preset="ink & wash")
    assert (job.recipe["sampler"], job.recipe["steps"], job.recipe["width"]) == ("Euler a", 2, 72)
    assert json.loads((app.settings.root / "presets.json").read_text("utf-8"))["ink & wash"]
    snowfox.remove_preset("ink & wash")
    assert snowfox.presets() == {}
    with pytest.raises(ClientError, match="no such preset"):
        snowfox.submit(SMALL, preset="ink & wash")
    with pytest.raises(ClientError, match="no such preset"):
        snowfox.remove_preset("ink & wash")
    for name, recipe in (("bad", {"stepz": 1}), (" ", {}), ("a/b", {}), ("x" * 81, {})):
        with pytest.raises(ClientError):
            snowfox.keep_preset(name, recipe)


def test_the_schema_takes_what_is_a_recipe_and_nothing_else(client: httpx.Client) -> None:
    schema = client.get("/api/v1/schema").json()
    known = jsonschema_rs.validator_for(schema)
    ref = ImageRef("0" * 64)
    whole = Recipe(
        seed=1,
        hires=Hires(),
        refiner=Refiner("x"),
        finish=Finish(),
        source=Source(ref, mask=Mask(ref)),
        controls=(Control(ref),),
        references=(ref,),
        extras={"grain": {"strength": 1}},
    )
    for recipe in (Recipe(), whole):
        known.validate(json.loads(json.dumps(to_json(recipe))))
    assert known.is_valid({"prompt": "a fox"})
    for wrong in ({"steps": 0}, {"stepz": 1}, {"seed": 2**32}, {"tiling": "yes"}, {"source": {}}, {"sampling": 3}):
        assert not known.is_valid(wrong), wrong
    assert schema["properties"]["steps"]["description"].startswith("How many times")
    described = client.get("/api/v1/openapi.json").json()["components"]["schemas"]
    assert described["Recipe"]["properties"]["hires"]["anyOf"][0] == {"$ref": "#/components/schemas/Hires"}
    assert described["Hires"]["properties"]["scale"]["maximum"] == 4


def test_the_reference_shows_every_route_without_a_script(client: httpx.Client) -> None:
    answer = client.get("/docs")
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "<script" not in answer.text
    for prefix, document in (("", "/api/v1/openapi.json"), ("/sdapi/v1", "/sdapi/v1/openapi.json")):
        for path in client.get(document).json()["paths"]:
            assert f"<code>{prefix}{path}</code>" in answer.text
    assert "How many times the picture is refined" in answer.text


class _Listener(ThreadingHTTPServer):
    """Answers 500 to the first `failures` calls, a redirect to those at /away, and keeps what it was sent."""

    def __init__(self, failures: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.failures = failures
        self.got: list[tuple[str, bytes, str]] = []
        self.changed = threading.Condition()

    def wait(self, count: int) -> list[tuple[str, bytes, str]]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.got) >= count, 20)
            return self.got


class _Handler(BaseHTTPRequestHandler):
    server: _Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.changed:
            self.server.got.append((self.path, body, self.headers.get(SIGNATURE, "")))
            bad = len(self.server.got) <= self.server.failures
            self.server.changed.notify_all()
        self.send_response(302 if self.path.endswith("away") else 500 if bad else 204)
        self.send_header("Location", "/hooks/secret")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""


@pytest.fixture
def listener() -> Iterator[_Listener]:
    made = _Listener(failures=2)
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def test_a_webhook_is_signed_and_told_again_until_it_is_heard(listener: _Listener, tmp_path: Path) -> None:
    hooks = f"http://127.0.0.1:{listener.server_port}/hooks"
    settings = Settings(root=tmp_path, webhooks=[hooks], webhook_secret="a secret")
    with running(tmp_path, FakeEngine(), settings=settings) as site:
        site.app.service.wait_for_engine()
        with Client(site.url) as snowfox:
            for refused in ("http://127.0.0.1:1/hooks", f"{hooks}/../x", f"{hooks}.evil", "file:///etc/passwd", "x"):
                with pytest.raises(ClientError, match="not among"):
                    snowfox.submit(SMALL, webhook=refused)
            job = snowfox.submit(SMALL, webhook=f"{hooks}/done")
            snowfox.wait(job)
            got = listener.wait(2)
    path, body, signature = got[0]
    assert (path, json.loads(body)["id"], json.loads(body)["state"]) == ("/hooks/done", job.id, "done")
    assert signature == f"sha256={hmac.new(b'a secret', body, hashlib.sha256).hexdigest()}"
    assert got[1] == got[0]


def test_a_webhook_follows_no_redirect_and_is_given_up_in_the_end(listener: _Listener) -> None:
    webhooks = Webhooks(["http://127.0.0.1"], "s", waits=(0.0, 0.01, 0.01))
    webhooks.send(f"http://127.0.0.1:{listener.server_port}/away", {"id": "first"})
    listener.wait(3)
    webhooks.send(f"http://127.0.0.1:{listener.server_port}/done", {"id": "second"})
    got = listener.wait(4)
    webhooks.close()
    assert [path for path, _, _ in got] == ["/away"] * 3 + ["/done"]


def test_webhooks_are_off_unless_the_settings_name_some(snowfox: Client) -> None:
    with pytest.raises(ClientError, match="off"):
        snowfox.submit(SMALL, webhook="http://127.0.0.1/x")


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="needs bash and curl")
def test_the_examples_of_the_docs_work(address: str, tmp_path: Path) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text("utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    blocks = [block for language, block in found if not language and "curl" in block]
    assert len(blocks) >= 7
    (tmp_path / "heart.png").write_bytes(png_bytes(64, 64))
    for block in blocks:
        script = block.replace("localhost:7860", address.removeprefix("http://"))
        script = script.replace("curl -s", "curl -sSf --noproxy '*'")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{block}\n{done.stderr}"
        assert done.stdout.strip(), block
    assert codec.size((tmp_path / "fox.png").read_bytes()) == (512, 512)


def test_webui_generate_has_pictures_made_elsewhere(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], app: App
) -> None:
    (tmp_path / "heart.png").write_bytes(png_bytes(64, 64))
    flags = ["--server", address, "--root", str(tmp_path), "--steps", "2", "--size", "64x64", "--seed", "7"]
    out = ["--out", str(tmp_path / "made")]
    assert main(["generate", "a fox", *flags, "--count", "2", *out]) == 0
    assert main(["generate", "a fox", *flags, "--init", str(tmp_path / "heart.png"), "--strength", "0.5", *out]) == 0
    source = app.service.jobs()[0].recipe.source
    assert source is not None and source.strength == 0.5
    names = ["00000-7.png", "00001-8.png", "00002-7.png"]
    assert capsys.readouterr().out.split() == [str(tmp_path / "made" / name) for name in names]
    assert codec.describe((tmp_path / "made" / names[1]).read_bytes())["parameters"].startswith("a fox\nSteps: 2,")
    assert main(["generate", "a fox", *flags, "--sampler", "Magic"]) == 1
    assert "no sampler named 'Magic'" in capsys.readouterr().err
    assert main(["generate", "a fox", "--server", "127.0.0.1:9", "--root", str(tmp_path)]) == 1
    assert "No Snowfox answers at http://127.0.0.1:9" in capsys.readouterr().err
