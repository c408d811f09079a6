"""The picture well and the mask painter, by real mouse, touch and key events in headless Chromium.

The mask that reaches the server is compared pixel by pixel with the discs and strokes that were drawn.
"""

import math
import re
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.desk import Desk, Point, assert_painted, away, gradient, png, touch
from tests.browser.stand import Stand

AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


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
