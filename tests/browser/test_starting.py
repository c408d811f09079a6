"""img2img and Inpaint on the page: what is painted and set becomes a recipe, and a recipe comes back to the form."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from pipelines.recipe import Extension, Loopback, Mask, Recipe, Soft
from tests.browser.conftest import Complaints
from tests.browser.desk import gradient, upload
from tests.browser.site import Site, running
from tests.conftest import png_bytes
from webui.engines.fake import FakeEngine

PATIENCE = 30_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(tmp_path_factory.mktemp("root"), FakeEngine(step_seconds=0.01)) as site:
        site.app.service.wait_for_engine()
        yield site


@pytest.fixture
def visitor(page: Page, site: Site, complaints: Complaints) -> Iterator[Page]:
    for own in ("AbortError", "Connection errored out", "gradio_api/app_id", "/preview?v="):
        complaints.expect(own)
    expect.set_options(timeout=PATIENCE)
    page.set_default_timeout(PATIENCE)
    page.goto(site.url)
    expect(page.get_by_label("Model", exact=True)).not_to_have_value("")
    yield page
    expect.set_options(timeout=5_000)
    for job in site.app.service.jobs():
        site.app.service.cancel(job.id)


def opened(page: Page, tab: str) -> None:
    page.locator(f"#tab_{tab}-button").click()
    well = page.locator(f"#tab_{tab} .sf-well")
    well.locator("input[type=file]").first.set_input_files(upload("picture.png", gradient()))
    expect(well).to_have_attribute("data-state", "open")


def dab(page: Page, x: float, y: float) -> None:
    box = page.locator("#inpaint_canvas [data-surface]").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * y)


def unfold(page: Page, tab: str, heading: str) -> None:
    page.locator(f"#tab_{tab} .sf-acc > button", has_text=heading).click()


def generated(page: Page, site: Site, tab: str) -> Recipe:
    """The recipe of the job that Generate makes, once it is done."""
    before = {job.id for job in site.app.service.jobs()}
    page.locator(f"#{tab}_generate").click()
    for _ in range(PATIENCE // 50):
        made = [job for job in site.app.service.jobs() if job.id not in before]
        if made and made[0].over:
            break
        page.wait_for_timeout(50)
    (job,) = made
    assert job.state == "done", job.failure
    return job.recipe


def test_everything_painted_and_set_is_in_the_recipe_and_comes_back(visitor: Page, site: Site) -> None:
    opened(visitor, "inpaint")
    well = visitor.locator("#inpaint_canvas")
    dab(visitor, 0.3, 0.3)
    well.get_by_role("button", name="Colour", exact=True).click()
    dab(visitor, 0.7, 0.7)
    well.get_by_role("button", name="Extend the picture (O)").click()
    well.get_by_label("Pixels to extend by").fill("56")
    well.get_by_role("button", name="Extend to the right").click()
    expect(visitor.locator("#inpaint_width input")).to_have_value("456")
    expect(visitor.locator("#inpaint_height input")).to_have_value("304")
    unfold(visitor, "inpaint", "Soft inpainting")
    visitor.locator("#soft_inpainting_enabled input").check()
    visitor.locator("#mask_blend_power input[type=number]").fill("2")
    unfold(visitor, "inpaint", "Loopback")
    visitor.locator("#inpaint_loopback input").check()
    visitor.locator("#inpaint_loops input[type=number]").fill("3")
    visitor.locator("#inpaint_loops input[type=number]").blur()
    visitor.locator("#inpaint_prompt textarea").fill("everything at once")
    recipe = generated(visitor, site, "inpaint")
    expect(visitor.locator("#html_info_inpaint .sf-info-prompt")).to_have_text("everything at once")
    source = recipe.source
    assert source is not None and source.mask is not None
    assert source.extend == Extension(right=56)
    assert source.mask == Mask(source.mask.image, soft=Soft(bias=2.0))
    assert source.loopback == Loopback(3)
    assert site.app.store.get(source.sketch).mode == "RGBA"
    assert site.app.store.get(source.mask.image).width == 400
    visitor.locator("#inpaint_results [data-do=use]").first.click()
    visitor.reload()
    visitor.locator("#tab_txt2img-button").click()
    visitor.locator("#txt2img_results [data-do=use]").first.click()
    expect(visitor.locator("#tab_inpaint-button")).to_have_attribute("aria-selected", "true")
    unfold(visitor, "inpaint", "Loopback")
    expect(visitor.locator("#inpaint_loops input[type=number]")).to_have_value("3")
    expect(visitor.locator("#inpaint_width input")).to_have_value("456")
    expect(visitor.locator("#inpaint_canvas .sf-well-foot b").first).not_to_have_text("0 %")
    again = generated(visitor, site, "inpaint")
    assert replace(again, seed=recipe.seed) == recipe


def test_a_folder_is_drawn_picture_by_picture(visitor: Page, site: Site, tmp_path: Path) -> None:
    for name, red in (("one.png", 10), ("two.png", 20)):
        (tmp_path / name).write_bytes(png_bytes(64, 48, (red, 9, 9)))
    (tmp_path / "three.png").write_bytes(b"broken")
    visitor.locator("#tab_img2img-button").click()
    visitor.locator("#img2img_prompt textarea").fill("all of them")
    unfold(visitor, "img2img", "Several pictures")
    visitor.locator("#img2img_batch_input_dir input, #img2img_batch_input_dir textarea").fill(str(tmp_path))
    visitor.locator("#img2img_batch_generate").click()
    note = visitor.locator("#img2img_note").get_by_role("status")
    expect(note).to_contain_text("2 pictures of the folder wait in the queue. three.png: This file is no PNG")
    recipes = [job.recipe for job in site.app.service.jobs()[:2]]
    assert {recipe.prompt for recipe in recipes} == {"all of them"}
    assert len({recipe.source.image for recipe in recipes if recipe.source}) == 2
