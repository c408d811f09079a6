"""Foreign networks: what the library spandrel knows, which is nearly everything people share.

spandrel imports torchvision for two functions of two of its forty networks, and torchvision does not go together with
every build of torch. So where spandrel is imported, a stand-in answers for it, and goes again at once.
"""

import importlib
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import torch

_STAND_IN = "torchvision.transforms.functional"


class NotInstalled(Exception):
    """spandrel is not there."""


def recognised(state: Mapping[str, Any]) -> Any | None:
    """spandrel's description of a network, with the weights in it; None where it knows none like this.

    Raises NotInstalled, or whatever a network of a wrong shape makes torch raise.
    """
    try:
        with _torchvision():
            spandrel: Any = importlib.import_module("spandrel")
    except ImportError as error:
        raise NotInstalled from error
    try:
        return spandrel.MAIN_REGISTRY.load(spandrel.canonicalize_state_dict(dict(state)))
    except spandrel.UnsupportedModelError:
        return None


def _normalised(x: torch.Tensor, mean: list[float], std: list[float], inplace: bool = False) -> torch.Tensor:
    shape = (-1, 1, 1)
    return (x - x.new_tensor(mean).view(shape)) / x.new_tensor(std).view(shape)


@contextmanager
def _torchvision() -> Generator[None]:
    """While within, torchvision is what spandrel needs of it. What else asks whether it is there has asked before."""
    if "spandrel" in sys.modules or "torchvision" in sys.modules:
        yield
        return
    # These ask once, when they are imported, and remember the answer.
    importlib.import_module("diffusers.utils")
    importlib.import_module("transformers.utils").is_torchvision_available()
    names = ["torchvision", "torchvision.transforms", _STAND_IN]
    modules = {name: ModuleType(name) for name in names}
    functions: dict[str, Any] = {
        "normalize": _normalised,
        # Of the one network that fills holes, which is no upscaler.
        "rotate": None,
        "InterpolationMode": SimpleNamespace(BILINEAR="bilinear"),
    }
    vars(modules[_STAND_IN]).update(functions)
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
