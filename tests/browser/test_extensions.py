"""The Extensions tab as people use it: what ships is listed, and switched on for the next start."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import site
from tests.browser.site import Site
from webui.engines.fake import FakeEngine

SHIPPED = Path(__file__).parents[2] / "extensions"


@pytest.fixture
def shipped(tmp_path: Path) -> Iterator[Site]:
    shutil.copytree(SHIPPED, tmp_path / "extensions", ignore=shutil.ignore_patterns("__pycache__"))
    with site.running(tmp_path, FakeEngine()) as made:
        yield made


def test_an_add_on_is_switched_on_for_the_next_start(shipped: Site, page: Page) -> None:
    page.goto(shipped.url)
    page.get_by_role("tab", name="Extensions").click()
    row = page.locator('[data-addon="wildcards"]')
    expect(row).to_contain_text("Off")
    row.get_by_role("button", name="Turn on").click()
    expect(row).to_contain_text("At the next start", timeout=15_000)
    assert "wildcards" in (shipped.app.settings.root / "extensions.json").read_text()
    row.get_by_role("button", name="Turn off").click()
    expect(row).to_contain_text("Off", timeout=15_000)
