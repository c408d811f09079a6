"""What goes between the web process and the annex: frozen messages."""

from dataclasses import dataclass
from pathlib import Path

from pipelines.recipe import Recipe
from webui.addons.found import Found
from webui.extension import Saved


@dataclass(frozen=True)
class Begin:
    """The first message to an annex. data: holds a folder for each add-on; patience: seconds for loading one."""

    extensions: Path
    data: Path
    addons: tuple[Found, ...]
    patience: float


@dataclass(frozen=True)
class Ready:
    """Every add-on was tried."""


@dataclass(frozen=True)
class Prepare:
    """addons: whose hooks are asked, in this order."""

    recipe: Recipe
    addons: tuple[str, ...]


@dataclass(frozen=True)
class Prepared:
    """No recipes: an add-on failed, and was told of."""

    recipes: tuple[Recipe, ...]


@dataclass(frozen=True)
class Tell:
    saved: Saved
    addons: tuple[str, ...]


@dataclass(frozen=True)
class Told:
    pass


@dataclass(frozen=True)
class Leave:
    pass
