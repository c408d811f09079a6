"""Hashes come late, are remembered, and belong to a file as it was."""

import hashlib
import threading
import time
from pathlib import Path

import pytest

from pipelines.catalogue import Catalogue
from pipelines.hashes import Hashes
from pipelines.header import Version
from pipelines.runner import Runner
from tests.pipelines import tiny


def version(path: Path) -> Version:
    return Version(path, path.stat().st_size, path.stat().st_mtime_ns)


def test_the_runner_announces_late_hashes(tmp_path: Path) -> None:
    file = tiny.write_file(tmp_path / "checkpoints" / "tiny.safetensors")
    (tmp_path / "checkpoints" / "broken.safetensors").write_bytes(b"")
    announced: list[Catalogue] = []
    there = threading.Event()
    runner = Runner(tmp_path, tmp_path / "cache", device="cpu")
    runner.on_change(lambda catalogue: (announced.append(catalogue), there.set()))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    deadline = time.monotonic() + 20
    while runner.catalogue().checkpoints[1].sha256 != digest and time.monotonic() < deadline:
        there.wait(0.05)
    entry = runner.catalogue().checkpoint("tiny")
    assert entry is not None
    assert entry.sha256 == digest
    assert entry.short_hash == digest[:10]
    runner.close()
    again = Runner(tmp_path, tmp_path / "cache", device="cpu")
    assert again.catalogue().checkpoint("tiny") == entry, "known at once the next time"
    again.close()


def test_the_smallest_come_first(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("large", "small", "medium")]
    for file, size in zip(files, (300, 1, 20), strict=True):
        file.write_bytes(bytes(size))
    order: list[str] = []
    done = threading.Event()

    def found() -> None:
        order.extend(file.name for file in files if hashes.get(version(file)) and file.name not in order)
        if len(order) == 3:
            done.set()

    hashes = Hashes(tmp_path / "cache" / "hashes.json", found)
    hashes.want(map(version, files))
    assert done.wait(10)
    hashes.close()
    assert order == ["small", "medium", "large"]


def test_another_time_of_change_is_another_file(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"1")
    done = threading.Event()
    hashes = Hashes(tmp_path / "hashes.json", done.set)
    hashes.want([version(file)])
    assert done.wait(10)
    assert hashes.get(version(file))
    assert not hashes.get(version(file)._replace(changed=1))
    hashes.close()


@pytest.mark.parametrize("content", [b"", b"{nonsense", b"[]", b'{"a": 1}'])
def test_a_broken_cache_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "hashes.json").write_bytes(content)
    hashes = Hashes(tmp_path / "hashes.json", lambda: None)
    hashes.want([Version(tmp_path / "missing", 1, 1)])
    assert hashes.get(Version(tmp_path / "missing", 1, 1)) == ""
    hashes.close()
