"""Extension: the contract with add-ons. They import this module and `pipelines.{recipe, family, events}`, nothing else.

An add-on is a folder `extensions/NAME/` whose `__init__.py` holds one `Extension`, or an installed package that names
one under the entry points `webui.extensions`. docs/extensions.md shows every method of `Registry` by an example.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pipelines.catalogue import Catalogue
from pipelines.recipe import Recipe

if TYPE_CHECKING:
    from fastapi import APIRouter

SNOWFOX = "0.1.0"
"""The version of Snowfox, which `requires` is compared with."""

CONTRACT = 1
"""Grows when something that add-ons rely on changes its meaning or goes away."""

PACKAGE = "webui_ext"
"""The package whose modules are the folders of extensions/."""

_T = TypeVar("_T")

Build = Callable[["Context"], None]
Prepare = Callable[[Recipe], "Recipe | Sequence[Recipe]"]


class ConfigError(ValueError):
    """An add-on that offers something impossible; the text is a sentence for its author."""


@dataclass(frozen=True)
class Saved:
    """A finished picture, as it lies on the disk. parameters: its text; seed: of this picture."""

    id: str
    path: Path
    recipe: Recipe
    parameters: str
    seed: int
    width: int
    height: int


def _submit_nowhere(recipe: Recipe) -> str:
    raise RuntimeError("Jobs can be submitted from a tab or a route only.")


def _no_catalogue() -> Catalogue | None:
    return None


@dataclass(frozen=True)
class Context:
    """Where an add-on is, and what it may ask of the program.

    folder    -- its own files; replaced by an update
    data      -- for what it wants to keep; made at first use by `keep`
    submit    -- puts a recipe into the queue and returns the job's id; from tabs and routes only
    catalogue -- what can be made here; None until the engine is ready
    """

    name: str
    folder: Path
    data: Path
    submit: Callable[[Recipe], str] = _submit_nowhere
    catalogue: Callable[[], Catalogue | None] = _no_catalogue

    def keep(self) -> Path:
        """The folder `data`, which exists when this returns."""
        self.data.mkdir(parents=True, exist_ok=True)
        return self.data


@dataclass(frozen=True)
class Extension:
    """What an add-on says of itself. All but `setup` is also read without running any of its code: write it plainly.

    setup    -- is given a Registry, in the web process and in its neighbour; what it registers counts if it returns
    requires -- versions of Snowfox that it works with, such as ">=0.1,<2"
    contract -- the CONTRACT that it was written for
    on       -- whether it is on when it is first found
    patience -- seconds that one call of it may take
    """

    title: str
    version: str
    setup: Callable[["Registry"], None]
    description: str = ""
    requires: str = ""
    contract: int = 1
    on: bool = True
    patience: float = 30.0


@dataclass
class Registry:
    """What an add-on offers, filled by its `setup`. Every method raises ConfigError for what cannot work.

    Functions that need torch are not given themselves but named, "module:name" with a module of the add-on: only the
    engine's process imports that module.
    """

    context: Context
    tabs: list[tuple[str, Build]] = field(default_factory=list[tuple[str, Build]])
    options: type[Any] | None = None
    panel_title: str = ""
    prepares: list[Prepare] = field(default_factory=list[Prepare])
    families: list[str] = field(default_factory=list[str])
    denoisers: list[str] = field(default_factory=list[str])
    finishers: list[str] = field(default_factory=list[str])
    listeners: list[Callable[[Saved], None]] = field(default_factory=list[Callable[[Saved], None]])
    routers: list["APIRouter"] = field(default_factory=list["APIRouter"])
    assets: list[Path] = field(default_factory=list[Path])

    def tab(self, title: str, build: Build) -> None:
        """A tab of the page. `build(context)` makes its Gradio components."""
        _callable("tab", build)
        self.tabs.append((title, build))

    def panel(self, options: type[Any], title: str = "") -> None:
        """An accordion in every form, with a switch. `options`: a dataclass whose fields all have defaults.

        While it is on, its values travel as `recipe.extras[NAME]`, and only then are this add-on's hooks called.
        """
        if self.options is not None:
            raise ConfigError("An add-on has one panel: put all its options into one dataclass.")
        if not is_dataclass(options):
            raise ConfigError(f"A panel needs a dataclass, not {options!r}.")
        self.options, self.panel_title = options, title

    def prepare(self, function: Prepare) -> None:
        """`function(recipe)` returns the recipe, or the recipes, to queue in its place. Pure; its seed is drawn."""
        _callable("prepare", function)
        self.prepares.append(function)

    def family(self, reference: str) -> None:
        """A model family: the name of a `pipelines.family.Family` object."""
        self.families.append(_reference(reference))

    def denoise(self, reference: str) -> None:
        """`function(denoise, recipe)` returns what to call in place of `denoise(x, sigma)`, for one job."""
        self.denoisers.append(_reference(reference))

    def finish(self, reference: str) -> None:
        """`function(image, recipe)` returns the Pillow image to keep in place of the finished one."""
        self.finishers.append(_reference(reference))

    def saved(self, function: Callable[[Saved], None]) -> None:
        """`function(saved)` is told of every picture after it was written."""
        _callable("saved", function)
        self.listeners.append(function)

    def route(self, router: "APIRouter") -> None:
        """Routes of plain (not async) functions; they appear under /api/ext/NAME."""
        self.routers.append(router)

    def asset(self, path: str | Path) -> None:
        """A .css or .js file of the add-on, loaded by the page after its own."""
        file = (self.context.folder / path).resolve()
        if not file.is_relative_to(self.context.folder.resolve()) or not file.is_file():
            raise ConfigError(f"The asset '{path}' is not a file of this add-on.")
        if file.suffix not in (".css", ".js"):
            raise ConfigError(f"The asset '{path}' is neither a .css nor a .js file.")
        self.assets.append(file)


def options_of(recipe: Recipe, options: type[_T]) -> _T | None:
    """What the panel with these options holds; None where it is off."""
    module = options.__module__.split(".")
    held = recipe.extras.get(module[1] if module[0] == PACKAGE else module[0])
    if not isinstance(held, dict):
        return None
    known = {item.name for item in fields(cast("Any", options))}
    return options(**{name: value for name, value in held.items() if name in known})


def only(values: Iterable[object]) -> Extension:
    """The one Extension among the values. Raises ConfigError for none and for several."""
    found = {id(value): value for value in values if isinstance(value, Extension)}
    if len(found) != 1:
        raise ConfigError(f"Its __init__.py has to hold one Extension; it holds {len(found)}.")
    return next(iter(found.values()))


def _callable(method: str, value: object) -> None:
    if not callable(value):
        raise ConfigError(f"{method}() needs a function, not {value!r}.")


def _reference(text: str) -> str:
    module, _, name = text.partition(":")
    if not name.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        raise ConfigError(f"'{text}' is not of the form 'module:name'.")
    return text
