"""On top: what a job puts on a checkpoint — networks, trained words, a VAE, control networks — and what took part."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import Tensor

from pipelines import weights
from pipelines.asset import AssetEntry, AssetKind, Used
from pipelines.assets.described import TITLES
from pipelines.assets.library import Asset, Assets
from pipelines.control import hints
from pipelines.control.guide import Unit
from pipelines.device import Device
from pipelines.family import Guided, Model, ModelError, Order
from pipelines.filefacts import FileFacts
from pipelines.hashes import Hashes
from pipelines.header import HeaderError, Version
from pipelines.networks.applied import AppliedNetworks, Found
from pipelines.networks.file import NetworkError
from pipelines.prompt import networks, uncommented
from pipelines.prompt.embeddings import Embeddings
from pipelines.recipe import Recipe, RecipeError
from pipelines.separate import SeparateParts

OWN_VAE = ("none",)
CHOSEN_VAE = ("", "automatic")


@dataclass(frozen=True)
class Dressed:
    """used: what takes part in the pictures, with hashes; notes: a sentence for each thing that does not."""

    used: tuple[Used, ...]
    notes: tuple[str, ...]


class OnTop:
    def __init__(self, models: Path, facts: FileFacts, hashes: Hashes, device: Device) -> None:
        self._assets = Assets(models, facts, hashes)
        self._networks = AppliedNetworks(_tensors)
        self._parts = SeparateParts(device)
        self.embeddings = Embeddings(self._words, _tensors)

    def entries(self) -> tuple[AssetEntry, ...]:
        return self._assets.entries()

    def scan(self) -> None:
        self._assets.scan()

    def unhashed(self) -> tuple[list[Version], list[Version]]:
        """See Assets.unhashed."""
        return self._assets.unhashed()

    def clear(self) -> None:
        """Give memory back."""
        self._networks.forget()
        self._parts.clear()

    def vae(self, recipe: Recipe, checkpoint: Path) -> str:
        """The name of the VAE that a recipe asks for, or of the one beside the checkpoint; "" for the model's own.

        Raises RecipeError for one that is not here or cannot be used.
        """
        asked = recipe.vae.casefold()
        if asked in OWN_VAE:
            return ""
        if asked in CHOSEN_VAE:
            asset = self._assets.beside(checkpoint)
            return asset.entry.name if asset else ""
        return self._wanted("vae", recipe.vae, "vae").entry.name

    def check_controls(self, recipe: Recipe) -> None:
        """Raises RecipeError for a control whose model or preprocessor cannot be used."""
        for number, control in enumerate(recipe.controls):
            self._wanted("controlnet", control.model, f"controls.{number}.model")
            if hints.known(control.preprocessor) is None:
                names = ", ".join(name for name in hints.PREPROCESSORS if name)
                raise RecipeError(
                    f"controls.{number}.preprocessor",
                    f"There is no preprocessor '{control.preprocessor}'. Known are: {names}.",
                )

    def dress(self, model: Model, order: Order) -> Dressed:
        """Put on the model what an order asks for, and nothing else. Raises ModelError, or what torch raises."""
        tags = networks(uncommented(order.prompt))[1]
        lora = [tag for tag in tags if tag.kind == "lora"]
        applied = self._networks.put_on(model, model.components(), lora, self._network)
        used = [self._used("lora", name) for name in applied.names]
        words = model.words(order)
        used += [self._used("embedding", name) for name in words]
        notes = [*applied.notes, *self._strange(order, words), *_unsupported(order.prompt)]
        used += self._with_vae(model, order.vae, notes)
        used += self._with_controls(model, order.controls)
        return Dressed(tuple(used), tuple(notes))

    def _with_vae(self, model: Model, name: str, notes: list[str]) -> Iterator[Used]:
        asset = self._assets.find("vae", name) if name else None
        own = model.autoencoder
        if asset is not None and own is None:
            notes.append(f"The VAE '{name}' is not used: this kind of model works with its own only.")
        if asset is None or own is None:
            model.use_vae(None)
            return
        model.use_vae(self._parts.vae(asset.version, own))
        yield Used("vae", asset.version.path.name, self._assets.hash(asset))

    def _with_controls(self, model: Model, controls: Sequence[Guided]) -> Iterator[Used]:
        unet = model.components().get("unet")
        if controls and (unet is None or not hasattr(unet, "down_blocks")):
            raise ModelError("ControlNet does not work with this kind of model yet.", "Switch it off.")
        wanted = [self._wanted("controlnet", guided.control.model, "controls") for guided in controls]
        self._parts.keep_controls({asset.version for asset in wanted})
        units: list[Unit] = []
        for guided, asset in zip(controls, wanted, strict=True):
            control = guided.control
            module = self._parts.control(asset.version, unet)
            unit = Unit(
                module,
                partial(hints.hint, guided.image, control),
                control.weight,
                control.start,
                control.end,
                control.mode,
            )
            units.append(unit)
            yield Used("controlnet", asset.entry.name, self._assets.hash(asset))
        model.use_controls(units)

    def _wanted(self, kind: AssetKind, name: str, field: str) -> Asset:
        title, folder = ("VAE", "models/vae") if kind == "vae" else ("control model", "models/controlnet")
        if not name:
            raise RecipeError(field, f"Choose a {title}, or switch it off.")
        asset = self._assets.find(kind, name)
        if asset is None:
            raise RecipeError(field, f"There is no {title} '{name}'. Put it into {folder}, then press Rescan.")
        if asset.entry.problem:
            raise RecipeError(field, f"The {title} '{name}' cannot be used: {asset.entry.problem}")
        return asset

    def _network(self, name: str) -> Found | None:
        asset = self._assets.find("lora", name)
        if asset is None:
            return None
        return Found(asset.entry.name, asset.version, asset.entry.problem, TITLES.get(asset.entry.family, ""))

    def _strange(self, order: Order, spoken: Sequence[str]) -> Iterator[str]:
        """A sentence for each trained word that stands in a prompt and is for another kind of model."""
        text = f"{order.prompt}\n{order.negative}"
        for asset in self._assets.usable("embedding"):
            name = asset.entry.name
            if name not in spoken and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE):
                yield f"The embedding '{name}' is for another kind of model; here it is an ordinary word."

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
