"""What lies beside the checkpoints: found in every customary folder, told by headers, remembered."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from pipelines.assets.described import describe
from pipelines.assets.library import Assets
from pipelines.catalogue import AssetEntry, AssetKind
from pipelines.events import ImageMade, Note
from pipelines.filefacts import FileFacts
from pipelines.hashes import Hashes
from pipelines.recipe import Recipe
from pipelines.runner import Runner

Make = Callable[[], Assets]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """A library over tmp_path/models that remembers in tmp_path/cache; each call is a start of the program."""
    made: list[Hashes] = []

    def library() -> Assets:
        facts = FileFacts(tmp_path / "cache" / "files.sqlite")
        made.append(Hashes(facts, lambda: None))
        assets = Assets(tmp_path / "models", facts, made[-1])
        assets.scan()
        return assets

    yield library
    for hashes in made:
        hashes.close()


def lora(path: Path, width: int = 768, **notes: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    base = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
    tensors = {f"{base}.lora_down.weight": torch.ones(2, width), f"{base}.lora_up.weight": torch.ones(4, 2)}
    save_file(tensors, path, {key.replace("__", "."): value for key, value in notes.items()})
    return path


def found(assets: Assets, kind: AssetKind = "lora") -> dict[str, AssetEntry]:
    return {entry.name: entry for entry in assets.entries() if entry.kind == kind}


def test_other_programs_folders_are_read_in_any_case(tmp_path: Path, make: Make) -> None:
    models = tmp_path / "models"
    for number, folder in enumerate(("Lora", "loras/people", "LyCORIS")):
        lora(models / folder / f"l{number}.safetensors")
    (models / "Stable-diffusion").mkdir()
    lora(models / "Stable-diffusion" / "elsewhere.safetensors")
    entries = found(make())
    assert list(entries) == ["l0", "l1", "l2"]
    assert entries["l1"].facts["folder"] == "people" and "folder" not in entries["l0"].facts


def test_two_of_one_name_are_told_apart_and_both_can_be_asked_for(tmp_path: Path, make: Make) -> None:
    lora(tmp_path / "models" / "loras" / "a" / "ink.safetensors")
    lora(tmp_path / "models" / "loras" / "b" / "ink.safetensors")
    assets = make()
    assert list(found(assets)) == ["b/ink", "ink"]
    by_folder = [assets.find("lora", f"{folder}/ink") for folder in "ab"]
    assert all(by_folder) and by_folder[0] != by_folder[1]


def test_a_name_that_two_trainers_gave_is_refused(tmp_path: Path, make: Make) -> None:
    lora(tmp_path / "models" / "loras" / "one.safetensors", ss_output_name="same")
    lora(tmp_path / "models" / "loras" / "two.safetensors", ss_output_name="same")
    lora(tmp_path / "models" / "loras" / "three.safetensors", ss_output_name="only")
    assets = make()
    assert assets.find("lora", "same") is None
    asset = assets.find("lora", "only")
    assert asset is not None and asset.entry.name == "three"
    assert assets.find("lora", "THREE") == asset


@pytest.mark.parametrize(
    ("width", "notes", "family"),
    [
        (768, {}, "sd15"),
        (1024, {}, "sd2"),
        (2048, {}, "sdxl"),
        (64, {}, ""),
        (64, {"ss_base_model_version": "sdxl_base_v1-0"}, "sdxl"),
        (64, {"modelspec__architecture": "stable-diffusion-v1/lora"}, "sd15"),
        (64, {"modelspec__architecture": "flux-1-dev/lora"}, "flux"),
    ],
)
def test_the_family_of_a_lora(tmp_path: Path, width: int, notes: dict[str, str], family: str) -> None:
    assert describe("lora", lora(tmp_path / "l.safetensors", width, **notes)).family == family


def test_what_a_card_shows(tmp_path: Path, make: Make) -> None:
    frequency = {"1_cat": {"cat": 9, " fur": 30}, "2_dog": {"dog": 5, "cat": 40}}
    file = lora(
        tmp_path / "models" / "loras" / "pets.safetensors",
        ss_tag_frequency=json.dumps(frequency),
        modelspec__title="Pets",
        sshs_model_hash="ab" * 32,
    )
    Image.new("RGB", (8, 8)).save(file.with_suffix(".preview.png"))
    side = {"activation text": "pet, cat", "preferred weight": 0.7, "notes": "soft", "sd version": "SD1"}
    file.with_suffix(".json").write_text(json.dumps(side))
    entry = found(make())["pets"]
    assert entry.hash == "ab" * 6
    assert entry.facts == {
        "kind": "LoRA",
        "words": ["cat", "fur", "dog"],
        "title": "Pets",
        "text": "pet, cat",
        "weight": 0.7,
        "notes": "soft",
        "preview": str(file.with_suffix(".preview.png")),
    }


def test_the_hash_of_a_file_that_has_none_is_that_of_its_tensors(tmp_path: Path, make: Make) -> None:
    file = lora(tmp_path / "models" / "loras" / "l.safetensors", title="notes may change")
    assets = make()
    asset = assets.find("lora", "l")
    assert asset is not None and asset.entry.hash == ""
    data = file.read_bytes()
    digest = hashlib.sha256(data[8 + int.from_bytes(data[:8], "little") :]).hexdigest()[:12]
    assert assets.unhashed() == ([], [asset.version])
    assert assets.hash(asset) == digest and found(assets)["l"].hash == digest
    assert found(make())["l"].hash == digest, "known at the next start"


@pytest.mark.parametrize(
    "content",
    [b"", b"\x10", b"PK\x03\x04nonsense", b"<html>", (50).to_bytes(8, "little") + b'{"a":', b"{}" * 40],
)
def test_broken_files_are_listed_with_the_reason(tmp_path: Path, make: Make, content: bytes) -> None:
    path = tmp_path / "models" / "loras" / "broken.safetensors"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert found(make())["broken"].problem.startswith("The file ")


def test_a_file_cut_short_or_of_another_kind_is_listed_with_the_reason(tmp_path: Path, make: Make) -> None:
    file = lora(tmp_path / "models" / "loras" / "short.safetensors")
    file.write_bytes(file.read_bytes()[:-9])
    save_file({"decoder.weight": torch.ones(2)}, file.with_name("vae.safetensors"))
    entries = found(make())
    assert "cut short" in entries["short"].problem
    assert "no LoRA" in entries["vae"].problem


def test_a_folder_that_leads_into_itself_ends(tmp_path: Path, make: Make) -> None:
    lora(tmp_path / "models" / "loras" / "l.safetensors")
    (tmp_path / "models" / "loras" / "again").symlink_to(tmp_path / "models" / "loras")
    assert list(found(make())) == ["l"]


def test_what_is_known_is_not_read_again_until_it_changes(tmp_path: Path, make: Make) -> None:
    file = lora(tmp_path / "models" / "loras" / "l.safetensors", modelspec__title="first")
    make()
    facts = file.stat()
    file.write_bytes(bytes(facts.st_size))
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert found(make())["l"].facts["title"] == "first", "size and time are the same: its content is not looked at"
    lora(file, modelspec__title="other")
    os.utime(file, ns=(0, 0))
    assert found(make())["l"].facts["title"] == "other"


WORDS = {
    "a1111.pt": lambda path: torch.save(
        {"string_to_token": {"*": 265}, "string_to_param": {"*": torch.ones(2, 64)}, "name": "x", "step": 5}, path
    ),
    "weights.safetensors": lambda path: save_file({"emb_params": torch.ones(2, 64)}, path),
    "diffusers.safetensors": lambda path: save_file({"<cat>": torch.ones(64)}, path),
    "diffusers-old.bin": lambda path: torch.save({"<cat>": torch.ones(64)}, path),
    "parameter.pt": lambda path: torch.save(
        {"string_to_param": torch.nn.ParameterDict({"*": torch.nn.Parameter(torch.ones(3, 64))}).state_dict()}, path
    ),
}


@pytest.mark.parametrize("name", WORDS)
def test_every_format_of_a_trained_word_is_found_and_spoken(tmp_path: Path, models: Path, name: str) -> None:
    root = tmp_path / "models"
    (root / "embeddings").mkdir(parents=True)
    (root / "checkpoints").symlink_to(models / "checkpoints")
    WORDS[name](root / "embeddings" / f"zzword{Path(name).suffix}")
    runner = Runner(root, tmp_path / "cache", device="cpu", dtype="float32")
    (entry,) = runner.catalogue().kind("embedding")
    assert entry.facts["width"] == 64 and entry.facts["vectors"] in (1, 2, 3)
    recipe = Recipe(checkpoint="tiny", width=64, height=64, steps=1, seed=1)
    used = [
        event.used
        for prompt in ("a Zzword", "a cat")
        for event in runner.run("job", replace(recipe, prompt=prompt), {}, lambda: False)
        if isinstance(event, ImageMade)
    ]
    runner.close()
    data = (root / "embeddings" / f"zzword{Path(name).suffix}").read_bytes()
    assert [[(asset.kind, asset.name, asset.hash) for asset in assets] for assets in used] == [
        [("embedding", "zzword", hashlib.sha256(data).hexdigest()[:12])],
        [],
    ]


def test_words_of_sdxl_and_of_no_known_kind(tmp_path: Path, make: Make) -> None:
    folder = tmp_path / "models" / "embeddings"
    folder.mkdir(parents=True)
    save_file({"clip_l": torch.ones(4, 768), "clip_g": torch.ones(4, 1280)}, folder / "xl.safetensors")
    save_file({"emb_params": torch.ones(1, 768)}, folder / "one.safetensors")
    save_file({"a": torch.ones(1, 2), "b": torch.ones(1, 2)}, folder / "strange.safetensors")
    entries = found(make(), "embedding")
    assert (entries["xl"].family, entries["xl"].facts["vectors"]) == ("sdxl", 4)
    assert entries["one"].family == "sd15"
    assert "no embedding" in entries["strange"].problem


def test_a_word_for_another_kind_of_model_is_said_to_be_one(tmp_path: Path, models: Path) -> None:
    root = tmp_path / "models"
    (root / "embeddings").mkdir(parents=True)
    (root / "checkpoints").symlink_to(models / "checkpoints")
    save_file({"emb_params": torch.ones(1, 999)}, root / "embeddings" / "cat.safetensors")
    runner = Runner(root, tmp_path / "cache", device="cpu", dtype="float32")
    recipe = Recipe(checkpoint="tiny", width=64, height=64, steps=1, seed=1)
    seen = [
        list(runner.run("job", replace(recipe, prompt=prompt), {}, lambda: False)) for prompt in ("a Cat", "category")
    ]
    notes = [[event.message for event in events if isinstance(event, Note)] for events in seen]
    runner.close()
    assert notes == [["The embedding 'cat' is for another kind of model; here it is an ordinary word."], []]
