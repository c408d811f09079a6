"""Editing: a prompt whose text changes from step to step.

    [from:to:when]   [to:when]   [from::when]   [a|b|c]

Brackets nest in each other and in round ones. What does not fit this form is plain text. A "|" or a lone backslash
that fits nowhere makes the whole text plain: other programs do so, and old pictures depend on it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(r"(?P<text>(?:[^\\\[\]():|]|\\.)++)|(?P<mark>[\[\]():|])|(?P<bad>\\)")
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*")

When = Callable[[str], float]


class _Unreadable(Exception):
    """The text as a whole cannot be read as one with editing."""


@dataclass
class _Group:
    """parts: one always used, those to alternate between, or the two before and after step `when`."""

    parts: list[list["str | _Group"]] = field(default_factory=lambda: [[]])
    when: str = ""
    alternating: bool = False

    def chosen(self, step: int, when: When) -> list["str | _Group"]:
        if self.alternating:
            return self.parts[(step - 1) % len(self.parts)]
        if self.when:
            return self.parts[0 if step <= when(self.when) else 1]
        return self.parts[0]


@dataclass
class _Open:
    """An open bracket and what came since, cut at the separators ":" and "|"."""

    bracket: str
    parts: list[list["str | _Group"]] = field(default_factory=lambda: [[]])
    separators: list[str] = field(default_factory=list[str])

    def plain(self, closing: str = "") -> _Group:
        """Brackets, separators and all, as text."""
        items: list[str | _Group] = [self.bracket]
        for index, part in enumerate(self.parts):
            items += [self.separators[index - 1]] if index else []
            items += part
        return _Group([[*items, closing]])

    def closed(self) -> _Group | None:
        """What this bracket means, now that it is closed; None: nothing, it is a letter."""
        bars, colons = self.separators.count("|"), self.separators.count(":")
        if self.bracket == "(":
            return self.plain(")") if not bars and colons <= 1 else None
        if not bars and not colons:
            return self.plain("]")
        if not colons:
            return _Group(self.parts, alternating=True)
        if bars or colons > 2:
            return None
        *texts, last = self.parts
        number = _NUMBER.fullmatch(last[0]) if len(last) == 1 and isinstance(last[0], str) else None
        return _Group([*([[]] if colons == 1 else []), *texts], when=number[1]) if number else None


def schedule(text: str, steps: int, hires_steps: int | None = None, old: bool = False) -> list[tuple[int, str]]:
    """The texts in order, each with the last step (from 1) it is meant for; the last entry ends at the last step.

    `when` with a dot is a fraction of the pass, without one a number of steps.
    hires_steps -- given: the entries are those of a second pass of so many steps; fractions from 1 to 2 and numbers
                   above `steps` belong to it
    old         -- the rule before version 1.6: below 1 a fraction, else a number of steps, the same in both passes
    """
    second = hires_steps is not None and not old
    total = hires_steps if hires_steps is not None and not old else steps
    try:
        root = _read(text)
    except _Unreadable:
        return [(total, text)]

    def when(number: str) -> float:
        value = float(number)
        fraction = value < 1 if old else "." in number
        if fraction:
            value = (value - (1.0 if second else 0.0)) * total
        elif second:
            value -= steps
        return int(max(-1.0, min(value, float(total))))

    ends = _ends(root, total, when)
    return [(end, _text(root, end, when)) for end in sorted({*ends, total})]


def _read(text: str) -> _Group:
    """Raises _Unreadable."""
    root = _Group()
    stack: list[_Open] = []
    for match in _TOKEN.finditer(text):
        token = match[0]
        here = stack[-1].parts[-1] if stack else root.parts[0]
        if match["text"]:
            here.append(token)
        elif match["bad"]:
            raise _Unreadable
        elif token in "([":
            stack.append(_Open(token))
        elif token == "|" or (token == ":" and stack):
            if not stack:
                raise _Unreadable
            stack[-1].separators.append(token)
            stack[-1].parts.append([])
        elif token == ":":
            here.append(token)
        else:
            group = _close(stack, token)
            if group is not None:
                stack.pop()
                (stack[-1].parts[-1] if stack else root.parts[0]).append(group)
            else:
                # A bracket that fits nothing may not stand within another: all open ones are letters.
                _dissolve(stack, root)
                root.parts[0].append(token)
    _dissolve(stack, root)
    return root


def _close(stack: list[_Open], token: str) -> _Group | None:
    if not stack or stack[-1].bracket != ("(" if token == ")" else "["):
        return None
    return stack[-1].closed()


def _dissolve(stack: list[_Open], root: _Group) -> None:
    for opened in stack:
        if "|" in opened.separators:
            raise _Unreadable
        root.parts[0].append(opened.plain())
    stack.clear()


def _ends(root: _Group, total: int, when: When) -> set[int]:
    """The steps after which something changes."""
    ends: set[int] = set()
    waiting = [root]
    while waiting:
        group = waiting.pop()
        if group.alternating:
            ends.update(range(1, total + 1))
        elif group.when and (end := int(when(group.when))) >= 1:
            ends.add(end)
        for part in group.parts:
            waiting += [item for item in part if isinstance(item, _Group)]
    return ends


def _text(root: _Group, step: int, when: When) -> str:
    letters: list[str] = []
    waiting: list[Iterator[str | _Group]] = [iter(root.chosen(step, when))]
    while waiting:
        item = next(waiting[-1], None)
        if item is None:
            waiting.pop()
        elif isinstance(item, str):
            letters.append(item)
        else:
            waiting.append(iter(item.chosen(step, when)))
    return "".join(letters)
