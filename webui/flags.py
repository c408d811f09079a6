"""Flags: fields of a Recipe on the command line; type, choices and help come from their annotations."""

import argparse
import json
from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin

from pipelines.parameter import Parameter, parameter
from pipelines.recipe import Recipe, RecipeError
from webui.ui.form import SEEDS

NAMES: Sequence[tuple[str, tuple[str, ...]]] = (
    ("negative", ("--negative",)),
    ("checkpoint", ("--checkpoint",)),
    ("steps", ("--steps",)),
    ("guidance", ("--guidance", "--cfg")),
    ("sampler", ("--sampler",)),
    ("schedule", ("--schedule",)),
    ("seed", ("--seed",)),
    ("clip_skip", ("--clip-skip",)),
    ("vae", ("--vae",)),
    ("emphasis", ("--emphasis",)),
    ("old_editing", ("--old-editing",)),
    ("tiling", ("--tiling",)),
    ("sampling.noise", ("--noise",)),
    ("sampling.variation_seed", ("--variation-seed", "--subseed")),
    ("sampling.variation", ("--variation", "--subseed-strength")),
    ("sampling.eta", ("--eta",)),
    ("sampling.rescale", ("--cfg-rescale",)),
    ("sampling.skip_early", ("--skip-early-cfg",)),
    ("sampling.min_uncond", ("--ngms",)),
    ("sampling.extra_noise", ("--extra-noise",)),
    ("sampling.noise_multiplier", ("--noise-multiplier",)),
    ("sampling.token_merging", ("--token-merging",)),
    ("hires.scale", ("--hires-scale",)),
    ("hires.width", ("--hires-width",)),
    ("hires.height", ("--hires-height",)),
    ("hires.upscaler", ("--hires-upscaler",)),
    ("hires.steps", ("--hires-steps",)),
    ("hires.strength", ("--hires-strength",)),
    ("finish.upscaler", ("--upscaler",)),
    ("finish.scale", ("--upscale",)),
    ("refiner.checkpoint", ("--refiner",)),
    ("refiner.switch_at", ("--switch-at",)),
    ("source.strength", ("--strength",)),
    ("source.resize", ("--resize",)),
    ("source.colour_correction", ("--colour-correction",)),
    ("source.extend.left", ("--extend-left",)),
    ("source.extend.top", ("--extend-top",)),
    ("source.extend.right", ("--extend-right",)),
    ("source.extend.bottom", ("--extend-bottom",)),
    ("source.loopback.loops", ("--loops",)),
    ("source.loopback.strength", ("--final-strength",)),
    ("source.loopback.curve", ("--strength-curve",)),
    ("source.mask.blur", ("--mask-blur",)),
    ("source.mask.fill", ("--fill",)),
    ("source.mask.area", ("--area",)),
    ("source.mask.padding", ("--padding",)),
    ("source.mask.invert", ("--invert-mask",)),
)
"""Path of the field, and its flags. Every other field has --set PATH=VALUE."""

_WORDS = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}


def add(parser: argparse.ArgumentParser) -> None:
    """A flag for each of NAMES, and --set for all the rest."""
    for path, flags in NAMES:
        known = parameter(Recipe, path)
        text = f"{known.label.text}: {known.label.hint}".rstrip(": ").replace("%", "%%")
        if known.kind is bool:
            parser.add_argument(*flags, dest=path, action=argparse.BooleanOptionalAction, help=text)
        elif get_origin(known.kind) is Literal:
            parser.add_argument(*flags, dest=path, choices=get_args(known.kind), help=text)
        else:
            parser.add_argument(*flags, dest=path, type=known.kind, metavar=_metavar(known), help=text)
    parser.add_argument(
        "--set",
        dest="fields",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        help="any field of a recipe, such as sampling.s_churn=10 or hires.scale=1.5; may be given many times",
    )


def given(arguments: dict[str, Any]) -> dict[str, Any]:
    """The fields that the flags name, by path. Raises RecipeError for a --set that cannot be read."""
    values = {path: arguments[path] for path, _ in NAMES if path in arguments}
    for text in arguments.get("fields", ()):
        path, equals, value = str(text).partition("=")
        path = path.strip()
        if not equals:
            raise RecipeError(path, f"'--set {text}' has no value; write it as --set {path}=VALUE.")
        values[path] = _read(path, value.strip())
    return {path: None if path in SEEDS and value == -1 else value for path, value in values.items()}


def _read(path: str, text: str) -> Any:
    try:
        known = parameter(Recipe, path)
    except KeyError:
        raise RecipeError(path, f"'{path}' is not a field of a recipe. {_near(path)}") from None
    if known.optional and text.casefold() in ("", "none"):
        return None
    if known.kind is bool:
        if text.casefold() not in _WORDS:
            raise RecipeError(path, f"{known.label.text} is either on or off, not '{text}'.")
        return _WORDS[text.casefold()]
    if known.kind in (int, float):
        try:
            return known.kind(text)
        except ValueError:
            raise RecipeError(path, f"{known.label.text} needs a number, not '{text}'.") from None
    if known.kind is str or get_origin(known.kind) is Literal:
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise RecipeError(path, f"{known.label.text} needs a JSON value, not '{text}'.") from None


def _near(path: str) -> str:
    """What else may have been meant: fields of that last name within the parts."""
    last = path.rpartition(".")[2]
    found: list[str] = []
    for part in ("", "sampling.", "hires.", "refiner.", "finish.", "source.", "source.mask."):
        try:
            found.append(parameter(Recipe, part + last).path)
        except KeyError:
            continue
    return f"Is {' or '.join(found)} meant?" if found else "docs/command-line.md lists them."


def _metavar(known: Parameter) -> str:
    return {int: "N", float: "N"}.get(known.kind, "TEXT")
