"""Text becomes chunks of 75 tokens."""

from pathlib import Path

import pytest
import torch
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

import pipelines
from pipelines.prompt import ClipText, chunks

COMMA = 267


@pytest.fixture(scope="module")
def text() -> ClipText:
    names = Path(pipelines.__path__[0]) / "configs" / "clip_tokenizer"
    tokenizer = CLIPTokenizer(vocab=str(names / "vocab.json"), merges=str(names / "merges.txt"))
    torch.manual_seed(0)
    model = CLIPTextModel(
        CLIPTextConfig(hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=1)
    )
    return ClipText(tokenizer, model.eval().requires_grad_(False))


def test_the_vocabulary_is_clips(text: ClipText) -> None:
    assert text.tokens("a red fox") == [320, 736, 3240]
    assert text.tokens("A RED  Fox\n") == [320, 736, 3240]
    assert text.tokens(",") == [COMMA]
    assert text.tokens("") == []


@pytest.mark.parametrize("odd", ["\ud800", "\x00", "🦊", "<|endoftext|>", "ﷺ" * 500])
def test_any_text_is_accepted(text: ClipText, odd: str) -> None:
    (condition,) = text.encode([odd])
    assert torch.isfinite(condition).all()


@pytest.mark.parametrize(("count", "pieces"), [(0, [0]), (1, [1]), (75, [75]), (76, [75, 1]), (151, [75, 75, 1])])
def test_75_tokens_a_chunk(count: int, pieces: list[int]) -> None:
    assert [len(piece) for piece in chunks([5] * count, COMMA)] == pieces


@pytest.mark.parametrize(
    ("before", "after", "pieces"),
    [(70, 10, [71, 10]), (54, 30, [75, 10]), (55, 30, [56, 30])],
)
def test_a_phrase_after_a_comma_is_not_torn_apart(before: int, after: int, pieces: list[int]) -> None:
    tokens = [5] * before + [COMMA] + [6] * after
    assert [len(piece) for piece in chunks(tokens, COMMA)] == pieces
    assert [len(piece) for piece in chunks(tokens, COMMA, backtrack=0)] == [75, before + after + 1 - 75]


def test_prompts_of_different_length_get_the_same_number_of_chunks(text: ClipText) -> None:
    short, long = text.encode(["fox", "fox " * 80])
    assert short.shape == long.shape == (1, 154, 64)
    (alone,) = text.encode(["fox"])
    assert torch.allclose(short[:, :77], alone, atol=1e-6)
    (empty,) = text.encode([""])
    assert torch.allclose(short[:, 77:], empty, atol=1e-6)


def test_clip_skip_takes_an_earlier_layer_and_never_runs_out(text: ClipText) -> None:
    last, before, first, too_far = (text.encode(["fox"], skip)[0] for skip in (1, 2, 3, 12))
    assert not torch.equal(last, before)
    assert not torch.equal(before, first)
    assert torch.equal(first, too_far)
