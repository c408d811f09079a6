"""The Inpaint well in a browser, handled in coordinates of the picture; what was painted is compared pixel by pixel."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image
from playwright.sync_api import CDPSession, FilePayload, Locator, Page, expect

from tests.browser.stand import Stand

Point = tuple[float, float]
SIZE = (400, 300)


def png(picture: Image.Image) -> bytes:
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()


def upload(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/png", "buffer": data}


def gradient(size: tuple[int, int] = SIZE) -> bytes:
    ramp = Image.linear_gradient("L").resize(size)
    return png(Image.merge("RGB", (ramp, ramp.transpose(Image.Transpose.ROTATE_180), ramp)))


@dataclass
class Desk:
    """The page with the Inpaint well, handled in coordinates of the picture."""

    page: Page
    stand: Stand

    @property
    def well(self) -> Locator:
        return self.page.locator("#inpaint_canvas .sf-well")

    @property
    def canvas(self) -> Locator:
        return self.well.locator("canvas.sf-well-mask")

    def visit(self) -> None:
        self.page.goto(self.stand.url)
        self.well.wait_for()

    def open(self, data: bytes) -> None:
        self.well.locator("input[type=file]").first.set_input_files(upload("picture.png", data))
        expect(self.well).to_have_attribute("data-state", "open")

    def tool(self, label: str) -> Locator:
        return self.well.get_by_role("button", name=label)

    def size(self, pixels: int) -> None:
        self.well.get_by_label("Size", exact=True).fill(str(pixels))

    def at(self, point: Point) -> Point:
        """Where a point of the picture is on the screen."""
        box = self.canvas.bounding_box()
        width = self.canvas.evaluate("canvas => canvas.width")
        assert box is not None
        scale = box["width"] / width
        return box["x"] + point[0] * scale, box["y"] + point[1] * scale

    def draw(self, *points: Point, steps: int = 6) -> None:
        self.page.mouse.move(*self.at(points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.at(point), steps=steps)
        self.page.mouse.up()

    def refs(self) -> dict[str, str]:
        return self.page.evaluate("window.snowfox.canvas.flush('inpaint')")

    def mask(self) -> np.ndarray:
        """What the server got."""
        ref = self.refs()["mask"]
        assert ref, "the mask is empty"
        picture = self.stand.picture(ref)
        assert picture.mode == "L", "the mask should be a grey PNG"
        return np.asarray(picture).astype(int)

    def sketch(self) -> np.ndarray:
        """The colours that the server got: red, green, blue, opacity."""
        ref = self.refs()["sketch"]
        assert ref, "the sketch is empty"
        picture = self.stand.picture(ref)
        assert picture.mode == "RGBA", "the sketch should be a PNG with transparency"
        return np.asarray(picture).astype(int)

    def painted(self) -> str:
        return self.well.locator(".sf-well-foot b").first.inner_text()

    def told(self) -> str:
        """The refs as a Gradio event hears them."""
        told = self.page.locator("#told textarea")
        before = told.input_value()
        self.page.click("#read")
        self.page.wait_for_function("before => document.querySelector('#told textarea').value !== before", arg=before)
        return told.input_value()


def away(points: list[Point], size: tuple[int, int] = SIZE) -> np.ndarray:
    """The distance of every pixel from a line through the points."""
    ys, xs = np.mgrid[0 : size[1], 0 : size[0]] + 0.5
    best = np.full(xs.shape, np.inf)
    for (ax, ay), (bx, by) in zip(points, points[1:] or points, strict=False):
        length = (bx - ax) ** 2 + (by - ay) ** 2
        along = np.clip(((xs - ax) * (bx - ax) + (ys - ay) * (by - ay)) / length, 0, 1) if length else 0
        best = np.minimum(best, np.hypot(xs - ax - along * (bx - ax), ys - ay - along * (by - ay)))
    return best


def assert_painted(mask: np.ndarray, points: list[Point], radius: float, slack: float = 1.5) -> None:
    """White up to the radius, black beyond it; within `slack` of the edge anything goes."""
    distance = away(points, (mask.shape[1], mask.shape[0]))
    assert (mask[distance < radius - slack] == 255).all()
    assert (mask[distance > radius + slack] == 0).all()


def touch(cdp: CDPSession, kind: str, *points: Point) -> None:
    fingers = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(points)]
    cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
