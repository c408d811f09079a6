"""App: the one place that knows every part. It starts them in order and closes them in reverse."""

import asyncio
import importlib
import logging
from functools import cached_property
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter

import pipelines
from pipelines.recipe import Recipe
from webui.addons.loading import Loaded
from webui.api import again as again_api
from webui.api import assets as assets_api
from webui.api import hints as hints_api
from webui.api import jobs as jobs_api
from webui.api import pictures as pictures_api
from webui.api import presets as presets_api
from webui.api import share as share_api
from webui.api import tokens
from webui.api.sdapi.application import applications
from webui.api.surface import Surface
from webui.api.webhooks import Webhooks
from webui.engines.base import Engine
from webui.engines.messages import Setup
from webui.engines.turns import SharedEngine, Turns
from webui.host.host import Host
from webui.host.record import Start
from webui.jobs.journal import Journal
from webui.jobs.service import JobService
from webui.settings import Settings, SettingsError
from webui.store.codec import Kind
from webui.store.images import ImageStore
from webui.store.metadata import Form
from webui.store.presets import Presets

if TYPE_CHECKING:
    from webui.share.owner import Sharing

ENGINES = ("process", "inline", "fake")
FOLDERS = ("checkpoints", "loras", "vae", "embeddings", "upscalers", "controlnet")


class App:
    """Store, journal, engine and job service over one root folder: all that is needed without a browser."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine | None = None,
        store: ImageStore | None = None,
        journal: Journal | None = None,
        before: Start | None = None,
    ) -> None:
        """Parts given take the place of those that the settings name. Raises OSError when root cannot be written.

        before -- how the last starts went, where failed ones lead to safe mode
        """
        self.settings = settings
        for folder in (*(settings.models / name for name in FOLDERS), settings.outputs, settings.extensions):
            folder.mkdir(parents=True, exist_ok=True)
        self.host = Host(settings)
        self.host.load(before)
        self.store = store or ImageStore(
            settings.outputs,
            settings.cache / "inputs",
            settings.cache / "index.sqlite",
            form=lambda: form(settings),
        )
        self.engine = engine or make_engine(settings, self.host.engaged())
        self._count_tokens = tokens.counter(Path(pipelines.__file__).parent / "configs" / "clip_tokenizer")
        self.turns = Turns()
        shared = SharedEngine(self.engine, self.turns, "owner")
        self.service = JobService(
            shared, self.store, journal or Journal(settings.jobs), settings.queue_limit, self.host
        )
        self.host.join(self._submit, lambda: self.service.status.catalogue)
        self.service.subscribe(self._listen)
        self.presets = Presets(settings.root / "presets.json")
        self.webhooks = Webhooks(settings.webhooks, settings.webhook_secret)

    def start(self) -> None:
        self.service.start()

    @cached_property
    def sharing(self) -> "Sharing":
        """Sharing the page; made when it is first asked for, as it needs all of the page."""
        from webui.share.owner import Sharing, providers
        from webui.share.session import Share
        from webui.share.site import Owner

        owner = Owner(self.engine, self.turns, self.service, self.settings, self._count_tokens)
        share = Share(self.settings.cache / "share", owner.make_guest, owner.listen)
        return Sharing(share, providers(self.settings), self.settings.offline)

    def close(self) -> None:
        if "sharing" in self.__dict__:
            self.sharing.stop()
        self.service.close()
        self.host.close()
        self.webhooks.close()
        self.store.close()

    def _submit(self, recipe: Recipe) -> str:
        return self.service.submit(recipe, "add-on").id

    def _listen(self) -> None:
        for trouble in self.service.status.troubles:
            self.host.hear(trouble)
        for deed in self.service.status.deeds:
            self.host.hear(deed)

    def api(self, closing: asyncio.Event) -> Surface:
        """Everything that other programs talk to."""
        routes = APIRouter()
        routes.include_router(jobs_api.router(self.service, closing, self.presets, self.webhooks))
        routes.include_router(presets_api.router(self.presets))
        routes.include_router(
            pictures_api.router(self.store, self._count_tokens, lambda: self.service.status.catalogue)
        )
        routes.include_router(hints_api.router(self.store))
        routes.include_router(assets_api.router(lambda: self.service.status.catalogue))
        routes.include_router(again_api.router(self.service, self.store, lambda: self.service.status.catalogue))
        routes.include_router(share_api.router(self.sharing))
        return Surface(routes, applications(self.service, self.store, self.settings))


def form(settings: Settings) -> Form:
    """How the settings want finished pictures written."""
    kinds: dict[str, Kind] = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP", "avif": "AVIF"}
    quality = min(100, max(1, settings.picture_quality))
    return Form(kinds[settings.picture_format], quality, settings.text_beside)


def make_engine(settings: Settings, addons: tuple[Loaded, ...] = ()) -> Engine:
    """The engine that the settings name; its module is imported here and nowhere else.

    Raises SettingsError for an unknown name.
    """
    setup = Setup(settings.models, settings.cache, settings.device, settings.dtype, settings.extensions, addons)
    if settings.engine == "process":
        from webui.engines.child import Launch
        from webui.engines.process import ProcessEngine

        return ProcessEngine(Launch(setup, settings.logs / "engine.log"))
    if settings.engine == "fake":
        from webui.engines.fake import FakeEngine

        return FakeEngine(step_seconds=0.05)
    if settings.engine == "inline":
        return importlib.import_module("webui.engines.inline").InlineEngine(setup)
    raise SettingsError(f"There is no engine named '{settings.engine}'. Known are {', '.join(ENGINES)}.")


def log_to_file(settings: Settings, screen: bool = True) -> None:
    """Everything goes to logs/snowfox.log; warnings also to the screen."""
    settings.logs.mkdir(parents=True, exist_ok=True)
    file = RotatingFileHandler(settings.logs / "snowfox.log", maxBytes=2_000_000, backupCount=3, encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(file)
    if screen:
        console = logging.StreamHandler()
        console.setLevel(logging.WARNING)
        root.addHandler(console)
