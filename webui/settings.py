"""Settings: typed, merged from defaults < settings.yaml < environment < flags."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, cast

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from platformdirs import user_data_path
from yaml import YAMLError

from pipelines import atomic

Theme = Literal["system", "dark", "light"]
PictureFormat = Literal["png", "jpeg", "webp", "avif"]

FILE = "settings.yaml"
EDITABLE = ("theme", "previews", "checkpoint", "picture_format", "picture_quality", "text_beside")
"""What the page may change. Anything that opens the program to others can only be set at start."""


class SettingsError(ValueError):
    """A setting that cannot be used; the text is a sentence for the user."""


@dataclass
class Settings:
    """root: the folder that holds models, extensions, outputs and settings.yaml.

    disable_extensions -- "all", or names with commas between: add-ons that stay off in this start
    share      -- the way to share at the start, as webui/share/provider.py describes it; "" shares nothing
    share_ways -- the ways that the page offers
    api_auth           -- "name:password", or several with commas; then everything asks for one of them
    webhooks           -- the beginnings of addresses that may be told when a job is over
    webhook_secret     -- the key that such messages are signed with
    cors_allow_origins -- addresses of web pages, with commas, that may use the API from a browser
    picture_quality    -- 1 .. 100, for all but PNG
    text_beside        -- a .txt with the parameters beside each picture
    """

    root: Path = Path()
    host: str = "127.0.0.1"
    port: int = 7860
    browser: bool = True
    engine: str = "process"
    device: str = ""
    dtype: str = ""
    offline: bool = False
    queue_limit: int = 200
    share: str = ""
    share_ways: list[str] = field(default_factory=lambda: ["gradio"])
    api_auth: str = ""
    cors_allow_origins: str = ""
    webhooks: list[str] = field(default_factory=list[str])
    webhook_secret: str = ""
    theme: Theme = "system"
    previews: bool = True
    checkpoint: str = ""
    safe_mode: bool = False
    disable_extensions: str = ""
    picture_format: PictureFormat = "png"
    picture_quality: int = 90
    text_beside: bool = False

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def extensions(self) -> Path:
        return self.root / "extensions"

    @property
    def outputs(self) -> Path:
        return self.root / "outputs"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def jobs(self) -> Path:
        return self.root / "jobs"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def save(self, **changes: Any) -> None:
        """Change settings that the page may change, and keep them in settings.yaml.

        Raises SettingsError for an unknown name or a value of the wrong kind; then nothing is changed.
        """
        for name in changes:
            if name not in EDITABLE:
                raise SettingsError(f"'{name}' cannot be changed from the page.")
        checked = _merge({}, changes)
        path = self.root / FILE
        kept = _read(path)
        kept.update(changes)
        atomic.write(path, OmegaConf.to_yaml(OmegaConf.create(kept)).encode(), generations=2)
        for name in changes:
            setattr(self, name, getattr(checked, name))


def default_root() -> Path:
    """The checkout when the program runs from one, else the user's data folder."""
    checkout = Path(__file__).resolve().parent.parent
    return checkout if (checkout / "models").is_dir() else user_data_path("snowfox", appauthor=False)


def load(root: Path | None = None, flags: Mapping[str, Any] | None = None) -> Settings:
    """The settings of `root`. flags: what the command line gave; None values are left out.

    Raises SettingsError when settings.yaml or an environment variable (SNOWFOX_PORT=…) cannot be used.
    """
    folder = (root or default_root()).expanduser().resolve()
    environment = {
        item.name: os.environ[f"SNOWFOX_{item.name.upper()}"]
        for item in fields(Settings)
        if f"SNOWFOX_{item.name.upper()}" in os.environ and item.name != "root"
    }
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    return _merge(_read(folder / FILE), environment, given, {"root": folder})


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        value = OmegaConf.to_container(OmegaConf.load(path))
    except (YAMLError, OSError, OmegaConfBaseException) as error:
        raise SettingsError(f"{path} cannot be read: {error}. Mend it, or delete it to start afresh.") from error
    if not isinstance(value, dict):
        raise SettingsError(f"{path} does not hold settings. Mend it, or delete it to start afresh.")
    return cast("dict[str, Any]", value)


def _merge(*parts: Mapping[str, Any]) -> Settings:
    try:
        merged = OmegaConf.merge(OmegaConf.structured(Settings), *(dict(part) for part in parts))
        return cast(Settings, OmegaConf.to_object(merged))
    except OmegaConfBaseException as error:
        name = error.full_key or "?"
        raise SettingsError(f"The setting '{name}' cannot be used: {str(error).splitlines()[0]}.") from error
