"""What a picture carries: the parameters text for people, the whole recipe as JSON for us."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipelines.asset import Used
from pipelines.catalogue import AssetKind, Catalogue, CheckpointEntry
from pipelines.picture import Picture
from pipelines.recipe import Mask, Recipe
from pipelines.recipe_json import from_json, to_json
from webui.extension import SNOWFOX
from webui.store import codec, controls, expert, foreign, infotext, making, parts, postprocess, second, starting
from webui.store.fidelity import Fidelity, Restored
from webui.store.infotext import Infotext, parse_infotext, read, write
from webui.store.making import Making
from webui.store.recall import recalled

__all__ = ["Form", "described", "file", "format_infotext", "from_text", "own", "parse_infotext", "restored"]

log = logging.getLogger(__name__)

VERSION = f"Snowfox {SNOWFOX}"
CHUNK = "snowfox"

_EMPHASES = {"no norm": "No norm", "ignore": "Ignore", "none": "None"}
_LARGEST_TEXT = 256 * 1024


def format_infotext(
    recipe: Recipe,
    seed: int | None = None,
    checkpoint: CheckpointEntry | None = None,
    used: Sequence[Used] = (),
    made: Making | None = None,
    before: str = "",
) -> str:
    """The parameters text of one picture of a resolved recipe.

    seed -- of that picture; None: the recipe's
    used -- the assets that took part in it
    made -- by what it was made, for the hashes of further checkpoints
    before -- the text of the picture that was only finished: it stays, as that is how it was drawn
    """
    if recipe.task == "finish":
        info = read(before) if before else Infotext()
        sized = infotext.joined(info.values)
        return write(
            Infotext(info.prompt, info.negative, {**sized, **postprocess.pairs(recipe.finish), "Version": VERSION})
        )
    seed = recipe.seed if seed is None else seed
    source = recipe.source
    mask = source.mask if source else None
    values = {
        "Steps": str(recipe.steps),
        "Sampler": recipe.sampler,
        "Schedule type": recipe.schedule,
        "CFG scale": f"{recipe.guidance:g}",
        "Seed": "" if seed is None else str(seed),
        "Size": f"{recipe.width}x{recipe.height}",
        "Model hash": checkpoint.short_hash if checkpoint else "",
        "Model": recipe.checkpoint,
        "VAE hash": next((asset.hash for asset in used if asset.kind == "vae"), ""),
        "VAE": next((asset.name for asset in used if asset.kind == "vae"), ""),
        **expert.early(recipe.sampling),
        "Denoising strength": f"{source.strength:g}" if source else second.strength(recipe.hires),
        "Conditional mask weight": str(float(mask.conditioning)) if mask and _hides(mask, checkpoint) else "",
        "Clip skip": str(recipe.clip_skip) if recipe.clip_skip > 1 else "",
        **expert.middle(recipe.sampling),
        **parts.tiling(recipe.tiling),
    }
    values |= starting.described(source) if source else {}
    hashes = made.hashes if made else {}
    values |= second.pairs(recipe.hires, hashes.get(recipe.hires.checkpoint, "")[:10] if recipe.hires else "")
    multiplier = recipe.sampling.noise_multiplier
    values["Noise multiplier"] = f"{multiplier:g}" if source and multiplier != 1 else ""
    values |= controls.pairs(recipe, used)
    values["Lora hashes"] = _hashes(used, "lora")
    values["TI hashes"] = _hashes(used, "embedding")
    brackets = any(mark in recipe.prompt + recipe.negative for mark in "([")
    values["Emphasis"] = _EMPHASES.get(recipe.emphasis, "") if brackets else ""
    values |= expert.late(recipe.sampling, recipe.sampler)
    values |= parts.refiner(recipe.refiner, hashes.get(recipe.refiner.checkpoint, "")[:10] if recipe.refiner else "")
    values["Old prompt editing timelines"] = "True" if recipe.old_editing else ""
    values |= postprocess.pairs(recipe.finish)
    values["Version"] = VERSION
    return write(Infotext(recipe.prompt, recipe.negative, values))


def _hashes(used: Sequence[Used], kind: AssetKind) -> str:
    """ "name: hash, name: hash"; the marks of the list itself are left out of names."""
    found = {asset.name.replace(":", "").replace(",", ""): asset.hash for asset in used if asset.kind == kind}
    return ", ".join(f"{name}: {digits}" for name, digits in found.items() if digits)


@dataclass(frozen=True)
class Form:
    """How finished pictures are written. quality: 1 .. 100, not for PNG; text_beside: the parameters in a .txt too."""

    kind: codec.Kind = "PNG"
    quality: int = 90
    text_beside: bool = False


@dataclass(frozen=True)
class File:
    """A finished file: its bytes, its suffix with the dot, and the parameters text in it."""

    data: bytes
    suffix: str
    text: str


def file(
    picture: Picture,
    recipe: Recipe,
    seed: int,
    checkpoint: CheckpointEntry | None,
    identity: str,
    used: Sequence[Used] = (),
    catalogue: Catalogue | None = None,
    form: Form | None = None,
    before: str = "",
) -> File:
    """The finished file: pixels, parameters text, and the recipe of just this picture as JSON.

    catalogue -- of the engine that made it
    before    -- the parameters text of the picture that was only finished
    form      -- PNG where it is None, and where that kind cannot hold the size or the text
    """
    wanted = form or Form()
    single = replace(recipe, seed=seed, count=1, batch=1)
    made = making.making(recipe, catalogue, VERSION)
    record = {"id": identity, "version": VERSION, "recipe": to_json(single), "made": made.to_json()}
    text = format_infotext(recipe, seed, checkpoint, used, made, before)
    if wanted.kind != "PNG" and codec.fits(picture, wanted.kind):
        try:
            data = codec.encoded(picture, wanted.kind, text, wanted.quality, {CHUNK: json.dumps(record)})
            return File(data, codec.SUFFIXES[wanted.kind], text)
        except (OSError, ValueError):
            log.warning("A picture cannot be written as %s; it is written as PNG.", wanted.kind)
    texts = {"parameters": text, CHUNK: json.dumps(record, ensure_ascii=False)}
    return File(codec.png(picture, texts), ".png", text)


def made_by(data: bytes) -> Making | None:
    """By what a picture of ours was made; None where it does not say. Raises codec.BadPicture."""
    try:
        record: Any = json.loads(codec.describe(data)[CHUNK][:_LARGEST_TEXT])
        return making.from_json(record["made"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def described(data: bytes, catalogue: Catalogue | None) -> Restored | None:
    """What a picture file says of itself; None when it says nothing. Raises codec.BadPicture."""
    return restored(codec.describe(data), catalogue)


def restored(texts: Mapping[str, str], catalogue: Catalogue | None) -> Restored | None:
    """What the texts that travel with a picture say, by our program or another; None when they say nothing."""
    texts = {key: value[:_LARGEST_TEXT] for key, value in texts.items()}
    text = texts.get("parameters", "")
    ours = own(texts)
    if ours:
        recipe = ours[1]
        whole: dict[str, Fidelity] = dict.fromkeys(to_json(recipe), "exact")
        return Restored(recipe, text, "Snowfox", whole, exact=True)
    other = foreign.translated(texts)
    if other is not None:
        recipe, fidelity = recalled(other.info, catalogue)
        # What was lost stays lost, however well it was understood.
        fidelity |= {name: level for name, level in other.doubts.items() if fidelity.get(name) != "lost"}
        return Restored(recipe, write(other.info), other.tool, fidelity)
    if not text.strip():
        return None
    info = read(text)
    recipe, fidelity = recalled(info, catalogue)
    return Restored(recipe, text, foreign.named(info), fidelity)


def own(texts: Mapping[str, str]) -> tuple[str, Recipe] | None:
    """Identity and recipe from our own chunk; None when there is none or it cannot be read."""
    try:
        record: dict[str, Any] = json.loads(texts[CHUNK][:_LARGEST_TEXT])
        return str(record["id"]), from_json(record["recipe"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def from_text(text: str, catalogue: Catalogue | None = None) -> Recipe:
    """The recipe that a parameters text, of whatever program, tells of."""
    found = restored({"parameters": text}, catalogue)
    return found.recipe if found else Recipe()


def _hides(mask: Mask, checkpoint: CheckpointEntry | None) -> bool:
    """Whether the model is one that is not shown what is to be repainted."""
    return mask.conditioning != 1 or (checkpoint is not None and checkpoint.title.endswith("inpainting"))
