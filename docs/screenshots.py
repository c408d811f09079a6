"""Takes a picture of every tab and state of the page, as a visitor sees it.

    python docs/screenshots.py OUT [--root DIR] [--engine process|fake] [--only txt2img-dark-1440]

Starts the program on a free port with the given root and engine, drives it in headless Chromium at three widths,
dark and light, and writes OUT/STATE-THEME-WIDTH.png.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
SIZES = {1440: 900, 1024: 768, 390: 844}
THEMES = ("dark", "light")
TABS = ("img2img", "inpaint", "gallery", "models", "extensions", "settings")
PROMPT = "a fox in the snow"
CHECKOUT = Path(__file__).resolve().parent.parent


@contextmanager
def program(root: Path | None, engine: str) -> Iterator[str]:
    """Runs the program until the block ends; gives its address."""
    command = [sys.executable, "-m", "webui", "--engine", engine, "--port", "0", "--no-browser"]
    command += ["--root", str(root)] if root else []
    with subprocess.Popen(
        command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as process:
        assert process.stdout is not None
        try:
            found = next(filter(None, (re.search(r"Running on (http\S+)", line) for line in process.stdout)), None)
            if found is None:
                raise SystemExit("The program did not start.")
            yield found[1]
        finally:
            process.terminate()
            process.communicate()  # its last words


class Camera:
    """One window of one width and theme."""

    def __init__(self, page: Page, out: Path, name: str) -> None:
        self.page = page
        self.out = out
        self.name = name

    def shoot(self, state: str) -> None:
        self.page.wait_for_timeout(400)
        self.page.evaluate("scrollTo(0, 0)")
        self.page.screenshot(path=self.out / f"{state}-{self.name}.png")

    def tab(self, name: str) -> None:
        self.page.locator(f"#tab_{name}-button").click()

    def ask(self, prompt: str, count: int, steps: int) -> None:
        self.page.locator("#txt2img_batch_count input[type=number]").fill(str(count))
        self.page.locator("#txt2img_steps input[type=number]").fill(str(steps))
        self.page.locator("#txt2img_prompt textarea").fill(prompt)
        self.page.locator("#txt2img_neg_prompt textarea").fill("blurry, text")
        self.page.locator("#txt2img_generate").click()

    def told(self, words: str) -> None:
        """Wait until the progress line says so."""
        expect(self.page.locator("#txt2img_progress")).to_contain_text(words, timeout=120_000)


def making(camera: Camera) -> None:
    """txt2img: nothing yet, running, with the queue open, stopping, done, failed."""
    page = camera.page
    camera.shoot("idle")
    camera.ask(PROMPT, 4, 60)
    camera.told("Picture 2 of 4")
    camera.shoot("running")
    camera.ask("a lighthouse in the fog", 1, 20)
    opener = page.locator("[data-do=queue]")
    opener.click()
    camera.shoot("queue")
    opener.click()
    page.locator("#txt2img_interrupt").click()
    camera.shoot("stopping")
    camera.told("1 picture in")
    camera.ask(PROMPT, 4, 20)
    camera.told("4 pictures in")
    camera.shoot("done")


def failing(camera: Camera) -> None:
    """A failed run; only the fake engine fails on demand."""
    camera.ask("fail: The graphics card ran out of memory.", 2, 4)
    expect(camera.page.locator("#txt2img_stage .sf-error")).to_be_visible(timeout=60_000)
    camera.shoot("failed")


def looking(camera: Camera) -> None:
    """The other tabs, with a picture in the wells; the full view; a message with Undo."""
    page = camera.page
    for target in ("img2img", "inpaint"):
        camera.tab("txt2img")
        page.locator("#txt2img_strip .sf-thumb[aria-pressed]").last.click()
        page.locator(f"#txt2img_send_to_{target}").click()
        expect(page.locator(f"#tab_{target} .sf-well")).to_have_attribute("data-state", "open")
        camera.shoot(target)
    for name in TABS[2:]:
        camera.tab(name)
        camera.shoot(name)
    camera.tab("txt2img")
    page.locator("#txt2img_stage [data-do=zoom]").click()
    camera.shoot("full")
    page.keyboard.press("Escape")
    page.locator("#txt2img_delete").click()
    camera.shoot("deleted")
    page.get_by_role("button", name="Undo").click()


def painting(camera: Camera) -> None:
    """Inpaint at work: a mask, colours, a frame to extend the picture to, soft inpainting."""
    page = camera.page
    camera.tab("txt2img")
    page.locator("#txt2img_strip .sf-thumb[aria-pressed]").last.click()
    page.locator("#txt2img_send_to_inpaint").click()
    well = page.locator("#inpaint_canvas .sf-well")
    expect(well).to_have_attribute("data-state", "open")
    surface = well.locator("canvas.sf-well-mask")

    def draw(*points: tuple[float, float]) -> None:
        box = surface.bounding_box()
        assert box is not None
        for number, (x, y) in enumerate(points):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=5)
            if number == 0:
                page.mouse.down()
        page.mouse.up()

    draw((0.3, 0.55), (0.5, 0.45), (0.7, 0.55))
    well.get_by_role("button", name="Grow, shrink, feather").click()
    camera.shoot("inpaint-mask")
    well.get_by_role("button", name="Grow, shrink, feather").click()
    well.get_by_role("button", name="Colour", exact=True).click()
    well.get_by_label("Colour of the brush").fill("#2f6fe0")
    draw((0.25, 0.2), (0.6, 0.12))
    camera.shoot("inpaint-colour")
    well.get_by_role("button", name="Extend the picture (O)").click()
    well.get_by_role("button", name="Extend to the right").click()
    well.get_by_role("button", name="Extend to the bottom").click()
    camera.shoot("inpaint-extend")
    camera.tab("txt2img")


def shots(browser: Browser, url: str, out: Path, only: str, fake: bool) -> None:
    for theme in THEMES:
        for width, height in SIZES.items():
            name = f"{theme}-{width}"
            if only and only != name:
                continue
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if theme == "dark" else "light",
                reduced_motion="reduce",
                has_touch=width < 500,
            )
            page = context.new_page()
            page.goto(url)
            expect(page.get_by_label("Model", exact=True)).not_to_have_value("", timeout=120_000)
            steps: list[Callable[[Camera], None]] = [making, looking, painting, *([failing] if fake else [])]
            camera = Camera(page, out, name)
            for step in steps:
                step(camera)
            context.close()


def first_run(browser: Browser, out: Path, only: str) -> None:
    """The page of an installation without a model."""
    with tempfile.TemporaryDirectory() as folder, program(Path(folder), "process") as url:
        for theme in THEMES:
            for width, height in SIZES.items():
                if only and only != f"{theme}-{width}":
                    continue
                context = browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme="dark" if theme == "dark" else "light"
                )
                page = context.new_page()
                page.goto(url)
                expect(page.locator("#txt2img_stage")).to_contain_text("needs a model", timeout=120_000)
                Camera(page, out, f"{theme}-{width}").shoot("first")
                context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--root", type=Path, help="folder of models and outputs; the checkout by default")
    parser.add_argument("--engine", default="process", help="process, with a model, or fake")
    parser.add_argument("--only", default="", help="one theme and width, for example dark-1440")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise SystemExit("Chromium is not installed.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        with program(arguments.root, arguments.engine) as url:
            shots(browser, url, arguments.out, arguments.only, arguments.engine == "fake")
        first_run(browser, arguments.out, arguments.only)
        browser.close()


if __name__ == "__main__":
    main()
