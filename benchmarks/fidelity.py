"""How much of the customary prompt language is understood: every example of it, and whether it means the same here.
Then how far the samplers are from the published ones.

Run with `python -m benchmarks.fidelity`. Exit code 1 if one differs.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import agreement
from pipelines.prompt import Word, attention, chunks, compose, count, networks, schedule
from pipelines.prompt.vocabulary import clip_tokens


@dataclass(frozen=True)
class Example:
    kind: str
    text: str
    wanted: Any
    found: Any

    @property
    def same(self) -> bool:
        return _rounded(self.found) == _rounded(self.wanted)


ATTENTION: Sequence[tuple[str, list[tuple[str, float]]]] = (
    ("a (red) apple", [("a ", 1.0), ("red", 1.1), (" apple", 1.0)]),
    ("a (((red))) apple", [("a ", 1.0), ("red", 1.331), (" apple", 1.0)]),
    ("a [[red]] apple", [("a ", 1.0), ("red", 0.826446), (" apple", 1.0)]),
    ("((a:1.5))", [("a", 1.65)]),
    ("[(a:1.5)]", [("a", 1.363636)]),
    ("([a])", [("a", 1.0)]),
    ("(a:.5)", [("a", 0.5)]),
    ("(a:0)", [("a", 0.0)]),
    ("(a:-1)", [("a", -1.0)]),
    ("(a:)", [("a:", 1.1)]),
    ("(a:b:1.3)", [("a:b", 1.3)]),
    ("ratio 16:9", [("ratio 16:9", 1.0)]),
    ("(a](b)", [("a]", 1.1), ("b", 1.21)]),
    (r"\(not emphasised\)", [("(not emphasised)", 1.0)]),
    (r"a\b", [("ab", 1.0)]),
    (r"(a\:1.2)", [("a", 1.2)]),
    ("[x:1.5]", [("x:1.5", 0.909091)]),
    ("(a (b:1.2) c:1.1)", [("a ", 1.1), ("b", 1.32), (" c", 1.1)]),
    ("cat BREAK dog", [("cat", 1.0), ("BREAK", -1.0), ("dog", 1.0)]),
    ("(x:1.2.3)", [("x:1.2.3", 1.1)]),
    ("(cat BREAK dog:1.2)", [("cat", 1.2), ("BREAK", -1.0), ("dog", 1.2)]),
)

SCHEDULES: Sequence[tuple[str, tuple[int, int | None], list[tuple[int, str]]]] = (
    ("a [cat:dog:0.5] b", (20, None), [(10, "a cat b"), (20, "a dog b")]),
    ("a [dog:5]", (20, None), [(5, "a "), (20, "a dog")]),
    ("a [dog::5] b", (20, None), [(5, "a dog b"), (20, "a  b")]),
    ("a [cat:dog:1.0] b", (20, None), [(20, "a cat b")]),
    ("a [cat:dog:0] b", (20, None), [(20, "a dog b")]),
    (
        "[cow|horse] in field",
        (4, None),
        [(1, "cow in field"), (2, "horse in field"), (3, "cow in field"), (4, "horse in field")],
    ),
    ("[fe|]male", (4, None), [(1, "female"), (2, "male"), (3, "female"), (4, "male")]),
    ("[x:[y:z:6]:3]", (10, None), [(3, "x"), (6, "y"), (10, "z")]),
    (
        "[cat:dog:0.5] and [sun:moon:0.25]",
        (20, None),
        [(5, "cat and sun"), (10, "cat and moon"), (20, "dog and moon")],
    ),
    ("[cat:dog:0.5]", (20, 10), [(10, "dog")]),
    ("[cat:dog:1.5]", (20, 10), [(5, "cat"), (10, "dog")]),
    ("[cat:dog:25]", (20, 10), [(5, "cat"), (10, "dog")]),
    ("a [unbalanced", (20, None), [(20, "a [unbalanced")]),
    ("[a|b:5]", (20, None), [(20, "[a|b:5]")]),
)

PARTS: Sequence[tuple[str, list[tuple[str, float]]]] = (
    ("a cat :1.2 AND a dog:0.8", [("a cat", 1.2), (" a dog", 0.8)]),
    ("BAND AND SAND", [("BAND", 1.0), (" SAND", 1.0)]),
    ("a cat:2", [("a cat", 2.0)]),
)

TAGS: Sequence[tuple[str, tuple[float, float]]] = (
    ("x <lora:foo:0.8>", (0.8, 0.8)),
    ("x <lora:foo:0.8:0.3>", (0.8, 0.3)),
    ("x <lora:foo:unet=0.3>", (1.0, 0.3)),
)

CHUNKS: Sequence[tuple[str, str, int, tuple[list[int], tuple[int, int]]]] = (
    ("70 cat, comma, 10 dog", "cat " * 70 + "," + " dog" * 10, 20, ([71, 10], (85, 150))),
    ("same, backtrack 0", "cat " * 70 + "," + " dog" * 10, 0, ([75, 6], (81, 150))),
    ("54 cat, comma, 30 dog", "cat " * 54 + "," + " dog" * 30, 20, ([75, 10], (85, 150))),
    ("55 cat, comma, 30 dog", "cat " * 55 + "," + " dog" * 30, 20, ([56, 30], (105, 150))),
    ("cat BREAK dog", "cat BREAK dog", 20, ([1, 1], (76, 150))),
    ("70 cat, 8-vector word, dog", "cat " * 70 + "kitty dog", 20, ([70, 9], (84, 150))),
)


def examples() -> Iterator[Example]:
    tokens = clip_tokens()
    for text, wanted in ATTENTION:
        yield Example("attention", text, wanted, attention(text))
    for text, (steps, hires), entries in SCHEDULES:
        title = f"{text}, {steps}" + (f" + second pass {hires}" if hires else "")
        yield Example("editing", title, entries, schedule(text, steps, hires))
    for text, parts in PARTS:
        yield Example("AND", text, parts, compose(text))
    for text, strengths in TAGS:
        yield Example("tag", text, strengths, _strengths(text))
    word = Word("kitty", tuple(tokens("kitty")), 8)
    for title, text, backtrack, sizes in CHUNKS:
        pieces = chunks(text, tokens, words=[word], backtrack=backtrack)
        yield Example("chunks", title, sizes, ([len(piece.tokens) for piece in pieces], count(pieces)))


def table(found: Sequence[Example]) -> str:
    rows = ["| Kind | Example | Same |", "|---|---|---|"]
    for example in found:
        text = example.text.replace("|", "\\|")
        rows.append(f"| {example.kind} | `{text}` | {'ok' if example.same else f'no: {example.found}'} |")
    same = sum(example.same for example in found)
    return "\n".join([*rows, "", f"{same} of {len(found)} examples mean the same."])


def _strengths(text: str) -> tuple[float, float]:
    _, (tag,) = networks(text)
    return tag.te, tag.unet


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    kinds: tuple[tuple[type, Callable[..., Any]], ...] = ((list, list), (tuple, tuple))
    for kind, build in kinds:
        if isinstance(value, kind):
            return build(_rounded(item) for item in value)
    return value


def main() -> int:
    found = list(examples())
    print(table(found))
    print()
    print(agreement.table())
    return 0 if all(example.same for example in found) else 1


if __name__ == "__main__":
    sys.exit(main())
