"""Loading add-ons: the package `webui_ext`, the modules in it, and what their `setup` offers."""

import importlib
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Literal

from webui.addons.found import Found
from webui.addons.panel import Panel, described
from webui.extension import PACKAGE, ConfigError, Context, Extension, Registry, only

Kind = Literal["load error", "config error", "failure"]


@dataclass(frozen=True)
class Trouble:
    """What went wrong with an add-on; a failure is one of a hook at work.

    message -- a sentence; details: the traceback, "" where there is none
    grave   -- it ended a process or stood still: it is switched off until the user wants it back
    """

    addon: str
    kind: Kind
    message: str
    details: str = ""
    grave: bool = False


class Broken(Exception):
    """An add-on cannot be used."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.message)
        self.trouble = trouble


@dataclass(frozen=True)
class Offer:
    """What an add-on registered, as plain values: what a process that has not loaded it has to know."""

    addon: str
    title: str
    version: str
    panel: Panel | None = None
    prepares: bool = False
    listens: bool = False
    tabs: tuple[str, ...] = ()
    routes: bool = False
    assets: tuple[Path, ...] = ()
    families: tuple[str, ...] = ()
    denoisers: tuple[str, ...] = ()
    finishers: tuple[str, ...] = ()

    @property
    def on_the_page(self) -> bool:
        """Whether the web process has to load it."""
        return bool(self.tabs or self.routes)

    @property
    def in_the_engine(self) -> bool:
        return bool(self.families or self.denoisers or self.finishers)


@dataclass(frozen=True)
class Loaded:
    """An add-on that loads, and what it offers."""

    found: Found
    offer: Offer


def open_package(folder: Path) -> None:
    """Make the folders in `folder` modules of the package `webui_ext`."""
    package = ModuleType(PACKAGE)
    package.__path__ = [str(folder)]
    sys.modules[PACKAGE] = package


def load(found: Found, context: Context) -> tuple[Extension, Registry]:
    """Import an add-on and let it register what it offers. Raises Broken, whatever the add-on does."""

    def work() -> tuple[Extension, Registry]:
        _reach(found)
        extension = only(vars(importlib.import_module(found.module)).values())
        registry = Registry(context)
        extension.setup(registry)
        _check_routes(registry)
        if (meddled := _meddled(found)) != "":
            raise ConfigError(f"It changes {meddled}, which is not its own.")
        return extension, registry

    return isolated(found.name, "loading", work)


def offer(found: Found, extension: Extension, registry: Registry) -> Offer:
    """Raises Broken for a panel that cannot be shown."""

    def panel() -> Panel | None:
        if registry.options is None:
            return None
        return described(found.name, registry.panel_title or extension.title, registry.options)

    return Offer(
        found.name,
        extension.title,
        extension.version,
        isolated(found.name, "its panel", panel),
        bool(registry.prepares),
        bool(registry.listeners),
        tuple(title for title, _ in registry.tabs),
        bool(registry.routers),
        tuple(registry.assets),
        tuple(registry.families),
        tuple(registry.denoisers),
        tuple(registry.finishers),
    )


def resolve(found: Found, reference: str) -> Any:
    """The object that "module:name" names within an add-on. Raises Broken."""

    def work() -> Any:
        _reach(found)
        module, _, name = reference.partition(":")
        return getattr(importlib.import_module(f"{found.module}.{module}"), name)

    return isolated(found.name, f"'{reference}'", work)


def isolated(addon: str, what: str, work: Callable[[], Any]) -> Any:
    """What `work` returns. Raises Broken for anything that it raises, SystemExit too."""
    try:
        return work()
    except ConfigError as error:
        raise Broken(Trouble(addon, "config error", str(error), traceback.format_exc())) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise Broken(Trouble(addon, "load error", told(what, error), traceback.format_exc())) from error


def told(what: str, error: BaseException) -> str:
    """One line on an add-on's error: "prepare: KeyError: 'x'"."""
    if isinstance(error, SystemExit):
        return f"{what}: it tried to end the program (sys.exit)."
    first = (str(error).strip().splitlines() or [""])[0][:300]
    return f"{what}: {type(error).__name__}: {first}".rstrip(": ")


def _reach(found: Found) -> None:
    """Let the packages that an add-on brought be imported: after all others, so they replace nothing of ours."""
    path = str(found.packages)
    if found.packages.is_dir() and path not in sys.path:
        sys.path.append(path)


def _check_routes(registry: Registry) -> None:
    if not registry.routers:
        return
    from inspect import iscoroutinefunction

    from fastapi import APIRouter
    from fastapi.routing import APIRoute

    for router in registry.routers:
        if not isinstance(router, APIRouter):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"route() needs a FastAPI APIRouter, not {router!r}.")
        for route in router.routes:
            if not isinstance(route, APIRoute):
                raise ConfigError("route() takes plain HTTP routes only: no mounts and no web sockets.")
            if iscoroutinefunction(route.endpoint):
                raise ConfigError(f"The route {route.path} has to be a plain function: an async one can stop the page.")


def _meddled(found: Found) -> str:
    """The first function or class of this add-on that stands in another package's module or class; "" for none."""
    for name, module in tuple(sys.modules.items()):
        if name.split(".")[0] in ("__main__", PACKAGE, found.module.split(".")[0]):
            continue
        for place, value in tuple(getattr(module, "__dict__", {}).items()):
            if _made_in(value, found.module):
                return f"{name}.{place}"
            if isinstance(value, type) and value.__module__ == name:
                for inner, held in tuple(vars(value).items()):
                    if _made_in(held, found.module):
                        return f"{name}.{value.__name__}.{inner}"
    return ""


def _made_in(value: object, module: str) -> bool:
    if isinstance(value, FunctionType):
        origin = value.__globals__.get("__name__", "")
    elif isinstance(value, type):
        origin = value.__dict__.get("__module__", "")
    elif isinstance(value, staticmethod | classmethod):
        return _made_in(value.__func__, module)  # pyright: ignore[reportUnknownArgumentType]
    else:
        return False
    return origin == module or str(origin).startswith(f"{module}.")
