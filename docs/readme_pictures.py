"""Takes the README's pictures: the program as it is, with the model that ships. `python docs/readme_pictures.py`

Writes docs/pictures/{wide-dark,inpaint,gallery,phone}.png and docs/pictures/kit.webp.
"""

import shutil
import tempfile
from pathlib import Path

import kit_sheet
from playwright.sync_api import Browser, Page, expect, sync_playwright
from screenshots import BROWSERS, CHECKOUT, FLAGS, Camera, program

KIT = CHECKOUT / "models" / "checkpoints" / "kit.safetensors"
OUT = CHECKOUT / "docs" / "pictures"
PROMPTS = (
    "a pizza",
    "a cat",
    "a green frog",
    "a red apple",
    "a rocket",
    "a panda",
    "a blue heart",
    "a fox on a blue background",
    "a red heart",
    "a fox",
)


def visit(browser: Browser, url: str, width: int, height: int, theme: str) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
        device_scale_factor=2 if width < 500 else 1,
        has_touch=width < 500,
        is_mobile=width < 500,
    )
    page = context.new_page()
    page.goto(url)
    expect(page.get_by_label("Model", exact=True)).to_have_value("kit", timeout=120_000)
    return page


def make(page: Page, prompt: str, seed: int, count: int = 1) -> None:
    page.locator("#txt2img_prompt textarea").fill(prompt)
    page.locator("#txt2img_batch_count input[type=number]").fill(str(count))
    page.locator("#txt2img_seed input").fill(str(seed))
    page.locator("#txt2img_seed input").blur()
    page.locator("#txt2img_generate").click()
    expect(page.locator("#html_info_txt2img .sf-info-prompt")).to_have_text(prompt, timeout=120_000)
    words = "1 picture in" if count == 1 else f"{count} pictures in"
    expect(page.locator("#txt2img_progress")).to_contain_text(words, timeout=120_000)


def paint(page: Page) -> None:
    """A stroke over the middle of the picture."""
    box = page.locator("#inpaint_canvas canvas").first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 70, y + 10)
    page.mouse.down()
    page.mouse.move(x, y - 40, steps=6)
    page.mouse.move(x + 70, y + 20, steps=6)
    page.mouse.up()


def take(browser: Browser, url: str) -> None:
    page = visit(browser, url, 1440, 900, "dark")
    camera = Camera(page, OUT, "")
    for seed, prompt in enumerate(PROMPTS[:-1]):
        make(page, prompt, seed)
    make(page, PROMPTS[-1], 20, count=4)
    page.wait_for_timeout(2000)  # the last preview gives way to the picture
    page.screenshot(path=OUT / "wide-dark.png")
    page.locator("#txt2img_send_to_inpaint").click()
    expect(page.locator("#tab_inpaint .sf-well")).to_have_attribute("data-state", "open")
    page.locator("#img2img_prompt textarea, #inpaint_prompt textarea").last.fill("a fox with sunglasses")
    paint(page)
    page.wait_for_timeout(700)
    page.screenshot(path=OUT / "inpaint.png")
    camera.tab("gallery")
    page.wait_for_timeout(900)
    page.screenshot(path=OUT / "gallery.png")
    page.context.close()
    phone = visit(browser, url, 390, 844, "light")
    make(phone, "a red heart", 4)
    phone.evaluate("scrollTo(0, 0)")
    phone.wait_for_timeout(2000)
    phone.screenshot(path=OUT / "phone.png")
    phone.context.close()


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise SystemExit("Chromium is not installed.")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        checkpoints = Path(folder) / "models" / "checkpoints"
        checkpoints.mkdir(parents=True)
        shutil.copy(KIT, checkpoints)
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        with program(Path(folder), "process") as url:
            take(browser, url)
        browser.close()
    kit_sheet.draw(OUT / "kit.webp")


if __name__ == "__main__":
    main()
