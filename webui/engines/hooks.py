"""Hooks: add-ons at work in the process that makes the pictures. What they raise is told and fails one job at most."""

import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from pipelines.device import Device
from pipelines.family import Family, Model, ModelError
from pipelines.header import Header
from pipelines.hooks import AddOnError, Denoise, Hooks, Tensor, Wrap
from pipelines.recipe import Recipe
from pipelines.runner import found_families, ordered, out_of_memory
from webui.addons.found import Found
from webui.addons.loading import Broken, Loaded, Trouble, check_meddling, isolated, open_package, resolve, told
from webui.addons.watching import watch
from webui.engines.messages import Inside, Setup

Tell = Callable[[object], None]
_LOADING_PATIENCE = 1800.0
"""Seconds in which a checkpoint has to be loaded: slow disks are slow."""
HINT = "It is left out until the next start: generate again, or look at the Extensions tab."


@dataclass
class _Addon:
    """off: it failed and is left out from now on."""

    loaded: Loaded
    denoisers: list[Callable[[Denoise, Recipe], Denoise]] = field(default_factory=list[Any])
    finishers: list[Callable[[Image.Image, Recipe], Image.Image]] = field(default_factory=list[Any])
    off: bool = False

    @property
    def name(self) -> str:
        return self.loaded.found.name

    def wanted(self, recipe: Recipe) -> bool:
        """One with a panel takes part only where the panel is on."""
        return not self.off and (self.loaded.offer.panel is None or self.name in recipe.extras)


class Engaged:
    """tell: is given Inside, Trouble and Deed messages, from any thread."""

    def __init__(self, setup: Setup, tell: Tell) -> None:
        """Imports what the add-ons named; one that cannot be is told of and left out."""
        self.tell = tell
        self._stack: list[tuple[str, float]] = [("", 0.0)]
        self._addons: list[_Addon] = []
        self.families: list[Family] = []
        if not setup.addons:
            return
        open_package(setup.extensions)
        watch(tell)
        for loaded in setup.addons:
            addon = _Addon(loaded)
            try:
                with self.inside(loaded.found.name, loaded.found.patience):
                    self._resolve(addon)
            except Broken as error:
                tell(error.trouble)
            else:
                self._addons.append(addon)
        try:
            check_meddling(*(loaded.found for loaded in setup.addons))
        except Broken as error:
            tell(error.trouble)

    def hooks(self) -> Hooks:
        return Hooks(self._wrap, self._finish, self._notes) if self._addons else Hooks()

    def _resolve(self, addon: _Addon) -> None:
        found, offer = addon.loaded.found, addon.loaded.offer
        addon.denoisers = [_function(found, name) for name in offer.denoisers]
        addon.finishers = [_function(found, name) for name in offer.finishers]
        for name in offer.families:
            family = resolve(found, name)
            guarded = isolated(found.name, name, lambda family=family: GuardedFamily(found, family, self))
            isolated(found.name, name, lambda one=guarded: ordered([*found_families(), *self.families, one]))
            self.families.append(guarded)

    def _wrap(self, recipe: Recipe) -> Wrap | None:
        taking_part = [(addon, hook) for addon in self._addons if addon.wanted(recipe) for hook in addon.denoisers]
        if not taking_part:
            return None

        def wrap(denoise: Denoise) -> Denoise:
            for addon, hook in taking_part:
                denoise = self._wrapped(addon, hook, denoise, recipe)
            return denoise

        return wrap

    def _wrapped(
        self, addon: _Addon, hook: Callable[[Denoise, Recipe], Denoise], denoise: Denoise, recipe: Recipe
    ) -> Denoise:
        ours: list[BaseException] = []

        def model(x: Tensor, sigma: float) -> Tensor:
            with self.inside("", 0.0):
                try:
                    return denoise(x, sigma)
                except BaseException as error:
                    ours.append(error)
                    raise

        inner: Any = self._called(addon, "denoise", lambda: hook(model, recipe))

        def asked(x: Tensor, sigma: float) -> Tensor:
            answer = self._called(addon, "denoise", lambda: inner(x, sigma), ours)
            if not isinstance(answer, Tensor) or answer.shape[-x.dim() :] != x.shape:
                what = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
                raise self._failed(addon, f"denoise: it returned {what} where {tuple(x.shape)} was asked for.")
            return answer

        return asked

    def _finish(self, image: Image.Image, recipe: Recipe) -> Image.Image:
        for addon in self._addons:
            for hook in addon.finishers if addon.wanted(recipe) else ():
                answer: Any = self._called(addon, "finish", lambda hook=hook, image=image: hook(image, recipe))
                if not isinstance(answer, Image.Image) or not answer.width or not answer.height:
                    raise self._failed(addon, f"finish: it returned {type(answer).__name__} and not a picture.")
                image = answer
        return image

    def _notes(self, recipe: Recipe) -> Iterator[str]:
        for addon in self._addons:
            if addon.off and addon.name in recipe.extras:
                yield f"The add-on '{addon.loaded.offer.title}' was left out: it failed in an earlier job."

    def _called(
        self, addon: _Addon, hook: str, call: Callable[[], Any], ours: list[BaseException] | None = None
    ) -> Any:
        """ours: errors of the program itself, which the add-on may have let through."""
        try:
            with self.inside(addon.name, addon.loaded.found.patience):
                return call()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if ours and any(error is known for known in ours):
                raise
            raise self._failed(addon, told(hook, error), traceback.format_exc()) from error

    def _failed(self, addon: _Addon, message: str, details: str = "") -> AddOnError:
        addon.off = True
        self.tell(Trouble(addon.name, "failure", message, details))
        return AddOnError(addon.name, f"The add-on '{addon.loaded.offer.title}' failed. {message}", HINT)

    @contextmanager
    def inside(self, addon: str, patience: float) -> Generator[None]:
        """Within it, an end or a standstill of this process is that add-on's doing."""
        self._stack.append((addon, patience))
        self.tell(Inside(addon, patience))
        try:
            yield
        finally:
            self._stack.pop()
            self.tell(Inside(*self._stack[-1]))


class GuardedFamily(Family):
    """A family of an add-on: what it raises makes a checkpoint unusable, never the catalogue."""

    def __init__(self, found: Found, family: Any, engaged: Engaged) -> None:
        """Raises TypeError for what is no family."""
        if not isinstance(family, Family):
            raise TypeError(f"{family!r} is not a pipelines.family.Family")
        self._addon = found.name
        self._patience = found.patience
        self._family = family
        self._engaged = engaged
        self._broken = False
        self.name, self.title, self.before = family.name, family.title, family.before  # pyright: ignore[reportAttributeAccessIssue]
        self.tasks, self.defaults = family.tasks, family.defaults  # pyright: ignore[reportAttributeAccessIssue]
        self.entry()

    def detect(self, header: Header) -> bool:
        return bool(self._safe("detect", lambda: self._family.detect(header), False))

    def problem(self, header: Header) -> str:
        return str(self._safe("problem", lambda: self._family.problem(header), "Its add-on failed."))

    def load(self, path: Path, header: Header, device: Device) -> Model:
        try:
            with self._engaged.inside(self._addon, _LOADING_PATIENCE):
                return self._family.load(path, header, device)
        except ModelError:
            raise
        except Exception as error:
            if out_of_memory(error):
                raise
            message = f"The add-on '{self._addon}' cannot load it. {told('load', error)}"
            raise ModelError(message, "The Extensions tab and the log hold the details.") from error

    def _safe(self, what: str, call: Callable[[], Any], otherwise: Any) -> Any:
        if self._broken:
            return otherwise
        try:
            with self._engaged.inside(self._addon, self._patience):
                return call()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._broken = True
            message = told(f"{self.name}.{what}", error)
            self._engaged.tell(Trouble(self._addon, "failure", message, traceback.format_exc()))
            return otherwise


def _function(found: Found, reference: str) -> Any:
    function = resolve(found, reference)
    if not callable(function):
        raise Broken(Trouble(found.name, "config error", f"'{reference}' is not a function."))
    return function
