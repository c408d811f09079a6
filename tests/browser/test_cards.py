"""Cards beside the result, and the ControlNet drawer."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from pipelines.catalogue import AssetEntry
from tests.browser.site import Site, running
from webui.engines.fake import FAKE_CATALOGUE, FakeEngine


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("cards")
    Image.new("RGB", (64, 64), "purple").save(root / "ink.png")
    bulk = [
        AssetEntry("lora", f"bulk-{number:05}", f"/x/bulk-{number}", 1, facts={"folder": "b"})
        for number in range(10_000)
    ]
    special = (
        AssetEntry(
            "lora",
            "ink",
            "/x/ink",
            5,
            "sd15",
            facts={"preview": str(root / "ink.png"), "text": "ink, brush", "weight": 0.7},
        ),
        AssetEntry("lora", "old", "/x/old", 5, facts={"words": ["vase"]}),
        AssetEntry("lora", "torn", "/x/torn", 5, problem="The file is cut short."),
        AssetEntry("embedding", "easyneg", "/x/easyneg", 5, "sd15", facts={"vectors": 8}),
        AssetEntry("controlnet", "canny-net", "/x/canny", 5, "sd15"),
    )
    engine = FakeEngine(replace(FAKE_CATALOGUE, assets=(*special, *bulk)))
    with running(root, engine) as made:
        yield made


def opened(page: Page, site: Site) -> None:
    page.goto(site.url)
    page.locator("#txt2img_extra_tabs summary").click()
    expect(page.locator("#txt2img_extra_tabs .sf-cardtile").first).to_be_visible()


def prompt(page: Page, name: str = "prompt") -> str:
    return page.locator(f"#txt2img_{name} textarea").input_value()


def test_a_click_puts_a_lora_into_the_prompt_and_another_takes_it_out(page: Page, site: Site) -> None:
    opened(page, site)
    page.locator("#txt2img_prompt textarea").fill("a cat")
    card = page.locator(".sf-cardtile[data-name='ink']")
    card.click()
    assert prompt(page) == "a cat, <lora:ink:0.7>, ink, brush"
    expect(card).to_have_attribute("aria-pressed", "true")
    expect(card.locator("img")).to_have_js_property("naturalWidth", 64)
    card.click()
    assert prompt(page) == "a cat"
    page.get_by_label("Weight of a new LoRA").first.fill("0.45")
    page.locator(".sf-cardtile[data-name='old']").click()
    assert prompt(page) == "a cat, <lora:old:0.45>"
    expect(page.locator(".sf-cardtile[data-name='torn']")).to_be_disabled()


def test_ten_thousand_are_shown_a_page_at_a_time_and_searched(page: Page, site: Site) -> None:
    opened(page, site)
    cards = page.locator("#txt2img_extra_tabs")
    expect(cards.get_by_role("status")).to_have_text("10003 files")
    assert cards.locator(".sf-cardtile").count() <= 180
    cards.get_by_label("Search cards").fill("bulk-09999")
    expect(cards.locator(".sf-cardtile")).to_have_count(1)
    cards.get_by_label("Search cards").fill("nothing at all")
    expect(cards.get_by_text("Nothing fits these words.")).to_be_visible()
    cards.get_by_label("Search cards").fill("")
    cards.get_by_label("Folder").select_option("b")
    expect(cards.get_by_role("status")).to_have_text("10000 files")


def test_an_embedding_goes_into_the_prompt_that_was_written_in_last(page: Page, site: Site) -> None:
    opened(page, site)
    page.locator("#txt2img_neg_prompt textarea").fill("blurry")
    page.locator("#txt2img_extra_tabs").get_by_role("button", name="Embeddings").click()
    page.locator(".sf-cardtile[data-name='easyneg']").click()
    assert prompt(page, "neg_prompt") == "blurry, easyneg" and "easyneg" not in prompt(page)


def test_a_model_is_chosen_by_its_card(page: Page, site: Site) -> None:
    opened(page, site)
    names = [entry.name for entry in FAKE_CATALOGUE.usable()]
    page.locator("#txt2img_extra_tabs").get_by_role("button", name="Models").click()
    picker = page.locator("#setting_sd_model_checkpoint input")
    other = next(name for name in names if name != picker.input_value())
    page.locator(f".sf-cardtile[data-name='{other}']").click()
    expect(picker).to_have_value(other)


def test_controlnet_guides_with_a_picture_of_its_own(page: Page, site: Site, tmp_path: Path) -> None:
    Image.new("RGB", (32, 32), "white").save(tmp_path / "lines.png")
    page.goto(site.url)
    page.locator("#txt2img_controlnet button").first.click()
    page.get_by_label("Guide the picture").check()
    page.locator("#txt2img_controlnet_model input").click()
    page.get_by_role("option", name="canny-net").click()
    page.locator("#txt2img_prompt textarea").fill("a house")
    page.locator("#txt2img_generate").click()
    expect(page.locator("#txt2img_note")).to_contain_text("Open a picture for ControlNet")
    page.locator("#txt2img_controlnet input[type='file']").first.set_input_files(tmp_path / "lines.png")
    expect(page.locator("#txt2img_controlnet .sf-well-view img, #txt2img_controlnet img").first).to_be_visible()
    page.locator("#txt2img_controlnet_hint button").click()
    expect(page.get_by_alt_text("What the control network sees")).to_be_visible()
    page.locator("#txt2img_generate").click()
    page.wait_for_function("() => [...window.snowfox.state.jobs.values()].some((job) => job.state === 'done')")
    (job, *_) = site.app.service.jobs()
    (control,) = job.recipe.controls
    assert (control.model, control.preprocessor, len(control.image)) == ("canny-net", "", 64)
