"""What the user sees of an installer at work: one line that changes on a terminal, a few plain lines elsewhere."""

import re
import time
from typing import TextIO

_SHOWN = re.compile(r"\s*(Collecting|Downloading|Installing|Using cached)\s+(\S+)(?:.*?\(([\d.]+ [kMG]B)\))?")
_RAW = re.compile(r"Progress (\d+) of (\d+)")
_WIDTH = 79


class Progress:
    """Is given pip's lines as they come."""

    def __init__(self, title: str, stream: TextIO) -> None:
        self._title = title
        self._stream = stream
        self._live = stream.isatty()
        self._start = time.monotonic()
        self._subject = ""
        self._drawn = 0.0
        if not self._live:
            self._write(f"{title}...\n")

    def feed(self, line: str) -> None:
        raw = _RAW.match(line)
        shown = _SHOWN.match(line)
        if raw is not None:
            self._draw(f"{self._subject} {_megabytes(raw[1])} of {_megabytes(raw[2])} MB", often=True)
        elif shown is not None:
            name = shown[2].rsplit("/", 1)[-1]
            self._subject = f"{shown[1].lower()} {name.split('-')[0]}" + (f" ({shown[3]})" if shown[3] else "")
            self._draw(self._subject)

    def done(self) -> None:
        if self._live:
            self._write("\r" + " " * _WIDTH + "\r")
        self._write(f"{self._title}: done in {time.monotonic() - self._start:.0f} s\n")

    def failed(self) -> None:
        if self._live:
            self._write("\n")

    def _draw(self, text: str, often: bool = False) -> None:
        now = time.monotonic()
        if not self._live or (often and now - self._drawn < 0.2):
            return
        self._drawn = now
        self._write("\r" + f"{self._title}: {text}"[:_WIDTH].ljust(_WIDTH))

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _megabytes(count: str) -> str:
    return f"{int(count) / 1e6:.0f}"
