"""Serving the page: from settings to a browser window, and back."""

import ipaddress
import signal
import sys
import threading
import urllib.request
import webbrowser
from functools import partial
from importlib import resources
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout

from webui.accounts import kept_key
from webui.app import App, log_to_file
from webui.host.record import Starts
from webui.settings import Settings, SettingsError


def serve(settings: Settings) -> int:
    """Runs until it is interrupted. Raises SettingsError or OSError when it cannot begin."""
    settings.root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.root / "snowfox.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise SettingsError(f"Snowfox is already running on {settings.root}. Stop it first.") from error
    try:
        return _serve(settings)
    finally:
        lock.release()


def _serve(settings: Settings) -> int:
    from webui import server
    from webui.ui.page import build

    log_to_file(settings)
    sock = server.listen(settings.host, settings.port)
    address = server.url(settings.host, sock)
    if settings.port and sock.getsockname()[1] != settings.port:
        _say(f"Port {settings.port} is taken; using {sock.getsockname()[1]}.")
    starts = Starts(settings.cache)
    app = App(settings, before=starts.begin())
    brought = app.host.contributions()
    asks = bool(settings.api_auth) or not _only_here(settings.host)
    key = kept_key(settings.root / "access.key") if asks else ""
    page = partial(build, app.service, app.store, settings, app.host, brought)
    site = server.build(app.api, page, assets(), settings, key, brought)
    web = server.Server(site, sock)
    stop = _stop_on_signal()
    web.start()
    try:
        _first_answer(address, key)
        starts.end()
        own = f"{address}/?key={key}" if key and not settings.api_auth else address
        _say(f"Running on {own}")
        if own != address:
            _say("Other machines can reach it: whoever has this link can use all of it.")
        app.start()  # only now: the engine takes both cores for seconds, and the page comes first
        if settings.share:
            _share(app)
        if settings.browser:
            webbrowser.open(own)
        threading.Thread(target=app.store.refresh, name="gallery", daemon=True).start()
        while not stop.wait(0.5):  # a wait without end would not hear a signal that another thread was given
            pass
        _say("Stopping.")
    finally:
        web.close()
        app.close()
    return 0


def _share(app: App) -> None:
    try:
        app.sharing.begin()
    except RuntimeError as error:
        _say(f"Not shared: {error}")
    else:
        _say(f"Shared for 8 hours at {app.sharing.told().link}")


def _only_here(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"


def _first_answer(address: str, key: str) -> None:
    """Returns when the page has been served once: then it is quick for the browser."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(address, headers=headers), timeout=60) as answer:
        answer.read()


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)
    return stop


def assets() -> Path:
    """The folder of our own scripts, styles and pictures for the page."""
    return Path(str(resources.files("webui.ui"))) / "assets"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
