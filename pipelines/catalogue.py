"""Catalogue: what can be made here. The engine announces it; the web process only reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipelines.asset import AssetEntry, AssetKind
from pipelines.recipe import Json, Task

__all__ = [
    "AssetEntry",
    "AssetKind",
    "Catalogue",
    "CheckpointEntry",
    "DeviceEntry",
    "FamilyEntry",
    "SamplerEntry",
]


@dataclass(frozen=True)
class FamilyEntry:
    """A model family.

    defaults  -- values for fields of a Recipe that suit its models
    lacks     -- fields that have no effect with them -> why, a sentence
    side_step -- sides of a picture are multiples of it
    """

    name: str
    title: str
    tasks: tuple[Task, ...]
    defaults: Mapping[str, Json] = field(default_factory=dict[str, Json])
    lacks: Mapping[str, str] = field(default_factory=dict[str, str])
    side_step: int = 8


@dataclass(frozen=True)
class CheckpointEntry:
    """A file or folder that was found.

    name     -- what a Recipe calls it: the path below the checkpoint folder without suffix, with "/"
    path     -- where it lies, for the Models page
    family   -- name of a FamilyEntry; "" where none recognised it
    bytes    -- size on disk
    sha256   -- of the file, 64 hex digits; "" while it is being worked out, and for folders
    problem  -- a sentence: why it cannot be used; "" when it can
    defaults -- over those of the family
    title    -- what kind it is, for people; "" is the family's title
    tasks    -- what it can do; () is what its family can
    lacks    -- over those of the family
    """

    name: str
    path: str
    family: str
    bytes: int
    sha256: str = ""
    problem: str = ""
    defaults: Mapping[str, Json] = field(default_factory=dict[str, Json])
    title: str = ""
    tasks: tuple[Task, ...] = ()
    lacks: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def short_hash(self) -> str:
        """The ten digits that the parameters text carries."""
        return self.sha256[:10]


@dataclass(frozen=True)
class SamplerEntry:
    """aliases: other names that mean the same; schedule: the one that "Automatic" stands for."""

    name: str
    aliases: tuple[str, ...] = ()
    schedule: str = "Uniform"


@dataclass(frozen=True)
class DeviceEntry:
    """kind: cpu, cuda, mps or xpu; dtype: what the models compute in; bytes: of its memory; torch: the version."""

    kind: str
    title: str
    dtype: str
    bytes: int = 0
    torch: str = ""


@dataclass(frozen=True)
class Catalogue:
    families: tuple[FamilyEntry, ...]
    checkpoints: tuple[CheckpointEntry, ...]
    samplers: tuple[SamplerEntry, ...]
    schedules: tuple[str, ...]
    device: DeviceEntry
    assets: tuple[AssetEntry, ...] = ()

    def usable(self) -> tuple[CheckpointEntry, ...]:
        return tuple(entry for entry in self.checkpoints if not entry.problem)

    def checkpoint(self, name: str) -> CheckpointEntry | None:
        """The entry of that name; "" names the default one: the first usable that is not Kit, else Kit."""
        if name:
            return next((entry for entry in self.checkpoints if entry.name == name), None)
        usable = self.usable()
        return next((entry for entry in usable if entry.name != "kit"), usable[0] if usable else None)

    def family(self, name: str) -> FamilyEntry | None:
        return next((entry for entry in self.families if entry.name == name), None)

    def kind(self, kind: AssetKind) -> tuple[AssetEntry, ...]:
        """The assets of a kind that can be used."""
        return tuple(entry for entry in self.assets if entry.kind == kind and not entry.problem)

    def sampler(self, name: str) -> SamplerEntry | None:
        """By name or alias, upper and lower case alike."""
        wanted = name.casefold()
        for entry in self.samplers:
            if wanted in (entry.name.casefold(), *(alias.casefold() for alias in entry.aliases)):
                return entry
        return None

    def schedule(self, name: str) -> str | None:
        return next((known for known in self.schedules if known.casefold() == name.casefold()), None)

    def defaults(self, checkpoint: str) -> dict[str, Json]:
        """Field values that suit a checkpoint, by their paths: those of its family, then its own."""
        entry = self.checkpoint(checkpoint)
        family = self.family(entry.family) if entry else None
        return {**(family.defaults if family else {}), **(entry.defaults if entry else {})}

    def tasks(self, checkpoint: str) -> tuple[Task, ...]:
        """What can be done with a checkpoint; () where there is none that can be used."""
        entry = self.checkpoint(checkpoint)
        family = self.family(entry.family) if entry else None
        return (entry.tasks if entry else ()) or (family.tasks if family else ())

    def lacks(self, checkpoint: str) -> dict[str, str]:
        """Fields of a Recipe that have no effect with a checkpoint -> why."""
        entry = self.checkpoint(checkpoint)
        family = self.family(entry.family) if entry else None
        return {**(family.lacks if family else {}), **(entry.lacks if entry else {})}

    def completed(self, given: Mapping[str, Json]) -> dict[str, Json]:
        """Fields of a recipe by their paths, with what suits its checkpoint where they say nothing.

        What a checkpoint's pictures are finished with is meant for pictures drawn from nothing, in one pass.
        """
        suited = self.defaults(str(given.get("checkpoint") or ""))
        parts = {name.partition(".")[0] for name, value in given.items() if value is not None}
        if parts & {"source", "hires"}:
            suited = {name: value for name, value in suited.items() if not name.startswith("finish.")}
        return {**suited, **given}
