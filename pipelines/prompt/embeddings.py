"""Embeddings: words that were trained by textual inversion (Gal et al. 2022), one file each, used by file name."""

import logging
import threading
from collections.abc import Mapping
from pathlib import Path

import torch

_log = logging.getLogger(__name__)

_KEYS = ("emb_params", "clip_l", "<embedding>")


class Embeddings:
    """The .safetensors files below a folder. Looked at when asked; files that changed are read again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._read: dict[Path, tuple[int, torch.Tensor | None]] = {}

    def within(self, text: str, width: int) -> Mapping[str, torch.Tensor]:
        """Those whose name stands in the text, whatever its case, and whose vectors have this width.

        By name, (vectors, width).
        """
        lower = text.casefold()
        found: dict[str, torch.Tensor] = {}
        for path in sorted(self._folder.rglob("*.safetensors")):
            if path.stem.casefold() in lower:
                vectors = self._vectors(path)
                if vectors is not None and vectors.shape[1] == width:
                    found.setdefault(path.stem, vectors)
        return found

    def _vectors(self, path: Path) -> torch.Tensor | None:
        try:
            changed = path.stat().st_mtime_ns
            with self._lock:
                known = self._read.get(path)
            if known is None or known[0] != changed:
                known = changed, _load(path)
                with self._lock:
                    self._read[path] = known
        except OSError as error:
            _log.warning("The embedding %s is left out: %s", path, error)
            return None
        return known[1]


def _load(path: Path) -> torch.Tensor | None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            keys = list(file.keys())
            key = next((key for key in _KEYS if key in keys), keys[0] if len(keys) == 1 else None)
            vectors = file.get_tensor(key).float() if key else None
    except SafetensorError as error:
        _log.warning("The embedding %s cannot be read: %s", path, error)
        return None
    if vectors is None or vectors.ndim not in (1, 2):
        _log.warning("%s is no embedding for this kind of model.", path)
        return None
    return vectors.reshape(-1, vectors.shape[-1])
