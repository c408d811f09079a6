"""The whole program with the model that ships: real page, real engine, real pictures, in each of the three tabs."""

import re
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Complaints

CHECKOUT = Path(__file__).resolve().parents[2]
KIT = CHECKOUT / "models" / "checkpoints" / "kit.safetensors"
PATIENCE = 120_000
"""Milliseconds; the engine starts beside the first test."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("root")
    (root / "models" / "checkpoints").mkdir(parents=True)
    (root / "models" / "checkpoints" / KIT.name).symlink_to(KIT)
    command = [sys.executable, "-m", "webui", "--root", str(root), "--no-browser", "--port", "0"]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as out:
        yield next(line for line in out if line.startswith("Running on ")).split()[-1]
        process.terminate()
        process.wait(30)


@pytest.fixture
def open_page(browser: Browser, address: str, complaints: Complaints) -> Iterator[Page]:
    """With motion, as most people have it: a preview at every step."""
    complaints.expect("/preview?v=")  # a preview may be gone by the time it is asked for
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    complaints.watch(page)
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    expect(page.get_by_label("Model", exact=True)).to_have_value("kit", timeout=PATIENCE)
    yield page
    context.close()


def generate(page: Page, tab: str, prompt: str, seed: int) -> Image.Image:
    """Type, press Generate, see previews come, and fetch the picture that is shown at the end."""
    page.locator(f"#{tab}_prompt textarea").fill(prompt)
    page.locator(f"#{tab}_steps input[type=number]").fill("40")
    page.locator(f"#{tab}_seed input").fill(str(seed))
    page.locator(f"#{tab}_seed input").blur()
    page.evaluate(
        """tab => {
            const pic = document.querySelector(`#${tab}_stage .sf-pic`);
            window.previews = new Set();
            new MutationObserver(() => pic.src.includes('/preview') && window.previews.add(pic.src))
                .observe(pic, {attributes: true, attributeFilter: ['src']});
        }""",
        tab,
    )
    page.locator(f"#{tab}_generate").click()
    expect(page.locator(f"#html_info_{tab} .sf-info-prompt")).to_have_text(prompt, timeout=PATIENCE)
    expect(page.locator(f"#{tab}_progress")).to_contain_text("1 picture in", timeout=PATIENCE)
    assert page.evaluate("window.previews.size") >= 1
    return shown(page, page.locator(f"#{tab}_stage .sf-pic"))


def shown(page: Page, pic: Locator) -> Image.Image:
    expect(pic).to_have_attribute("src", re.compile(r"api/v1/images/[0-9a-f]{32}$"))
    source = pic.evaluate("pic => pic.src")
    return Image.open(BytesIO(httpx.get(source, trust_env=False).content)).convert("RGB")


def pixels(image: Image.Image) -> NDArray[np.int16]:
    return np.asarray(image).astype(np.int16)


def hue_share(image: Image.Image, low: int, high: int) -> float:
    """Of the pixels that have a colour, the share whose hue lies between two angles (0 .. 360, may wrap)."""
    hue, saturation, value = (np.asarray(band).astype(float) for band in image.convert("HSV").split())
    coloured = (saturation > 90) & (value > 60)
    assert coloured.mean() > 0.05, "the picture has hardly any colour"
    angle = hue[coloured] * 360 / 255
    inside = (angle >= low) & (angle <= high) if low <= high else (angle >= low) | (angle <= high)
    return float(inside.mean())


def test_text_to_image_draws_what_the_prompt_says(open_page: Page) -> None:
    heart = generate(open_page, "txt2img", "a red heart", 1)
    assert heart.size == (128, 128)
    assert hue_share(heart, 335, 20) > 0.7


def test_a_picture_sent_to_img2img_is_changed_as_the_prompt_says(open_page: Page) -> None:
    heart = generate(open_page, "txt2img", "a red heart", 2)
    open_page.locator("#txt2img_send_to_img2img").click()
    expect(open_page.locator("#tab_img2img-button")).to_have_attribute("aria-selected", "true")
    expect(open_page.locator("#img2img_image .sf-well canvas, #img2img_image .sf-well img").first).to_be_visible()
    blue = generate(open_page, "img2img", "a blue heart", 3)
    assert hue_share(blue, 190, 260) > 0.5
    assert np.abs(pixels(blue) - pixels(heart)).mean() > 5


def test_inpainting_changes_what_is_painted_and_nothing_else(open_page: Page) -> None:
    heart = generate(open_page, "txt2img", "a red heart", 4)
    open_page.locator("#txt2img_send_to_inpaint").click()
    canvas = open_page.locator("#inpaint_canvas canvas").first
    expect(canvas).to_be_visible()
    box = canvas.bounding_box()
    assert box is not None
    mouse = open_page.mouse
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for row in (-40, 0, 40):  # a patch in the middle of the picture
        mouse.move(x - 80, y + row)
        mouse.down()
        mouse.move(x + 80, y + row, steps=8)
        mouse.up()
    changed = pixels(generate(open_page, "inpaint", "a blue heart", 5))
    difference = np.abs(changed - pixels(heart)).max(axis=2)
    assert (difference == 0).mean() > 0.3  # far from the brush every pixel is the same, bit for bit
    assert difference.max() > 40
    assert (difference[:8] == 0).all() and (difference[-8:] == 0).all()
