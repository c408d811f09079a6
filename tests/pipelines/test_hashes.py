"""Hashes come late, are remembered, and belong to a file as it was."""

import hashlib
import threading
import time
from pathlib import Path

import pytest

from pipelines.catalogue import Catalogue
from pipelines.filefacts import FileFacts
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

    hashes = Hashes(FileFacts(tmp_path / "cache" / "files.sqlite"), found, pause=0)
    hashes.want(map(version, files))
    assert done.wait(10)
    hashes.close()
    assert order == ["small", "medium", "large"]


def test_another_time_of_change_is_another_file(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"1")
    done = threading.Event()
    hashes = Hashes(FileFacts(tmp_path / "files.sqlite"), done.set)
    hashes.want([version(file)])
    assert done.wait(10)
    assert hashes.get(version(file))
    assert not hashes.get(version(file)._replace(changed=1))
    hashes.close()


def test_the_tensors_of_a_file_have_a_hash_without_its_notes(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    file.write_bytes((2).to_bytes(8, "little") + b"{}" + b"numbers")
    hashes = Hashes(FileFacts(tmp_path / "files.sqlite"), lambda: None)
    assert hashes.get(version(file), "tensors") == ""
    assert hashes.now(version(file), "tensors") == hashlib.sha256(b"numbers").hexdigest()
    assert hashes.get(version(file), "tensors") and not hashes.get(version(file))
    hashes.close()


@pytest.mark.parametrize(
    "content", [b"", b"no database at all, but long enough to look at " * 40, b"SQLite format 3\0 broken"]
)
def test_a_broken_cache_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "files.sqlite"
    file.write_bytes(content)
    facts = FileFacts(file)
    missing = Version(tmp_path / "missing", 1, 1)
    assert facts.known("topic") == {}
    facts.keep("topic", {missing: "told"})
    assert FileFacts(file).known("topic") == {missing: "told"}


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "files.sqlite").mkdir()
    facts = FileFacts(tmp_path / "files.sqlite")
    facts.keep("topic", {Version(tmp_path, 1, 1): "told"})
    assert facts.known("topic") == {} and "was not" in caplog.text


def test_the_newest_of_a_file_is_kept(tmp_path: Path) -> None:
    facts = FileFacts(tmp_path / "files.sqlite")
    old, new = Version(tmp_path / "a", 1, 1), Version(tmp_path / "a", 1, 2)
    facts.keep("topic", {old: "old"})
    facts.keep("topic", {new: "new"})
    assert facts.known("topic") == {new: "new"} and facts.known("other") == {}
