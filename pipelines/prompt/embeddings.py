"""Embeddings: words that were trained by textual inversion (Gal et al. 2022), one file each, used by file name."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping

import torch

from pipelines import weights
from pipelines.header import HeaderError, Version, read

_log = logging.getLogger(__name__)

Listed = Callable[[], Iterable[tuple[str, Version]]]
"""Name and file of each."""


class Embeddings:
    """Files are read when their name stands in a prompt, and again when they have changed."""

    def __init__(self, listed: Listed) -> None:
        self._listed = listed
        self._lock = threading.Lock()
        self._read: dict[Version, tuple[torch.Tensor, ...]] = {}

    def within(self, text: str, width: int) -> Mapping[str, torch.Tensor]:
        """Those whose name stands in the text, whatever its case, and that have vectors of this width.

        By name, (vectors, width).
        """
        lower = text.casefold()
        found: dict[str, torch.Tensor] = {}
        for name, version in self._listed():
            if name.casefold() in lower:
                fitting = [vectors for vectors in self._vectors(version) if vectors.shape[1] == width]
                if fitting:
                    found.setdefault(name, fitting[0])
        return found

    def _vectors(self, version: Version) -> tuple[torch.Tensor, ...]:
        with self._lock:
            if version not in self._read:
                self._read[version] = _load(version)
            return self._read[version]
