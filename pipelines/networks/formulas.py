"""Formulas: what each kind of network adds to the weights of one module.

LoRA (Hu et al. 2021), LoCon, LoHa, LoKr, IA3, full difference and norms as LyCORIS defines them (Yeh et al. 2023), DoRA
(Liu et al. 2024), OFT and BOFT (Qiu et al. 2023, Liu et al. 2023), GLoRA (Chavan et al. 2023). Everything is in fp32.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

LARGEST_LAYER = 2**29
"""Numbers; what a layer may hold at most where its size is not known."""

Parts = Mapping[str, Tensor]
"""The tensors of one module, by the names that `keys.split` gives."""


class Misfit(ValueError):
    """Tensors that make no known kind of network, or have other sizes than the module."""


@dataclass(frozen=True)
class Change:
    """What is added at strength 1. weight: of the module's shape; bias: of its outputs; None: unchanged."""

    weight: Tensor | None
    bias: Tensor | None = None


def change(parts: Parts, weight: Tensor, rank: int | None = None) -> Change:
    """The change of a module that has this weight (fp32; any shape).

    rank -- of a network with dynamic rank, how much of it to use
    Raises Misfit.
    """
    try:
        added = _added(parts, weight, rank)
    except (RuntimeError, IndexError) as error:
        raise Misfit(str(error)) from error
    if added is not None:
        added = _fitted(added * _scale(parts), weight)
        if "magnitude" in parts:
            added = _decomposed(added, parts["magnitude"].float(), weight)
    bias = next((parts[name].float() for name in ("diff_b", "b_norm", "up_bias") if name in parts), None)
    if bias is not None and bias.numel() != weight.shape[0]:
        raise Misfit("The bias has another size.")
    if added is None and bias is None:
        raise Misfit("Its kind is not known.")
    return Change(added, None if bias is None else bias.reshape(-1))


def rows(parts: Parts, first: int, last: int, total: int) -> Parts:
    """The part of a network for some outputs of a layer that the model at hand holds as several.

    total -- outputs of the whole
    Raises Misfit where the outputs cannot be told apart.
    """
    cut = dict(parts)
    if "lokr_w1" in parts or "lokr_w1_a" in parts:
        given = {name: value.float() for name, value in parts.items()}
        whole = _kronecker(given, None) * _scale(parts)
        cut = {name: value for name, value in parts.items() if name == "magnitude"} | {"diff": whole}
    for name in ("up", "hada_w1_a", "hada_w2_a", "diff", "diff_b", "up_bias"):
        if name in cut:
            cut[name] = _some(cut[name], first, last, total)
    if "magnitude" in cut:
        cut["magnitude"] = _some(cut["magnitude"], first, last, total)
    if not {"up", "hada_w1_a", "diff", "diff_b"} & cut.keys() or {"hada_t1", "mid"} & cut.keys():
        raise Misfit("This kind cannot be taken apart.")
    return cut


def _some(value: Tensor, first: int, last: int, total: int) -> Tensor:
    if value.shape[0] != total:
        raise Misfit("The sizes do not fit.")
    return value[first:last]


def factors(parts: Parts, rank: int | None = None) -> tuple[Tensor, Tensor] | None:
    """(down, up), fp32, the scale within `up`, where a network is a plain product of the two; else None."""
    if not {"down", "up"} <= parts.keys() or {"mid", "magnitude", "up_bias"} & parts.keys():
        return None
    down, up = parts["down"].float()[:rank], parts["up"].float()[:, :rank]
    return down, up * _scale(parts)


def _added(parts: Parts, weight: Tensor, rank: int | None) -> Tensor | None:
    """Without scale, in whatever shape of the right size; None where only a bias changes."""
    given = {name: value.float() for name, value in parts.items() if name not in ("alpha", "scale", "on_input")}
    if {"down", "up"} <= given.keys():
        return _low_rank(given, weight, rank)
    if "hada_w1_a" in given:
        return _hadamard(given, weight)
    if "lokr_w1" in given or "lokr_w1_a" in given:
        return _kronecker(given, weight)
    if "glora_a1" in given:
        return _generalised(given, weight)
    if "oft_blocks" in given or "oft_diag" in given:
        return _orthogonal(given, parts.get("alpha"), weight)
    if "weight" in given and "on_input" in parts:
        on_input = bool(parts["on_input"].any())
        return weight * given["weight"].reshape((1, -1) if on_input else (-1, *[1] * (weight.dim() - 1)))
    for name in ("diff", "w_norm"):
        if name in given:
            return given[name]
    return None


def _scale(parts: Parts) -> float:
    """alpha / rank; 1 where there is no alpha or no rank."""
    if "scale" in parts:
        return float(parts["scale"])
    rank = _rank(parts)
    if "alpha" not in parts or not rank or "oft_blocks" in parts or "oft_diag" in parts:
        return 1.0
    return float(parts["alpha"]) / rank


def _rank(parts: Parts) -> int:
    """0 for a kind without one."""
    for name in ("down", "hada_w1_b", "lokr_w2_b", "lokr_w1_b"):
        if name in parts:
            return int(parts[name].shape[0])
    return min(parts["glora_b1"].shape) if "glora_b1" in parts else 0


def _fitted(added: Tensor, weight: Tensor) -> Tensor:
    if added.numel() == weight.numel():
        return added.reshape(weight.shape)
    if weight.dim() == 4 and added.dim() == 4 and added.shape[1] < weight.shape[1]:
        # Made for the ordinary model, used with its inpainting relative, whose first layer sees more channels.
        padded = weight.new_zeros(weight.shape)
        if added.shape[2:] == weight.shape[2:] and added.shape[0] == weight.shape[0]:
            padded[:, : added.shape[1]] = added
            return padded
    raise Misfit("The sizes do not fit.")


def _limited(count: int, weight: Tensor | None) -> None:
    """Before anything is multiplied: a file may claim sizes that no memory holds."""
    if count > (LARGEST_LAYER if weight is None else weight.numel()):
        raise Misfit("The sizes do not fit.")


def _low_rank(given: Parts, weight: Tensor, rank: int | None) -> Tensor:
    down, up = given["down"][:rank], given["up"][:, :rank]
    flat_up, flat_down = up.reshape(up.shape[0], -1), down.reshape(down.shape[0], -1)
    if "mid" in given:
        mid = given["mid"][:rank, :rank]
        _limited(flat_up.shape[0] * flat_down.shape[1] * math.prod(mid.shape[2:]), weight)
        return torch.einsum("nmkl,in,mj->ijkl", mid, flat_up, flat_down)
    _limited(flat_up.shape[0] * flat_down.shape[1], weight)
    product = flat_up @ flat_down
    return product.reshape(up.shape[0], *down.shape[1:]) if down.dim() == 4 else product


def _hadamard(given: Parts, weight: Tensor) -> Tensor:
    sides: list[Tensor] = []
    for number in (1, 2):
        a, b = given[f"hada_w{number}_a"], given[f"hada_w{number}_b"]
        core = given.get(f"hada_t{number}")
        if core is None:
            _limited(a.shape[0] * b.shape[1], weight)
            sides.append(a @ b)
        else:
            _limited(a.shape[1] * b.shape[1] * math.prod(core.shape[2:]), weight)
            sides.append(torch.einsum("ijkl,jr,ip->prkl", core, b, a))
    return sides[0] * sides[1]


def _kronecker(given: Parts, weight: Tensor | None) -> Tensor:
    first = given["lokr_w1"] if "lokr_w1" in given else given["lokr_w1_a"] @ given["lokr_w1_b"]
    if "lokr_w2" in given:
        second = given["lokr_w2"]
    elif "lokr_t2" in given:
        a, b, core = given["lokr_w2_a"], given["lokr_w2_b"], given["lokr_t2"]
        _limited(a.shape[1] * b.shape[1] * math.prod(core.shape[2:]), weight)
        second = torch.einsum("ijkl,jr,ip->prkl", core, b, a)
    else:
        second = given["lokr_w2_a"] @ given["lokr_w2_b"]
    _limited(first.numel() * second.numel(), weight)
    return torch.kron(first.reshape(*first.shape, *[1] * (second.dim() - first.dim())), second)


def _generalised(given: Parts, weight: Tensor) -> Tensor:
    a1, a2, b1, b2 = (given[f"glora_{name}"] for name in ("a1", "a2", "b1", "b2"))
    flat = weight.reshape(weight.shape[0], -1)
    a1, a2, b1, b2 = (value.reshape(value.shape[0], -1) for value in (a1, a2, b1, b2))
    if b2.shape[0] == flat.shape[0] and b1.shape[1] == flat.shape[1]:
        # As LyCORIS first wrote them.
        return b2 @ b1 + (flat @ a2) @ a1
    return b1 @ b2 + (flat @ a1) @ a2


def _orthogonal(given: Parts, alpha: Tensor | None, weight: Tensor) -> Tensor:
    """Rotations of the outputs; `oft_blocks` of four dimensions are BOFT's butterfly of them."""
    blocks = given["oft_blocks"] if "oft_blocks" in given else given["oft_diag"]
    size = int(blocks.shape[-1])
    count = int(blocks.shape[-3])
    if size * count != weight.shape[0]:
        raise Misfit("The sizes do not fit.")
    one = torch.eye(size, device=blocks.device)
    skew = blocks - blocks.transpose(-1, -2)
    # kohya's files call blocks what LyCORIS calls so too; only there alpha times the outputs bounds the rotation.
    bound = float(alpha) * weight.shape[0] if alpha is not None and blocks.dim() == 3 else 0.0
    if bound > 0:
        norm = torch.linalg.vector_norm(skew)
        skew = skew * ((norm.clamp(max=bound) + 1e-8) / (norm + 1e-8))
    turns = torch.linalg.solve(one - skew, one + skew, left=False)
    if blocks.dim() == 3:
        turned = torch.einsum("knm,kn...->km...", turns, weight.reshape(count, size, *weight.shape[1:]))
        turned = turned.reshape(weight.shape)
    else:
        turned = weight
        for level, turn in enumerate(turns):
            turned = _butterfly(turned, turn, 2**level * (size // 2))
    if "rescale" in given:
        turned = turned * given["rescale"].reshape(-1, *[1] * (weight.dim() - 1))
    return turned - weight


def _butterfly(weight: Tensor, turn: Tensor, stride: int) -> Tensor:
    rest = weight.shape[1:]
    mixed = weight.reshape(-1, 2, stride, *rest).transpose(1, 2).reshape(len(turn), turn.shape[-1], *rest)
    turned = torch.einsum("bij,bj...->bi...", turn, mixed)
    return turned.reshape(-1, stride, 2, *rest).transpose(1, 2).reshape(weight.shape)


def _decomposed(added: Tensor, magnitude: Tensor, weight: Tensor) -> Tensor:
    """DoRA: the direction from the sum, the length from the file: one per input, or per output where it says so."""
    merged = weight + added
    flat = merged.reshape(merged.shape[0], merged.shape[1], -1)
    if magnitude.shape[0] == weight.shape[0] and magnitude.numel() == weight.shape[0]:
        length = flat.norm(dim=(1, 2))
        shape = (-1, *[1] * (weight.dim() - 1))
    elif magnitude.numel() == weight.shape[1]:
        length = flat.norm(dim=(0, 2))
        shape = (1, -1, *[1] * (weight.dim() - 2))
    else:
        raise Misfit("The magnitudes do not fit.")
    return (
        merged * (magnitude.reshape(shape) / length.clamp_min(torch.finfo(length.dtype).tiny).reshape(shape)) - weight
    )
