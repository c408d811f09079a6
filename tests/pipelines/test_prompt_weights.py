"""Attention: brackets and numbers become weights; whatever does not fit is text."""

import itertools
import random

import pytest

from pipelines.prompt import BREAK, attention

SPECIFIED: list[tuple[str, list[tuple[str, float]]]] = [
    ("a (red) apple", [("a ", 1.0), ("red", 1.1), (" apple", 1.0)]),
    ("a (((red))) apple", [("a ", 1.0), ("red", 1.331), (" apple", 1.0)]),
    ("a [[red]] apple", [("a ", 1.0), ("red", 0.826446), (" apple", 1.0)]),
    ("((a:1.5))", [("a", 1.65)]),
    ("[(a:1.5)]", [("a", 1.363636)]),
    ("([a])", [("a", 1.0)]),
    ("(a:.5)", [("a", 0.5)]),
    ("(a:0)", [("a", 0.0)]),
    ("(a:-1)", [("a", -1.0)]),
    ("(a: +1.5 )", [("a", 1.5)]),
    ("(a:)", [("a:", 1.1)]),
    ("(a:b:1.3)", [("a:b", 1.3)]),
    ("[x:1.5]", [("x:1.5", 0.909091)]),
    ("ratio 16:9", [("ratio 16:9", 1.0)]),
    ("(a](b)", [("a]", 1.1), ("b", 1.21)]),
    ("(a (b:1.2) c:1.1)", [("a ", 1.1), ("b", 1.32), (" c", 1.1)]),
    ("an (open one", [("an ", 1.0), ("open one", 1.1)]),
    ("stray ) ] :1.2)", [("stray ) ] :1.2)", 1.0)]),
    (r"\(not emphasised\)", [("(not emphasised)", 1.0)]),
    (r"\[a\] \\ b", [("[a] \\ b", 1.0)]),
    (r"a\b", [("ab", 1.0)]),
    (r"(a\:1.2)", [("a", 1.2)]),
    ("(a)(b)", [("ab", 1.1)]),
    ("a()b", [("ab", 1.0)]),
    ("cat BREAK dog", [("cat", 1.0), BREAK, ("dog", 1.0)]),
    ("cat\n\nBREAK\n dog", [("cat", 1.0), BREAK, ("dog", 1.0)]),
    ("BREAKER and OUTBREAK", [("BREAKER and OUTBREAK", 1.0)]),
    ("", [("", 1.0)]),
]


def agrees(found: list[tuple[str, float]], wanted: list[tuple[str, float]]) -> bool:
    return found == [(text, pytest.approx(weight, abs=1e-6)) for text, weight in wanted]


@pytest.mark.parametrize(("text", "wanted"), SPECIFIED)
def test_the_customary_meaning(text: str, wanted: list[tuple[str, float]]) -> None:
    assert agrees(attention(text), wanted)


@pytest.mark.parametrize("number", ["1.2.3", ".", "..", "+", "1e5", "9" * 400])
def test_a_number_that_is_none_is_text(number: str) -> None:
    assert attention(f"(x:{number})") == [(f"x:{number}", 1.1)]


def test_a_break_within_brackets_still_breaks() -> None:
    assert agrees(attention("(a BREAK b:1.3) c"), [("a", 1.3), BREAK, ("b", 1.3), (" c", 1.0)])
    assert attention("[a BREAK]")[-1] == BREAK


def test_breaks_are_not_mistaken_for_text_of_weight_minus_one() -> None:
    assert attention("(a:-1)BREAK(b:-1)") == [("a", -1.0), BREAK, ("b", -1.0)]
    assert attention("BREAK BREAK") == [BREAK, BREAK]


@pytest.mark.parametrize("seed", range(40))
def test_any_text_is_accepted_and_no_letter_is_lost(seed: int) -> None:
    drawn = random.Random(seed)
    text = "".join(drawn.choices("()[]:|\\,.0123456789abc \nÄ🦊\ud800", k=drawn.randint(0, 200)))
    pieces = attention(text)
    letters = "".join(piece for piece, _ in pieces)
    assert [letter for letter in letters if letter.isalpha()] == [letter for letter in text if letter.isalpha()]
    assert all(a[1] != b[1] for a, b in itertools.pairwise(pieces)), "neighbours of equal weight are one"


@pytest.mark.parametrize("text", ["(" * 100_000, "(a" * 50_000 + ")" * 50_000, ":1" * 100_000, " " * 200_000 + "BREAK"])
def test_deep_nesting_and_long_texts(text: str) -> None:
    assert all(abs(weight) <= 1e60 for _, weight in attention(text))
