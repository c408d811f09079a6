"""How long painting on a large picture takes in a browser: strokes, edges, undo, sending the mask.

    python -m benchmarks.painting [--side 2048] [--brush 200]

Real mouse events in headless Chromium without a graphics card. "work" is from the event to the end of all that is
done for it; "seen" to the frame after it.
"""

import argparse
import io
import shutil
import statistics
from collections.abc import Callable

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browser.desk import Desk, png
from tests.browser.stand import running

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu"]
STROKES = 5

WATCH = """() => {
    const frame = document.querySelector('#inpaint_canvas .sf-well-frame');
    window.took = {};
    for (const kind of ['pointerdown', 'pointermove', 'pointerup']) {
        let began = 0;
        const list = (window.took[kind] = []);
        frame.addEventListener(kind, () => (began = performance.now()), true);
        window.addEventListener(kind, () => {
            const entry = {work: performance.now() - began};
            const from = began;
            requestAnimationFrame(() => setTimeout(() => list.push({...entry, seen: performance.now() - from})));
        });
    }
}"""


def stroke(desk: Desk, side: int) -> None:
    desk.draw((side * 0.2, side * 0.3), (side * 0.8, side * 0.7), steps=60)
    desk.page.wait_for_timeout(300)


def clicked(desk: Desk, act: Callable[[], None]) -> float:
    """Milliseconds from a click to the second frame after it."""
    desk.page.evaluate(
        """() => { window.done = new Promise((end) => document.addEventListener('click', () => {
            const from = performance.now();
            requestAnimationFrame(() => requestAnimationFrame(() => end(performance.now() - from)));
        }, {once: true, capture: true})); }"""
    )
    act()
    return desk.page.evaluate("window.done")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--brush", type=int, default=200)
    given = parser.parse_args()
    path = next(filter(None, map(shutil.which, BROWSERS)))
    with running() as stand, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        desk = Desk(browser.new_page(viewport={"width": 1440, "height": 900}), stand)
        desk.visit()
        desk.open(png(Image.effect_noise((given.side, given.side), 60).convert("RGB")))
        desk.size(given.brush)
        desk.page.evaluate(WATCH)
        for mode in ("Mask", "Colour"):
            desk.well.get_by_role("button", name=mode, exact=True).first.click()
            stroke(desk, given.side)  # the first one makes room for the layer
            desk.page.evaluate("for (const list of Object.values(window.took)) list.length = 0")
            for _ in range(STROKES):
                stroke(desk, given.side)
            for kind, entries in desk.page.evaluate("window.took").items():
                for part in ("work", "seen"):
                    times = sorted(entry[part] for entry in entries)
                    print(f"{mode} {kind} {part}: median {statistics.median(times):.1f} ms, most {times[-1]:.1f} ms")
        desk.well.get_by_role("button", name="Mask", exact=True).first.click()
        desk.tool("Grow, shrink, feather").click()
        for label in ("Grow the mask", "Shrink the mask", "Feather the mask", "Invert the mask", "Undo"):
            tool = desk.well.get_by_role("button", name=label)
            print(f"{label}: {clicked(desk, tool.first.click):.0f} ms")
        began = desk.page.evaluate("performance.now()")
        ref = desk.refs()["mask"]
        took = desk.page.evaluate("performance.now()") - began
        size = len(stand.pictures[ref])
        print(f"Mask sent in {took:.0f} ms, {size} bytes, {Image.open(io.BytesIO(stand.pictures[ref])).size}")
        browser.close()


if __name__ == "__main__":
    main()
