"""File: the tensors of a network file, sorted by the module that they change."""

from collections import defaultdict
from dataclasses import dataclass

from torch import Tensor

from pipelines.networks.formulas import Parts
from pipelines.networks.keys import split

_ANY_NUMBER = ("on_input", "alpha", "scale")


class NetworkError(Exception):
    """A network that cannot be used; the text is a sentence for the user, without the network's name."""


@dataclass(frozen=True)
class Network:
    """modules: by the name that the file has for them, with "_" for dots; bytes: of all tensors."""

    modules: dict[str, Parts]
    bytes: int


def sorted_out(tensors: dict[str, Tensor]) -> Network:
    """Raises NetworkError where no tensor belongs to a network."""
    modules: defaultdict[str, dict[str, Tensor]] = defaultdict(dict)
    for key, tensor in tensors.items():
        found = split(key)
        if found and (tensor.is_floating_point() or found[1] in _ANY_NUMBER):
            modules[found[0]][found[1]] = tensor
    if not modules:
        raise NetworkError("is no LoRA or a relative of one.")
    return Network(dict(modules), sum(tensor.nbytes for tensor in tensors.values()))
