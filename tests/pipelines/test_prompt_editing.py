"""Editing, AND and tags: what is said at which step, in which parts, with which networks."""

import random

import pytest

from pipelines.prompt import compose, networks, schedule, uncommented

Entries = list[tuple[int, str]]


@pytest.mark.parametrize(
    ("text", "steps", "wanted"),
    [
        ("a [cat:dog:0.5] b", 20, [(10, "a cat b"), (20, "a dog b")]),
        ("a [dog:5]", 20, [(5, "a "), (20, "a dog")]),
        ("a [dog::5] b", 20, [(5, "a dog b"), (20, "a  b")]),
        ("a [cat:dog:1.0] b", 20, [(20, "a cat b")]),
        ("a [cat:dog:0] b", 20, [(20, "a dog b")]),
        ("a [cat:dog:99] b", 20, [(20, "a cat b")]),
        ("a [cat:dog:-3] b", 20, [(20, "a dog b")]),
        ("a [cat:dog:1e1] b", 20, [(10, "a cat b"), (20, "a dog b")]),
        ("a [cat:dog: .26 ] b", 20, [(5, "a cat b"), (20, "a dog b")]),
        (
            "[cow|horse] in field",
            4,
            [(1, "cow in field"), (2, "horse in field"), (3, "cow in field"), (4, "horse in field")],
        ),
        ("[fe|]male", 4, [(1, "female"), (2, "male"), (3, "female"), (4, "male")]),
        ("[x:[y:z:6]:3]", 10, [(3, "x"), (6, "y"), (10, "z")]),
        ("[[a|b]:c:2]", 4, [(1, "a"), (2, "b"), (3, "c"), (4, "c")]),
        ("[cat:dog:0.5] and [sun:moon:0.25]", 20, [(5, "cat and sun"), (10, "cat and moon"), (20, "dog and moon")]),
        ("([a:b:2]:1.2)", 4, [(2, "(a:1.2)"), (4, "(b:1.2)")]),
    ],
)
def test_the_customary_meaning(text: str, steps: int, wanted: Entries) -> None:
    assert schedule(text, steps) == wanted


@pytest.mark.parametrize(
    "text",
    ["a [unbalanced", "[a|b:5]", "[a:b:c:5]", "[a:b]", "((a:b:1.3)",
     "a | b", "[plain] (words:1.2)", r"\[a:b:5\]", "x\\", ""],
)  # fmt: skip
def test_what_does_not_fit_stays_as_it_is(text: str) -> None:
    assert schedule(text, 20) == [(20, text)]


def test_a_bracket_that_fits_nothing_does_not_hide_one_that_does() -> None:
    assert schedule("(a [b:c:5]", 9) == [(5, "(a b"), (9, "(a c")]
    assert schedule("[a [b:c:5] d", 9) == [(5, "[a b d"), (9, "[a c d")]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[cat:dog:0.5]", [(10, "dog")]),
        ("[cat:dog:1.5]", [(5, "cat"), (10, "dog")]),
        ("[cat:dog:25]", [(5, "cat"), (10, "dog")]),
        ("[cat:dog:12]", [(10, "dog")]),
        ("[a|b]", [(step, "ab"[(step - 1) % 2]) for step in range(1, 11)]),
    ],
)
def test_a_second_pass_has_the_fractions_from_one_to_two_and_the_steps_behind_the_first(
    text: str, wanted: Entries
) -> None:
    assert schedule(text, 20, 10) == wanted


def test_the_old_rule() -> None:
    assert schedule("[cat:dog:0.5]", 20, old=True) == [(10, "cat"), (20, "dog")]
    assert schedule("[cat:dog:7.9]", 20, old=True) == [(7, "cat"), (20, "dog")]
    assert schedule("[cat:dog:1.0]", 20, old=True) == [(1, "cat"), (20, "dog")]
    assert schedule("[cat:dog:0.5]", 20, 10, old=True) == schedule("[cat:dog:0.5]", 20, old=True)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a cat :1.2 AND a dog:0.8", [("a cat", 1.2), (" a dog", 0.8)]),
        ("BAND AND SAND", [("BAND", 1.0), (" SAND", 1.0)]),
        ("a cat:2", [("a cat", 2.0)]),
        ("ratio 16:9", [("ratio 16", 9.0)]),
        ("a:1:2", [("a:1", 2.0)]),
        ("a:-.5 ", [("a", -0.5)]),
        ("a:1e3", [("a:1e3", 1.0)]),
        ("a AND", [("a", 1.0), ("", 1.0)]),
        ("", [("", 1.0)]),
    ],
)
def test_parts_joined_by_and(text: str, wanted: list[tuple[str, float]]) -> None:
    assert compose(text) == wanted


@pytest.mark.parametrize(
    ("tag", "te", "unet", "dyn"),
    [
        ("<lora:foo:0.8>", 0.8, 0.8, None),
        ("<lora:foo:0.8:0.3>", 0.8, 0.3, None),
        ("<lora:foo:unet=0.3>", 1.0, 0.3, None),
        ("<lora:foo:te=0.2>", 0.2, 0.2, None),
        ("<lyco:foo:1:1:8>", 1.0, 1.0, 8),
        ("<lora:foo>", 1.0, 1.0, None),
        ("<lora:foo:much>", 1.0, 1.0, None),
    ],
)
def test_tags_and_their_strengths(tag: str, te: float, unet: float, dyn: int | None) -> None:
    text, (found,) = networks(f"x {tag} y")
    assert text == "x  y"
    assert (found.kind, found.name) == ("lora", "foo")
    assert (found.te, found.unet, found.dyn) == (te, unet, dyn)


def test_what_is_no_tag_stays() -> None:
    for text in ("a < b > c", "<lora>", "<:x>", "<lora:", "<a:>", "1<2:3"):
        assert networks(text) == (text, [])
    text, tags = networks("<hypernet:h:0.5><lora:a b=c:d>")
    assert (text, [(tag.kind, tag.name) for tag in tags]) == ("", [("hypernet", "h"), ("lora", "d")])


def test_comments_end_with_the_line() -> None:
    assert uncommented("a cat # small\n# nothing here\nin a box") == "a cat \n\nin a box"
    assert uncommented("plain") == "plain"


@pytest.mark.parametrize("seed", range(40))
def test_any_text_is_accepted(seed: int) -> None:
    drawn = random.Random(seed)
    text = "".join(drawn.choices("()[]:|\\<>=#.0123eE+-ab \nAND\ud800", k=drawn.randint(0, 200)))
    for entries in (schedule(text, 7), schedule(text, 7, 3), schedule(text, 7, 3, old=True), schedule(text, 0)):
        ends = [end for end, _ in entries]
        assert ends == sorted(set(ends)) and len(ends) > 0
    assert compose(text) and networks(text)
    for tag in networks(text)[1]:
        assert isinstance(tag.te + tag.unet, float)


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "[" * 50_000 + "a" + ":b:5]" * 50_000, "[" * 50_000 + "a" + "|b]" * 50_000, "<a:" * 100_000],
)
def test_deep_nesting_and_long_texts(text: str) -> None:
    assert schedule(text, 6)[-1][0] == 6
    networks(text)
