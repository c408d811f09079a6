"""Weights: the tensors of a checkpoint's file, read in the precision in which they are needed.

Numbers are read straight into the tensor's own memory: nothing of the file is mapped or held twice, and what was loaded
does not change when the file does.
"""

import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import FileIO
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from pipelines.family import ModelError
from pipelines.gguf_file import TYPES
from pipelines.header import Header, TensorFacts
from pipelines.header import read as header_of

DTYPES: Mapping[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}

SCALES = (".scale_weight", ".weight_scale")
"""Behind a layer's name: what its 8-bit weight is to be multiplied with."""

NF4_MARK = ".quant_state.bitsandbytes__"

Tensors = dict[str, torch.Tensor]


def read(
    path: Path, header: Header, dtype: torch.dtype, prefix: str = "", keys: Iterable[str] | None = None
) -> Tensors:
    """The floating-point tensors under a prefix, which is taken off, in `dtype`.

    keys -- those only, with the prefix
    Quantised ones (fp8 with scales, NF4, GGUF) are brought back. Raises ModelError for a kind that is not known.
    """
    wanted = header.tensors if keys is None else keys
    with path.open("rb", buffering=0) as file:
        found = (
            (key.removeprefix(prefix), _whole(file, header, key, dtype)) for key in wanted if key.startswith(prefix)
        )
        return {key: value for key, value in found if value is not None}


def stored(path: Path) -> Tensors:
    """All tensors of a small file as they lie in it. Raises HeaderError, ModelError or OSError."""
    header = header_of(path)
    with path.open("rb", buffering=0) as file:
        return {key: raw(file, facts) for key, facts in header.tensors.items()}


def raw(file: FileIO, facts: TensorFacts) -> torch.Tensor:
    """A tensor as it lies in the file; a quantised one as its bytes, (rows, bytes of a row)."""
    buffer = torch.empty(facts.end - facts.begin, dtype=torch.uint8)
    file.seek(facts.begin)
    view, done = buffer.numpy().data, 0
    while done < len(view):
        count = file.readinto(view[done:])
        if not count:
            raise ModelError("The file became shorter while it was read. Download it again.")
        done += count
    if facts.dtype in DTYPES:
        return buffer.view(DTYPES[facts.dtype]).reshape(facts.shape)
    if any(facts.dtype == name for name, _, _ in TYPES.values()):
        return buffer.reshape(*facts.shape[:-1], -1)
    raise ModelError(f"The file holds numbers of a kind that is not known here ({facts.dtype}).")


def count(header: Header, prefix: str = "") -> int:
    """Parameters under a prefix."""
    return sum(_numbers(facts.shape) for key, facts in header.tensors.items() if key.startswith(prefix))


class Unfilled(TorchFunctionMode):
    """While within, memory that is not written yet is not even taken: what a module makes as its weights is on "meta".

    Of this thread only: another may build its networks meanwhile. What a module works out (its buffers) is real.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = dict(kwargs or {})
        if func is torch.empty:
            given["device"] = "meta"
        return func(*args, **given)


def filled(build: Callable[[], Any], weights: Callable[[], Mapping[str, torch.Tensor]], what: str) -> Any:
    """The module that `build` makes, with these weights in place of any of its own. Raises ModelError.

    Names may lack or have a "text_model." in front, which versions of transformers write and read differently.
    """
    with Unfilled(), warnings.catch_warnings():
        # What a library says about its own future is nothing to a user.
        warnings.simplefilter("ignore", FutureWarning)
        module = build()
    try:
        given = dict(weights())
    except KeyError as error:
        raise ModelError(f"Its {what} is incomplete: {error.args[0]} is missing. Download it again.") from error
    names = {key.removeprefix("text_model."): key for key in module.state_dict()}
    given = {names.get(key.removeprefix("text_model."), key): value for key, value in given.items()}
    try:
        missing = module.load_state_dict(given, strict=False, assign=True).missing_keys
    except RuntimeError as error:
        raise ModelError(f"The sizes of its {what} do not fit together.") from error
    missing = [key for key in missing if not key.endswith("position_ids")]
    if missing:
        raise ModelError(f"Its {what} is incomplete: {len(missing)} tensors are missing, the first is {missing[0]}.")
    module.requires_grad_(False)
    module.eval()
    return module


def size(modules: Iterable[Any]) -> int:
    """Bytes of their parameters and buffers in memory."""
    return sum(_bytes(tensor) for module in modules for tensor in (*module.parameters(), *module.buffers()))


def _bytes(tensor: torch.Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _numbers(shape: Iterable[int]) -> int:
    product = 1
    for side in shape:
        product *= side
    return product


def _whole(file: FileIO, header: Header, key: str, dtype: torch.dtype) -> torch.Tensor | None:
    """A tensor in `dtype`; None for what is no weight: whole numbers, scales, marks of a quantisation."""
    facts = header.tensors[key]
    if _accessory(header, key):
        return None
    if marks := [mark for mark in header.tensors if mark.startswith(key + NF4_MARK)]:
        return _from_nf4(file, header, key, marks[0]).to(dtype)
    if facts.dtype in DTYPES:
        if not DTYPES[facts.dtype].is_floating_point:
            return None
        value = raw(file, facts).to(dtype)
        if not facts.dtype.startswith("F8"):
            return value
        scale = next((name for name in _scales(key) if name in header.tensors), None)
        if scale is None:
            return value
        by = raw(file, header.tensors[scale]).to(dtype)
        return value * (by if by.numel() == 1 else by.reshape(-1, *[1] * (value.dim() - 1)))
    return _dequantised(raw(file, facts), facts, dtype)


def _scales(key: str) -> Iterator[str]:
    for suffix in SCALES:
        yield key.removesuffix(".weight") + suffix


def _accessory(header: Header, key: str) -> bool:
    if key.endswith((*SCALES, ".scale_input", ".input_scale", "scaled_fp8")):
        return True
    owner = next(
        (key[: key.index(mark)] for mark in (".absmax", ".quant_map", ".nested_", NF4_MARK) if mark in key), ""
    )
    return owner in header.tensors


def _dequantised(packed: torch.Tensor, facts: TensorFacts, dtype: torch.dtype) -> torch.Tensor:
    from gguf import GGMLQuantizationType
    from gguf.quants import dequantize

    kind = GGMLQuantizationType[facts.dtype]
    return torch.from_numpy(dequantize(packed.numpy(), kind)).reshape(facts.shape).to(dtype)


def _from_nf4(file: FileIO, header: Header, key: str, mark: str) -> torch.Tensor:
    """4-bit numbers as bitsandbytes stores them (Dettmers et al. 2023): two a byte, each an index into a table of 16,
    times the largest of its block; those in turn are stored in 8 bits, blockwise."""
    tensors = header.tensors

    def part(name: str) -> torch.Tensor:
        return raw(file, tensors[f"{key}.{name}"])

    try:
        state = json.loads(bytes(raw(file, tensors[mark]).numpy()))
        packed = raw(file, tensors[key]).flatten()
        largest = part("absmax")
        if "nested_blocksize" in state:
            scales = part("nested_absmax").repeat_interleave(int(state["nested_blocksize"]))[: largest.numel()]
            largest = part("nested_quant_map")[largest.long()] * scales + float(state["nested_offset"])
        indices = torch.stack([packed >> 4, packed & 15], dim=1).flatten().long()
        values = part("quant_map")[indices].reshape(largest.numel(), -1) * largest.float()[:, None]
        return values.flatten()[: _numbers(state["shape"])].reshape(state["shape"])
    except (KeyError, ValueError, IndexError, RuntimeError, TypeError) as error:
        raise ModelError("Its 4-bit weights (NF4) are damaged or of an unknown form.") from error
