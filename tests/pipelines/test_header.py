"""Headers: whole files are read, everything else gets a sentence and never an escape."""

import json
import os
import sys
from pathlib import Path

import pytest

from pipelines import header
from pipelines.header import HeaderError, TensorFacts


def packed(entries: object, data: bytes = b"") -> bytes:
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text + data


def one(dtype: object = "F16", shape: object = (2, 2), offsets: object = (0, 8)) -> dict[str, object]:
    return {"a.weight": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


def read(tmp_path: Path, content: bytes) -> header.Header:
    path = tmp_path / "file.safetensors"
    path.write_bytes(content)
    return header.read(path)


def test_tensors_and_metadata(tmp_path: Path) -> None:
    content = packed({**one(), "__metadata__": {"modelspec.title": "Tiny"}}, bytes(8))
    found = read(tmp_path, content)
    assert found.tensors == {"a.weight": TensorFacts("F16", (2, 2), len(content) - 8, len(content))}
    assert found.metadata == {"modelspec.title": "Tiny"}
    assert found.bytes == len(content)
    assert found.shape("a.weight") == (2, 2)
    assert found.shape("b") is None
    assert found.has("a.")


def test_the_suffix_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "model.SafeTensors"
    path.write_bytes(packed(one(), bytes(8)))
    assert header.read(path).tensors


def test_metadata_that_is_no_text_is_left_out(tmp_path: Path) -> None:
    assert read(tmp_path, packed({**one(), "__metadata__": {"a": 1, "b": "x"}}, bytes(8))).metadata == {"b": "x"}
    assert read(tmp_path, packed({**one(), "__metadata__": [1]}, bytes(8))).metadata == {}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"", "is empty", id="zero bytes"),
        pytest.param(b"abc", "not a safetensors file", id="three bytes"),
        pytest.param(b"\x80\x02}q\x00.........", "pickle", id="pickle"),
        pytest.param(b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00", "pickle", id="pickle 4"),
        pytest.param(b"PK\x03\x04..............", "damaged", id="zip of torch.save"),
        pytest.param(b"GGUF\x03\x00\x00\x00.....", "cut short", id="gguf"),
        pytest.param(b"<!DOCTYPE html><html>", "web page", id="login page saved as a model"),
        pytest.param(b"version https://git-lfs.github.com/spec/v1\n", "placeholder", id="git-lfs pointer"),
        pytest.param((2**63).to_bytes(8, "little") + b"{}", "larger than 32 MB", id="header of 2^63 bytes"),
        pytest.param((99 * 10**6).to_bytes(8, "little") + b"{", "larger than 32 MB", id="99 MB header"),
        pytest.param((500).to_bytes(8, "little") + b'{"a', "ends within its header", id="cut in the header"),
        pytest.param(packed(one(), bytes(7)), "cut short: 86 bytes of 87 bytes", id="one byte short"),
        pytest.param((9).to_bytes(8, "little") + b'{"a": nop', "cannot be read", id="no JSON"),
        pytest.param((4).to_bytes(8, "little") + b'{"\xff"', "cannot be read", id="no UTF-8"),
        pytest.param(
            (8 * 10**5).to_bytes(8, "little") + b'{"a":' + b"[" * (8 * 10**5 - 5), "cannot be read", id="deep JSON"
        ),
        pytest.param(packed({}), "no tensors", id="no tensors"),
        pytest.param(packed({"a": 3}), "is damaged", id="entry is a number"),
        pytest.param(packed({"a": {}}), "is damaged", id="entry is empty"),
        pytest.param(packed(one(offsets=[0])), "is damaged", id="one offset"),
        pytest.param(packed(one(offsets=[8, 0])), "is damaged", id="offsets swapped"),
        pytest.param(packed(one(offsets=[-8, 0])), "is damaged", id="negative offset"),
        pytest.param(packed(one(shape=[2, -2])), "is damaged", id="negative side"),
        pytest.param(packed(one(shape=[2**40, 2**40]), bytes(8)), "is damaged", id="shape overflow"),
        pytest.param(packed(one(shape="22"), bytes(8)), "is damaged", id="shape is text"),
        pytest.param(packed(one(shape=[True, 4]), bytes(8)), "is damaged", id="shape of booleans"),
        pytest.param(packed(one(dtype=5), bytes(8)), "is damaged", id="dtype is a number"),
        pytest.param(packed(one(offsets=[0, 2**62])), "is damaged", id="larger than its shape"),
        pytest.param(packed({f"k{i}": 0 for i in range(50_001)}), "more than 50,000", id="too many keys"),
    ],
)
def test_broken_and_hostile_files_get_a_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(HeaderError, match=sentence):
        read(tmp_path, content)


def test_gigabytes_are_named(tmp_path: Path) -> None:
    path = tmp_path / "big.safetensors"
    start = packed(one(shape=[2_150_000_000], offsets=[0, 4_300_000_000]))
    path.write_bytes(start)
    os.truncate(path, 1_200_000_000)
    with pytest.raises(HeaderError, match=r"cut short: 1\.2 GB of 4\.3 GB are there. Download it again"):
        header.read(path)


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(HeaderError):
        header.read(tmp_path / "folder.safetensors")
    with pytest.raises(HeaderError, match="cannot be opened"):
        header.read(tmp_path / "missing.safetensors")
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe.safetensors")
        with pytest.raises(HeaderError, match="not a regular file"):
            header.read(tmp_path / "pipe.safetensors")
        with pytest.raises(HeaderError, match="not a regular file"):
            header.read(Path("/dev/zero"))
