"""The page in headless Chromium, over the fake engine: every state that a visitor meets."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from pipelines.recipe import Recipe, Refiner, Sampling
from pipelines.recipe_json import to_json
from tests.browser.conftest import Complaints
from tests.browser.site import Site, running
from webui.engines.fake import FAKE_CATALOGUE, FakeEngine

AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
TABS = ("txt2img", "img2img", "inpaint", "extras", "gallery", "models", "extensions", "settings")


PATIENCE = 30_000
"""Milliseconds: a machine that is busy with other things is slow, not broken."""


@pytest.fixture(scope="module", autouse=True)
def patience() -> Iterator[None]:
    expect.set_options(timeout=PATIENCE)
    yield
    expect.set_options(timeout=5_000)


class LateEngine(FakeEngine):
    """Starts when it is told to."""

    def __init__(self) -> None:
        super().__init__(start_seconds=3600)

    def wake(self) -> None:
        self._begin()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(tmp_path_factory.mktemp("root"), FakeEngine(step_seconds=0.03)) as site:
        site.app.service.wait_for_engine()
        yield site


@dataclass
class Visit:
    """A visitor: the page and the things on it by the names people know."""

    page: Page
    site: Site

    def open(self) -> "Visit":
        self.page.goto(self.site.url)
        expect(self.generate).to_be_visible()
        expect(self.page.locator("#sf_status")).to_contain_text("Fake device")
        expect(self.page.get_by_label("Model", exact=True)).not_to_have_value("")
        return self

    @property
    def generate(self) -> Locator:
        return self.page.locator("#txt2img_generate")

    @property
    def stop(self) -> Locator:
        return self.page.locator("#txt2img_interrupt")

    @property
    def stage(self) -> Locator:
        return self.page.locator("#txt2img_stage .sf-stage")

    @property
    def progress(self) -> Locator:
        return self.page.locator("#txt2img_progress")

    @property
    def thumbs(self) -> Locator:
        return self.page.locator("#txt2img_strip .sf-thumb")

    def number(self, name: str, value: object, tab: str = "txt2img") -> None:
        self.page.locator(f"#{tab}_{name} input[type=number]").fill(str(value))

    def value(self, name: str, tab: str = "txt2img") -> str:
        return self.page.locator(f"#{tab}_{name} input[type=number]").input_value()

    def ask(self, prompt: str, count: int = 1, steps: int = 20) -> None:
        """Fill the form and press Ctrl+Enter."""
        self.number("steps", steps)
        self.number("batch_count", count)
        self.page.locator("#txt2img_prompt textarea").fill(prompt)
        self.page.keyboard.press("Control+Enter")

    def make(self, prompt: str) -> None:
        """Make one picture and wait for it."""
        self.ask(prompt, steps=1)
        expect(self.page.locator("#html_info_txt2img .sf-info-prompt")).to_have_text(prompt)
        expect(self.progress).to_contain_text("1 picture")

    def tab(self, name: str) -> None:
        self.page.locator(f"#tab_{name}-button").click()
        expect(self.page.locator(f"#tab_{name}-button")).to_have_attribute("aria-selected", "true")


@pytest.fixture
def visit(page: Page, site: Site, complaints: Complaints) -> Iterator[Visit]:
    complaints.expect("/preview?v=")  # a preview may be gone by the time it is asked for
    for own in ("AbortError", "Connection errored out", "gradio_api/app_id"):
        complaints.expect(own)  # Gradio's, when a page is left while a request of its own is under way
    yield Visit(page, site).open()
    for job in site.app.service.jobs():
        site.app.service.cancel(job.id)


def until(true: Callable[[], bool]) -> None:
    """Returns when `true` does; fails when it takes too long."""
    end = time.monotonic() + PATIENCE / 1000
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def violations(page: Page) -> list[str]:
    found: list[dict[str, Any]] = Axe().run(page, options={"runOnly": AXE_TAGS}).response["violations"]
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]


# ---- making pictures


def test_a_picture_is_made_and_its_settings_are_told(visit: Visit) -> None:
    visit.ask("a red fox", count=2, steps=60)
    expect(visit.generate).to_have_text(re.compile("Add to queue"))
    expect(visit.progress).to_contain_text(re.compile(r"Picture \d of 2, step \d+ of 60"))
    expect(visit.page).to_have_title(re.compile(r"^\d+ % - Snowfox$"))
    expect(visit.progress.get_by_role("progressbar")).to_have_attribute("aria-valuenow", re.compile(r"^[1-9]\d?$"))
    expect(visit.progress).to_contain_text("2 pictures in")
    expect(visit.page).to_have_title("Snowfox")
    expect(visit.generate).to_have_text(re.compile("Generate"))
    expect(visit.stage).to_contain_text("Picture 2 of 2")
    info = visit.page.locator("#html_info_txt2img")
    expect(info).to_contain_text("a red fox")
    expect(info).to_contain_text("Size 512×512")
    saved = visit.site.app.store.list(limit=2)
    assert [image.prompt for image in saved] == ["a red fox", "a red fox"]
    expect(info).to_contain_text(f"Seed {saved[0].seed}")
    visit.thumbs.first.click()
    expect(info).to_contain_text(f"Seed {saved[1].seed}")


def test_a_reload_and_a_second_browser_find_the_running_job(visit: Visit, browser: Browser) -> None:
    visit.ask("a slow fox", count=20, steps=100)
    expect(visit.progress).to_contain_text(re.compile(r"step [1-9]"))
    visit.page.reload()
    expect(visit.progress).to_contain_text(re.compile(r"Picture \d+ of 20, step \d+ of 100"))
    expect(visit.page.locator("#txt2img_prompt textarea")).to_have_value("a slow fox")
    with browser.new_context() as context:
        other = Visit(context.new_page(), visit.site).open()
        expect(other.progress).to_contain_text(re.compile(r"Picture \d+ of 20, step \d+ of 100"))
        expect(other.stop).to_be_enabled()
        other.stop.click()
        expect(other.progress).to_contain_text("Stopped")
    expect(visit.progress).to_contain_text("Stopped")


def test_stop_and_escape(visit: Visit) -> None:
    expect(visit.stop).to_be_disabled()
    visit.ask("stop me", count=20, steps=150)
    expect(visit.stop).to_be_enabled()
    visit.stop.click()
    expect(visit.progress).to_contain_text(re.compile(r"Stopped at picture \d+ of 20"))
    expect(visit.stop).to_be_disabled()
    visit.ask("stop me too", count=20, steps=150)
    expect(visit.progress).to_contain_text(re.compile("step [1-9]"))
    visit.page.keyboard.press("Escape")
    expect(visit.progress).to_contain_text(re.compile(r"Stopped at picture \d+ of 20"))


def test_a_failure_is_one_sentence_and_what_to_do(visit: Visit) -> None:
    visit.ask("fail: The pencil broke.", steps=2)
    card = visit.stage.get_by_role("alert").locator(".sf-error")
    expect(card).to_contain_text("The pencil broke.")
    expect(card).to_contain_text("Try another prompt.")
    expect(visit.page.locator("#txt2img_prompt textarea")).to_have_value("fail: The pencil broke.")
    before = len(visit.site.app.service.jobs())
    with visit.page.expect_response(re.compile("/api/v1/jobs$")):
        card.get_by_role("button", name="Try again").click()
    assert len(visit.site.app.service.jobs()) == before + 1


def test_waiting_jobs_are_listed_and_can_be_cancelled(visit: Visit) -> None:
    visit.ask("the first", count=20, steps=150)
    expect(visit.progress).to_contain_text(re.compile("step [1-9]"))
    visit.ask("the second", count=20, steps=150)
    opener = visit.page.get_by_role("button", name="Queue, 2 runs")
    opener.click()
    queue = visit.page.get_by_role("dialog", name="Queue")
    expect(queue).to_contain_text("the second")
    queue.get_by_role("listitem").filter(has_text="the second").get_by_role("button", name="Cancel").click()
    expect(queue).not_to_contain_text("the second")
    queue.get_by_role("button", name="Stop").click()
    expect(queue).to_contain_text("Nothing is waiting.")
    visit.page.keyboard.press("Escape")
    expect(queue).to_be_hidden()


def test_a_note_of_the_engine_is_shown(visit: Visit) -> None:
    visit.ask("note: The size was changed.", steps=1)
    expect(visit.progress).to_contain_text("The size was changed.")


@pytest.mark.parametrize(
    ("tab", "sentence"), [("img2img", "Open a picture first."), ("inpaint", "Open a picture first.")]
)
def test_a_missing_picture_is_told_beside_the_form(visit: Visit, tab: str, sentence: str) -> None:
    visit.tab(tab)
    visit.page.locator(f"#{tab}_prompt textarea").fill("kept")
    visit.page.locator(f"#{tab}_generate").click()
    expect(visit.page.locator(f"#{tab}_note").get_by_role("alert")).to_have_text("Open a picture first.")
    expect(visit.page.locator(f"#{tab}_prompt textarea")).to_have_value("kept")


def test_a_size_out_of_range_is_told_beside_the_form(visit: Visit) -> None:
    visit.number("width", 9000)
    visit.ask("too wide")
    expect(visit.page.locator("#txt2img_note").get_by_role("alert")).to_contain_text("Width is 9000")
    visit.number("width", 512)
    visit.ask("wide enough", steps=1)
    expect(visit.page.locator("#txt2img_note").get_by_role("alert")).to_have_count(0)


# ---- what to do with a picture


@pytest.mark.parametrize("target", ["img2img", "inpaint"])
def test_a_result_is_sent_on_and_used(visit: Visit, target: str) -> None:
    visit.make(f"sent to {target}")
    visit.page.locator(f"#txt2img_send_to_{target}").click()
    expect(visit.page.locator(f"#tab_{target}-button")).to_have_attribute("aria-selected", "true")
    well = visit.page.locator(f"#tab_{target} .sf-well")
    expect(well).to_have_attribute("data-state", "open")
    visit.number("steps", 1, target)
    if target == "inpaint":
        visit.page.locator("#inpaint_generate").click()
        note = visit.page.locator("#inpaint_note").get_by_role("alert")
        expect(note).to_have_text("Paint what should change, or extend the picture.")
        box = well.locator("canvas.sf-well-mask").bounding_box()
        assert box is not None
        visit.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        visit.page.mouse.down()
        visit.page.mouse.move(box["x"] + box["width"] / 2 + 30, box["y"] + box["height"] / 2, steps=3)
        visit.page.mouse.up()
    visit.page.locator(f"#{target}_prompt textarea").fill(f"made by {target}")
    visit.page.locator(f"#{target}_generate").click()
    expect(visit.page.locator(f"#html_info_{target} .sf-info-prompt")).to_have_text(f"made by {target}")
    newest = visit.site.app.service.jobs()[0]
    assert newest.recipe.task == ("image" if target == "img2img" else "inpaint")


def test_delete_and_undo(visit: Visit) -> None:
    visit.make("to the bin")
    identity = visit.site.app.store.list(limit=1)[0].id
    visit.page.locator("#txt2img_delete").click()
    toast = visit.page.locator(".sf-toast").filter(has_text="1 picture moved to the bin.")
    expect(toast).to_be_visible()
    assert visit.site.app.store.saved(identity) is None
    with visit.page.expect_response(re.compile("/restore$")):
        toast.get_by_role("button", name="Undo").click()
    expect(visit.page.locator("#html_info_txt2img .sf-info-prompt")).to_have_text("to the bin")
    assert visit.site.app.store.saved(identity) is not None


def test_the_gallery_searches_and_fills_the_form(visit: Visit) -> None:
    visit.make("a lighthouse in the fog")
    visit.make("a bowl of cherries")
    visit.tab("gallery")
    gallery = visit.page.locator("#gallery_pictures")
    gallery.get_by_label("Search pictures").fill("lighthouse")
    expect(gallery.locator(".sf-tile")).to_have_count(1)
    expect(gallery.locator(".sf-detail")).to_contain_text("a lighthouse in the fog")
    seed = visit.site.app.store.list("lighthouse", limit=1)[0].seed
    gallery.get_by_role("button", name="Use these settings").click()
    expect(visit.page.locator("#txt2img_prompt textarea")).to_have_value("a lighthouse in the fog")
    expect(visit.page.locator("#txt2img_seed input")).to_have_value(str(seed))


def test_the_full_view_keeps_the_focus_and_gives_it_back(visit: Visit) -> None:
    visit.make("the first of two")
    visit.make("the second of two")
    visit.stage.get_by_role("button", name="Full size").click()
    view = visit.page.get_by_role("dialog", name="Picture")
    expect(view.locator("img")).to_have_attribute("alt", "the second of two")
    visit.page.keyboard.press("ArrowRight")
    expect(view.locator("img")).to_have_attribute("alt", "the first of two")
    for _ in range(8):
        visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    visit.page.keyboard.press("Escape")
    expect(view).to_have_count(0)
    expect(visit.stage.get_by_role("button", name="Full size")).to_be_focused()


def test_a_picture_is_made_again_in_the_gallery_and_found_identical(visit: Visit) -> None:
    visit.make("made twice")
    visit.tab("gallery")
    detail = visit.page.locator(".sf-detail")
    expect(detail).to_contain_text("made twice")
    count = visit.page.locator(".sf-days .sf-tile").count()
    detail.get_by_role("button", name="Make it again").click()
    expect(detail.locator(".sf-again")).to_contain_text("Identical")
    assert visit.page.locator(".sf-days .sf-tile").count() == count


def test_a_dropped_picture_fills_the_form(visit: Visit) -> None:
    visit.make("read me back")
    image = visit.site.app.store.list(limit=1)[0]
    visit.page.locator("#txt2img_prompt textarea").fill("something else")
    visit.page.evaluate(
        """async address => {
            const file = new File([await (await fetch(address)).blob()], "picture.png", { type: "image/png" });
            const data = new DataTransfer();
            data.items.add(file);
            const box = document.querySelector("#txt2img_prompt textarea");
            box.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: data }));
        }""",
        f"api/v1/images/{image.id}",
    )
    expect(visit.page.locator("#txt2img_prompt textarea")).to_have_value("read me back")
    expect(visit.page.locator("#txt2img_seed input")).to_have_value(str(image.seed))


def test_pasted_settings_without_a_control_are_kept_until_removed(visit: Visit) -> None:
    note = visit.page.locator("#txt2img_carried_note .sf-note")
    wish = {"prompt": "with an add-on", "steps": 1, "extras": {"moonlight": {"phase": 3}}}
    visit.page.evaluate("recipe => snowfox.fill('txt2img', recipe)", wish)
    expect(note).to_contain_text("Add-ons moonlight")
    visit.make("kept")
    assert visit.site.app.service.jobs()[0].recipe.extras == {"moonlight": {"phase": 3}}
    note.get_by_role("button", name="Remove").click()
    expect(note).to_have_count(0)
    visit.make("dropped")
    assert visit.site.app.service.jobs()[0].recipe.extras == {}


def test_expert_settings_come_back_from_the_form_and_stand_in_the_titles(visit: Visit) -> None:
    model = visit.page.get_by_label("Model", exact=True).input_value()
    sampling = Sampling(eta=0.5, s_churn=3, rho=5, noise="nv", variation_seed=12, variation=0.3, rescale=0.7)
    sampling = replace(sampling, resize_width=64, min_uncond_all=True, skip_early=0.2, seed_delta=31337, discard=True)
    wish = Recipe("everything", "", model, steps=2, seed=5, emphasis="no norm", old_editing=True, tiling="both")
    wish = replace(wish, sampling=sampling, refiner=Refiner(model, 0.6))
    visit.page.evaluate("recipe => snowfox.fill('txt2img', recipe)", to_json(wish))
    drawers = visit.page.locator("#txt2img_settings .sf-acc.sf-on > .label-wrap > span:first-child")
    expect(drawers).to_have_text(
        [
            "Seed variation\nVariation strength 0.3, Variation seed 12, Seed from width 64, Random numbers NVIDIA",
            "Guidance and prompt\nCFG rescale 0.7, Skip early CFG 0.2, Negative guidance minimum sigma all steps, "
            "Emphasis No norm, Old prompt editing",
            "Noise and schedule\nEta 0.5, Sigma churn 3, Schedule rho 5, Eta noise seed delta 31337, "
            "Discard next-to-last sigma",
            f"Refiner\n{model}, from 60% of the steps",
            "VAE, tiling, token merging\nTiling Both ways",
        ]
    )
    visit.page.keyboard.press("Control+Enter")
    until(lambda: any(job.recipe.prompt == "everything" for job in visit.site.app.service.jobs()))
    assert visit.site.app.service.jobs()[0].recipe == wish


def test_all_controls_survive_a_reload(visit: Visit) -> None:
    visit.number("steps", 33)
    wish = replace(Recipe("", "", steps=33, tiling="both"), sampling=Sampling(eta=0.5), extras={"moonlight": 3})
    visit.page.evaluate("recipe => snowfox.fill('txt2img', recipe)", to_json(wish))
    unusual = visit.page.locator("#txt2img_settings .sf-acc.sf-on > .label-wrap > span:first-child")
    expect(unusual).to_contain_text(["Eta 0.5", "Tiling Both ways"])
    kept = "JSON.parse(localStorage.getItem('snowfox:forms') || '{}').txt2img?.['sampling.eta'] === 0.5"
    visit.page.wait_for_function(kept)
    visit.page.reload()
    expect(unusual).to_contain_text(["Eta 0.5", "Tiling Both ways"])
    expect(visit.page.locator("#txt2img_steps input[type=number]")).to_have_value("33")
    expect(visit.page.locator("#txt2img_carried_note")).to_contain_text("Add-ons")


def test_styles_are_saved_applied_and_found_in_pasted_settings(visit: Visit) -> None:
    page = visit.page
    drawer = page.locator("#txt2img_settings .sf-acc", has_text="Styles")
    drawer.locator("> .label-wrap").click()
    page.locator("#txt2img_prompt textarea").fill("ink drawing of {prompt}")
    page.locator("#txt2img_style_name textarea, #txt2img_style_name input").first.fill("ink")
    page.locator("#txt2img_style_save").click()
    choice = page.locator("#txt2img_styles input")
    choice.click()
    page.get_by_role("option", name="ink").click()
    expect(drawer.locator("> .label-wrap")).to_contain_text("ink")
    visit.ask("a fox", steps=1)
    until(lambda: any(job.recipe.prompt == "ink drawing of a fox" for job in visit.site.app.service.jobs()))
    wish = to_json(Recipe("ink drawing of a hare", steps=1))
    page.evaluate("recipe => snowfox.fill('txt2img', recipe)", wish)
    expect(page.locator("#txt2img_prompt textarea")).to_have_value("a hare")
    expect(drawer.locator("> .label-wrap")).to_contain_text("ink")


def test_words_from_people_are_only_text(visit: Visit) -> None:
    prompt = '<img src=x onerror="document.title=1"> ${document.body.remove()} {{constructor}}'
    visit.make(prompt)
    visit.tab("gallery")
    expect(visit.page.locator(".sf-detail")).to_contain_text(prompt)


# ---- the form


def test_tokens_are_counted(visit: Visit) -> None:
    visit.page.locator("#txt2img_prompt textarea").fill("a red fox")
    expect(visit.page.locator("#txt2img_token_counter")).to_have_text("3 / 75")
    visit.page.locator("#txt2img_prompt textarea").fill("fox " * 80)
    expect(visit.page.locator("#txt2img_token_counter")).to_have_text("80 / 150")


def test_sizes_seed_and_swap(visit: Visit) -> None:
    visit.page.get_by_role("button", name="Landscape").click()
    size = (int(visit.value("width")), int(visit.value("height")))
    assert size[0] > size[1]
    expect(visit.page.get_by_role("button", name="Landscape")).to_have_attribute("aria-pressed", "true")
    visit.page.locator("#txt2img_res_switch_btn").click()
    assert (int(visit.value("height")), int(visit.value("width"))) == size
    visit.page.get_by_role("button", name="Square").click()
    visit.make("its seed")
    visit.page.locator("#txt2img_reuse_seed").click()
    assert visit.value("seed") == str(visit.site.app.store.list(limit=1)[0].seed)
    visit.page.locator("#txt2img_random_seed").click()
    assert visit.value("seed") == "-1"


def test_the_chosen_model_sets_what_was_not_touched(visit: Visit) -> None:
    visit.number("height", 320)
    model = visit.page.get_by_label("Model", exact=True)
    model.click()
    visit.page.get_by_role("option", name="small").click()
    expect(visit.page.locator("#txt2img_width input")).to_have_value("128")
    assert visit.value("height") == "320"
    visit.ask("with the small one", steps=1)
    expect(visit.page.locator("#html_info_txt2img")).to_contain_text("Size 128×320")
    visit.page.reload()
    expect(model).to_have_value("small")
    model.click()
    visit.page.get_by_role("option", name="plain").click()
    expect(visit.page.locator("#txt2img_width input")).to_have_value("512")


def test_the_sampler_is_told_by_its_closed_drawer(visit: Visit) -> None:
    drawer = visit.page.get_by_role("button", name=re.compile("^Sampler"))
    expect(drawer).to_contain_text("DPM++ 2M, automatic schedule")
    expect(drawer).to_have_attribute("aria-expanded", "false")
    drawer.click()
    expect(drawer).to_have_attribute("aria-expanded", "true")
    visit.page.locator("#txt2img_sampling input").click()
    visit.page.get_by_role("option", name="Euler a").click()
    expect(drawer).to_contain_text("Euler a, automatic schedule")
    visit.ask("by Euler", steps=1)
    expect(visit.page.locator("#html_info_txt2img")).to_contain_text("Sampler Euler a")


def test_weights_by_keys(visit: Visit) -> None:
    box = visit.page.locator("#txt2img_prompt textarea")
    box.fill("a red fox")
    visit.page.keyboard.press("Control+ArrowUp")
    expect(box).to_have_value("a red (fox:1.1)")
    visit.page.keyboard.press("Control+ArrowUp")
    expect(box).to_have_value("a red (fox:1.2)")
    visit.page.keyboard.press("Control+ArrowDown")
    visit.page.keyboard.press("Control+ArrowDown")
    expect(box).to_have_value("a red fox")


def test_settings_are_saved_at_once(visit: Visit) -> None:
    visit.tab("settings")
    visit.page.get_by_text("Live preview").click()
    visit.page.get_by_role("radio", name="Light").click()
    expect(visit.page.locator("body")).not_to_have_class(re.compile(r"\bdark\b"))
    saved = visit.site.app.settings.root / "settings.yaml"
    until(lambda: saved.exists() and {"previews: false", "theme: light"} <= set(saved.read_text().splitlines()))
    visit.page.reload()
    visit.tab("settings")
    expect(visit.page.get_by_role("radio", name="Light")).to_be_checked()
    expect(visit.page.get_by_label("Live preview")).not_to_be_checked()
    visit.page.get_by_text("Live preview").click()
    visit.page.get_by_role("radio", name="Follow the system").click()
    until(lambda: {"previews: true", "theme: system"} <= set(saved.read_text().splitlines()))


def test_models_and_their_problems_are_listed(visit: Visit) -> None:
    visit.tab("models")
    table = visit.page.get_by_role("table")
    expect(table.get_by_role("row", name=re.compile("^broken"))).to_contain_text("The file is cut short; get it again.")
    expect(table.get_by_role("row", name=re.compile("^plain"))).to_contain_text("Stable Diffusion 1.x")
    visit.page.get_by_role("button", name="Rescan").click()
    expect(visit.page.locator(".sf-toast")).to_contain_text("Looking at the models folder again.")


# ---- before the engine is ready, and without a model


def test_the_page_is_useful_before_the_engine_is_ready(page: Page, tmp_path: Path, complaints: Complaints) -> None:
    complaints.expect("503")
    complaints.expect("/preview?v=")
    for own in ("AbortError", "Connection errored out", "gradio_api/app_id"):
        complaints.expect(own)  # Gradio's, when a page is left while a request of its own is under way
    engine = LateEngine()
    with running(tmp_path, engine) as site:
        page.goto(site.url)
        visit = Visit(page, site)
        expect(page.locator("#sf_status")).to_contain_text("Engine starting")
        expect(visit.stage).to_contain_text("The engine is starting.")
        visit.ask("typed before the start", steps=1)
        expect(visit.stage).to_contain_text("Waiting for the engine")
        engine.wake()
        expect(visit.progress).to_contain_text("1 picture")
        expect(page.locator("#txt2img_prompt textarea")).to_have_value("typed before the start")
        page.goto("about:blank")


def test_without_a_model_the_page_says_what_to_do(page: Page, tmp_path: Path) -> None:
    nothing = replace(FAKE_CATALOGUE, checkpoints=FAKE_CATALOGUE.checkpoints[2:])
    with running(tmp_path, FakeEngine(nothing)) as site:
        page.goto(site.url)
        visit = Visit(page, site)
        expect(visit.stage).to_contain_text("Snowfox needs a model to draw with")
        expect(visit.generate).to_be_disabled()
        expect(visit.generate).to_have_attribute("title", "Add a model first")
        assert violations(page) == []
        visit.stage.get_by_role("button", name="Open Models").click()
        expect(page.get_by_role("table")).to_contain_text("The file is cut short")
        page.goto("about:blank")


# ---- quality


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing_in_the_main_states(visit: Visit, theme: str) -> None:
    page = visit.page
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    expect(page.locator("html")).to_have_class(re.compile("dark") if theme == "dark" else re.compile(r"^(?!.*dark)"))
    assert violations(page) == []
    page.get_by_role("button", name=re.compile("^Sampler")).click()
    visit.ask("running", count=20, steps=150)
    expect(visit.progress).to_contain_text(re.compile("step [1-9]"))
    visit.ask("waiting", steps=1)
    page.get_by_role("button", name="Queue, 2 runs").click()
    assert violations(page) == []
    page.keyboard.press("Escape")
    visit.stop.click()
    visit.ask("fail: It broke.", steps=1)
    expect(visit.stage.locator(".sf-error")).to_be_visible()
    assert violations(page) == []
    for tab in TABS[1:] if theme == "dark" else ("inpaint", "gallery", "models"):
        visit.tab(tab)
        page.wait_for_timeout(250)
        assert violations(page) == [], tab


def test_nothing_scrolls_sideways_and_targets_are_large(phone: Page, site: Site, complaints: Complaints) -> None:
    complaints.expect("/preview?v=")
    phone.set_viewport_size({"width": 320, "height": 640})
    phone.goto(site.url)
    expect(phone.locator("#sf_status")).to_contain_text("Fake device")
    small = """() => [...document.querySelectorAll("button, input, textarea, [role=tab], a[href]")]
        .filter(e => e.checkVisibility({ visibilityProperty: true }) && !e.closest("[aria-hidden=true], .sf-well")
            && getComputedStyle(e).position !== "fixed")
        .map(e => [e.closest("label") ?? e, e])
        .map(([box, e]) => [box.getBoundingClientRect(), e])
        .filter(([box]) => box.width > 1 && (box.width < 40 || box.height < 40))
        .map(([box, e]) => `${box.width} × ${box.height}: ${e.outerHTML.slice(0, 120)}`)"""
    for tab in TABS:
        phone.locator(f"#tab_{tab}-button").click()
        phone.wait_for_timeout(300)
        assert phone.evaluate("document.documentElement.scrollWidth") == 320, tab
        assert phone.evaluate(small) == [], tab
    phone.locator("#tab_txt2img-button").click()
    phone.evaluate("scrollTo(0, document.body.scrollHeight)")
    box = phone.locator("#txt2img_generate").bounding_box()
    assert box is not None
    assert 0 < box["y"] < 640 - 40


def test_generate_and_stage_share_one_window(visit: Visit) -> None:
    for where in ("0", "document.body.scrollHeight"):
        visit.page.evaluate(f"scrollTo(0, {where})")
        expect(visit.generate).to_be_in_viewport(ratio=1)
        expect(visit.stage).to_be_in_viewport(ratio=1)


def test_the_stage_keeps_its_height(visit: Visit) -> None:
    heights = [visit.stage.bounding_box()]
    visit.ask("tall or not", steps=100)
    expect(visit.progress).to_contain_text(re.compile("step [1-9]"))
    heights.append(visit.stage.bounding_box())
    expect(visit.progress).to_contain_text("1 picture")
    heights.append(visit.stage.bounding_box())
    visit.ask("fail: It broke.", steps=1)
    expect(visit.stage.locator(".sf-error")).to_be_visible()
    heights.append(visit.stage.bounding_box())
    assert len({box["height"] for box in heights if box}) == 1


def test_nothing_is_asked_of_another_server(page: Page, site: Site, complaints: Complaints) -> None:
    complaints.expect("/preview?v=")
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    visit = Visit(page, site).open()
    visit.make("at home")
    for tab in TABS:
        visit.tab(tab)
        page.wait_for_timeout(150)
    assert asked == {urlsplit(site.url).netloc}


def test_first_view_is_light(visit: Visit) -> None:
    mounted = visit.page.evaluate("document.querySelectorAll('.block, .row, .column, .gr-group > .gr-group').length")
    assert mounted <= 80
