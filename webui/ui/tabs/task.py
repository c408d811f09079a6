"""What the tabs that make pictures have in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webui.ui.controls import Controls


@dataclass(frozen=True)
class TaskTab:
    """pictures: the hidden boxes with the names of stored pictures, as `form.read` knows them."""

    controls: Controls
    generate: Any
    note: Any
    pictures: Mapping[str, Any]
