"""Embeddings: words that were trained by textual inversion (Gal et al. 2022), one file each, used by file name."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping

import torch

from pipelines.header import Version

_log = logging.getLogger(__name__)

Read = Callable[[Version], Mapping[str, torch.Tensor]]
"""The tensors of a file. May raise anything."""

Listed = Callable[[], Iterable[tuple[str, Version]]]
"""Name and file of each."""


class Embeddings:
    """Files are read when their name stands in a prompt, and again when they have changed."""

    def __init__(self, listed: Listed, read: Read) -> None:
        self._listed = listed
        self._from_disk = read
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
                self._read[version] = tuple(self._load(version))
            return self._read[version]

    def _load(self, version: Version) -> Iterator[torch.Tensor]:
        """Whatever the format: the vectors are the only tensors of one or two sides; SDXL has two of them."""
        try:
            tensors = self._from_disk(version)
        except Exception as error:  # One broken word must not end a job that does not even use it.
            _log.warning("The embedding %s is left out: %s", version.path, error)
            return
        for tensor in tensors.values():
            if tensor.ndim in (1, 2) and tensor.is_floating_point() and tensor.numel():
                yield tensor.float().reshape(-1, tensor.shape[-1])
