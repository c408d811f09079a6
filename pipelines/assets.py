"""Assets: what lies beside the checkpoints in the models folder — LoRA and the like — told by headers alone."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines import header
from pipelines.catalogue import AssetEntry, AssetKind
from pipelines.header import HeaderError, Version

FOLDERS: dict[AssetKind, tuple[str, ...]] = {"lora": ("loras", "lora", "lycoris")}
"""Names of folders in the models folder, in whatever case; other programs call theirs so."""
