"""Options: A1111's settings as its clients read and write them, as far as they mean something here."""

import json
import logging
import math
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pipelines import atomic
from pipelines.catalogue import Catalogue
from pipelines.recipe import Json
from webui.api.sdapi import names
from webui.api.sdapi.errors import Refused
from webui.settings import Settings

log = logging.getLogger(__name__)

CHECKPOINT = "sd_model_checkpoint"
CHECKPOINT_HASH = "sd_checkpoint_hash"

IN_RECIPE: Mapping[str, str] = {
    "CLIP_stop_at_last_layers": "clip_skip",
    "eta_noise_seed_delta": "sampling.seed_delta",
    "s_churn": "sampling.s_churn",
    "s_tmin": "sampling.s_tmin",
    "s_tmax": "sampling.s_tmax",
    "s_noise": "sampling.s_noise",
    "s_min_uncond": "sampling.min_uncond",
    "s_min_uncond_all": "sampling.min_uncond_all",
    "sigma_min": "sampling.sigma_min",
    "sigma_max": "sampling.sigma_max",
    "rho": "sampling.rho",
    "skip_early_cond": "sampling.skip_early",
    "always_discard_next_to_last_sigma": "sampling.discard",
    "sgm_noise_multiplier": "sampling.sgm_noise",
    "token_merging_ratio": "sampling.token_merging",
    "token_merging_ratio_hr": "sampling.token_merging_hires",
    "use_old_scheduling": "old_editing",
}
"""Options that are a field of a recipe under another name."""

_DEFAULTS: Mapping[str, Json] = {
    "sd_vae": "Automatic",
    "samples_format": "png",
    "jpeg_quality": 90,
    "CLIP_stop_at_last_layers": 1,
    "eta_noise_seed_delta": 0,
    "eta_ancestral": 1.0,
    "eta_ddim": 0.0,
    "s_churn": 0.0,
    "s_tmin": 0.0,
    "s_tmax": 0.0,
    "s_noise": 1.0,
    "s_min_uncond": 0.0,
    "s_min_uncond_all": False,
    "sigma_min": 0.0,
    "sigma_max": 0.0,
    "rho": 0.0,
    "skip_early_cond": 0.0,
    "always_discard_next_to_last_sigma": False,
    "sgm_noise_multiplier": False,
    "token_merging_ratio": 0.0,
    "token_merging_ratio_img2img": 0.0,
    "token_merging_ratio_hr": 0.0,
    "use_old_scheduling": False,
    "randn_source": "CPU",
    "emphasis": "Original",
    "tiling": False,
    "initial_noise_multiplier": 1.0,
    "img2img_extra_noise": 0.0,
    "img2img_color_correction": False,
    "face_restoration": False,
    "face_restoration_model": "CodeFormer",
    "code_former_weight": 0.5,
    "upscaler_for_img2img": "None",
    "return_grid": False,
    "samples_save": True,
    "grid_save": False,
    "enable_pnginfo": True,
    "send_seed": True,
    "send_size": True,
    "live_previews_enable": True,
    "show_progress_every_n_steps": 1,
    "sd_checkpoint_cache": 0,
    "sd_checkpoints_limit": 1,
    "sd_hypernetwork": "None",
    "sd_lora": "None",
}
"""Every option that can be set, with the value that it has at first. Its type is that value's."""

_LONGEST = 1000


class Options:
    """The values, kept in a file of their own. The checkpoint is the one that the page shows as well. Thread-safe."""

    def __init__(self, settings: Settings, file: Path) -> None:
        self._settings = settings
        self._file = file
        self._lock = threading.Lock()
        self._values: dict[str, Json] | None = None

    def all(self, catalogue: Catalogue) -> dict[str, Json]:
        """What GET options says."""
        entry = self._entry(catalogue)
        return {
            CHECKPOINT: names.title(entry) if entry else "",
            CHECKPOINT_HASH: entry.sha256 if entry else "",
            **_DEFAULTS,
            **self._stored(),
        }

    def with_overrides(self, given: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Json]:
        """The options with others for one request. A checkpoint that is not here is left out, as A1111 does."""
        checked = _checked(given)
        entry = names.checkpoint(catalogue, str(given.get(CHECKPOINT) or ""))
        if entry is not None:
            checked |= {CHECKPOINT: names.title(entry), CHECKPOINT_HASH: entry.sha256}
        return {**self.all(catalogue), **checked}

    def set(self, given: Mapping[str, Any], catalogue: Catalogue) -> None:
        """Keep what is new and known; the rest is passed over, so that what GET said may be sent back whole.

        Raises Refused, 422, for a value of the wrong kind or a model that is not here: then nothing is changed.
        """
        checked = _checked(given)
        wanted = given.get(CHECKPOINT)
        if isinstance(wanted, str) and wanted and wanted != self.all(catalogue)[CHECKPOINT]:
            entry = names.checkpoint(catalogue, wanted)
            if entry is None:
                raise Refused(422, f"model {wanted[:200]!r} not found", "RuntimeError")
            if entry.problem:
                raise Refused(422, f"{entry.name} cannot be used: {entry.problem}", "RuntimeError")
            self._settings.save(checkpoint=entry.name)
        stored = self._stored()
        changed = {
            name: value for name, value in {**_DEFAULTS, **stored, **checked}.items() if value != _DEFAULTS[name]
        }
        if changed != stored:
            with self._lock:
                atomic.write(self._file, json.dumps(changed, indent=1).encode())
                self._values = changed

    def _entry(self, catalogue: Catalogue) -> Any:
        chosen = catalogue.checkpoint(self._settings.checkpoint) if self._settings.checkpoint else None
        return chosen if chosen is not None and not chosen.problem else catalogue.checkpoint("")

    def _stored(self) -> dict[str, Json]:
        with self._lock:
            if self._values is None:
                self._values = _read(self._file)
            return dict(self._values)


def _read(file: Path) -> dict[str, Json]:
    if not file.exists():
        return {}
    try:
        held = json.loads(file.read_bytes())
        return _checked(cast("dict[str, Any]", held) if isinstance(held, dict) else {})
    except (OSError, ValueError, RecursionError, Refused) as error:
        log.warning("%s cannot be read (%s); the options are as at first.", file, error)
        return {}


def _checked(given: Mapping[str, Any]) -> dict[str, Json]:
    """The known ones of `given`, each as the type of its default."""
    return {name: _fitted(name, given[name]) for name in _DEFAULTS if given.get(name) is not None}


def _fitted(name: str, value: Any) -> Json:
    kind = type(_DEFAULTS[name])
    try:
        if kind is bool and isinstance(value, bool | int | float):
            return bool(value)
        if kind in (int, float) and isinstance(value, int | float | str) and math.isfinite(number := float(value)):
            return int(number) if kind is int else number
    except (ValueError, OverflowError):
        pass
    if kind is str and isinstance(value, str) and len(value) <= _LONGEST:
        return value
    raise Refused(422, f"The option '{name}' cannot be {str(value)[:80]!r}.")
