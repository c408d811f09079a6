"""Pictures made larger on the page: the second pass, finishing, and the Extras tab."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from pipelines.recipe import Finish, Hires, Recipe
from pipelines.recipe_json import to_json
from tests.browser.site import Site, running
from tests.browser.test_page import Visit, patience, until, visit
from webui.engines.fake import FAKE_CATALOGUE, FakeEngine

__all__ = ["patience", "visit"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Its small model proposes to have its pictures made larger."""
    defaults = {"width": 128, "height": 128, "finish.upscaler": "Lanczos", "finish.scale": 4.0}
    checkpoints = tuple(
        replace(entry, defaults=defaults) if entry.name == "small" else entry for entry in FAKE_CATALOGUE.checkpoints
    )
    engine = FakeEngine(replace(FAKE_CATALOGUE, checkpoints=checkpoints))
    with running(tmp_path_factory.mktemp("root"), engine) as site:
        site.app.service.wait_for_engine()
        yield site


def asked(visit: Visit, prompt: str) -> Recipe:
    """The recipe of the newest job, which has this prompt, once it is over."""
    jobs = visit.site.app.service.jobs
    until(lambda: bool(jobs()) and jobs()[0].recipe.prompt == prompt and jobs()[0].over)
    return jobs()[0].recipe


def test_both_passes_and_finishing_come_from_the_form(visit: Visit) -> None:
    model = visit.page.get_by_label("Model", exact=True).input_value()
    second = Hires(1.5, 768, 640, "Latent (bicubic)", 7, 0.55, 4.5, "Euler a", "Karras", model, "sharp", "soft", True)
    wish = Recipe("twice", "", model, steps=2, seed=5, hires=second, finish=Finish(upscaler="Nearest", scale=2.0))
    visit.page.evaluate("recipe => snowfox.fill('txt2img', recipe)", to_json(wish))
    titles = visit.page.locator("#txt2img_settings .sf-acc.sf-on > .label-wrap > span:first-child")
    expect(titles).to_have_text(
        [
            "Second pass (hires fix)\nTo 768 × 640 by Latent (bicubic), strength 0.55",
            "Upscale the result\n2 times by Nearest",
        ]
    )
    visit.page.keyboard.press("Control+Enter")
    made = asked(visit, "twice")
    assert (made.hires, made.finish) == (wish.hires, wish.finish)


def test_what_a_model_proposes_is_shown_and_can_be_switched_off(visit: Visit) -> None:
    visit.page.get_by_label("Model", exact=True).click()
    visit.page.get_by_role("option", name="small").click()
    title = visit.page.locator("#txt2img_finish > .label-wrap > span:first-child")
    expect(title).to_have_text("Upscale the result\n4 times by Lanczos")
    # Pictures made from others are left as they are.
    visit.tab("img2img")
    expect(visit.page.locator("#img2img_finish > .label-wrap > span:first-child")).to_have_text(
        "Upscale the result\nOff"
    )
    visit.tab("txt2img")
    visit.ask("large", steps=1)
    assert asked(visit, "large").finish == Finish(upscaler="Lanczos", scale=4.0)
    title.click()
    visit.page.get_by_label("Make the finished picture larger").first.uncheck()
    expect(title).to_have_text("Upscale the result\nOff")
    visit.ask("as it is", steps=1)
    assert asked(visit, "as it is").finish is None


def test_extras_makes_a_picture_larger(visit: Visit) -> None:
    visit.make("send me")
    visit.page.locator("#txt2img_send_to_extras").click()
    expect(visit.page.locator("#tab_extras-button")).to_have_attribute("aria-selected", "true")
    expect(visit.page.locator("#extras_image_ref textarea")).not_to_have_value("")
    visit.page.locator("#extras_generate").click()
    expect(visit.page.locator("#extras_note")).to_contain_text("Choose an upscaler")
    visit.page.get_by_label("Upscaler", exact=True).last.click()
    visit.page.get_by_role("option", name="Nearest").click()
    visit.number("upscaling_resize", 2, "extras")
    before = len(visit.site.app.service.jobs())
    visit.page.locator("#extras_generate").click()
    until(lambda: len(visit.site.app.service.jobs()) > before)
    assert asked(visit, "").finish == Finish(only=True, upscaler="Nearest", scale=2.0)
    (image,) = visit.site.app.service.jobs()[0].images
    sent = visit.site.app.service.jobs()[1].images[0]
    assert (image.width, image.height) == (2 * sent.width, 2 * sent.height)
    expect(visit.page.locator("#extras_stage .sf-pic")).to_be_visible()
    # How it was drawn is still told.
    saved = visit.site.app.store.saved(image.id)
    assert (
        saved is not None
        and saved.parameters.startswith("send me")
        and "Postprocess upscaler: Nearest" in saved.parameters
    )
