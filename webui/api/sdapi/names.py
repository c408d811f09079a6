"""Names: what A1111's clients call models, samplers, schedules and upscalers, found in our catalogue."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from pipelines.catalogue import AssetEntry, AssetKind, Catalogue, CheckpointEntry, SamplerEntry
from pipelines.passes import LATENT_UPSCALERS, PLAIN_UPSCALERS
from webui.api.sdapi.errors import Refused

_FORMER_SCHEDULES = {"align your steps": "Align Your Steps", "ddim uniform": "DDIM"}


def title(entry: CheckpointEntry) -> str:
    """As clients show it: "folder/name.safetensors [ten digits]"."""
    digits = f" [{entry.short_hash}]" if entry.short_hash else ""
    return f"{file_name(entry)}{digits}"


def file_name(entry: CheckpointEntry) -> str:
    suffix = PurePosixPath(entry.path.replace("\\", "/")).suffix
    return entry.name if entry.name.endswith(suffix) else f"{entry.name}{suffix}"


def model_name(entry: CheckpointEntry) -> str:
    """Without suffix, and with folders joined to it, as A1111 calls it."""
    return entry.name.replace("/", "_")


def checkpoint(catalogue: Catalogue, wanted: str) -> CheckpointEntry | None:
    """By title, with or without its hash, by name with or without folder and suffix, or by hash."""
    text = wanted.strip().replace("\\", "/")
    bare = text.rpartition(" [")[0] if text.endswith("]") else text
    for folded in (text.casefold(), bare.casefold()):
        spelt = ((tuple(_spellings(entry)), entry) for entry in catalogue.checkpoints)
        found = [(own.index(folded), entry) for own, entry in spelt if folded and folded in own]
        if found:
            return min(found, key=lambda pair: pair[0])[1]
    return None


def _spellings(entry: CheckpointEntry) -> Iterator[str]:
    """From the most exact to the least."""
    file = file_name(entry)
    yield title(entry).casefold()
    yield entry.name.casefold()
    yield file.casefold()
    yield entry.sha256
    yield entry.short_hash
    yield model_name(entry).casefold()
    yield file.rpartition("/")[2].casefold()
    yield entry.name.rpartition("/")[2].casefold()


def sampler(catalogue: Catalogue, wanted: str, schedule_wanted: str | None) -> tuple[SamplerEntry, str]:
    """Sampler and schedule; the schedule may stand at the end of the sampler's name, as before version 1.9.

    Raises Refused, 400, for an unknown one.
    """
    name, at_end = wanted.strip(), ""
    entry = catalogue.sampler(name)
    if entry is None:
        name, at_end = _split(catalogue, name)
        entry = catalogue.sampler(name)
    if entry is None:
        raise Refused(400, "Sampler not found")
    chosen = schedule(catalogue, schedule_wanted or "") or at_end or "Automatic"
    return entry, "Automatic" if chosen == entry.schedule else chosen


def schedule(catalogue: Catalogue, wanted: str) -> str:
    """By label or internal name; "" for none. Raises Refused, 400, for an unknown one."""
    plain = wanted.strip().replace("_", " ").casefold()
    if not plain or plain == "use same scheduler":
        return ""
    found = catalogue.schedule(_FORMER_SCHEDULES.get(plain, plain))
    if found is None:
        raise Refused(400, "Scheduler not found")
    return found


def schedule_key(label: str) -> str:
    """The internal name that goes with a label."""
    return label.casefold().replace(" ", "_")


def _split(catalogue: Catalogue, name: str) -> tuple[str, str]:
    """ "DPM++ 2M SGM Uniform" → "DPM++ 2M", "SGM Uniform"; the longest ending counts."""
    folded = name.casefold().replace("_", " ")
    for label in sorted(catalogue.schedules, key=len, reverse=True):
        if folded.endswith(f" {label.casefold()}"):
            return name[: -len(label) - 1], label
    return name, ""


def asset(catalogue: Catalogue, kind: AssetKind, wanted: str) -> AssetEntry | None:
    """By name, with or without folder and suffix, upper and lower case alike."""
    text = wanted.strip().replace("\\", "/").casefold()
    known = catalogue.kind(kind)
    for spelling in (text, PurePosixPath(text).with_suffix("").as_posix() if text else ""):
        for entry in known:
            own = entry.name.casefold()
            if spelling and spelling in (own, own.rpartition("/")[2]):
                return entry
    return None


def upscalers(catalogue: Catalogue) -> tuple[str, ...]:
    """Without "None"."""
    known = tuple(entry.name for entry in catalogue.kind("upscaler"))
    return (*(name for name in PLAIN_UPSCALERS if name not in known), *known)


def upscaler(catalogue: Catalogue, wanted: str, latent: bool = False) -> str:
    """As a recipe spells it; "" for none. Raises Refused, 422, for an unknown one."""
    folded = wanted.strip().casefold()
    if folded in ("", "none"):
        return ""
    for known in (*(LATENT_UPSCALERS if latent else ()), *upscalers(catalogue)):
        if folded == known.casefold():
            return known
    found = asset(catalogue, "upscaler", wanted)
    if found is None:
        raise Refused(422, f"could not find upscaler named {wanted}")
    return found.name
