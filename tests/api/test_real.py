"""A1111's API over the real engine and the model that ships."""

import base64
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.browser.site import running
from webui.settings import Settings

KIT = Path(__file__).resolve().parents[2] / "models" / "checkpoints" / "kit.safetensors"
SMALL: dict[str, Any] = {
    "prompt": "a fox",
    "steps": 4,
    "width": 128,
    "height": 128,
    "sampler_name": "Euler a",
    "seed": 7,
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    root = tmp_path_factory.mktemp("real")
    (root / "models" / "checkpoints").mkdir(parents=True)
    (root / "models" / "checkpoints" / KIT.name).symlink_to(KIT)
    settings = Settings(root=root, device="cpu", dtype="float32")
    with (
        running(root, None, settings=settings) as site,
        httpx.Client(base_url=f"{site.url}/sdapi/v1", timeout=300, trust_env=False) as made,
    ):
        yield made


def pictures(answer: httpx.Response) -> list[Image.Image]:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return [Image.open(BytesIO(base64.b64decode(data))) for data in body.get("images", [body.get("image")])]


def text(image: Image.Image) -> str:
    out = BytesIO()
    image.save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def test_pictures_are_made_repainted_enlarged_and_made_again(client: httpx.Client) -> None:
    answer = client.post("/txt2img", json={**SMALL, "batch_size": 2})
    first, second = pictures(answer)
    info = json.loads(answer.json()["info"])
    assert (first.size, info["all_seeds"], info["sd_model_name"]) == ((128, 128), [7, 8], "kit")
    assert first.tobytes() != second.tobytes()

    assert client.post("/unload-checkpoint", json={}).json() == {}
    again = pictures(client.post("/txt2img", json={"infotext": info["infotexts"][0]}))[0]
    assert again.tobytes() == first.tobytes()

    mask = Image.new("L", (128, 128))
    mask.paste(255, (0, 0, 64, 128))
    order = {**SMALL, "init_images": [text(first)], "mask": text(mask), "inpainting_fill": 1, "mask_blur": 0}
    painted = pictures(client.post("/img2img", json={**order, "inpaint_full_res": False, "seed": 9}))[0]
    right = (72, 0, 128, 128)
    assert painted.crop(right).tobytes() == first.crop(right).tobytes()
    assert painted.crop((0, 0, 56, 128)).tobytes() != first.crop((0, 0, 56, 128)).tobytes()

    large = pictures(client.post("/extra-single-image", json={"image": text(first), "upscaler_1": "Lanczos"}))[0]
    assert large.size == (256, 256)


def test_the_second_pass_makes_it_larger(client: httpx.Client) -> None:
    order = {**SMALL, "enable_hr": True, "hr_scale": 1.5, "hr_upscaler": "Latent", "denoising_strength": 0.6}
    assert pictures(client.post("/txt2img", json=order))[0].size == (192, 192)
