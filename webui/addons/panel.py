"""Panels: what an add-on's options look like in the form, as plain values that every process understands."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from math import isfinite
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pipelines.parameter import RecipeError, facts
from webui.extension import ConfigError

Kind = Literal["int", "float", "bool", "str", "choice"]
Value = int | float | bool | str
_KINDS: Mapping[type, Kind] = {int: "int", float: "float", bool: "bool", str: "str"}
_LONGEST = 10_000


@dataclass(frozen=True)
class Control:
    """low, high, step: of a number that has a range; choices: of a closed list."""

    name: str
    label: str
    hint: str
    kind: Kind
    default: Value
    low: float | None = None
    high: float | None = None
    step: float = 1.0
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Panel:
    addon: str
    title: str
    controls: tuple[Control, ...]

    def checked(self, given: Mapping[str, Any]) -> dict[str, Value]:
        """Every control's value, what is left out as its default. Raises RecipeError."""
        known = {control.name: control for control in self.controls}
        for name in given:
            if name not in known:
                raise RecipeError(f"extras.{self.addon}.{name}", f"{self.title} has no option '{name}'.")
        return {name: self._fit(control, given.get(name, control.default)) for name, control in known.items()}

    def _fit(self, control: Control, value: Any) -> Value:
        place, said = f"extras.{self.addon}.{control.name}", f"{self.title}: {control.label}"
        if control.kind == "bool":
            if not isinstance(value, bool):
                raise RecipeError(place, f"{said} is either on or off.")
            return value
        if control.kind in ("str", "choice"):
            if not isinstance(value, str) or len(value) > _LONGEST:
                raise RecipeError(place, f"{said} needs a text of at most {_LONGEST} characters.")
            if control.kind == "choice" and value not in control.choices:
                raise RecipeError(place, f"{said} has to be one of {', '.join(control.choices)}.")
            return value
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            raise RecipeError(place, f"{said} needs a number.")
        if control.low is not None and control.high is not None and not control.low <= value <= control.high:
            raise RecipeError(place, f"{said} has to lie between {control.low:g} and {control.high:g}.")
        return round(value) if control.kind == "int" else float(value)


def described(addon: str, title: str, options: type[Any]) -> Panel:
    """The panel for a dataclass of options. Raises ConfigError."""
    hints = get_type_hints(options, include_extras=True)
    return Panel(addon, title, tuple(_control(options, item.name, item.default, hints) for item in fields(options)))


def _control(owner: type[Any], name: str, default: Any, hints: Mapping[str, Any]) -> Control:
    if default is MISSING:
        raise ConfigError(f"The option '{name}' needs a default.")
    if name == "enabled":
        raise ConfigError("An option cannot be called 'enabled': every panel has that switch already.")
    label, limits = facts(owner, name)
    hint = hints[name]
    plain = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if get_origin(plain) is Literal:
        choices = get_args(plain)
        if not all(isinstance(choice, str) for choice in choices) or default not in choices:
            raise ConfigError(f"The option '{name}' needs texts to choose from, its default among them.")
        return Control(name, label.text, label.hint, "choice", default, choices=choices)
    kind = _KINDS.get(plain)
    if kind is None:
        raise ConfigError(f"The option '{name}' has to be an int, float, bool, str or a Literal of texts.")
    if not isinstance(default, plain) and not (kind == "float" and isinstance(default, int)):
        raise ConfigError(f"The default of the option '{name}' is not of its type.")
    if limits is None or kind in ("bool", "str"):
        return Control(name, label.text, label.hint, kind, default)
    return Control(name, label.text, label.hint, kind, default, limits.low, limits.high, limits.step)
