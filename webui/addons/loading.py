"""Loading add-ons: the package `webui_ext`, the modules in it, and what their `setup` offers."""

import importlib
import sys
import traceback
from collections.abc import Callable, Mapping
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
    """Make the folders in `folder` modules of the package `webui_ext`, in place of any that were."""
    for name in [name for name in sys.modules if name == PACKAGE or name.startswith(f"{PACKAGE}.")]:
        del sys.modules[name]
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
        return extension, registry

    loaded = isolated(found.name, "loading", work)
    check_meddling(found)
    return loaded


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


def check_meddling(*addons: Found) -> None:
    """Raises Broken for one that has put something of its own into others' modules; this process is spoilt then."""
    found, place = _meddled({one.module: one for one in addons})
    if found is not None:
        message = f"It changes {place}, which is not its own."
        raise Broken(Trouble(found.name, "config error", message, grave=True))


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


def _meddled(addons: Mapping[str, Found]) -> tuple[Found | None, str]:
    """The first add-on of which a function or class stands in another package's module or class, and where."""
    own = {"__main__", PACKAGE, *(module.split(".")[0] for module in addons)}
    for name, module in tuple(sys.modules.items()):
        if name.split(".")[0] in own:
            continue
        for place, value in tuple(getattr(module, "__dict__", {}).items()):
            if (found := addons.get(_origin(value))) is not None:
                return found, f"{name}.{place}"
            if issubclass(type(value), type) and value.__dict__.get("__module__") == name:
                for inner, held in tuple(value.__dict__.items()):
                    if (found := addons.get(_origin(held))) is not None:
                        return found, f"{name}.{value.__name__}.{inner}"
    return None, ""


def _origin(value: Any) -> str:
    """The add-on's module that a function or class was made in; "" for all else.

    By type(), not isinstance: some objects in other people's modules do things when they are looked at.
    """
    kind = type(value)
    if kind in (staticmethod, classmethod):
        return _origin(value.__func__)
    if kind is FunctionType:
        module = value.__globals__.get("__name__", "")
    elif issubclass(kind, type):
        module = value.__dict__.get("__module__", "")
    else:
        return ""
    parts = str(module).split(".")
    return ".".join(parts[:2]) if parts[0] == PACKAGE else parts[0]
