"""The checkpoints folder: everything is listed, nothing stops the scan."""

import os
import sys
from pathlib import Path

import pytest

from pipelines import library
from pipelines.families.sd15 import FAMILY
from pipelines.library import Checkpoint
from tests.pipelines import tiny
from tests.pipelines.test_header import packed

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX files")


def scan(root: Path) -> dict[str, Checkpoint]:
    return {checkpoint.entry.name: checkpoint for checkpoint in library.scan(root, [FAMILY])}


def written(path: Path, keys: dict[str, tuple[int, ...]], metadata: dict[str, str] | None = None) -> None:
    """A header of these keys, with room for the data that is never read."""
    offset, entries = 0, {}
    for key, shape in keys.items():
        size = 2
        for side in shape:
            size *= side
        entries[key] = {"dtype": "F16", "shape": shape, "data_offsets": (offset, offset + size)}
        offset += size
    content = packed({**entries, "__metadata__": metadata or {}})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.truncate(path, len(content) + offset)


def test_names_are_paths_without_suffix(models: Path) -> None:
    found = scan(models / "checkpoints")
    assert sorted(found) == ["sub/tiny-folder", "tiny", "tiny-v"]
    assert all(checkpoint.entry.family == "sd15" and not checkpoint.entry.problem for checkpoint in found.values())
    assert found["tiny"].entry.bytes == (models / "checkpoints" / "tiny.safetensors").stat().st_size
    assert found["sub/tiny-folder"].folder


def test_the_size_that_a_model_was_made_for_is_its_default(models: Path) -> None:
    assert scan(models / "checkpoints")["tiny"].entry.defaults == {"width": 64, "height": 64}
    assert scan(models / "checkpoints")["tiny-v"].entry.defaults == {}


def test_a_missing_folder_is_an_empty_one(tmp_path: Path) -> None:
    assert scan(tmp_path / "nowhere") == {}


def test_broken_files_are_listed_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "empty.safetensors").write_bytes(b"")
    (tmp_path / "old.ckpt").write_bytes(b"PK\x03\x04")
    (tmp_path / "disguised.safetensors").write_bytes(b"\x80\x02}q\x00.........")
    (tmp_path / "a folder.safetensors").mkdir()
    (tmp_path / "diffusers").mkdir()
    (tmp_path / "diffusers" / "model_index.json").write_text("{nonsense")
    (tmp_path / "notes.txt").write_text("not a model")
    problems = {name: checkpoint.entry.problem for name, checkpoint in scan(tmp_path).items()}
    assert sorted(problems) == ["a folder", "diffusers", "disguised", "empty", "old"]
    assert "empty" in problems["empty"]
    assert "damaged" in problems["old"]
    assert "pickle" in problems["disguised"]
    assert "folder" in problems["a folder"]
    assert "model_index.json" in problems["diffusers"]


@posix
def test_hostile_files_do_not_stop_the_scan(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    (tmp_path / "dangling.safetensors").symlink_to(tmp_path / "nothing")
    (tmp_path / "self.safetensors").symlink_to(tmp_path / "self.safetensors")
    (tmp_path / "round").mkdir()
    (tmp_path / "round" / "again").symlink_to(tmp_path)
    with open(os.fsencode(tmp_path) + b"/n\xffme.safetensors", "wb") as file:
        file.write(b"x")
    tiny.write_file(tmp_path / "good.safetensors")
    found = scan(tmp_path)
    assert not found["good"].entry.problem
    assert "not a regular file" in found["pipe"].entry.problem
    assert "link to nothing" in found["dangling"].entry.problem
    assert found["self"].entry.problem
    assert len(found) == 5
    for checkpoint in found.values():
        (checkpoint.entry.name + checkpoint.entry.path).encode()


@posix
def test_links_to_other_places_are_followed(tmp_path: Path, models: Path) -> None:
    (tmp_path / "linked").symlink_to(models / "checkpoints")
    (tmp_path / "one.safetensors").symlink_to(models / "checkpoints" / "tiny.safetensors")
    found = scan(tmp_path)
    assert not found["one"].entry.problem
    assert "linked/tiny" in found


def test_two_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.ckpt").write_bytes(b"x")
    tiny.write_file(tmp_path / "a.safetensors")
    found = scan(tmp_path)
    assert sorted(found) == ["a", "a.ckpt"]
    assert not found["a"].entry.problem


def test_what_has_not_changed_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tiny.write_file(tmp_path / "a.safetensors")
    first = library.scan(tmp_path, [FAMILY])
    monkeypatch.setattr("pipelines.header.read", lambda path: pytest.fail("was read again"))
    assert library.scan(tmp_path, [FAMILY], first) == first
    monkeypatch.undo()
    file.write_bytes(b"")
    assert library.scan(tmp_path, [FAMILY], first)[0].entry.problem


UNET = "model.diffusion_model."


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"lora_unet_down_blocks_0.lora_down.weight": (4, 32)}, "LoRA"),
        ({"emb_params": (3, 768)}, "embedding"),
        ({"control_model.input_hint_block.0.weight": (16, 3, 3, 3)}, "ControlNet"),
        ({"model.diffusion_model.joint_blocks.0.x": (4,)}, "SD 3"),
        ({"double_blocks.0.img_attn.qkv.weight": (4, 4)}, "FLUX"),
        ({"model_ema.diffusion_modelinput_blocks00weight": (4,)}, "EMA"),
        ({"encoder.down.0.block.0.conv1.weight": (4, 4, 3, 3)}, "VAE"),
        ({"text_model.encoder.layers.0.mlp.fc1.weight": (4, 4)}, "text encoder"),
        ({"something.else": (4,)}, "None of the supported"),
        ({UNET + "input_blocks.1.1.proj_in.weight": (32, 32, 1, 1)}, "no text encoder"),
    ],
)
def test_files_of_other_kinds_are_named(tmp_path: Path, keys: dict[str, tuple[int, ...]], words: str) -> None:
    written(tmp_path / "file.safetensors", keys)
    (found,) = scan(tmp_path).values()
    assert words in found.entry.problem
    assert found.family is None
