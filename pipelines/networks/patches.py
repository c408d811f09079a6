"""Patches: networks put on the modules of a loaded model, and taken off so that every bit is as before.

The changes are merged into the weights: a step then costs what it costs without networks. What was there is kept, on
the CPU, and put back. Weights that are stored in another form (fp8, 4 bits), or that some hook moves about, are left:
there the network runs beside the module and adds to its output.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pipelines.networks import formulas
from pipelines.networks.file import Network
from pipelines.networks.formulas import Misfit, Parts
from pipelines.networks.names import TEXT_ENCODERS, ModuleNames, Place

_PLAIN = (torch.float32, torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class Worn:
    """A network and how strongly it counts. text, unet: strengths in the text encoders and elsewhere.

    rank   -- how much of a network with dynamic rank; None: all
    blocks -- strengths of single blocks, see `blocks.strengths`; None: 1 everywhere
    """

    network: Network
    text: float = 1.0
    unet: float = 1.0
    rank: int | None = None
    blocks: Mapping[str, float] | None = None

    def strength(self, place: Place) -> float:
        share = 1.0 if self.blocks is None else self.blocks.get(place.block or "BASE", 0.0)
        return share * (self.text if place.component in TEXT_ENCODERS else self.unet)


@dataclass
class Fit:
    """How many modules of a network were found in the model and fit, and how many were not or did not."""

    fitting: int = 0
    missing: int = 0
    misfits: int = 0


@dataclass(frozen=True)
class _Kept:
    """What a module had. The tensors themselves where it was on the CPU, copies elsewhere."""

    module: Any
    weight: Tensor
    bias: Tensor | None


class Patches:
    """What is on the modules of one model."""

    def __init__(self, components: Mapping[str, Any]) -> None:
        """components: modules by "unet", "te", "te2", "te3", as far as the model has them."""
        self._names = ModuleNames(components)
        self._hooked = {name for name, root in components.items() if _has_hooks(root)}
        self._kept: list[_Kept] = []
        self._beside: list[Any] = []

    @torch.no_grad()
    def put_on(self, networks: Sequence[Worn]) -> list[Fit]:
        """Instead of what was on. One after the other where several change a module. Raises what torch raises."""
        self.take_off()
        fits = [Fit() for _ in networks]
        wanted: dict[int, tuple[Place, list[tuple[Worn, Parts, Fit]]]] = {}
        for worn, fit in zip(networks, fits, strict=True):
            for name, parts in worn.network.modules.items():
                places = self._names.find(name)
                if not places:
                    fit.missing += 1
                try:
                    for place, share in _shared(places, parts):
                        wanted.setdefault(id(place.module), (place, []))[1].append((worn, share, fit))
                except Misfit:
                    fit.misfits += 1
        try:
            for place, uses in wanted.values():
                self._change(place, uses)
        except BaseException:
            self.take_off()
            raise
        return fits

    @torch.no_grad()
    def take_off(self) -> None:
        """Every weight as it was."""
        for hook in self._beside:
            hook.remove()
        self._beside.clear()
        for kept in self._kept:
            _write(kept.module, kept.weight, kept.bias)
        self._kept.clear()

    def _change(self, place: Place, uses: Sequence[tuple[Worn, Parts, Fit]]) -> None:
        module = place.module
        plain = _is_plain(module) and place.component not in self._hooked
        device = module.weight.device if plain else None
        weight: Tensor | None = module.weight.detach().float() if plain else None
        bias: Tensor | None = None if module.bias is None else module.bias.detach().float()
        beside: list[_Beside] = []
        changed = False
        for worn, parts, fit in uses:
            strength = worn.strength(place)
            if strength == 0:
                fit.fitting += 1
                continue
            try:
                if weight is None:
                    beside.append(_Beside.of(parts, module, strength, worn.rank))
                else:
                    given = {name: tensor.to(device) for name, tensor in parts.items()}
                    change = formulas.change(given, weight, worn.rank)
                    weight = weight if change.weight is None else weight + change.weight * strength
                    if change.bias is not None:
                        bias = change.bias * strength + (0 if bias is None else bias)
                    changed = True
                fit.fitting += 1
            except Misfit:
                fit.misfits += 1
        if beside:
            self._beside += [module.register_forward_hook(one) for one in beside]
        if changed and weight is not None:
            self._kept.append(_keep(module))
            _write(module, weight.to(module.weight.dtype), None if bias is None else bias.to(module.weight.dtype))


def _shared(places: Sequence[Place], parts: Parts) -> list[tuple[Place, Parts]]:
    """Each module with its part of the network. Raises Misfit."""
    if len(places) < 2:
        return [(place, parts) for place in places]
    outputs = [int(getattr(place.module, "out_features", place.module.weight.shape[0])) for place in places]
    shares: list[tuple[Place, Parts]] = []
    first = 0
    for place, count in zip(places, outputs, strict=True):
        shares.append((place, formulas.rows(parts, first, first + count, sum(outputs))))
        first += count
    return shares


def _keep(module: Any) -> _Kept:
    weight = module.weight.data
    bias = None if module.bias is None else module.bias.data
    if weight.device.type == "cpu":
        return _Kept(module, weight, bias)
    return _Kept(module, weight.cpu(), None if bias is None else bias.cpu())


def _write(module: Any, weight: Tensor, bias: Tensor | None) -> None:
    _put(module.weight, weight)
    if bias is None:
        module.bias = None
    elif module.bias is None:
        module.bias = torch.nn.Parameter(bias.to(module.weight.device), requires_grad=False)
    else:
        _put(module.bias, bias)


def _put(parameter: torch.nn.Parameter, value: Tensor) -> None:
    if parameter.device.type == "cpu":
        parameter.data = value
    else:
        parameter.data.copy_(value)


def _is_plain(module: Any) -> bool:
    weight = module.weight
    return (
        type(weight) is torch.nn.Parameter
        and weight.dtype in _PLAIN
        and weight.device.type != "meta"
        and hasattr(module, "bias")
    )


def _has_hooks(root: Any) -> bool:
    """Whether something else moves or casts its weights, as diffusers' offloading and layerwise casting do."""
    return any(hasattr(module, "_diffusers_hook") for module in root.modules())


@dataclass(frozen=True)
class _Beside:
    """Adds to a module's output what the network makes of its input. steps: weights, applied in turn, then `up`."""

    steps: tuple[Tensor, ...]
    bias: Tensor | None
    strength: float

    @classmethod
    def of(cls, parts: Parts, module: Any, strength: float, rank: int | None) -> "_Beside":
        """Raises Misfit, also for kinds whose change depends on the module's own weights."""
        linear = isinstance(module, torch.nn.Linear)
        if not linear and not isinstance(module, torch.nn.Conv2d):
            raise Misfit("Such a layer cannot be changed.")
        shape = (module.out_features, module.in_features) if linear else tuple(module.weight.shape)
        plain = formulas.factors(parts, rank)
        if plain is not None:
            down, up = plain
            if up.shape[0] != shape[0] or down[0].numel() != torch.Size(shape[1:]).numel():
                raise Misfit("The sizes do not fit.")
            steps = (down.reshape(-1, *shape[1:]), up.reshape(shape[0], -1, *[1] * (len(shape) - 2)))
            return cls(steps, None, strength)
        change = formulas.change(parts, torch.empty(shape, device="meta"), rank)
        if change.weight is None or change.weight.device.type == "meta":
            raise Misfit("This kind needs weights of full precision.")
        return cls((change.weight,), change.bias, strength)

    def __call__(self, module: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        x: Tensor = inputs[0]
        steps = [step.to(x) for step in self.steps]
        if isinstance(module, torch.nn.Conv2d):
            x = functional.conv2d(x, steps[0], None, module.stride, module.padding, module.dilation, module.groups)
            x = functional.conv2d(x, steps[1]) if len(steps) > 1 else x
            extra = None if self.bias is None else self.bias.to(x)[:, None, None]
        else:
            for step in steps:
                x = functional.linear(x, step)
            extra = None if self.bias is None else self.bias.to(x)
        return output + (x if extra is None else x + extra).to(output) * self.strength
