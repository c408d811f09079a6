"""A1111's API as applications of their own, so that it keeps its own error shapes and its own description."""

from collections.abc import Callable, Mapping, Sequence

from fastapi import APIRouter, FastAPI

from webui.api.sdapi import controlnet, errors, extras, generation, internal, lists, state
from webui.api.sdapi.generation import Parts
from webui.api.sdapi.options import Options
from webui.api.sdapi.scripts import Panel
from webui.api.sdapi.tasks import Tasks
from webui.jobs.service import JobService
from webui.settings import Settings
from webui.store import styles
from webui.store.images import ImageStore


def applications(
    service: JobService,
    store: ImageStore,
    settings: Settings,
    panels: Callable[[], Sequence[Panel]] = tuple,
) -> Mapping[str, FastAPI]:
    """By the path below which they belong. panels: of the add-ons that run at present."""
    options = Options(settings, settings.root / "options.json")
    parts = Parts(service, store, options, settings.root / styles.FILE, Tasks(), panels)
    main = APIRouter()
    for made in (generation.router(parts), extras.router(parts), state.router(parts, settings), lists.router(parts)):
        main.include_router(made)
    return {
        "/sdapi/v1": _application("Snowfox, as A1111", main, openapi_url="/openapi.json"),
        "/controlnet": _application("Snowfox, as A1111's ControlNet", controlnet.router(parts)),
        "/internal": _application("Snowfox, as A1111's page", internal.router(parts)),
    }


def _application(title: str, routes: APIRouter, openapi_url: str | None = None) -> FastAPI:
    # Some clients name no content type. The guard has turned away other web pages by then.
    app = FastAPI(
        title=title,
        version="1.10.1",
        docs_url=None,
        redoc_url=None,
        openapi_url=openapi_url,
        strict_content_type=False,
    )
    errors.install(app)
    app.include_router(routes, responses=errors.DESCRIBED)
    return app
