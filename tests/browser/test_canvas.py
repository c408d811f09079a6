"""The picture well and the mask painter, by real mouse, touch and key events in headless Chromium.

The mask that reaches the server is compared pixel by pixel with the discs and strokes that were drawn.
"""

import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import CDPSession, FilePayload, Locator, Page, expect

from tests.browser.conftest import Complaints
from tests.browser.stand import Stand, running

Point = tuple[float, float]
SIZE = (400, 300)
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    with running() as stand:
        yield stand


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

    def painted(self) -> str:
        return self.well.locator(".sf-well-foot b").first.inner_text()

    def told(self) -> str:
        """The refs as a Gradio event hears them."""
        told = self.page.locator("#told textarea")
        before = told.input_value()
        self.page.click("#read")
        self.page.wait_for_function("before => document.querySelector('#told textarea').value !== before", arg=before)
        return told.input_value()


@pytest.fixture
def desk(page: Page, stand: Stand) -> Desk:
    desk = Desk(page, stand)
    desk.visit()
    return desk


@pytest.fixture
def painted_desk(desk: Desk) -> Desk:
    """A picture is open and a stroke of 40 px runs from (100, 150) to (250, 150)."""
    desk.open(gradient())
    desk.size(40)
    desk.draw((100, 150), (250, 150))
    return desk


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


# ---- brushes


def test_a_dab_is_a_disc_of_the_brush_size(desk: Desk) -> None:
    desk.open(gradient())
    desk.size(60)
    desk.draw((200, 120))
    assert_painted(desk.mask(), [(200, 120)], 30)


def test_a_stroke_is_white_along_its_way_and_black_elsewhere(desk: Desk) -> None:
    desk.open(gradient())
    desk.size(24)
    way: list[Point] = [(60, 60), (320, 90), (200, 250)]
    desk.draw(*way)
    assert_painted(desk.mask(), way, 12)
    share = (away(way) < 12).mean()
    assert desk.painted() == f"{round(share * 100)} %"


def test_a_stroke_may_begin_and_end_outside_of_the_picture(desk: Desk) -> None:
    desk.open(gradient())
    desk.size(30)
    desk.draw((200, 150), (520, 150), (200, 20))
    assert_painted(desk.mask(), [(200, 150), (520, 150), (200, 20)], 15)


def test_a_soft_brush_fades_and_does_not_pile_up(desk: Desk) -> None:
    desk.open(gradient())
    desk.size(80)
    desk.well.get_by_label("Soft", exact=True).fill("100")
    desk.draw((200, 150))
    once = desk.mask()
    desk.draw((200, 150))
    assert once[150, 200] >= 250
    assert 100 < once[150, 220] < 160
    assert once[150, 245] == 0
    assert np.abs(desk.mask() - once).max() <= 1


def test_the_eraser_takes_away(painted_desk: Desk) -> None:
    painted_desk.tool("Eraser").click()
    painted_desk.draw((170, 150))
    mask = painted_desk.mask()
    line = away([(100, 150), (250, 150)])
    hole = away([(170, 150)])
    assert (mask[hole < 18.5] == 0).all()
    assert (mask[(line < 18.5) & (hole > 21.5)] == 255).all()


def test_undo_and_redo_go_by_stroke(painted_desk: Desk) -> None:
    first = painted_desk.mask()
    painted_desk.draw((300, 60), (300, 240))
    second = painted_desk.mask()
    painted_desk.page.keyboard.press("Control+z")
    assert (painted_desk.mask() == first).all()
    painted_desk.tool("Undo").click()
    assert painted_desk.refs()["mask"] == ""
    expect(painted_desk.tool("Undo")).to_be_disabled()
    painted_desk.page.mouse.move(*painted_desk.at((10, 10)))
    painted_desk.page.keyboard.press("Control+Shift+z")
    painted_desk.tool("Redo").click()
    assert (painted_desk.mask() == second).all()
    expect(painted_desk.tool("Redo")).to_be_disabled()


def test_invert_fill_and_clear(painted_desk: Desk) -> None:
    before = painted_desk.mask()
    painted_desk.page.keyboard.press("i")
    assert (painted_desk.mask() == 255 - before).all()
    painted_desk.tool("Paint everything").click()
    assert (painted_desk.mask() == 255).all()
    assert painted_desk.painted() == "100 %"
    painted_desk.tool("Clear the mask").click()
    assert painted_desk.refs()["mask"] == ""
    assert painted_desk.painted() == "0 %"
    for _ in range(3):
        painted_desk.tool("Undo").click()
    assert (painted_desk.mask() == before).all()


def test_box_by_mouse_and_by_numbers(desk: Desk) -> None:
    desk.open(gradient())
    desk.tool("Box (R)").click()
    desk.draw((300, 200), (50, 80))
    expected = np.zeros((300, 400), int)
    expected[80:200, 50:300] = 255
    inner = desk.mask()
    assert (inner[82:198, 52:298] == 255).all()
    assert inner.sum() == pytest.approx(expected.sum(), rel=0.03)
    desk.tool("Clear the mask").click()
    numbers = {"Left": 10, "Top": 20, "Width": 30, "Height": 40}
    for label, value in numbers.items():
        desk.well.get_by_label(f"{label} of the box").fill(str(value))
    desk.tool("Paint the box").click()
    expected[:] = 0
    expected[20:60, 10:40] = 255
    assert (desk.mask() == expected).all()


def test_the_lasso_fills_its_inside(desk: Desk) -> None:
    desk.open(gradient())
    desk.page.mouse.move(*desk.at((5, 5)))
    desk.page.keyboard.press("l")
    desk.draw((100, 50), (300, 50), (200, 250))
    mask = desk.mask()
    outline = away([(100, 50), (300, 50), (200, 250), (100, 50)])
    ys, xs = np.mgrid[0:300, 0:400] + 0.5
    inside = (ys > 50) & ((ys - 50) < 2 * (xs - 100)) & ((ys - 50) < 2 * (300 - xs))
    assert (mask[inside & (outline > 2)] == 255).all()
    assert (mask[~inside & (outline > 2)] == 0).all()


# ---- view


def test_after_zoom_and_pan_the_brush_hits_the_pixel_under_it(desk: Desk) -> None:
    desk.open(gradient())
    desk.size(10)
    desk.page.mouse.move(*desk.at((300, 80)))
    fitted = desk.canvas.bounding_box()
    for _ in range(4):
        desk.page.mouse.wheel(0, -240)
    desk.page.wait_for_function(
        "wide => document.querySelector('canvas.sf-well-mask').getBoundingClientRect().width > 5 * wide",
        arg=fitted["width"] if fitted else 0,
    )
    desk.draw((300, 80))
    here = desk.at((300, 80))
    desk.page.keyboard.down("Space")
    desk.page.mouse.move(*here)
    desk.page.mouse.down()
    desk.page.mouse.move(here[0] - 120, here[1] + 90, steps=3)
    desk.page.mouse.up()
    desk.page.keyboard.up("Space")
    assert desk.at((300, 80)) == pytest.approx((here[0] - 120, here[1] + 90), abs=0.5)
    desk.draw((312, 75))
    mask = desk.mask()
    apart = np.minimum(away([(300, 80)]), away([(312, 75)]))
    assert (mask[apart < 4] == 255).all()
    assert (mask[apart > 6] == 0).all()
    desk.page.keyboard.press("0")
    assert desk.canvas.bounding_box() == fitted


def test_the_mask_can_be_hidden(painted_desk: Desk) -> None:
    painted_desk.page.keyboard.press("h")
    expect(painted_desk.canvas).to_have_css("opacity", "0")
    expect(painted_desk.tool("Show the mask")).to_have_attribute("aria-pressed", "false")


# ---- masks from files


def test_a_black_and_white_picture_becomes_the_mask(desk: Desk) -> None:
    desk.open(gradient())
    wanted = Image.new("L", SIZE, 0)
    wanted.paste(255, (40, 50, 140, 150))
    wanted.paste(128, (200, 50, 240, 90))
    desk.well.locator("input[type=file]").nth(1).set_input_files(upload("mask.png", png(wanted)))
    expect(desk.well.locator(".sf-well-foot b").first).not_to_have_text("0 %")
    assert np.abs(desk.mask() - np.asarray(wanted)).max() <= 1


def test_alpha_is_the_mask_and_another_size_is_fitted_and_told(desk: Desk) -> None:
    desk.open(gradient())
    wanted = Image.new("RGBA", (200, 150), (255, 255, 255, 0))
    wanted.paste((0, 0, 0, 255), (50, 50, 100, 100))
    desk.well.locator("input[type=file]").nth(1).set_input_files(upload("mask.png", png(wanted)))
    expect(desk.well.get_by_role("status")).to_have_text("The mask was 200 × 150 and has been fitted to 400 × 300.")
    mask = desk.mask()
    assert (mask[104:196, 104:196] == 255).all()
    assert (mask[:96] == 0).all()
    assert (mask[:, 204:] == 0).all()


# ---- what survives


def test_gradio_hears_the_refs(painted_desk: Desk) -> None:
    refs = painted_desk.refs()
    assert painted_desk.told() == f"{refs['image']}|{refs['mask']}"
    assert painted_desk.stand.picture(refs["image"]).size == SIZE


def test_the_mask_is_sent_soon_after_a_stroke(painted_desk: Desk) -> None:
    painted_desk.page.wait_for_function("document.querySelector('#inpaint_mask_ref textarea').value !== ''")
    ref = painted_desk.page.locator("#inpaint_mask_ref textarea").input_value()
    assert_painted(np.asarray(painted_desk.stand.picture(ref)), [(100, 150), (250, 150)], 20)


def test_picture_mask_and_undo_survive_a_change_of_tab(painted_desk: Desk) -> None:
    before = painted_desk.refs()
    painted_desk.page.get_by_role("tab", name="img2img").click()
    painted_desk.page.locator("#img2img_image .sf-well").wait_for()
    painted_desk.page.get_by_role("tab", name="Inpaint").click()
    expect(painted_desk.canvas).to_be_visible()
    assert painted_desk.told() == f"{before['image']}|{before['mask']}"
    painted_desk.tool("Undo").click()
    assert painted_desk.refs()["mask"] == ""


def test_picture_and_mask_survive_a_reload(painted_desk: Desk) -> None:
    before = painted_desk.refs()
    mask = painted_desk.mask()
    painted_desk.page.reload()
    expect(painted_desk.well).to_have_attribute("data-state", "open")
    assert painted_desk.refs() == before
    assert painted_desk.told() == f"{before['image']}|{before['mask']}"
    painted_desk.tool("Invert the mask").click()
    assert (painted_desk.mask() == 255 - mask).all()


def test_a_picture_that_the_server_forgot_is_forgotten(painted_desk: Desk, complaints: Complaints) -> None:
    complaints.expect("404")
    ref = painted_desk.refs()["image"]
    forgotten = painted_desk.stand.pictures.pop(ref)
    painted_desk.page.reload()
    painted_desk.page.wait_for_function("localStorage.getItem('snowfox.well.inpaint') === '{}'")
    expect(painted_desk.well).to_have_attribute("data-state", "empty")
    expect(painted_desk.well.get_by_role("alert")).to_be_hidden()
    painted_desk.stand.put(forgotten)


def test_a_mask_that_could_not_be_sent_is_sent_by_the_next_flush(desk: Desk, complaints: Complaints) -> None:
    complaints.expect("net::ERR_FAILED")
    desk.open(gradient())
    desk.page.route("**/api/v1/images", lambda route: route.abort())
    desk.draw((200, 150))
    expect(desk.well.get_by_role("alert")).to_contain_text("Snowfox does not answer.")
    refused = desk.page.evaluate("window.snowfox.canvas.flush('inpaint').catch(error => error.message)")
    assert refused.startswith("Snowfox does not answer.")
    desk.page.unroute("**/api/v1/images")
    assert (desk.mask() == 255).any()
    expect(desk.well.get_by_role("alert")).to_be_hidden()


# ---- pictures in and out


def test_a_bad_file_gets_one_red_sentence(desk: Desk, complaints: Complaints) -> None:
    complaints.expect("422")
    desk.well.locator("input[type=file]").first.set_input_files(upload("notes.png", b"not a picture"))
    expect(desk.well.get_by_role("alert")).to_have_text("This file is not a picture that Snowfox can read.")
    expect(desk.well).to_have_attribute("data-state", "empty")
    desk.open(gradient())
    expect(desk.well.get_by_role("alert")).to_be_hidden()


def test_a_picture_is_dropped_or_pasted(desk: Desk) -> None:
    give = """([kind, bytes]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(bytes)], 'picture.png', {type: 'image/png'}));
        const init = {bubbles: true, cancelable: true, dataTransfer: transfer, clipboardData: transfer};
        const event = kind === 'drop' ? new DragEvent(kind, init) : new ClipboardEvent(kind, init);
        document.querySelector('#inpaint_canvas .sf-well-frame').dispatchEvent(event);
    }"""
    for kind, size in (("drop", (120, 80)), ("paste", (90, 60))):
        desk.page.evaluate(give, [kind, list(gradient(size))])
        expect(desk.well.locator(".sf-well-foot")).to_contain_text(f"{size[0]} × {size[1]}")
        assert desk.stand.picture(desk.refs()["image"]).size == size


def test_others_send_a_picture_and_hear_of_it(desk: Desk) -> None:
    desk.page.evaluate("document.addEventListener('snowfox:well', event => (window.heard = event.detail))")
    ref = desk.stand.put(gradient((64, 48)))
    send = "([target, ref]) => document.dispatchEvent(new CustomEvent('snowfox:picture', {detail: {target, ref}}))"
    desk.page.evaluate(send, ["inpaint", ref])
    expect(desk.well).to_have_attribute("data-state", "open")
    heard = desk.page.evaluate("window.heard")
    assert heard == {"target": "inpaint", "ref": ref, "width": 64, "height": 48, "restored": False}
    desk.tool("Remove picture").click()
    expect(desk.well).to_have_attribute("data-state", "empty")
    assert desk.page.evaluate("window.heard.ref") == ""
    assert desk.told() == "|"
    # A tab that was never opened gets its picture when it is.
    desk.page.evaluate(send, ["img2img", ref])
    desk.page.get_by_role("tab", name="img2img").click()
    expect(desk.page.locator("#img2img_image .sf-well")).to_have_attribute("data-state", "open")
    desk.page.click("#read_img2img")
    expect(desk.page.locator("#told_img2img textarea")).to_have_value(ref)


# ---- keys


def test_keys_choose_tools_but_never_while_typing(painted_desk: Desk) -> None:
    page = painted_desk.page
    page.mouse.move(*painted_desk.at((200, 150)))
    page.keyboard.press("e")
    expect(painted_desk.tool("Eraser")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("b")
    expect(painted_desk.tool("Brush")).to_have_attribute("aria-pressed", "true")
    size = painted_desk.well.get_by_label("Size", exact=True)
    page.keyboard.press("]")
    expect(size).to_have_value("45")
    page.keyboard.press("[")
    expect(size).to_have_value("39")
    before = painted_desk.refs()
    prompt = page.locator("#inpaint_prompt textarea")
    prompt.focus()
    page.mouse.move(*painted_desk.at((200, 150)))
    page.keyboard.type("brie [0]")
    assert prompt.input_value() == "brie [0]"
    page.keyboard.press("Control+z")
    assert painted_desk.refs() == before
    expect(painted_desk.tool("Brush")).to_have_attribute("aria-pressed", "true")


def test_painting_by_keys_alone(desk: Desk) -> None:
    desk.open(gradient())
    desk.size(40)
    desk.canvas.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Enter"):
        desk.page.keyboard.press(key)
    assert_painted(desk.mask(), [(220, 160)], 20, slack=1)
    assert re.search(r"\d % is painted", desk.canvas.get_attribute("aria-label") or "")


# ---- touch


def touch(cdp: CDPSession, kind: str, *points: Point) -> None:
    fingers = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(points)]
    cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})


def test_one_finger_paints_and_two_zoom_without_painting(phone: Page, stand: Stand) -> None:
    desk = Desk(phone, stand)
    desk.visit()
    desk.open(gradient())
    desk.size(40)
    cdp = phone.context.new_cdp_session(phone)
    touch(cdp, "touchStart", desk.at((100, 150)))
    for x in (150, 200, 250):
        touch(cdp, "touchMove", desk.at((x, 150)))
    touch(cdp, "touchEnd")
    before = desk.mask()
    assert_painted(before, [(100, 150), (250, 150)], 20)
    middle, wide = desk.at((200, 150)), desk.at((400, 0))[0] - desk.at((0, 0))[0]
    touch(cdp, "touchStart", (middle[0] - 40, middle[1]))
    touch(cdp, "touchStart", (middle[0] - 40, middle[1]), (middle[0] + 40, middle[1]))
    for reach in (60, 80, 100, 120):
        touch(cdp, "touchMove", (middle[0] - reach, middle[1]), (middle[0] + reach, middle[1]))
    touch(cdp, "touchEnd")
    assert (desk.mask() == before).all()
    assert (desk.at((400, 0))[0] - desk.at((0, 0))[0]) / wide == pytest.approx(3, rel=0.05)
    assert desk.at((200, 150)) == pytest.approx(middle, abs=3)
    cdp.detach()


def test_a_pen_paints_as_wide_as_it_presses(desk: Desk) -> None:
    desk.open(gradient())
    desk.size(80)
    x, y = desk.at((200, 150))
    cdp = desk.page.context.new_cdp_session(desk.page)
    pen = {"x": x, "y": y, "pointerType": "pen", "force": 0.5, "button": "left", "clickCount": 1}
    cdp.send("Input.dispatchMouseEvent", {"type": "mousePressed", **pen})
    cdp.send("Input.dispatchMouseEvent", {"type": "mouseReleased", **pen})
    assert_painted(desk.mask(), [(200, 150)], 40 * (0.2 + 0.8 * 0.5))
    cdp.detach()


# ---- quality


def _violations(page: Page) -> list[str]:
    found: list[dict[str, Any]] = (
        Axe().run(page, context="#inpaint_canvas", options={"runOnly": AXE_TAGS}).response["violations"]
    )
    return [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(desk: Desk, theme: str) -> None:
    desk.page.goto(f"{desk.stand.url}?__theme={theme}")
    desk.well.wait_for()
    assert _violations(desk.page) == []
    desk.open(gradient())
    desk.tool("Box (R)").click()
    desk.tool("Colour of the mask").click()
    assert _violations(desk.page) == []


def test_nothing_scrolls_sideways_on_a_phone_and_targets_are_large(phone: Page, stand: Stand) -> None:
    desk = Desk(phone, stand)
    desk.visit()
    desk.open(gradient())
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    boxes = [button.bounding_box() for button in desk.well.get_by_role("button").all()]
    sizes = [(box["width"], box["height"]) for box in boxes if box]
    assert len(sizes) > 10
    edge = phone.evaluate("document.querySelector('.sf-well-card').getBoundingClientRect().right")
    plates = [plate.bounding_box() for plate in desk.well.locator(".sf-well-plate").all()]
    assert all(box and box["x"] < edge for box in plates)
    assert min(map(min, sizes)) >= 40


def test_a_stroke_on_a_large_picture_stays_light(desk: Desk) -> None:
    """Not a timing: a short stroke may only draw a small part of a 2048 × 2048 mask again."""
    desk.open(png(Image.new("RGB", (2048, 2048), "navy")))
    desk.size(200)
    desk.page.evaluate("""() => {
        window.drawn = [];
        const put = CanvasRenderingContext2D.prototype.putImageData;
        CanvasRenderingContext2D.prototype.putImageData = function (image, ...rest) {
            window.drawn.push(image.width * image.height);
            return put.call(this, image, ...rest);
        };
    }""")
    desk.draw((500, 500), (700, 600), steps=10)
    drawn = desk.page.evaluate("window.drawn")
    assert len(drawn) >= 5
    assert max(drawn) < 400 * 400
    assert (desk.mask()[600, 700], math.prod(desk.mask().shape)) == (255, 2048 * 2048)
