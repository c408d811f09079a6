"""Loading: the models that are in memory, and which of them give way."""

import ctypes
import gc
import sys
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

import torch

from pipelines.device import Device
from pipelines.family import Family, Model
from pipelines.header import Header, Version

RESERVE = 0.5
"""The share of a device's memory that loaded models may keep between jobs; a job needs the rest."""


class Shelf:
    """Loaded models, the last used kept first, under a budget of bytes."""

    def __init__(self, device: Device, budget: int | None = None, building: Lock | None = None) -> None:
        """budget: bytes of weights; None: half of the device's memory.

        building -- held while a model is built: diffusers does it with a patch that reaches other threads
        """
        self._device = device
        self._building = building or Lock()
        self._budget = int(device.bytes * RESERVE) if budget is None else budget
        self._models: OrderedDict[Version, Model] = OrderedDict()

    def holds(self, version: Version) -> bool:
        return version in self._models

    def get(self, version: Version, family: Family, header: Header) -> Model:
        """The model, loaded if it is not here; others are given up first to make room. Raises ModelError."""
        if version in self._models:
            self._models.move_to_end(version)
            return self._models[version]
        stale = [known for known in self._models if known.path == version.path]
        for known in stale:
            del self._models[known]
        self._shrink(self._budget - version.bytes, freed=bool(stale))
        with self._building:
            model = self._loaded(lambda: family.load(version.path, header, self._device))
        self._models[version] = model
        self._shrink(self._budget, keep=1)
        return model

    def clear(self) -> None:
        """Give all of it back."""
        self._shrink(-1)

    def _loaded(self, load: Callable[[], Model]) -> Model:
        try:
            return load()
        except (torch.OutOfMemoryError, MemoryError):
            if not self._models:
                raise
        self.clear()
        return load()

    def _shrink(self, limit: int, keep: int = 0, freed: bool = False) -> None:
        while len(self._models) > keep and sum(model.bytes for model in self._models.values()) > limit:
            self._models.popitem(last=False)
            freed = True
        if freed:
            give_back()


def give_back() -> None:
    """Return memory that is free within this process to the device and to the system."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
    if sys.platform == "linux":
        try:
            ctypes.CDLL("libc.so.6").malloc_trim(0)
        except (OSError, AttributeError):
            # Another libc: it keeps what it has.
            return
