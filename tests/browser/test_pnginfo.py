"""PNG Info in the Gallery: what a picture of another program says, how faithfully, and its settings in the form."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Page, expect

from tests.browser import site
from tests.browser.conftest import Complaints
from tests.browser.site import Site
from webui.engines.fake import FakeEngine

TEXT = (
    "a lighthouse at dusk\nNegative prompt: fog\nSteps: 28, Sampler: Euler a, CFG scale: 5.5, Seed: 7, Size: 640x512, "
    "Model: plain, Mysterious key: 3, Version: v1.10.1"
)


@pytest.fixture
def opened(tmp_path: Path, page: Page) -> Iterator[Site]:
    with site.running(tmp_path, FakeEngine()) as made:
        page.goto(made.url)
        expect(page.get_by_label("Model", exact=True)).not_to_have_value("")
        page.get_by_role("tab", name="Gallery").click()
        yield made
        page.goto("about:blank")


def test_a_picture_of_another_program_tells_its_settings_and_how_faithful_they_are(
    opened: Site, page: Page, tmp_path: Path
) -> None:
    notes = PngInfo()
    notes.add_text("parameters", TEXT)
    Image.new("RGB", (8, 8)).save(tmp_path / "old.png", pnginfo=notes)
    page.get_by_label("A picture to read").set_input_files(tmp_path / "old.png")
    told = page.get_by_label("PNG Info", exact=True)
    expect(told).to_contain_text("Steps: 28, Sampler: Euler a")
    expect(told.locator("dt", has_text="Lost").locator("+ dd")).to_contain_text("Mysterious key")
    expect(told.locator("dt", has_text="Taken over exactly").locator("+ dd")).to_contain_text("sampler")
    told.get_by_role("button", name="Use these settings").click()
    expect(page.locator("#txt2img_prompt textarea")).to_have_value("a lighthouse at dusk")
    expect(page.locator("#txt2img_width input").first).to_have_value("640")


def test_a_picture_that_says_nothing_is_told_so(
    opened: Site, page: Page, tmp_path: Path, complaints: Complaints
) -> None:
    complaints.expect("422")
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.png")
    page.get_by_label("A picture to read").set_input_files(tmp_path / "plain.png")
    expect(page.get_by_label("PNG Info", exact=True)).to_contain_text("says nothing about how it was made")
