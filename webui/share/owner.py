"""Owner: sharing as the page, the API and the command line ask for it."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import segno

from webui.api.problems import Refused
from webui.outward import fetch
from webui.settings import Settings
from webui.share.provider import Provider, ShareError, command, ssh
from webui.share.relay import gradio
from webui.share.session import USUAL_HOURS, Share, ShareState


@dataclass(frozen=True)
class Told(ShareState):
    """How things stand, and by what ways sharing may begin."""

    providers: tuple[str, ...] = ()


class Sharing:
    """Only ways that were named at the start are open: a way is a program that is run."""

    def __init__(self, share: Share, providers: Iterable[Provider], offline: bool = False) -> None:
        self._share = share
        self._providers = {provider.name: provider for provider in providers}
        self._offline = offline

    def told(self) -> Told:
        return Told(**self._share.state.__dict__, providers=tuple(self._providers))

    def begin(self, provider: str = "", hours: float = USUAL_HOURS, phrase: str = "") -> None:
        """provider: "" takes the first. Returns when the link works; raises Refused."""
        if self._offline:
            raise Refused("Snowfox was started with --offline. Start it without, to share.")
        chosen = self._providers.get(provider or next(iter(self._providers), ""))
        if chosen is None:
            raise Refused(f"There is no way to share called '{provider}'. Name it with --share at the start.")
        try:
            self._share.start(chosen, hours, phrase)
        except ShareError as error:
            raise Refused(str(error)) from error

    def stop(self) -> None:
        self._share.stop()

    def kick(self, number: int) -> bool:
        return self._share.kick(number)

    def picture(self) -> bytes:
        link = self._share.state.link
        if not link:
            return b""
        drawn = io.BytesIO()
        segno.make(link, error="m", micro=False).save(drawn, kind="svg", scale=4, border=2, xmldecl=False)
        return drawn.getvalue()


def providers(settings: Settings) -> list[Provider]:
    """The ways that the settings name, that of --share first. Raises SettingsError for one that is none."""
    names = dict.fromkeys(filter(None, (settings.share, *settings.share_ways)))
    return [_provider(name, settings.cache / "relay") for name in names]


def _provider(name: str, folder: Path) -> Provider:
    if name == "gradio":
        return gradio(folder, fetch)
    return command(name) if name.startswith("command:") else ssh(name)
