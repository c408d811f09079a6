"""Saved styles: put around prompts, and found in them again."""

from pathlib import Path

import pytest

from webui.store import styles
from webui.store.styles import Style

INK = Style("ink", "ink drawing, fine lines", "colour")
FRAME = Style("frame", "a photo of {prompt}, framed", "")
NOT_BLURRED = Style("sharp", "", "blurry, {prompt}")
ALL = (INK, FRAME, NOT_BLURRED, Style("empty"))


@pytest.mark.parametrize("chosen", [(), (INK,), (FRAME,), (NOT_BLURRED,), (INK, FRAME), (FRAME, NOT_BLURRED, INK)])
def test_what_was_put_on_is_found_and_taken_off(chosen: tuple[Style, ...]) -> None:
    prompt, negative = styles.applied("a fox", "text", chosen)
    names, plain, without = styles.extracted(prompt, negative, ALL)
    assert (plain, without) == ("a fox", "text")
    assert sorted(names) == sorted(style.name for style in chosen)
    again = styles.applied(plain, without, [next(style for style in ALL if style.name == name) for name in names])
    assert again == (prompt, negative)


def test_both_prompts_have_to_hold_it() -> None:
    assert styles.extracted("a fox, ink drawing, fine lines", "text", [INK]) == (
        (),
        "a fox, ink drawing, fine lines",
        "text",
    )


def test_a_file_is_written_and_read(tmp_path: Path) -> None:
    file = tmp_path / "styles.csv"
    odd = Style('with "quotes", commas', "line one\nline two", "雪")
    styles.write(file, [INK, odd])
    assert styles.read(file) == (INK, odd)
    assert file.read_bytes().startswith(b"\xef\xbb\xbfname,prompt,negative_prompt\n")
    styles.write(file, [])
    assert styles.read(file) == ()
