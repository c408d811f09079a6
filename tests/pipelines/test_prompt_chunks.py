"""Chunks of 75 tokens, and what the text model makes of them."""

import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from pipelines.header import Version
from pipelines.prompt import Chunk, Word, chunks, count
from pipelines.prompt.embeddings import Embeddings
from pipelines.prompt.encoder import ClipText
from pipelines.prompt.vocabulary import FOLDER, clip_tokens
from pipelines.recipe import Emphasis
from pipelines.weights import stored

Tokens = Callable[[str], list[int]]


@pytest.fixture(scope="module")
def tokens() -> Tokens:
    return clip_tokens()


def sizes(pieces: list[Chunk]) -> list[int]:
    return [len(piece.tokens) for piece in pieces]


@pytest.mark.parametrize(
    ("text", "backtrack", "wanted", "counter"),
    [
        ("cat " * 70 + "," + "dog " * 10, 20, [71, 10], (85, 150)),
        ("cat " * 70 + "," + "dog " * 10, 0, [75, 6], (81, 150)),
        ("cat " * 54 + "," + "dog " * 30, 20, [75, 10], (85, 150)),
        ("cat " * 55 + "," + "dog " * 30, 20, [56, 30], (105, 150)),
        ("cat " * 75 + ", dog", 20, [75, 2], (77, 150)),
        ("cat BREAK dog", 20, [1, 1], (76, 150)),
        ("BREAK dog", 20, [0, 1], (76, 150)),
        ("cat BREAK", 20, [1], (75, 75)),
        ("", 20, [0], (0, 75)),
        ("cat " * 75, 20, [75], (75, 75)),
    ],
)
def test_where_chunks_end(
    tokens: Tokens, text: str, backtrack: int, wanted: list[int], counter: tuple[int, int]
) -> None:
    pieces = chunks(text, tokens, backtrack=backtrack)
    assert (sizes(pieces), count(pieces)) == (wanted, counter)


def test_weights_go_with_their_tokens(tokens: Tokens) -> None:
    (piece,) = chunks("a (red:1.4) fox", tokens)
    assert piece.weights == (1.0, 1.4, 1.0)
    (plain,) = chunks("a (red:1.4) fox BREAK", tokens, emphasis="none")
    assert set(plain.weights) == {1.0} and len(plain.tokens) > 5


def test_pieces_of_different_weight_are_never_one_word(tokens: Tokens) -> None:
    assert chunks("(cat)fish", tokens)[0].tokens == (*tokens("cat"), *tokens("fish"))
    assert chunks("catfish", tokens)[0].tokens == tuple(tokens("catfish"))


def test_a_trained_word_takes_its_places_and_is_not_torn_apart(tokens: Tokens) -> None:
    word = Word("Kitty", tuple(tokens("kitty")), 8)
    pieces = chunks("cat " * 70 + "(KITTY:1.2) dog", tokens, words=[word])
    assert sizes(pieces) == [70, 9]
    assert (pieces[1].words, pieces[1].weights[:8]) == (((0, word),), (1.2,) * 8)


def test_the_longest_name_wins(tokens: Tokens) -> None:
    short, long = Word("red", tuple(tokens("red")), 1), Word("red fox", tuple(tokens("red fox")), 2)
    (piece,) = chunks("a red fox, red", tokens, words=[short, long])
    assert piece.words == ((1, long), (4, short))


def test_a_trained_word_moves_with_the_tokens_behind_a_comma(tokens: Tokens) -> None:
    word = Word("kitty", tuple(tokens("kitty")), 2)
    pieces = chunks("cat " * 70 + ", kitty dog dog dog", tokens, words=[word])
    assert sizes(pieces) == [71, 5]
    assert pieces[1].words == ((0, word),)
    wide = Word("kitty", tuple(tokens("kitty")), 200)
    assert sizes(chunks("kitty", tokens, words=[wide])) == [75]


@pytest.mark.parametrize("seed", range(10))
def test_any_text_is_accepted_and_no_chunk_is_too_long(tokens: Tokens, seed: int) -> None:
    drawn = random.Random(seed)
    text = "".join(drawn.choices(["cat", ",", " ", "(", ")", ":1.1)", "BREAK", "🦊", "\ud800", "\\"], k=400))
    pieces = chunks(text, tokens)
    assert all(len(piece.tokens) == len(piece.weights) <= 75 for piece in pieces)


def test_our_vocabulary_counts_as_the_text_model_reads(tokens: Tokens) -> None:
    from transformers import CLIPTokenizer

    theirs = CLIPTokenizer(vocab=str(FOLDER / "vocab.json"), merges=str(FOLDER / "merges.txt"))
    for text in ("A red Fox, isn't it?", "naïve 3½ §§ <|endoftext|> ÄÖ", "many\n\tblanks  12345", "日本 🦊🦊 __x__"):
        assert tokens(text) == theirs(text, add_special_tokens=False)["input_ids"]


WIDTH = 32


@pytest.fixture(scope="module")
def clip() -> ClipText:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(0)
    config = CLIPTextConfig(
        hidden_size=WIDTH, intermediate_size=64, num_hidden_layers=3, num_attention_heads=2, eos_token_id=49407
    )
    model = CLIPTextModel(config).eval()
    return ClipText(CLIPTokenizer(vocab=str(FOLDER / "vocab.json"), merges=str(FOLDER / "merges.txt")), model)


def encoded(clip: ClipText, *texts: str, **named: Any) -> list[torch.Tensor]:
    return [told.tokens for told in clip.encode(dict.fromkeys(texts, 1), **named).values()]


@pytest.mark.parametrize("odd", ["\ud800", "\x00", "🦊", "<|endoftext|>", "ﷺ" * 500])
def test_any_text_is_encoded(clip: ClipText, odd: str) -> None:
    assert bool(torch.isfinite(encoded(clip, odd)[0]).all())


def test_every_chunk_is_seen_alone(clip: ClipText) -> None:
    (both,), (first,), (second,) = encoded(clip, "cat BREAK dog"), encoded(clip, "cat"), encoded(clip, "dog")
    assert both.shape == (1, 154, WIDTH)
    torch.testing.assert_close(both, torch.cat([first, second], 1))


def test_texts_of_one_prompt_are_equally_long(clip: ClipText) -> None:
    short, long = encoded(clip, "cat", "cat BREAK dog")
    (empty,) = encoded(clip, "")
    assert short.shape == long.shape
    torch.testing.assert_close(short[:, 77:], empty)


def test_no_norm_multiplies_and_original_keeps_the_mean(clip: ClipText) -> None:
    (plain,) = encoded(clip, "a red fox", emphasis="original")
    (raised,) = encoded(clip, "a (red:1.5) fox", emphasis="no norm")
    torch.testing.assert_close(raised[:, 2], plain[:, 2] * 1.5)
    torch.testing.assert_close(raised[:, 3:], plain[:, 3:])
    (kept,) = encoded(clip, "a (red:1.5) fox", emphasis="original")
    torch.testing.assert_close(kept.mean(), plain.mean())
    torch.testing.assert_close(kept[:, 3] / kept[:, 2], plain[:, 3] / (plain[:, 2] * 1.5))


def test_the_mean_is_that_of_all_texts_that_belong_together(clip: ClipText) -> None:
    texts = {"a (red:1.5) fox": 3, "a (blue:0.5) fox": 1}
    together = clip.encode(texts)
    plain = clip.encode({"a red fox": 3, "a blue fox": 1}, emphasis="ignore")
    whole = [
        sum(values[text].tokens.mean() * use for text, use in zip(values, (3, 1), strict=True))
        for values in (together, plain)
    ]
    torch.testing.assert_close(whole[0], whole[1])


@pytest.mark.parametrize(("emphasis", "same"), [("ignore", "a red fox"), ("none", "a (red:1.5) fox")])
def test_ignore_drops_the_brackets_and_none_reads_them(clip: ClipText, emphasis: Emphasis, same: str) -> None:
    (found,) = encoded(clip, "a (red:1.5) fox", emphasis=emphasis)
    (wanted,) = encoded(clip, same, emphasis="none")
    torch.testing.assert_close(found, wanted)


def test_weights_of_zero_only_are_finite(clip: ClipText) -> None:
    assert bool(torch.isfinite(encoded(clip, "(a red fox:0)")[0]).all())


def test_clip_skip_takes_an_earlier_layer_and_stops_at_the_first(clip: ClipText) -> None:
    one, two, many = (encoded(clip, "a fox", skip=skip)[0] for skip in (1, 2, 12))
    assert not torch.equal(one, two) and not torch.equal(two, many)


def test_a_trained_word_is_spoken_in_its_place_and_forgotten_afterwards(clip: ClipText, tmp_path: Path) -> None:
    model: Any = SimpleNamespace(table=clip._model.get_input_embeddings().weight)  # pyright: ignore[reportPrivateUsage]
    dog = clip.tokens("dog")[0]
    save_file({"emb_params": model.table[dog][None].detach().clone()}, tmp_path / "zzcat.safetensors")
    (tmp_path / "zzbad.safetensors").write_bytes(b"no embedding")
    listed = [(path.stem, Version(path, 0, 0)) for path in tmp_path.iterdir()]
    words = Embeddings(lambda: listed, lambda version: stored(version.path))
    vectors = words.within("A ZZCAT and a zzbad", WIDTH)
    assert list(vectors) == ["zzcat"]
    assert words.within("a zzcat", 768) == {}
    before, spoken = encoded(clip, "a dog")[0], encoded(clip, "a zzcat", vectors=vectors)[0]
    torch.testing.assert_close(spoken, before)
    torch.testing.assert_close(encoded(clip, "a dog")[0], before)
