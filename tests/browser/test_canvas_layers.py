"""The mask's edge, filled outlines, colours over the picture, and the frame to extend it to."""

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.desk import SIZE, Desk, assert_painted, away, gradient, png, touch, upload
from tests.browser.stand import Stand


def edge(desk: Desk, act: str, pixels: int) -> None:
    panel = desk.well.get_by_role("group", name="The mask's edge")
    if not panel.is_visible():
        desk.tool("Grow, shrink, feather").click()
    panel.get_by_label("Pixels").fill(str(pixels))
    panel.get_by_role("button", name=f"{act} the mask").click()


def colour(desk: Desk, hex_: str) -> None:
    desk.well.get_by_role("button", name="Colour", exact=True).click()
    desk.well.get_by_label("Colour of the brush").fill(hex_)


# ---- the mask's edge


def test_grow_and_shrink_move_the_edge_by_so_many_pixels(painted_desk: Desk) -> None:
    line: list[tuple[float, float]] = [(100, 150), (250, 150)]
    edge(painted_desk, "Grow", 12)
    assert_painted(painted_desk.mask(), line, 32)
    edge(painted_desk, "Shrink", 20)
    assert_painted(painted_desk.mask(), line, 12)
    painted_desk.tool("Undo").click()
    painted_desk.tool("Undo").click()
    assert_painted(painted_desk.mask(), line, 20)


def test_feather_fades_the_edge_and_keeps_its_place(painted_desk: Desk) -> None:
    edge(painted_desk, "Feather", 12)
    mask, distance = painted_desk.mask(), away([(100, 150), (250, 150)])
    assert (mask[distance < 6] > 240).all()
    assert (mask[distance > 36] == 0).all()
    assert np.abs(mask[(np.abs(distance - 20) < 0.5)] - 128).max() < 40, "half of it where the edge was"
    column = mask[150:200, 175]
    assert (np.diff(column) <= 0).all() and len(set(column)) > 12


def test_a_drawn_outline_is_filled(desk: Desk) -> None:
    desk.open(gradient())
    desk.size(8)
    outline: list[tuple[float, float]] = [(100, 80), (300, 80), (300, 220), (100, 220), (100, 80)]
    desk.draw(*outline)
    desk.page.keyboard.press("f")
    desk.draw((200, 150))
    mask = desk.mask()
    assert (mask[78:222, 98:302] == 255).all()
    assert (mask[:70] == 0).all() and (mask[:, 310:] == 0).all()
    desk.page.keyboard.down("Alt")
    desk.draw((200, 150))
    desk.page.keyboard.up("Alt")
    assert (desk.mask() == 0).all() if desk.refs()["mask"] else True


# ---- colours


def test_a_sketch_has_the_colour_and_opacity_of_the_brush(desk: Desk) -> None:
    desk.open(gradient())
    desk.size(60)
    colour(desk, "#2040e0")
    desk.draw((100, 100))
    desk.well.get_by_label("Opacity", exact=True).fill("50")
    desk.draw((300, 100), (300, 200))
    sketch = desk.sketch()
    assert (sketch[100, 100] == [0x20, 0x40, 0xE0, 255]).all()
    full, half = away([(100, 100)]), away([(300, 100), (300, 200)])
    assert (sketch[full < 28] == [0x20, 0x40, 0xE0, 255]).all()
    assert (sketch[half < 28][:, :3] == [0x20, 0x40, 0xE0]).all()
    assert (np.abs(sketch[half < 28][:, 3] - 128) <= 1).all(), "a stroke does not pile up on itself"
    assert (sketch[(full > 32) & (half > 32)] == 0).all()


def test_what_is_coloured_is_painted_and_undo_goes_through_both(painted_desk: Desk) -> None:
    before = painted_desk.mask()
    colour(painted_desk, "#ff0000")
    painted_desk.draw((330, 60))
    mask = painted_desk.mask()
    disc = away([(330, 60)])
    assert (mask[disc < 18] == 255).all()
    assert (mask[disc > 22] == before[disc > 22]).all()
    for _ in range(2):
        painted_desk.page.keyboard.press("Control+z")
    refs = painted_desk.refs()
    assert (refs["mask"], refs["sketch"]) == ("", "")
    for _ in range(2):
        painted_desk.page.keyboard.press("Control+Shift+z")
    assert (painted_desk.mask() == mask).all()


def test_a_colour_is_picked_from_the_picture(desk: Desk) -> None:
    picture = Image.new("RGB", SIZE, (10, 200, 90))
    picture.paste((250, 130, 0), (200, 0, 400, 300))
    desk.open(png(picture))
    desk.size(30)
    desk.well.get_by_role("button", name="Colour", exact=True).click()
    desk.page.keyboard.press("p")
    desk.draw((300, 150))
    expect(desk.tool("Brush")).to_have_attribute("aria-pressed", "true")
    desk.draw((100, 150))
    assert (desk.sketch()[150, 100] == [250, 130, 0, 255]).all()


def test_the_eraser_and_the_fill_work_on_colours(desk: Desk) -> None:
    desk.open(gradient())
    colour(desk, "#123456")
    desk.page.mouse.move(*desk.at((10, 10)))
    desk.page.keyboard.press("f")
    desk.draw((200, 150))
    assert (desk.sketch() == [0x12, 0x34, 0x56, 255]).all()
    desk.page.keyboard.press("e")
    desk.size(40)
    desk.draw((200, 150))
    sketch, hole = desk.sketch(), away([(200, 150)])
    assert (sketch[hole < 18][:, 3] == 0).all()
    assert (sketch[hole > 22] == [0x12, 0x34, 0x56, 255]).all()


def test_a_sketch_survives_a_reload(painted_desk: Desk) -> None:
    colour(painted_desk, "#00ff80")
    painted_desk.draw((330, 60))
    refs, sketch, mask = painted_desk.refs(), painted_desk.sketch(), painted_desk.mask()
    painted_desk.page.reload()
    expect(painted_desk.well).to_have_attribute("data-state", "open")
    assert painted_desk.refs() == refs
    painted_desk.size(40)
    painted_desk.draw((60, 250))
    again = painted_desk.mask()
    away_from_new = away([(60, 250)]) > 22
    assert (again == mask)[away_from_new].all()
    after = painted_desk.sketch()
    assert (after[..., 3] == sketch[..., 3]).all()
    laid = [one[..., :3] * one[..., 3:] / 255 for one in (after, sketch)]
    assert np.abs(laid[0] - laid[1]).max() <= 1, "a browser keeps faint colours to one level of what is seen"


def test_img2img_has_a_sketch_alone(desk: Desk) -> None:
    desk.page.get_by_role("tab", name="img2img").click()
    well = desk.page.locator("#img2img_image .sf-well")
    well.locator("input[type=file]").first.set_input_files(upload("picture.png", gradient()))
    expect(well).to_have_attribute("data-state", "open")
    expect(well.get_by_role("button", name="Mask", exact=True)).to_have_count(0)
    box = well.locator("canvas.sf-well-sketch").bounding_box()
    assert box
    desk.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    refs = desk.page.evaluate("window.snowfox.canvas.flush('img2img')")
    assert refs["mask"] == "" or desk.stand.picture(refs["sketch"]).getpixel((200, 150))
    assert desk.stand.picture(refs["sketch"]).getpixel((200, 150)) == (0xE0, 0x45, 0x3A, 255)


# ---- extending


def test_four_buttons_extend_the_picture_and_the_page_hears_it(desk: Desk) -> None:
    desk.open(gradient())
    desk.page.evaluate("document.addEventListener('snowfox:well', event => (window.heard = event.detail))")
    desk.tool("Extend the picture").click()
    desk.well.get_by_label("Pixels to extend by").fill("64")
    desk.well.get_by_role("button", name="Extend to the left").click()
    desk.well.get_by_role("button", name="Extend to the bottom").click()
    desk.well.get_by_role("button", name="Extend to the bottom").click()
    assert desk.refs()["extend"] == "64,0,0,128"
    heard = desk.page.evaluate("window.heard")
    assert (heard["width"], heard["height"], heard["exact"]) == (464, 428, True)
    desk.size(40)
    desk.draw((200, 150))
    assert_painted(desk.mask(), [(200, 150)], 20)
    desk.page.reload()
    expect(desk.well).to_have_attribute("data-state", "open")
    assert desk.refs()["extend"] == "64,0,0,128"
    desk.tool("Extend the picture").click()
    desk.well.get_by_role("button", name="Do not extend").click()
    assert desk.refs()["extend"] == ""


@pytest.mark.parametrize(("side", "way", "words"), [("right", (1, 0), "0,0,80,0"), ("top", (0, -1), "0,80,0,0")])
def test_a_side_is_dragged_in_steps_of_eight(desk: Desk, side: str, way: tuple[int, int], words: str) -> None:
    desk.open(gradient())
    desk.tool("Extend the picture").click()
    handle = desk.well.get_by_role("slider", name=f"Extend to the {side}")
    box = handle.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    scale = desk.at((1, 0))[0] - desk.at((0, 0))[0]
    desk.page.mouse.move(x, y)
    desk.page.mouse.down()
    desk.page.mouse.move(x + way[0] * 78 * scale, y + way[1] * 78 * scale, steps=4)
    desk.page.mouse.up()
    refs = desk.refs()
    assert (refs["extend"], refs["mask"]) == (words, ""), "dragging a side paints nothing"


def test_a_side_is_moved_by_keys(desk: Desk) -> None:
    desk.open(gradient())
    desk.page.mouse.move(*desk.at((10, 10)))
    desk.page.keyboard.press("o")
    handle = desk.well.get_by_role("slider", name="Extend to the left")
    handle.focus()
    for key in ("ArrowLeft", "ArrowLeft", "Shift+ArrowLeft", "ArrowRight"):
        desk.page.keyboard.press(key)
    assert desk.refs()["extend"] == "72,0,0,0"
    expect(handle).to_have_attribute("aria-valuenow", "72")


def test_a_finger_drags_a_side(phone: Page, stand: Stand) -> None:
    desk = Desk(phone, stand)
    desk.visit()
    desk.open(gradient())
    desk.tool("Extend the picture").click()
    box = desk.well.get_by_role("slider", name="Extend to the bottom").bounding_box()
    assert box and min(box["width"], box["height"]) >= 40
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    scale = desk.at((1, 0))[0] - desk.at((0, 0))[0]
    cdp = phone.context.new_cdp_session(phone)
    touch(cdp, "touchStart", (x, y))
    touch(cdp, "touchMove", (x, y + 32 * scale))
    touch(cdp, "touchEnd")
    assert desk.refs()["extend"] == "0,0,0,32"
    cdp.detach()


# ---- the next run


def test_the_result_of_a_run_keeps_what_is_painted(painted_desk: Desk) -> None:
    before = painted_desk.mask()
    send = "ref => document.dispatchEvent(new CustomEvent('snowfox:picture', {detail: {target: 'inpaint', ref}}))"
    next_one = painted_desk.stand.put(png(Image.new("RGB", SIZE, "navy")))
    painted_desk.page.evaluate(send, next_one)
    expect(painted_desk.well.get_by_role("status")).to_have_text("What you painted was kept.")
    assert painted_desk.refs()["image"] == next_one
    assert (painted_desk.mask() == before).all()
    other = painted_desk.stand.put(png(Image.new("RGB", (200, 100), "navy")))
    painted_desk.page.evaluate(send, other)
    expect(painted_desk.well.locator(".sf-well-foot")).to_contain_text("200 × 100")
    assert painted_desk.refs()["mask"] == ""


def test_generate_sends_the_mask_alone(painted_desk: Desk) -> None:
    posted: list[str] = []
    painted_desk.refs()
    painted_desk.page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)
    before = set(painted_desk.stand.pictures)
    painted_desk.draw((60, 60))
    refs = painted_desk.refs()
    assert [url.rpartition("/api/")[2] for url in posted] == ["v1/images"]
    assert set(painted_desk.stand.pictures) - before == {refs["mask"]}
    assert len(painted_desk.stand.pictures[refs["mask"]]) < 4000
