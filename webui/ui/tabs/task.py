"""What the tabs that make pictures have in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webui.ui.controls import Controls
from webui.ui.several import Several


@dataclass(frozen=True)
class TaskTab:
    """pictures: the hidden boxes with the names of stored pictures, as `form.read` knows them."""

    controls: Controls
    generate: Any
    note: Any
    pictures: Mapping[str, Any]
    several: Several | None = None
