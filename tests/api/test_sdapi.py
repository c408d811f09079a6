"""A1111's API, rule by rule: what it takes, what it answers, and how it says no."""

import base64
import json
import socket
import threading
import time
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from pipelines.recipe import Recipe
from tests.api.test_clients import MASK, PICTURE, picture
from webui.app import App
from webui.store import codec

SMALL: dict[str, Any] = {"prompt": "a fox", "steps": 2, "width": 64, "height": 64}


def make(client: httpx.Client, path: str = "txt2img", **more: Any) -> dict[str, Any]:
    answer = client.post(f"/sdapi/v1/{path}", json={**SMALL, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def made(app: App) -> Recipe:
    """The recipe of the latest job."""
    return app.service.jobs()[0].recipe


def running(app: App) -> str:
    while not app.service.running:
        time.sleep(0.005)
    return app.service.running


def test_what_is_left_out_is_as_a1111_has_it(client: httpx.Client, app: App) -> None:
    assert client.post("/sdapi/v1/txt2img", json={"steps": 1}).status_code == 200
    recipe = made(app)
    assert (recipe.width, recipe.height, recipe.guidance, recipe.sampler) == (512, 512, 7.0, "Euler")
    assert client.post("/sdapi/v1/txt2img", json={"width": 64, "height": 64}).json()["parameters"]["steps"] == 50


def test_info_is_json_as_text_and_pictures_carry_their_parameters(client: httpx.Client) -> None:
    answer = make(client, seed=7, batch_size=2, n_iter=2)
    info = json.loads(answer["info"])
    assert (info["seed"], info["all_seeds"], info["index_of_first_image"]) == (7, [7, 8, 9, 10], 0)
    assert len(info["infotexts"]) == len(answer["images"]) == 4
    texts = [codec.describe(base64.b64decode(image))["parameters"] for image in answer["images"]]
    assert texts == info["infotexts"]
    assert answer["parameters"]["prompt"] == "a fox"


def test_pictures_are_kept_only_when_that_is_asked_for(client: httpx.Client, app: App) -> None:
    make(client, prompt="passing heron")
    assert app.store.list("heron") == ()
    assert list(app.settings.jobs.glob("*.json")) == [] or "heron" not in "".join(
        path.read_text() for path in app.settings.jobs.glob("*.json")
    )
    assert make(client, prompt="lasting heron", save_images=True, send_images=False)["images"] == []
    assert len(app.store.list("heron")) == 1


@pytest.mark.parametrize(
    ("given", "sampler", "schedule"),
    [
        ({"sampler_name": "DPM++ 2M Karras"}, "DPM++ 2M", "Automatic"),
        ({"sampler_name": "Euler a Karras"}, "Euler a", "Karras"),
        ({"sampler_name": "DPM++ 2M SDE Exponential"}, "DPM++ 2M SDE", "Automatic"),
        ({"sampler_name": "euler SGM_Uniform"}, "Euler", "SGM Uniform"),
        ({"sampler_name": "k_euler_a"}, "Euler a", "Automatic"),
        ({"sampler_name": "Euler", "scheduler": "karras"}, "Euler", "Karras"),
        ({"sampler_name": "Euler", "scheduler": "Align Your Steps"}, "Euler", "Align Your Steps"),
        ({"sampler_name": "Euler", "scheduler": "kl_optimal"}, "Euler", "KL Optimal"),
        ({"sampler_name": "Euler", "scheduler": "automatic"}, "Euler", "Automatic"),
        ({"sampler_name": "", "sampler_index": "LMS"}, "LMS", "Automatic"),
        ({"sampler_name": None, "sampler_index": "DPM2 a Karras"}, "DPM2 a", "Automatic"),
    ],
)
def test_samplers_are_found_by_every_name_they_had(
    client: httpx.Client, app: App, given: dict[str, Any], sampler: str, schedule: str
) -> None:
    make(client, **given)
    assert (made(app).sampler, made(app).schedule) == (sampler, schedule)


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("txt2img", {"sampler_name": "Magic"}, 400, "Sampler not found"),
        ("txt2img", {"scheduler": "Magic"}, 400, "Scheduler not found"),
        ("img2img", {}, 404, "Init image not found"),
        ("img2img", {"init_images": ["no picture"]}, 422, "Invalid encoded image"),
        ("img2img", {"init_images": ["https://127.0.0.1/secret.png"]}, 422, "Requests not allowed"),
        ("img2img", {"init_images": [PICTURE], "mask": "%%"}, 422, "Invalid encoded image"),
        ("img2img", {"init_images": [PICTURE], "resize_mode": 9}, 422, "resize_mode"),
        ("txt2img", {"script_name": "x/y/z plot"}, 422, "Script 'x/y/z plot' not found"),
        ("txt2img", {"alwayson_scripts": {"ADetailer": {"args": []}}}, 422, "always on script ADetailer not found"),
        ("txt2img", {"enable_hr": True, "hr_upscaler": "Magic"}, 422, "Magic"),
        ("txt2img", {"width": 1_000_000}, 422, "between 64 and 2048"),
        ("txt2img", {"n_iter": 0}, 422, "1 to 800"),
        ("txt2img", {"refiner_checkpoint": "Magic", "refiner_switch_at": 0.8}, 422, "Magic"),
        ("extra-single-image", {"image": PICTURE, "upscaler_1": "Magic"}, 422, "Magic"),
        ("extra-single-image", {"image": PICTURE, "gfpgan_visibility": 1}, 422, "GFPGAN"),
        ("extra-single-image", {}, 422, "Invalid encoded image"),
        ("png-info", {"image": "data:image/png;base64,AAAA"}, 422, "Invalid encoded image"),
        ("options", {"sd_model_checkpoint": "Magic"}, 422, "model 'Magic' not found"),
        ("options", {"sd_model_checkpoint": "broken"}, 422, "cut short"),
        ("options", {"CLIP_stop_at_last_layers": "many"}, 422, "CLIP_stop_at_last_layers"),
        ("interrogate", {"image": PICTURE}, 501, "not built in"),
    ],
)
def test_errors_have_the_four_keys(
    client: httpx.Client, path: str, body: dict[str, Any], status: int, words: str
) -> None:
    answer = client.post(f"/sdapi/v1/{path}", json=body)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error", "detail", "body", "errors"}
    assert words in answer.json()["detail"] and words in answer.json()["errors"]


def test_a_failed_run_says_why(client: httpx.Client) -> None:
    answer = client.post("/sdapi/v1/txt2img", json={**SMALL, "prompt": "fail: the model is tired"})
    assert answer.status_code == 500
    assert answer.json()["errors"] == "the model is tired Try another prompt."


def test_bodies_that_do_not_fit_and_unknown_paths_are_told_as_fastapi_does(client: httpx.Client) -> None:
    answer = client.post("/sdapi/v1/txt2img", json={"steps": "many"})
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "steps"])
    assert client.get("/sdapi/v1/artists").json() == {"detail": "Not Found"}
    assert client.post("/sdapi/v1/train/embedding", json={}).status_code == 404
    assert client.get("/sdapi/v1/txt2img").status_code == 405


def test_nulls_fractions_empty_lists_and_unknown_fields_are_taken_as_a1111_takes_them(
    client: httpx.Client, app: App
) -> None:
    odd = {"steps": 2.9, "cfg_scale": "5", "seed": 3.0, "styles": None, "alwayson_scripts": [], "override_settings": []}
    make(client, **odd, subseed=None, no_such_field={"a": 1}, script_args=["outpainting mk2"])
    assert (made(app).steps, made(app).guidance, made(app).seed) == (2, 5.0, 3)


def test_fields_reach_the_recipe(client: httpx.Client, app: App) -> None:
    make(
        client,
        enable_hr=True,
        hr_scale=1.5,
        hr_upscaler="R-ESRGAN 4x+",
        hr_second_pass_steps=4,
        hr_sampler_name="DPM++ 2M Karras",
        hr_prompt="closer",
        hr_checkpoint_name="small.safetensors",
        refiner_checkpoint="small",
        refiner_switch_at=0.7,
        tiling=True,
        restore_faces=True,
        subseed=9,
        subseed_strength=0.3,
        seed_resize_from_w=128,
        seed_resize_from_h=64,
        s_churn=1.5,
        s_min_uncond=0.5,
        eta=0.5,
    )
    recipe = made(app)
    assert recipe.hires is not None and recipe.refiner is not None and recipe.finish is not None
    assert (recipe.hires.upscaler, recipe.hires.scale, recipe.hires.steps) == ("R-ESRGAN 4x+", 1.5, 4)
    assert (recipe.hires.sampler, recipe.hires.checkpoint, recipe.hires.prompt) == ("DPM++ 2M", "small", "closer")
    assert recipe.hires.strength == 0.75
    assert (recipe.refiner.checkpoint, recipe.refiner.switch_at) == ("small", 0.7)
    assert (recipe.tiling, recipe.finish.faces, recipe.finish.only) == ("both", "CodeFormer", False)
    sampling = recipe.sampling
    assert (sampling.variation_seed, sampling.variation, sampling.s_churn, sampling.eta) == (9, 0.3, 1.5, 0.5)
    assert (sampling.resize_width, sampling.resize_height, sampling.min_uncond) == (128, 64, 0.5)


def test_the_old_form_of_the_second_pass(client: httpx.Client, app: App) -> None:
    make(client, width=128, height=192, firstphase_width=64, firstphase_height=96, enable_hr=True)
    recipe = made(app)
    assert recipe.hires is not None
    assert (recipe.width, recipe.height, recipe.hires.width, recipe.hires.height) == (64, 96, 128, 192)


def test_a_batch_beyond_the_limit_is_made_in_several(client: httpx.Client) -> None:
    answer = make(client, seed=100, batch_size=12, steps=1)
    assert json.loads(answer["info"])["all_seeds"] == list(range(100, 112))


def test_a_mask_with_transparency_repaints_what_is_opaque(client: httpx.Client, app: App) -> None:
    image = Image.new("RGBA", (64, 64), (9, 9, 9, 0))
    image.paste((9, 9, 9, 255), (0, 0, 32, 64))
    out = BytesIO()
    image.save(out, "PNG")
    make(client, "img2img", init_images=[PICTURE], mask=base64.b64encode(out.getvalue()).decode())
    source = made(app).source
    assert source is not None and source.mask is not None
    assert (source.mask.area, source.mask.padding, source.mask.fill) == ("masked", 0, "blurred")
    stored = app.store.get(source.mask.image)
    assert (stored.mode, stored.pixels[0], stored.pixels[63]) == ("L", 255, 0)


def test_several_pictures_to_start_from_make_one_picture_each(client: httpx.Client, app: App) -> None:
    answer = make(client, "img2img", init_images=[PICTURE, MASK], seed=5, n_iter=2, include_init_images=True)
    assert json.loads(answer["info"])["all_seeds"] == [5, 6, 7, 8]
    assert answer["parameters"]["init_images"] == [PICTURE, MASK]


def test_options_come_back_whole_and_say_what_was_set(client: httpx.Client, app: App) -> None:
    before = client.get("/sdapi/v1/options").json()
    for name in ("plain.safetensors [ababababab]", "plain.safetensors", "PLAIN", "ababababab", "ab" * 32):
        answer = client.post("/sdapi/v1/options", json={"sd_model_checkpoint": name})
        assert (answer.status_code, answer.json()) == (200, None)
    assert client.post("/sdapi/v1/options", json=before).json() is None
    assert client.get("/sdapi/v1/options").json() == before
    odd = {"CLIP_stop_at_last_layers": 2.0, "samples_format": "jpg", "no_such_option": 1, "host": "0.0.0.0"}
    assert client.post("/sdapi/v1/options", json={**odd, "sd_checkpoint_hash": "x"}).status_code == 200
    now = client.get("/sdapi/v1/options").json()
    assert {name: now[name] for name in now if now[name] != before[name]} == {
        "CLIP_stop_at_last_layers": 2,
        "samples_format": "jpg",
    }
    image = base64.b64decode(make(client)["images"][0])
    assert image[:3] == b"\xff\xd8\xff"
    assert codec.describe(image)["parameters"].startswith("a fox\nSteps: 2")
    assert made(app).clip_skip == 2
    assert app.settings.host == "127.0.0.1"
    client.post("/sdapi/v1/options", json=before)
    assert client.get("/sdapi/v1/options").json() == before


def test_overrides_are_for_one_request_unless_asked_otherwise(client: httpx.Client, app: App) -> None:
    before = client.get("/sdapi/v1/options").json()
    over = {"sd_model_checkpoint": "small", "sd_vae": "soft.safetensors", "CLIP_stop_at_last_layers": 3, "unknown": 1}
    make(client, override_settings=over)
    assert (made(app).checkpoint, made(app).vae, made(app).clip_skip) == ("small", "soft", 3)
    assert client.get("/sdapi/v1/options").json() == before
    make(client, override_settings={"sd_model_checkpoint": "not here"})  # dropped without a word
    assert made(app).checkpoint == "plain"
    make(client, override_settings={"CLIP_stop_at_last_layers": 3}, override_settings_restore_afterwards=False)
    assert client.get("/sdapi/v1/options").json()["CLIP_stop_at_last_layers"] == 3
    client.post("/sdapi/v1/options", json=before)


def test_an_infotext_fills_in_what_the_request_leaves_open(client: httpx.Client, app: App) -> None:
    text = (
        "a heron\nNegative prompt: fog\nSteps: 9, Sampler: Euler a, CFG scale: 3, Seed: 12, Size: 64x80, Clip skip: 2"
    )
    client.post("/sdapi/v1/txt2img", json={"infotext": text, "steps": 1, "negative_prompt": "rain"})
    recipe = made(app)
    assert (recipe.prompt, recipe.negative, recipe.steps, recipe.guidance) == ("a heron", "rain", 1, 3.0)
    assert (recipe.seed, recipe.width, recipe.height, recipe.clip_skip) == (12, 64, 80, 2)


def test_styles_come_from_styles_csv(client: httpx.Client, app: App) -> None:
    file = app.settings.root / "styles.csv"
    file.write_text('name,prompt,negative_prompt\nink,"ink of {prompt}",blurry\nvast,vast,\n', "utf-8")
    assert [style["name"] for style in client.get("/sdapi/v1/prompt-styles").json()] == ["ink", "vast"]
    make(client, styles=["ink", "vast", "unknown"], negative_prompt="dog")
    assert (made(app).prompt, made(app).negative) == ("ink of a fox, vast", "dog, blurry")
    file.unlink()


def test_progress_is_told_while_a_picture_is_made(client: httpx.Client, app: App) -> None:
    with httpx.Client(base_url=client.base_url, timeout=30, trust_env=False) as other:
        thread = threading.Thread(target=make, args=(other,), kwargs={"steps": 100, "force_task_id": "task(1)"})
        thread.start()
        job = running(app)
        while not (told := client.get("/sdapi/v1/progress").json())["state"]["sampling_step"]:
            time.sleep(0.01)
        assert 0 < told["progress"] < 1
        assert (told["state"]["job_count"], told["state"]["sampling_steps"], told["current_task"]) == (1, 100, job)
        assert picture(told["current_image"]).size == (16, 16)
        assert client.get("/sdapi/v1/progress?skip_current_image=true").json()["current_image"] is None
        inner = client.post("/internal/progress", json={"id_task": "task(1)"}).json()
        assert (inner["active"], inner["completed"]) == (True, False)
        assert inner["live_preview"].startswith("data:image/png;base64,")
        assert client.get("/internal/pending-tasks").json() == {"size": 1, "tasks": ["task(1)"]}
        assert client.post("/sdapi/v1/interrupt").json() == {}
        thread.join(10)
    assert client.post("/internal/progress", json={"id_task": "task(1)"}).json()["completed"] is True
    idle = client.get("/sdapi/v1/progress").json()
    assert (idle["progress"], idle["state"]["job_count"], idle["current_image"]) == (0, 0, None)
    assert client.get("/internal/ping").json() == {}
    assert isinstance(client.get("/app_id").json()["app_id"], int)


def test_an_interrupted_request_answers_with_what_there_is(client: httpx.Client, app: App) -> None:
    answers: list[dict[str, Any]] = []
    with httpx.Client(base_url=client.base_url, timeout=30, trust_env=False) as other:
        thread = threading.Thread(target=lambda: answers.append(make(other, steps=100)))
        thread.start()
        while app.service.preview(running(app)) is None:
            time.sleep(0.005)
        client.post("/sdapi/v1/interrupt")
        thread.join(10)
    assert [picture(image).size for image in answers[0]["images"]] == [(16, 16)]
    assert json.loads(answers[0]["info"])["infotexts"] == []


def test_skip_leaves_out_one_picture_and_goes_on(client: httpx.Client, app: App) -> None:
    answers: list[dict[str, Any]] = []
    with httpx.Client(base_url=client.base_url, timeout=30, trust_env=False) as other:
        thread = threading.Thread(target=lambda: answers.append(make(other, steps=40, n_iter=3, seed=1)))
        thread.start()
        job = running(app)
        while (now := app.service.job(job)) is None or now.picture < 1 or now.step < 2:
            time.sleep(0.005)
        assert client.post("/sdapi/v1/skip").json() is None
        thread.join(20)
    assert json.loads(answers[0]["info"])["all_seeds"] == [1, 3]


def test_whoever_hangs_up_does_not_keep_the_machine_busy(address: str, app: App) -> None:
    host, port = address.removeprefix("http://").split(":")
    body = json.dumps({**SMALL, "steps": 150, "prompt": "nobody waits"}).encode()
    head = f"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection((host, int(port)), 10) as plain:
        plain.sendall(head + body)
        job = running(app)
    *_, last = app.service.watch(job)
    assert (last.recipe.prompt, last.state) == ("nobody waits", "cancelled")


def test_controlnet_units_reach_the_recipe_in_every_spelling(client: httpx.Client, app: App) -> None:
    units: list[Any] = [
        {"enabled": True, "image": PICTURE, "model": "canny-sd15", "control_mode": 2, "resize_mode": 0},
        {"input_image": PICTURE, "model": "CANNY-SD15 [abcdef01]", "guidance": 0.5, "resize_mode": "Resize and Fill"},
        {"image": {"image": PICTURE, "mask": MASK}, "model": "canny-sd15", "module": "canny", "threshold_a": 50},
        {"enabled": False, "image": "nonsense"},
    ]
    make(client, alwayson_scripts={"ControlNet": {"args": units}})
    first, second, third = made(app).controls
    assert (first.mode, first.resize, first.end, first.low) == ("control", "stretch", 1.0, 100.0)
    assert (second.model, second.end, second.resize, second.mode) == ("canny-sd15", 0.5, "fill", "balanced")
    assert (third.preprocessor, third.low) == ("canny", 50.0)
    wrong = {"alwayson_scripts": {"controlnet": {"args": [{"image": PICTURE, "model": "depth"}]}}}
    answer = client.post("/sdapi/v1/txt2img", json={**SMALL, **wrong})
    assert (answer.status_code, answer.json()["detail"]) == (422, "model not found: depth")
