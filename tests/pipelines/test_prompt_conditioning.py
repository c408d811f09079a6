"""Conditioning: what the model is told at which call, and how the parts pull."""

from collections.abc import Mapping

import pytest
import torch

from pipelines.denoise import Denoiser
from pipelines.prompt.conditioning import Conditioning, Pass, condition, padded
from pipelines.prompt.encoder import Condition
from pipelines.schedules import scaled_linear_table


def encode(texts: Mapping[str, int]) -> dict[str, Condition]:
    """A text is its letters' numbers, one token each."""
    longest = max(len(text) for text in texts)
    rows = {text: [[float(ord(letter))] for letter in text.ljust(longest)] for text in texts}
    return {text: Condition(torch.tensor([row])) for text, row in rows.items()}


def told(conditioning: Conditioning, calls: int) -> list[str]:
    """The first part at each call, read back."""
    rows = (conditioning.at(call).parts[0][0].tokens.flatten().tolist() for call in range(calls))
    return ["".join(chr(int(number)) for number in row) for row in rows]


def test_the_first_text_is_told_once_more_than_its_step_says() -> None:
    assert told(condition("[a:b:2]", "", 7, Pass(6), encode), 6) == ["a", "a", "a", "b", "b", "b"]
    assert told(condition("[a|b]", "", 7, Pass(6), encode), 6) == ["a", "a", "b", "a", "b", "a"]


def test_a_sampler_of_second_order_counts_calls() -> None:
    assert "".join(told(condition("[a:b:4]", "", 7, Pass(5, calls=2), encode), 10)) == "aaaaabbbbb"
    assert "".join(told(condition("[a:b:0.5]", "", 7, Pass(4, calls=2), encode), 8)) == "aaaaabbb"


def test_calls_beyond_the_last_step_keep_the_last_text() -> None:
    assert told(condition("[a:b:1]", "", 7, Pass(2), encode), 5)[2:] == ["b", "b", "b"]


def test_the_negative_prompt_has_editing_but_no_and_and_no_tags() -> None:
    conditioning = condition("x <lora:y:1>", "a AND <b:c>", 7, Pass(4), encode)
    assert told(conditioning, 1) == ["x"]
    negative = conditioning.at(0).negative
    assert negative is not None and negative.tokens.shape[1] == len("a AND <b:c>")
    changing = condition("x", "[a:b:1]", 7, Pass(4), encode)
    assert [changing.at(call).negative is changing.at(0).negative for call in range(4)] == [True, True, False, False]


def test_without_guidance_the_negative_prompt_is_not_asked_for() -> None:
    assert condition("x", "y", 1, Pass(4), encode).negative is None
    assert condition("x:2", "y", 1, Pass(4), encode).negative is not None


def test_shorter_parts_repeat_their_last_vector() -> None:
    short, long = padded([Condition(torch.tensor([[[1.0], [2.0]]])), Condition(torch.zeros(1, 4, 1))])
    assert short.tokens.flatten().tolist() == [1, 2, 2, 2] and long.tokens.shape == (1, 4, 1)


@pytest.mark.parametrize("group", [1, 2])
def test_each_part_pulls_by_its_weight_and_lengths_may_differ(group: int) -> None:
    lengths: list[int] = []

    def predict(x: torch.Tensor, timesteps: torch.Tensor, told: Condition) -> torch.Tensor:
        context = told.tokens
        lengths.append(context.shape[1])
        assert x.shape[0] == timesteps.shape[0] == context.shape[0]
        return context[:, 0, 0, None, None, None].expand(x.shape) / 100

    conditioning = condition("d:2 AND c:-1", "nnn", 3, Pass(4), encode)
    denoiser = Denoiser(predict, scaled_linear_table(), "epsilon", conditioning, 3.0, group)
    x = torch.zeros(2, 4, 8, 8)
    first = denoiser(x, 2.0)
    letters = {letter: ord(letter) / 100 for letter in "nd"} | {"c": ord(" ") / 100}
    output = letters["n"] + 3 * (2 * (letters["d"] - letters["n"]) - (letters["c"] - letters["n"]))
    torch.testing.assert_close(first, torch.full_like(x, -2.0 * output))
    assert sorted(set(lengths)) == [2, 3]


def test_a_picture_beside_pulls_with_a_strength_of_its_own() -> None:
    """Instruct-pix2pix: the answers without picture, with it, and with the prompt as well."""

    def predict(x: torch.Tensor, timesteps: torch.Tensor, told: Condition) -> torch.Tensor:
        assert x.shape[1] == 2 + 3
        letter = told.tokens[:, 0, 0, None, None, None].expand(-1, 2, *x.shape[2:]) / 100
        return letter * (1 + x[:, 2:3])

    conditioning = condition("d", "n", 3, Pass(4), encode)
    picture = torch.tensor([1.0, 2.0])[:, None, None, None].expand(2, 3, 4, 4)
    denoiser = Denoiser(
        predict, scaled_linear_table(), "epsilon", conditioning, 3.0, 1, beside=picture, image_guidance=1.5
    )
    d, n = ord("d") / 100, ord("n") / 100
    for row, said in enumerate(denoiser(torch.zeros(2, 2, 4, 4), 2.0)):
        blank, with_picture, with_both = n, n * (2 + row), d * (2 + row)
        output = blank + 3 * (with_both - with_picture) + 1.5 * (with_picture - blank)
        torch.testing.assert_close(said, torch.full_like(said, -2.0 * output))
