"""Clients of A1111's API, unmodified: webuiapi itself, and what others send, asserted as they read the answers."""

import base64
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import webuiapi
from PIL import Image

from tests.conftest import png_bytes
from webui.api.sdapi.controlnet import MODULES
from webui.app import App

PICTURE = base64.b64encode(png_bytes(64, 64)).decode()
MASK = base64.b64encode(png_bytes(64, 64, (255,), "L")).decode()


def body(client: str) -> dict[str, Any]:
    """What that client sends to txt2img or img2img, written down from its source."""
    text = (Path(__file__).parent / "clients" / f"{client}.json").read_text("utf-8")
    return json.loads(text.replace("$PICTURE", PICTURE).replace("$MASK", MASK))


def picture(text: str) -> Image.Image:
    return Image.open(BytesIO(base64.b64decode(text, validate=True)))


@pytest.fixture
def api(address: str, client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[webuiapi.WebUIApi]:
    monkeypatch.setenv("NO_PROXY", "*")
    made = webuiapi.WebUIApi(host="127.0.0.1", port=int(address.rpartition(":")[2]), sampler="Euler a", steps=3)
    yield made
    made.session.close()
    client.post("/sdapi/v1/options", json={"sd_model_checkpoint": "plain"})


def test_webuiapi_makes_a_picture_and_reads_what_it_says(api: webuiapi.WebUIApi) -> None:
    made = api.txt2img(prompt="a fox", negative_prompt="dog", seed=5, width=80, height=64)
    assert made.image.size == (80, 64)
    assert made.info["all_seeds"] == [5]
    assert made.info["infotexts"][0].startswith("a fox\nNegative prompt: dog\nSteps: 3, Sampler: Euler a,")
    assert made.parameters["prompt"] == "a fox"
    said = api.png_info(made.image)
    assert said.info == made.info["infotexts"][0]


def test_webuiapi_inpaints(api: webuiapi.WebUIApi, app: App) -> None:
    image, mask = Image.new("RGB", (64, 64), (200, 0, 0)), Image.new("L", (64, 64), 255)
    made = api.img2img(images=[image], mask_image=mask, prompt="x", width=64, height=64, inpainting_fill=1)
    recipe = app.service.jobs()[0].recipe
    assert recipe.task == "inpaint"
    assert recipe.source is not None and recipe.source.mask is not None
    assert (recipe.source.mask.fill, recipe.source.mask.area) == ("original", "masked")
    assert made.image.size == (64, 64)


def test_webuiapi_makes_pictures_larger(api: webuiapi.WebUIApi) -> None:
    image = Image.new("RGB", (20, 10), (1, 2, 3))
    one = api.extra_single_image(image, upscaler_1="R-ESRGAN 4x+", upscaling_resize=2)
    assert (one.image.size, one.image.getpixel((0, 0))) == ((40, 20), (1, 2, 3))
    two = api.extra_batch_images(
        [image, image.resize((10, 10))],
        resize_mode=1,
        upscaler_1="Lanczos",
        upscaling_resize_w=30,
        upscaling_resize_h=30,
    )
    assert [made.size for made in two.images] == [(30, 30), (30, 30)]


def test_webuiapi_changes_the_model_and_waits_until_it_is_there(
    api: webuiapi.WebUIApi, app: App, capsys: pytest.CaptureFixture[str]
) -> None:
    api.util_set_model("small")
    api.util_wait_for_ready(check_interval=0.01)
    assert api.util_get_current_model() == "small.safetensors"
    api.txt2img(prompt="x", width=64, height=64)
    assert app.service.jobs()[0].recipe.checkpoint == "small"
    assert "model changed" in capsys.readouterr().out


def test_webuiapi_reads_every_list(api: webuiapi.WebUIApi) -> None:
    assert api.util_get_model_names() == ["plain.safetensors [ababababab]", "small.safetensors"]
    assert {"DPM++ 2M", "Euler a", "DPM adaptive", "UniPC", "LCM"} <= set(api.util_get_sampler_names())
    assert {"automatic", "karras", "sgm_uniform", "align_your_steps"} <= set(api.util_get_scheduler_names())
    assert [entry["name"] for entry in api.get_upscalers()] == ["None", "Lanczos", "Nearest", "R-ESRGAN 4x+"]
    assert api.get_latent_upscale_modes()[0]["name"] == "Latent"
    assert [entry["name"] for entry in api.get_loras()] == ["ink/sketch"]
    assert [entry["model_name"] for entry in api.get_sd_vae()] == ["soft"]
    assert [entry["name"] for entry in api.get_face_restorers()] == ["CodeFormer"]
    assert list(api.get_embeddings()["loaded"]) == ["easynegative"]
    assert list(api.get_embeddings()["skipped"]) == ["torn"]
    assert api.get_hypernetworks() == []
    assert api.get_prompt_styles() == []
    assert api.get_scripts() == {"txt2img": ["controlnet"], "img2img": ["controlnet"]}
    assert api.get_memory()["ram"]["total"] > 2**20
    assert api.get_cmd_flags()["api"] is True
    assert api.controlnet_model_list() == ["canny-sd15 [abcdef01]"]
    assert (api.controlnet_version(), api.controlnet_module_list()) == (3, MODULES)
    assert api.refresh_checkpoints() is None
    assert (api.interrupt(), api.skip()) == ({}, None)
    assert api.get_progress()["state"]["job_count"] == 0


def test_open_webui_sends_all_options_back_and_takes_two_pictures(client: httpx.Client) -> None:
    empty = {"authorization": ""}
    titles = {model["title"] for model in client.get("/sdapi/v1/sd-models", headers=empty).json()}
    options = client.get("/sdapi/v1/options", headers=empty).json()
    assert options["sd_model_checkpoint"] in titles
    sent = client.post("/sdapi/v1/options", json={**options, "sd_model_checkpoint": "small.safetensors"}, headers=empty)
    assert (sent.status_code, sent.json()) == (200, None)
    made = client.post("/sdapi/v1/txt2img", json=body("open-webui"), headers=empty).json()
    assert [picture(image).size for image in made["images"]] == [(64, 64), (64, 64)]
    assert json.loads(made["info"])["sd_model_name"] == "small"
    assert client.post("/sdapi/v1/options", json=options).status_code == 200
    assert client.get("/sdapi/v1/options").json() == options


def test_sillytavern_pings_lists_and_keeps_its_pictures(client: httpx.Client, app: App) -> None:
    assert client.get("/sdapi/v1/options").status_code == 200
    upscalers = [entry["name"] for entry in client.get("/sdapi/v1/upscalers").json()]
    modes = [entry["name"] for entry in client.get("/sdapi/v1/latent-upscale-modes").json()]
    upscalers[1:1] = modes
    assert upscalers[:2] == ["None", "Latent"]
    for path, key in (("samplers", "name"), ("schedulers", "name"), ("sd-vae", "model_name"), ("sd-models", "title")):
        assert all(entry[key] for entry in client.get(f"/sdapi/v1/{path}").json())
    made = client.post("/sdapi/v1/txt2img", json=body("sillytavern")).json()
    assert picture(made["images"][0]).size == (128, 128)
    recipe = app.service.jobs()[0].recipe
    assert (recipe.clip_skip, recipe.seed, recipe.schedule) == (2, 77, "Karras")
    assert recipe.hires is not None and (recipe.hires.strength, recipe.hires.upscaler) == (0.7, "Latent")
    assert app.store.list("fox", None, 1)[0].seed == 77  # save_images: it is in the gallery
    assert client.post("/sdapi/v1/interrupt").json() == {}
    progress = client.get("/sdapi/v1/progress").json()
    assert (progress["progress"], progress["state"]["job_count"]) == (0, 0)


def test_dify_names_no_content_type(client: httpx.Client, app: App) -> None:
    models = [model["model_name"] for model in client.get("/sdapi/v1/sd-models").json()]
    assert client.post("/sdapi/v1/options", content=json.dumps({"sd_model_checkpoint": models[0]})).status_code == 200
    made = client.post("/sdapi/v1/txt2img", content=json.dumps(body("dify")))
    assert made.status_code == 200, made.text
    assert picture(made.json()["images"][0]).size == (64, 64)
    recipe = app.service.jobs()[0].recipe
    assert (recipe.sampler, recipe.schedule, recipe.refiner) == ("DPM++ SDE", "Automatic", None)
    assert recipe.sampling.s_noise == 0


def test_librechat_reads_the_parameters_text(client: httpx.Client) -> None:
    made = client.post("/sdapi/v1/txt2img", json={**body("librechat"), "steps": 2}).json()
    text = json.loads(made["info"])["infotexts"][0]
    assert text.startswith("a fox in the snow, detailed\nNegative prompt: blurry\nSteps: 2, Sampler: Euler,")
    assert picture(made["images"][0]).size == (1024, 1024)


def test_text_generation_webui_unloads_the_model_and_sends_numbers_as_text(client: httpx.Client) -> None:
    assert client.post("/sdapi/v1/unload-checkpoint", json="").json() == {}
    assert client.post("/sdapi/v1/reload-checkpoint", json="").json() == {}
    made = client.post("/sdapi/v1/txt2img", json=body("text-generation-webui")).json()
    assert picture(made["images"][0]).size == (96, 96)


def test_swarmui_cuts_titles_and_asks_for_null(client: httpx.Client, app: App) -> None:
    title = client.get("/sdapi/v1/sd-models").json()[0]["title"].partition(" [")[0]
    assert client.post("/sdapi/v1/options", json={"sd_model_checkpoint": title}).text == "null"
    made = client.post("/sdapi/v1/img2img", json=body("swarmui")).json()
    assert picture(made["images"][0]).size == (64, 64)
    recipe = app.service.jobs()[0].recipe
    assert (recipe.sampling.variation_seed, recipe.sampling.variation) == (7, 0.25)
    assert recipe.source is not None and recipe.source.strength == 0.6


def test_ai_render_sends_a_controlnet_unit_without_saying_that_it_is_on(client: httpx.Client, app: App) -> None:
    made = client.post("/sdapi/v1/img2img", json=body("ai-render")).json()
    assert picture(made["images"][0]).size == (64, 64)
    recipe = app.service.jobs()[0].recipe
    assert recipe.source is not None
    assert [(unit.model, unit.weight, unit.image) for unit in recipe.controls] == [
        ("canny-sd15", 0.9, recipe.source.image)
    ]
    assert client.get("/sdapi/v1/nothing").json()["detail"] == "Not Found"


def test_openoutpaint_reads_all_seeds(client: httpx.Client, app: App) -> None:
    made = client.post("/sdapi/v1/img2img", json=body("openoutpaint")).json()
    seeds = json.loads(made["info"])["all_seeds"]
    assert (len(made["images"]), len(set(seeds))) == (4, 4)
    assert (made["parameters"]["init_images"], made["parameters"]["mask"]) == (None, None)
    recipe = app.service.jobs()[0].recipe
    assert recipe.source is not None and recipe.source.mask is not None
    assert (recipe.source.mask.invert, recipe.source.mask.fill, recipe.source.mask.area) == (True, "noise", "whole")
