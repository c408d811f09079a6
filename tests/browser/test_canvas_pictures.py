"""Pictures and masks into the well and out of it, and what survives tabs, reloads and a server that does not answer."""

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import Complaints
from tests.browser.desk import SIZE, Desk, assert_painted, gradient, png, upload

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
