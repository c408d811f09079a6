"""What other programs write into their pictures, brought into the form of the parameters text.

One file for each program, read after its own documented form. None of them raises, whatever the picture holds.
"""

import re
from collections.abc import Mapping

from webui.store.foreign import comfyui, fooocus, invokeai, novelai, swarmui
from webui.store.foreign.translation import Translation
from webui.store.infotext import Infotext

_WRITERS = ((r"Snowfox", "Snowfox"), (r"Fooocus", "Fooocus"), (r"f\d|neo", "Forge"), (r"v?\d", "AUTOMATIC1111"))
"""How the "Version" of a parameters text begins."""

_READERS = (swarmui.read, fooocus.read, invokeai.read, novelai.read, comfyui.read)


def translated(texts: Mapping[str, str]) -> Translation | None:
    """texts: what travels with a picture, by keyword. None: no other program's form was recognised."""
    for read in _READERS:
        try:
            found = read(texts)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError):
            # It looked like that program's form, but is something else or damaged.
            continue
        if found is not None:
            return found
    return None


def named(info: Infotext) -> str:
    """The program that wrote a parameters text, where the text says so; "" otherwise."""
    version = info.values.get("Version", "")
    if "SD.Next" in info.values.get("App", "") or "SD.Next" in version:
        return "SD.Next"
    return next((title for start, title in _WRITERS if re.match(start, version)), version.partition(" ")[0])
