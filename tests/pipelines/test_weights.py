"""Files as they come: pickles, GGUF, fp8 with scales, NF4. Read as they were meant, and never run."""

import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from pipelines import header, weights
from pipelines.header import Header, HeaderError


def read(path: Path, dtype: torch.dtype = torch.float32, prefix: str = "") -> weights.Tensors:
    return weights.read(path, header.read(path), dtype, prefix)


def test_a_checkpoint_of_torch_is_read_with_all_that_trainers_put_around_it(tmp_path: Path) -> None:
    torch.manual_seed(0)
    shared = torch.randn(4, 6)
    state = {
        "model.a.weight": shared.half(),
        "model.b.weight": shared[1:3],
        "model.c": torch.nn.Parameter(torch.randn(3).bfloat16()),
        "steps": torch.tensor(5),
        "model.turned": shared.T,
    }
    path = tmp_path / "old.ckpt"
    whole = {"state_dict": state, "callbacks": {Path: {"best": 1.0}}, "set": {1, 2}, "epoch": 3, ("a", 1): None}
    torch.save({key: value for key, value in whole.items() if not isinstance(key, tuple)}, path)
    found = read(path, prefix="model.")
    assert sorted(found) == ["a.weight", "b.weight", "c"]
    assert torch.equal(found["a.weight"], shared.half().float())
    assert torch.equal(found["b.weight"], shared[1:3])
    assert torch.equal(found["c"], state["model.c"].detach().float())


class Bomb:
    def __reduce__(self) -> Any:
        return os.system, ("touch here-it-ran",)


class Grabs:
    def __reduce__(self) -> Any:
        return bytearray, (2**38,)


def _archive(path: Path, content: bytes, compression: int = zipfile.ZIP_STORED, data: bytes = b"\0" * 64) -> None:
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("archive/data.pkl", content)
        file.writestr("archive/data/0", data)


def _nested() -> bytes:
    """A dict whose key is a tuple of tuples of tuples …: to hash it would take 2**60 steps."""
    key = b"(K\x01t" + b"2\x86" * 60
    return b"\x80\x02}" + key + b"K\x01s."


HOSTILE: dict[str, Callable[[Path], None]] = {
    "code": lambda path: _archive(path, pickle.dumps({"state_dict": {"a": Bomb()}}, 2)),
    "memory": lambda path: _archive(path, pickle.dumps({"a": Grabs()}, 2)),
    "memo": lambda path: _archive(path, b"\x80\x02}r\xff\xff\xff\xff."),
    "hash": lambda path: _archive(path, _nested()),
    "packed": lambda path: _archive(path, b"\x80\x02}.", zipfile.ZIP_DEFLATED, bytes(10**6)),
    "no dict": lambda path: _archive(path, pickle.dumps([1, 2, 3], 2)),
    "cut": lambda path: path.write_bytes(b"PK\x03\x04" + bytes(100)) and None,
    "garbage": lambda path: _archive(path, b"\x80\x02garbage"),
}


@pytest.mark.parametrize("kind", list(HOSTILE))
def test_a_hostile_pickle_is_refused_and_nothing_of_it_runs(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.ckpt"
    HOSTILE[kind](path)
    with pytest.raises(HeaderError):
        header.read(path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_pickle_may_not_promise_more_numbers_than_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save({"a": torch.zeros(1000)}, path)
    content = path.read_bytes()
    place = content.index(struct.pack("<BH", 0x4D, 1000))  # BININT2 1000
    path.write_bytes(content[: place + 1] + struct.pack("<H", 60000) + content[place + 3 :])
    with pytest.raises(HeaderError, match="damaged"):
        header.read(path)


def gguf(path: Path, tensors: dict[str, torch.Tensor], kind: str) -> None:
    """As the community's tools write it: matrices quantised, the rest as it is."""
    import gguf as library

    writer = library.GGUFWriter(str(path), "flux")
    wanted = library.GGMLQuantizationType[kind]
    for name, tensor in tensors.items():
        values = tensor.float().numpy()
        if tensor.dim() == 2:
            writer.add_tensor(name, library.quants.quantize(values, wanted), raw_dtype=wanted)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.parametrize(("kind", "error"), [("Q8_0", 0.02), ("Q4_0", 0.3), ("Q5_1", 0.15)])
def test_gguf_comes_back_as_it_was_within_its_precision(tmp_path: Path, kind: str, error: float) -> None:
    torch.manual_seed(0)
    tensors = {"a.weight": torch.randn(8, 64), "a.bias": torch.randn(8)}
    gguf(tmp_path / "model.gguf", tensors, kind)
    found = header.read(tmp_path / "model.gguf")
    assert found.shape("a.weight") == (8, 64) and found.tensors["a.weight"].dtype == kind
    assert found.metadata["general.architecture"] == "flux"
    back = read(tmp_path / "model.gguf", torch.bfloat16)
    assert back["a.weight"].dtype == torch.bfloat16
    assert float((back["a.weight"].float() - tensors["a.weight"]).abs().max()) < error
    assert float((back["a.bias"].float() - tensors["a.bias"]).abs().max()) < 0.02


def test_a_damaged_gguf_is_refused(tmp_path: Path) -> None:
    gguf(tmp_path / "model.gguf", {"a.weight": torch.randn(8, 64)}, "Q8_0")
    content = (tmp_path / "model.gguf").read_bytes()
    for cut in (10, 40, 120, len(content) - 40):
        (tmp_path / "cut.gguf").write_bytes(content[:cut])
        with pytest.raises(HeaderError):
            header.read(tmp_path / "cut.gguf")
    (tmp_path / "cut.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 2**60, 2**60) + bytes(50))
    with pytest.raises(HeaderError):
        header.read(tmp_path / "cut.gguf")


def test_fp8_is_multiplied_by_its_scales(tmp_path: Path) -> None:
    torch.manual_seed(0)
    plain = torch.randn(4, 6)
    rows = plain.abs().amax(1) / 400
    save_file(
        {
            "a.weight": (plain / 0.01).to(torch.float8_e4m3fn),
            "a.scale_weight": torch.tensor(0.01),
            "a.scale_input": torch.tensor(1.0),
            "b.weight": (plain / rows[:, None]).to(torch.float8_e4m3fn),
            "b.weight_scale": rows,
            "c.weight": plain.to(torch.float8_e5m2),
            "scaled_fp8": torch.zeros(2, dtype=torch.float8_e4m3fn),
        },
        tmp_path / "fp8.safetensors",
    )
    found = read(tmp_path / "fp8.safetensors")
    assert sorted(found) == ["a.weight", "b.weight", "c.weight"]
    for key, tolerance in (("a.weight", 0.07), ("b.weight", 0.07), ("c.weight", 0.14)):
        torch.testing.assert_close(found[key], plain, rtol=tolerance, atol=0.01)


def test_nf4_is_looked_up_and_scaled_blockwise(tmp_path: Path) -> None:
    """Written as bitsandbytes writes it, with the scales in 8 bits as well."""
    torch.manual_seed(0)
    plain, block = torch.randn(8, 32), 64
    table = torch.linspace(-1, 1, 16)
    largest = plain.reshape(-1, block).abs().amax(1)
    indices = ((plain.reshape(-1, block) / largest[:, None])[..., None] - table).abs().argmin(-1).flatten()
    packed = (indices[0::2] << 4 | indices[1::2]).to(torch.uint8)[:, None]
    offset, nested_table = float(largest.mean()), torch.linspace(-1, 1, 256)
    nested = (largest - offset).abs().max()
    state = {"quant_type": "nf4", "blocksize": block, "dtype": "bfloat16", "shape": [8, 32], "nested_offset": offset}
    state |= {"nested_blocksize": 256, "nested_dtype": "float32"}
    save_file(
        {
            "a.weight": packed,
            "a.weight.absmax": (((largest - offset) / nested)[:, None] - nested_table).abs().argmin(1).to(torch.uint8),
            "a.weight.quant_map": table,
            "a.weight.nested_absmax": nested[None],
            "a.weight.nested_quant_map": nested_table,
            "a.weight.quant_state.bitsandbytes__nf4": torch.tensor(list(json.dumps(state).encode()), dtype=torch.uint8),
            "a.bias": torch.ones(8),
        },
        tmp_path / "nf4.safetensors",
    )
    found = read(tmp_path / "nf4.safetensors")
    assert sorted(found) == ["a.bias", "a.weight"]
    assert float((found["a.weight"] - plain).abs().max()) < float(largest.max()) / 15 + 0.02


def test_a_file_that_shrinks_while_it_is_read_is_said_so(tmp_path: Path) -> None:
    from pipelines.family import ModelError

    save_file({"a": torch.zeros(100)}, tmp_path / "a.safetensors")
    facts: Header = header.read(tmp_path / "a.safetensors")
    os.truncate(tmp_path / "a.safetensors", 200)
    with pytest.raises(ModelError, match="shorter"):
        weights.read(tmp_path / "a.safetensors", facts, torch.float32)


def test_numbers_are_the_same_as_the_library_reads(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tensors = {f"{dtype}": torch.randn(3, 5).to(dtype) for dtype in (torch.float16, torch.bfloat16, torch.float64)}
    save_file({**tensors, "empty": torch.zeros(0)}, tmp_path / "a.safetensors")
    found = read(tmp_path / "a.safetensors", torch.float64)
    assert all(torch.equal(found[key], value.double()) for key, value in tensors.items())
    assert found["empty"].numel() == 0
