"""Sharing as people do it: the owner presses a button, a guest opens the link in another browser."""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import site
from tests.browser.conftest import Complaints
from tests.browser.site import Site
from webui.engines.fake import FakeEngine
from webui.settings import Settings

STUB = Path(__file__).parent.parent / "share" / "stub_relay.py"
WAY = (
    f"command:{shlex.quote(sys.executable)} {shlex.quote(str(STUB))} http -n x -l {{port}} -i 127.0.0.1 --uc --ue "
    "--sd random --server_addr relay:1 --disable_log_color --tls_enable --tls_trusted_ca_file none"
)


@pytest.fixture
def shared(tmp_path: Path, browser: Browser) -> Iterator[Site]:
    with site.running(
        tmp_path, FakeEngine(step_seconds=0.02), settings=Settings(root=tmp_path, share_ways=[WAY])
    ) as made:
        yield made


def test_a_link_is_opened_used_by_a_guest_and_closed(
    shared: Site, page: Page, browser: Browser, complaints: Complaints
) -> None:
    page.goto(shared.url)
    page.get_by_role("tab", name="Settings").click()
    page.get_by_label("Pass phrase").fill("white fox")
    page.get_by_role("button", name="Share", exact=True).click()
    link = page.get_by_label("The link")
    expect(link).to_be_visible(timeout=20_000)
    address = link.input_value()
    expect(page.get_by_alt_text("The link as a QR code")).to_be_visible()

    away = browser.new_context(viewport={"width": 390, "height": 844})
    guest = away.new_page()
    complaints.watch(guest)
    guest.goto(address)
    guest.get_by_label("Pass phrase").fill("white fox")
    guest.get_by_role("button", name="Come in").click()
    guest.wait_for_url(lambda url: "/s/" not in url)
    expect(guest.get_by_text("You are a guest here")).to_be_visible(timeout=20_000)
    expect(guest.get_by_role("tab", name="Settings")).to_have_count(0)
    expect(guest.locator("#setting_sd_model_checkpoint input")).to_have_value("plain", timeout=20_000)
    guest.locator("#txt2img_prompt textarea").fill("a fox of a guest")
    guest.locator("#txt2img_generate").click()
    expect(guest.locator("#txt2img_results img").first).to_be_visible(timeout=20_000)

    expect(page.get_by_text("Guest 1")).to_be_visible(timeout=10_000)
    assert shared.app.store.list() == ()
    page.get_by_role("button", name="Stop sharing").click()
    expect(page.get_by_role("button", name="Share", exact=True)).to_be_visible(timeout=10_000)
    complaints.expect("ERR_CONNECTION_REFUSED")
    complaints.expect("ERR_")
    away.close()
