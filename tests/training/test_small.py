"""Training of small files beside a checkpoint: a LoRA and an embedding learn, and the engine reads what they write."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from pipelines import header
from pipelines.device import pick
from pipelines.families.sd15 import FAMILY
from pipelines.latent_model import LatentModel
from pipelines.networks.file import sorted_out
from pipelines.networks.patches import Patches, Worn
from pipelines.prompt.embeddings import Embeddings
from pipelines.training import embedding, lora
from pipelines.training.album import Album, read_album
from pipelines.training.pupil import Pupil, open_pupil
from tests.pipelines import tiny

SIZE = 64


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_file(tmp_path_factory.mktemp("models") / "checkpoints" / "tiny.safetensors", v=True)


@pytest.fixture
def pupil(weights: Path) -> Pupil:
    return open_pupil(weights, "cpu")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures, one with words beside it."""
    Image.new("RGB", (80, 100), "red").save(tmp_path / "one.png")
    Image.new("RGBA", (64, 64), (0, 0, 255, 0)).save(tmp_path / "two.png")
    (tmp_path / "one.txt").write_text("a * in red\n")
    return tmp_path


def predicted(unet: object, text: object) -> Tensor:
    """What the U-Net answers to a fixed question."""
    generator = torch.Generator().manual_seed(1)
    latents, states = torch.randn(1, 4, 8, 8, generator=generator), torch.randn(1, 77, 64, generator=generator)
    with torch.no_grad():
        return unet(latents, 500, states).sample  # type: ignore[operator]


def test_an_album_has_words_from_files_or_from_the_caption(folder: Path, pupil: Pupil) -> None:
    pages = read_album(folder, "a picture of *")
    assert [page.caption for page in pages] == ["a * in red", "a picture of *"]
    album = Album(pages, pupil, SIZE, 3, "*")
    latents, tokens = album.draw(5, 4)
    assert latents.shape == (4, 4, SIZE // 8, SIZE // 8) and tokens.shape == (4, 77)
    again, _ = album.draw(5, 4)
    assert torch.equal(latents, again)
    star = 265
    assert tokens[0].tolist().count(star) == 3
    assert tokens[0, 0] == 49406 and tokens[0, -1] == 49407


def test_an_empty_folder_is_no_album(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no picture"):
        read_album(tmp_path)


def test_a_lora_learns_and_the_engine_wears_it(folder: Path, pupil: Pupil, weights: Path, tmp_path: Path) -> None:
    before = predicted(pupil.unet, pupil.text)
    trained, losses = lora.train(pupil, Album(read_album(folder, "x"), pupil, SIZE), rank=4, steps=30, rate=5e-3)
    assert sum(losses[-8:]) < 0.9 * sum(losses[:8])
    worn = predicted(pupil.unet, pupil.text)
    assert (worn - before).abs().max() > 1e-3
    trained.remove()
    assert torch.equal(predicted(pupil.unet, pupil.text), before)

    path = tmp_path / "loras" / "mine.safetensors"
    lora.save_lora(trained, path, 4, {"modelspec.license": "CC0-1.0"})
    model = FAMILY.load(weights, header.read(weights), pick("cpu", "float32"))
    assert isinstance(model, LatentModel)
    Patches(model.components()).put_on([Worn(sorted_out(load_file(path)), 1.0, 1.0)])
    torch.testing.assert_close(predicted(model.components()["unet"], None), worn, rtol=2e-2, atol=2e-2)


def test_a_lora_has_kohyas_keys_and_notes(pupil: Pupil, tmp_path: Path) -> None:
    lora.save_lora(lora.Lora(pupil.unet, 2, 2.0), tmp_path / "a.safetensors", 2)
    with safe_open(tmp_path / "a.safetensors", framework="pt") as file:
        keys, notes = set(file.keys()), file.metadata()
    module = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    assert {f"{module}.lora_down.weight", f"{module}.lora_up.weight", f"{module}.alpha"} <= keys
    assert notes["ss_network_dim"] == "2" and notes["modelspec.architecture"] == "stable-diffusion-v1/lora"


def test_an_embedding_learns_and_the_engine_reads_it(folder: Path, pupil: Pupil, tmp_path: Path) -> None:
    album = Album(read_album(folder, "a picture of *"), pupil, SIZE, 2, "*")
    state = {name: value.clone() for name, value in pupil.text.state_dict().items()}
    word, _ = embedding.train(pupil, album, vectors=2, steps=12, begin="red flag")
    begun = embedding.NewWord(pupil, 2, "red flag")
    assert (word.vectors - begun.vectors).abs().max() > 1e-2
    begun.remove()
    tokens = pupil.tokens(["a *"], 2, "*")
    told = pupil.text(input_ids=tokens).last_hidden_state
    word.remove()
    assert (pupil.text(input_ids=tokens).last_hidden_state - told).abs().max() > 1e-3
    assert all(torch.equal(state[name], value) for name, value in pupil.text.state_dict().items())

    path = tmp_path / "embeddings" / "flag.safetensors"
    embedding.save_embedding(word, path)
    assert set(load_file(path)) == {"emb_params"}
    listed = [("flag", header.Version(path, path.stat().st_size, 0))]
    found = Embeddings(lambda: listed, lambda version: load_file(version.path)).within("a picture of flag", 64)
    assert torch.equal(found["flag"], word.vectors.detach())


def test_the_start_of_an_embedding_is_what_the_word_says(pupil: Pupil) -> None:
    word = embedding.NewWord(pupil, 1, "flag")
    table = pupil.text.get_input_embeddings().weight  # type: ignore[union-attr]
    (number,) = pupil.tokens(["flag"])[0, 1:2].tolist()
    near = torch.nn.functional.cosine_similarity(word.vectors.detach(), table[number][None])
    assert float(near) > 0.9
    word.remove()
