"""Scripts: add-ons' panels, as A1111's clients address them by title."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pipelines.recipe import Json
from webui.api.sdapi.bodies import Generation
from webui.api.sdapi.errors import Refused

CONTROLNET = "controlnet"


@dataclass(frozen=True)
class PanelField:
    """One control of a panel. name: its key in the recipe's extras."""

    name: str
    label: str
    value: Json = None
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Panel:
    """What an add-on puts beside the form. name: its key in a recipe's extras; always: else it is one to be chosen."""

    name: str
    title: str
    fields: tuple[PanelField, ...]
    always: bool = True
    text: bool = True
    image: bool = True


def extras(body: Generation, panels: Iterable[Panel]) -> dict[str, Json]:
    """What the request says to panels, by add-on. Raises Refused, 422, for a title that is not here."""
    by_title = {panel.title.casefold(): panel for panel in panels}
    found: dict[str, Json] = {}
    for title, given in body.alwayson_scripts.items():
        panel = by_title.get(title.casefold())
        if title.casefold() == CONTROLNET:
            continue
        if panel is None:
            raise Refused(422, f"always on script {title} not found")
        if not panel.always:
            raise Refused(422, "Cannot have a selectable script in the always on scripts params")
        found[panel.name] = _values(panel, arguments(given))
    if body.script_name:
        panel = by_title.get(body.script_name.casefold())
        if panel is None or panel.always:
            raise Refused(422, f"Script '{body.script_name}' not found")
        found[panel.name] = _values(panel, body.script_args)
    return found


def arguments(given: Any) -> list[Any]:
    """The `args` of an entry of alwayson_scripts; none where it has none."""
    held = cast("Mapping[str, Any]", given).get("args") if isinstance(given, Mapping) else None
    if isinstance(held, Mapping):  # some clients send the list as an object with numbers as keys
        return list(cast("Mapping[str, Any]", held).values())
    return cast("list[Any]", held) if isinstance(held, list) else []


def _values(panel: Panel, given: Sequence[Any]) -> dict[str, Json]:
    """From the left; what is missing keeps its default, what is too many is passed over."""
    values: dict[str, Json] = {field.name: field.value for field in panel.fields}
    return {**values, **{field.name: value for field, value in zip(panel.fields, given, strict=False)}}


def titles(panels: Iterable[Panel], controls: bool) -> dict[str, list[str]]:
    """What GET scripts says."""
    known = list(panels)
    own = [CONTROLNET] if controls else []
    return {
        "txt2img": [*own, *(panel.title.casefold() for panel in known if panel.text)],
        "img2img": [*own, *(panel.title.casefold() for panel in known if panel.image)],
    }


def described(panels: Iterable[Panel]) -> list[dict[str, Any]]:
    """What GET script-info says: one entry for each kind of task that a panel has."""
    return [
        {
            "name": panel.title.casefold(),
            "is_alwayson": panel.always,
            "is_img2img": image,
            "args": [
                {
                    "label": field.label,
                    "value": field.value,
                    "minimum": field.minimum,
                    "maximum": field.maximum,
                    "step": field.step,
                    "choices": list(field.choices) if field.choices is not None else None,
                }
                for field in panel.fields
            ],
        }
        for panel in panels
        for image in (False, True)
        if (panel.image if image else panel.text)
    ]
