"""ControlNet units of requests as the recipe's controls."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pipelines.catalogue import Catalogue
from pipelines.recipe import Control, ControlMode, ImageRef, Resize
from webui.api.sdapi import inputs, names
from webui.api.sdapi.bodies import Generation
from webui.api.sdapi.errors import Refused
from webui.api.sdapi.scripts import CONTROLNET, arguments
from webui.store.images import ImageStore

UNITS = 3
"""How many clients may offer."""

_MOST = 10
_MODES: Mapping[str, ControlMode] = {
    "0": "balanced",
    "1": "prompt",
    "2": "control",
    "balanced": "balanced",
    "my prompt is more important": "prompt",
    "controlnet is more important": "control",
}
_RESIZES: Mapping[str, Resize] = {
    "0": "stretch",
    "1": "crop",
    "2": "fill",
    "just resize": "stretch",
    "crop and resize": "crop",
    "resize and fill": "fill",
    "scale to fit (inner fit)": "crop",
    "inner fit (scale to fit)": "crop",
    "envelope (outer fit)": "fill",
    "outer fit (shrink to fit)": "fill",
}


def controls(
    body: Generation, catalogue: Catalogue, store: ImageStore, source: ImageRef | None = None
) -> tuple[Control, ...]:
    """The units that are on. source: what a unit without a picture of its own looks at. Raises Refused, 422."""
    made: list[Control] = []
    for title, given in body.alwayson_scripts.items():
        if title.casefold() != CONTROLNET:
            continue
        for unit in arguments(given)[:_MOST]:
            if isinstance(unit, Mapping) and _on(cast("Mapping[str, Any]", unit)):
                made.append(_control(cast("Mapping[str, Any]", unit), catalogue, store, source))
    return tuple(made)


def model(catalogue: Catalogue, wanted: str) -> str:
    """As the catalogue names it; "" for none. Raises Refused, 422, for an unknown one."""
    if wanted.casefold() in ("", "none"):
        return ""
    bare = wanted.rpartition(" [")[0] if wanted.endswith("]") else wanted
    entry = names.asset(catalogue, "controlnet", bare) or names.asset(catalogue, "controlnet", wanted)
    if entry is None:
        raise Refused(422, f"model not found: {wanted}")
    return entry.name


def _on(unit: Mapping[str, Any]) -> bool:
    return unit.get("enabled") is not False and str(unit.get("enabled")).casefold() != "false"


def _control(unit: Mapping[str, Any], catalogue: Catalogue, store: ImageStore, source: ImageRef | None) -> Control:
    picture = _picture(unit)
    image = inputs.put(picture, store) if picture else source
    if image is None:
        raise Refused(422, "controlnet is enabled but no input image is given")
    module = str(unit.get("module") or "none")
    name = model(catalogue, str(unit.get("model") or "None"))
    if not name:
        raise Refused(422, "A ControlNet unit names no model.")
    plain = Control(image)
    return Control(
        image=image,
        model=name,
        preprocessor="" if module.casefold() == "none" else module,
        weight=_number(unit, ("weight",), 1.0),
        start=_number(unit, ("guidance_start",), 0.0),
        end=_number(unit, ("guidance_end", "guidance"), 1.0),
        mode=_choice(_MODES, unit.get("control_mode"), "control_mode", "balanced"),
        resize=_choice(_RESIZES, unit.get("resize_mode"), "resize_mode", "crop"),
        low=_set(_number(unit, ("threshold_a",), -1.0), plain.low),
        high=_set(_number(unit, ("threshold_b",), -1.0), plain.high),
        resolution=round(_set(_number(unit, ("processor_res",), -1.0), 0.0) / 8) * 8,
    )


def _picture(unit: Mapping[str, Any]) -> str:
    held: Any = next((unit[key] for key in ("image", "input_image") if unit.get(key)), "")
    if isinstance(held, Sequence) and not isinstance(held, str) and held:
        held = cast("Sequence[Any]", held)[0]
    if isinstance(held, Mapping):
        held = cast("Mapping[str, Any]", held).get("image") or ""
    if not isinstance(held, str):
        raise Refused(422, "A ControlNet unit's image has to be base64 text.")
    return held


def _number(unit: Mapping[str, Any], keys: tuple[str, ...], default: float) -> float:
    held = next((unit[key] for key in keys if unit.get(key) is not None), default)
    try:
        number = float(held)
    except (TypeError, ValueError, OverflowError) as error:
        raise Refused(422, f"A ControlNet unit's {keys[0]} has to be a number.") from error
    if not -1e6 < number < 1e6:
        raise Refused(422, f"A ControlNet unit's {keys[0]} is out of range.")
    return number


def _set(number: float, default: float) -> float:
    """Below 0 stands for the default."""
    return default if number < 0 else number


def _choice(known: Mapping[str, Any], given: Any, field: str, default: str) -> Any:
    if given is None:
        return default
    found = known.get(str(given).casefold())
    if found is None:
        raise Refused(422, f"A ControlNet unit's {field} cannot be {str(given)[:80]!r}.")
    return found
