"""On top: what a job puts on a checkpoint — networks and trained words of its prompt — and what took part."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from pipelines import weights
from pipelines.asset import AssetEntry, AssetKind, Used
from pipelines.assets.described import TITLES
from pipelines.assets.library import Assets
from pipelines.family import Model, ModelError, Order
from pipelines.filefacts import FileFacts
from pipelines.hashes import Hashes
from pipelines.header import HeaderError, Version
from pipelines.networks.applied import AppliedNetworks, Found
from pipelines.networks.file import NetworkError
from pipelines.prompt import networks, uncommented
from pipelines.prompt.embeddings import Embeddings


@dataclass(frozen=True)
class Dressed:
    """used: what takes part in the pictures, with hashes; notes: a sentence for each thing that does not."""

    used: tuple[Used, ...]
    notes: tuple[str, ...]


class OnTop:
    def __init__(self, models: Path, facts: FileFacts, hashes: Hashes) -> None:
        self._assets = Assets(models, facts, hashes)
        self._networks = AppliedNetworks(_tensors)
        self.embeddings = Embeddings(self._words, _tensors)

    def entries(self) -> tuple[AssetEntry, ...]:
        return self._assets.entries()

    def scan(self) -> None:
        self._assets.scan()

    def unhashed(self) -> tuple[list[Version], list[Version]]:
        """See Assets.unhashed."""
        return self._assets.unhashed()

    def dress(self, model: Model, order: Order) -> Dressed:
        """Put on the model what an order asks for, and nothing else. Raises what torch raises."""
        tags = networks(uncommented(order.prompt))[1]
        lora = [tag for tag in tags if tag.kind == "lora"]
        applied = self._networks.put_on(model, model.components(), lora, self._network)
        used = [self._used("lora", name) for name in applied.names]
        used += [self._used("embedding", name) for name in model.words(order)]
        return Dressed(tuple(used), (*applied.notes, *_unsupported(order.prompt)))

    def _network(self, name: str) -> Found | None:
        asset = self._assets.find("lora", name)
        if asset is None:
            return None
        return Found(asset.entry.name, asset.version, asset.entry.problem, TITLES.get(asset.entry.family, ""))

    def _words(self) -> Iterator[tuple[str, Version]]:
        return ((asset.entry.name, asset.version) for asset in self._assets.usable("embedding"))

    def _used(self, kind: AssetKind, name: str) -> Used:
        asset = self._assets.find(kind, name)
        return Used(kind, name, self._assets.hash(asset) if asset else "")


def _tensors(version: Version) -> dict[str, Tensor]:
    try:
        return weights.stored(version.path)
    except HeaderError as error:
        raise NetworkError(str(error)) from error
    except (ModelError, OSError) as error:
        raise NetworkError(f"cannot be read: {error}") from error


def _unsupported(prompt: str) -> Iterator[str]:
    for tag in networks(uncommented(prompt))[1]:
        if tag.kind != "lora":
            title = "hypernetwork" if tag.kind == "hypernet" else f"'{tag.kind}'"
            yield f"The {title} '{tag.name}' is not applied: only LoRA are supported."
