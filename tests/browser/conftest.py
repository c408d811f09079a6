"""Headless Chromium for the browser tests. Any error on the browser's console fails the test that caused it."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.browser.desk import Desk, gradient
from tests.browser.stand import Stand, running

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@dataclass
class Complaints:
    """What the browser complained about; a test may name the complaints that it provokes on purpose."""

    lines: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.lines.append(f"uncaught: {error}"))

    def expect(self, part: str) -> None:
        self.expected.append(part)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.lines.append(f"{message.text} ({message.location['url']})")

    @property
    def unexpected(self) -> list[str]:
        return [line for line in self.lines if not any(part in line for part in self.expected)]


def chromium() -> str:
    """The path of an installed Chromium. Its absence skips the test, but fails it where CI is set."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return found
    reason = "Chromium is not installed; the browser tests need it"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


# One browser for this folder. Not for the whole session: while it is open, an event loop runs in the main thread,
# and tests elsewhere could not use asyncio.run.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    found = Complaints()
    yield found
    assert not found.unexpected, "the browser's console shows errors:\n" + "\n".join(found.unexpected)


def _opened(browser: Browser, complaints: Complaints, **options: Any) -> Iterator[Page]:
    context = browser.new_context(reduced_motion="reduce", **options)
    page = context.new_page()
    complaints.watch(page)
    yield page
    context.close()


@pytest.fixture
def page(browser: Browser, complaints: Complaints) -> Iterator[Page]:
    """A fresh page of a wide window: nothing stored, no cookies."""
    yield from _opened(browser, complaints, viewport={"width": 1440, "height": 900})


@pytest.fixture
def phone(browser: Browser, complaints: Complaints) -> Iterator[Page]:
    """The same on a phone with a touch screen."""
    size = {"width": 390, "height": 844}
    yield from _opened(browser, complaints, viewport=size, device_scale_factor=2, has_touch=True, is_mobile=True)


@pytest.fixture(scope="package")
def stand() -> Iterator[Stand]:
    with running() as stand:
        yield stand


@pytest.fixture
def desk(page: Page, stand: Stand) -> Desk:
    desk = Desk(page, stand)
    desk.visit()
    return desk


@pytest.fixture
def painted_desk(desk: Desk) -> Desk:
    """A picture is open and a stroke of 40 px runs from (100, 150) to (250, 150)."""
    desk.open(gradient())
    desk.size(40)
    desk.draw((100, 150), (250, 150))
    return desk
