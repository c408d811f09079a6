"""Applied networks: from the tags of a prompt to what is on a model."""

import logging
import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor

from pipelines.header import Version
from pipelines.networks.blocks import strengths
from pipelines.networks.file import Network, NetworkError, sorted_out
from pipelines.networks.patches import Fit, Patches, Worn
from pipelines.prompt.tags import Tag

REMEMBERED = 2**30
"""Bytes of networks that stay in memory after they were read, so that a new strength costs no reading."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """A network file. title: what its family is called, "" where that is not known."""

    name: str
    version: Version
    problem: str = ""
    title: str = ""


Read = Callable[[Version], dict[str, Tensor]]
"""The tensors of a file. Raises NetworkError."""

Find = Callable[[str], Found | None]
"""By name, or any other name it has."""


@dataclass(frozen=True)
class Applied:
    """names: of the networks that count, as their tags write them; notes: a sentence for each that does not."""

    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class _State:
    patches: Patches
    wish: tuple[Any, ...] = ()
    applied: Applied = field(default_factory=Applied)


class AppliedNetworks:
    """The networks that are on models now. What is on stays on until another set is asked for."""

    def __init__(self, read: Read) -> None:
        self._from_disk = read
        self._states: WeakKeyDictionary[Any, _State] = WeakKeyDictionary()
        self._read: OrderedDict[Version, Network] = OrderedDict()

    def put_on(self, model: Any, components: Mapping[str, Any], tags: Sequence[Tag], find: Find) -> Applied:
        """The LoRA tags of a prompt, instead of what was on. model: whose components these are."""
        state = self._states.get(model)
        if state is None:
            if not tags:
                return Applied()
            state = self._states.setdefault(model, _State(Patches(components)))
        notes: list[str] = []
        wanted = [(tag, found) for tag in tags if (found := _usable(tag, find, notes))]
        wish = tuple((found.version, tag.te, tag.unet, tag.dyn, tag.named.get("lbw")) for tag, found in wanted)
        if wish != state.wish:
            state.wish, state.applied = (), Applied()
            state.applied = self._changed(state.patches, wanted)
            state.wish = wish
        return Applied(state.applied.names, (*notes, *state.applied.notes))

    def _changed(self, patches: Patches, wanted: Sequence[tuple[Tag, Found]]) -> Applied:
        patches.take_off()
        names: list[str] = []
        notes: list[str] = []
        read: list[tuple[Tag, Found, Worn]] = []
        for tag, found in wanted:
            try:
                read.append((tag, found, _worn(tag, self._network(found.version), notes)))
            except NetworkError as error:
                notes.append(f"The LoRA '{found.name}' {error} It is left out.")
        fits = patches.put_on([worn for _, _, worn in read])
        for (tag, found, _), fit in zip(read, fits, strict=True):
            if fit.fitting:
                names.append(tag.name)
            if note := _remark(found, fit):
                notes.append(note)
        return Applied(tuple(names), tuple(notes))

    def forget(self) -> None:
        """Give the memory of networks back that were read. What is on stays on."""
        self._read.clear()

    def _network(self, version: Version) -> Network:
        if version not in self._read:
            self._read[version] = sorted_out(self._from_disk(version))
        self._read.move_to_end(version)
        while len(self._read) > 1 and sum(network.bytes for network in self._read.values()) > REMEMBERED:
            self._read.popitem(last=False)
        return self._read[version]


def _usable(tag: Tag, find: Find, notes: list[str]) -> Found | None:
    found = find(tag.name)
    if found is None:
        notes.append(f"There is no LoRA '{tag.name}' in models/loras; it is left out.")
    elif found.problem:
        notes.append(f"The LoRA '{tag.name}' is left out: {found.problem}")
        return None
    return found


def _worn(tag: Tag, network: Network, notes: list[str]) -> Worn:
    text = tag.named.get("lbw")
    blocks = strengths(text) if text is not None else None
    if text is not None and blocks is None:
        notes.append(
            f"The block weights of the LoRA '{tag.name}' are not used: "
            "they are 17 or 26 numbers (12 or 20 for SDXL), or a name such as OUTALL."
        )
    return Worn(network, tag.te, tag.unet, tag.dyn, blocks)


def _remark(found: Found, fit: Fit) -> str:
    if not fit.fitting:
        made = found.title or "another kind of model"
        return f"The LoRA '{found.name}' was made for {made} and does not fit this model; it is left out."
    lost = fit.missing + fit.misfits
    if not lost:
        return ""
    _log.info("%s: %d modules fit, %d are unknown, %d have other sizes", found.name, *vars(fit).values())
    share = math.ceil(100 * lost / (lost + fit.fitting))
    return f"{share} % of the LoRA '{found.name}' do not fit this model and are left out."
