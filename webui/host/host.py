"""Host: the add-ons of one installation, from what lies on the disk to what takes part in a job."""

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pipelines.catalogue import Catalogue
from pipelines.recipe import Recipe, RecipeError
from pipelines.recipe_json import from_json, to_json
from webui.addons import belt
from webui.addons.found import Found, find
from webui.addons.loading import Broken, Loaded, Offer, Trouble, load, open_package
from webui.addons.panel import Panel
from webui.addons.watching import Deed, watch
from webui.extension import SNOWFOX, Build, Context, Registry, Saved
from webui.host.messages import Begin
from webui.host.neighbour import Lost, Neighbour
from webui.host.record import FAILED_STARTS, Record, Records, Start, Starts
from webui.settings import Settings

if TYPE_CHECKING:
    from fastapi import APIRouter

log = logging.getLogger(__name__)

State = Literal["enabled", "disabled", "incompatible", "load error", "config error", "failed", "needs restart"]

MOST_RECIPES = 200
"""As many jobs as one press of Generate may become by add-ons."""

_SORRY = "It is left out until the next start: generate again, or look at the Extensions tab."


@dataclass(frozen=True)
class Tab:
    """A tab of an add-on; `build(context)` makes its components."""

    addon: str
    title: str
    build: Build
    context: Context


@dataclass(frozen=True)
class Contributions:
    """What add-ons bring to the page and the API."""

    panels: tuple[Panel, ...] = ()
    tabs: tuple[Tab, ...] = ()
    routers: Mapping[str, tuple["APIRouter", ...]] = field(default_factory=dict[str, tuple["APIRouter", ...]])
    assets: tuple[tuple[str, Path], ...] = ()


NOTHING = Contributions()


@dataclass(frozen=True)
class Standing:
    """How an add-on stands. message, details: why it does not run; wanted: whether it is on at the next start."""

    found: Found
    state: State
    wanted: bool
    message: str = ""
    details: str = ""
    offer: Offer | None = None
    deeds: tuple[Deed, ...] = ()


class Host:
    """patience: seconds that loading one add-on may take."""

    def __init__(self, settings: Settings, patience: float = 20.0) -> None:
        self.settings = settings
        self.records = Records(settings.root)
        self.starts = Starts(settings.cache)
        self.safe = ""
        """Why no add-on is on: a sentence; "" when they are."""
        self.patience = patience
        self._lock = threading.Lock()
        self._found: dict[str, Found] = {}
        self._active: dict[str, Loaded] = {}
        self._tried: frozenset[str] = frozenset()
        self._troubles: dict[str, Trouble] = {}
        self._deeds: dict[str, list[Deed]] = {}
        self._annex: Neighbour | None = None
        self._listening: Neighbour | None = None
        self._pictures: queue.SimpleQueue[Saved | None] = queue.SimpleQueue()
        self._teller: threading.Thread | None = None
        self._submit: Callable[[Recipe], str] | None = None
        self._catalogue: Callable[[], Catalogue | None] = lambda: None

    def load(self, before: Start | None = None) -> None:
        """Find the add-ons and try those that are on. before: how the last starts went, where that counts."""
        self._found = {found.name: found for found in find(self.settings.extensions, SNOWFOX)}
        record = self._after(before or Start(), self.records.read())
        tried = tuple(found for found in self._found.values() if not found.problem and self._runs(found, record))
        self._tried = frozenset(found.name for found in tried)
        if not tried:
            return
        begin = Begin(self.settings.extensions, self.settings.extensions / ".data", tried, self.patience)
        self._annex = Neighbour(begin, self.settings.logs / "extensions.log", self.hear)
        try:
            offers = self._annex.load()
        except Lost as error:
            self.safe = str(error)
            return
        self._active = {offer.addon: Loaded(self._found[offer.addon], offer) for offer in offers}
        listeners = tuple(loaded.found for loaded in self._active.values() if loaded.offer.listens)
        if listeners:
            log_file = self.settings.logs / "extensions-saved.log"
            self._listening = Neighbour(replace(begin, addons=listeners), log_file, self.hear)
            self._teller = threading.Thread(target=self._tell, name="add-ons", daemon=True)
            self._teller.start()

    def join(self, submit: Callable[[Recipe], str], catalogue: Callable[[], Catalogue | None]) -> None:
        """What tabs and routes may ask of the program."""
        self._submit, self._catalogue = submit, catalogue

    def engaged(self) -> tuple[Loaded, ...]:
        """Those with something to do in the engine."""
        return tuple(loaded for loaded in self._active.values() if loaded.offer.in_the_engine)

    def contributions(self) -> Contributions:
        """Loads those with tabs or routes into this process. Never raises for what an add-on does."""
        pages = [one for one in self._active.values() if one.offer.on_the_page]
        if pages:
            open_package(self.settings.extensions)
            watch(self.hear)
            belt.fasten()
        tabs: list[Tab] = []
        routers: dict[str, tuple[APIRouter, ...]] = {}
        for loaded in pages:
            registry = self._loaded_here(loaded.found)
            if registry is not None:
                tabs += [Tab(loaded.found.name, title, build, registry.context) for title, build in registry.tabs]
                if registry.routers:
                    routers[loaded.found.name] = tuple(registry.routers)
        offers = [loaded.offer for loaded in self._active.values()]
        return Contributions(
            tuple(offer.panel for offer in offers if offer.panel is not None),
            tuple(tabs),
            routers,
            tuple((offer.addon, path) for offer in offers for path in offer.assets),
        )

    def prepare(self, recipe: Recipe) -> tuple[tuple[Recipe, ...], tuple[str, ...]]:
        """The recipes to queue in place of this one, and sentences on what could not be used. Raises RecipeError."""
        recipe, notes = self._checked(recipe)
        hooks = tuple(name for name, one in self._active.items() if one.offer.prepares and self._wanted(one, recipe))
        if not hooks or self._annex is None:
            return (recipe,), notes
        try:
            recipes = self._annex.prepare(recipe, hooks)
        except Lost as error:
            raise RecipeError("extras", str(error)) from error
        if not recipes:
            failed = next((name for name in hooks if name in self._troubles), hooks[0])
            trouble = self._troubles.get(failed)
            said = trouble.message if trouble else "Its process ended."
            raise RecipeError(f"extras.{failed}", f"The add-on '{self._title(failed)}' failed. {said} {_SORRY}")
        if len(recipes) > MOST_RECIPES:
            raise RecipeError("extras", f"Add-ons made {len(recipes)} jobs of this; {MOST_RECIPES} are the most.")
        return tuple(from_json(to_json(one)) for one in recipes), notes

    def saved(self, saved: Saved) -> None:
        """Tell those who listen, in a while."""
        if self._teller is not None:
            self._pictures.put(saved)

    def hear(self, message: Trouble | Deed) -> None:
        """What went wrong with an add-on, or what it was seen to do. From any thread."""
        with self._lock:
            if isinstance(message, Deed):
                held = self._deeds.setdefault(message.addon, [])
                if message not in held:
                    held.append(message)
                return
            if message.addon in self._troubles:
                return
            self._troubles[message.addon] = message
            self._active.pop(message.addon, None)
            if message.grave:
                try:
                    self.switch(message.addon, False)
                except OSError:
                    log.exception("The add-on %s could not be switched off.", message.addon)

    def standings(self) -> tuple[Standing, ...]:
        """Every add-on, as it is now on the disk and in this run."""
        record = self.records.read()
        found = {one.name: one for one in find(self.settings.extensions, SNOWFOX)}
        gone = [one for name, one in self._found.items() if name not in found and name in self._tried]
        return tuple(self._standing(one, record) for one in (*found.values(), *gone))

    def switch(self, name: str, on: bool) -> None:
        """From the next start on. Raises OSError."""
        self.records.write(self.records.read().switched(name, on))

    def close(self) -> None:
        if self._teller is not None:
            self._pictures.put(None)
            self._teller.join(3.0)
        for neighbour in (self._annex, self._listening):
            if neighbour is not None:
                neighbour.close()

    def _after(self, start: Start, record: Record) -> Record:
        """The record, and safe mode where the settings or failed starts ask for it."""
        if self.settings.safe_mode:
            self.safe = "Snowfox was started in safe mode."
        elif self.settings.disable_extensions == "all":
            self.safe = "Snowfox was started with --disable-extensions."
        elif start.inside and start.inside in self._found:
            message = "The last start ended while its code ran; it was switched off."
            self.hear(Trouble(start.inside, "load error", message, grave=True))
            return self.records.read()
        elif start.failed >= FAILED_STARTS:
            self.safe = f"The last {start.failed} starts did not come to the page, so this one goes without add-ons."
        return record

    def _runs(self, found: Found, record: Record) -> bool:
        if self.safe or found.name in [name.strip() for name in self.settings.disable_extensions.split(",")]:
            return False
        hunt = record.hunt
        if hunt is not None and not hunt.culprit and found.name in hunt.suspects:
            return found.name in hunt.trying
        return record.on.get(found.name, found.on)

    def _loaded_here(self, found: Found) -> Registry | None:
        """Load an add-on into this process, in a thread that is left behind when it does not come back."""
        result: list[Registry | Trouble] = []
        submit = self._submit or Context.submit
        context = Context(
            found.name, found.folder, self.settings.extensions / ".data" / found.name, submit, self._catalogue
        )

        def work() -> None:
            try:
                result.append(load(found, context)[1])
            except Broken as error:
                result.append(error.trouble)

        self.starts.enter(found.name)
        thread = threading.Thread(target=work, name=f"loading {found.name}", daemon=True)
        thread.start()
        thread.join(self.patience)
        self.starts.enter("")
        late = Trouble(found.name, "load error", f"It was not loaded after {self.patience:g} s.", grave=True)
        outcome = result[0] if result else late
        if isinstance(outcome, Trouble):
            self.hear(outcome)
            return None
        return outcome

    def _checked(self, recipe: Recipe) -> tuple[Recipe, tuple[str, ...]]:
        """Every panel's values as they have to be. Raises RecipeError."""
        extras: dict[str, Any] = dict(recipe.extras)
        notes: list[str] = []
        for name, value in recipe.extras.items():
            loaded = self._active.get(name)
            if loaded is None:
                notes.append(f"The add-on '{self._title(name)}' is not running; its settings are not used.")
            elif loaded.offer.panel is not None:
                if not isinstance(value, dict):
                    raise RecipeError(f"extras.{name}", f"The options of '{self._title(name)}' have to be an object.")
                extras[name] = loaded.offer.panel.checked(value)
        return replace(recipe, extras=extras), tuple(notes)

    def _wanted(self, loaded: Loaded, recipe: Recipe) -> bool:
        return loaded.offer.panel is None or loaded.found.name in recipe.extras

    def _title(self, name: str) -> str:
        return self._found[name].title if name in self._found else name

    def _tell(self) -> None:
        annex = self._listening
        while annex is not None and (saved := self._pictures.get()) is not None:
            listeners = [name for name, loaded in self._active.items() if loaded.offer.listens]
            try:
                for name in listeners:
                    annex.tell(saved, name)  # one by one: the end of one is not the end of all
            except Lost as error:
                log.warning("Add-ons are not told of pictures any more: %s", error)
                return

    def _standing(self, found: Found, record: Record) -> Standing:
        name = found.name
        wanted = record.on.get(name, found.on) and not found.problem
        deeds = tuple(self._deeds.get(name, ()))
        loaded, trouble = self._active.get(name), self._troubles.get(name)
        offer = loaded.offer if loaded else None
        if found.problem:
            return Standing(found, "incompatible", False, found.problem, deeds=deeds)
        if trouble is not None:
            state: State = "failed" if trouble.kind == "failure" else trouble.kind
            return Standing(found, state, wanted, trouble.message, trouble.details, offer, deeds)
        if self.safe:
            return Standing(found, "disabled", wanted, self.safe, deeds=deeds)
        if not found.folder.is_dir():
            return Standing(found, "needs restart", False, "It was removed.", offer=offer, deeds=deeds)
        if wanted != (loaded is not None) and record.hunt is None:
            what = "It starts with Snowfox's next start." if wanted else "It runs until Snowfox's next start."
            return Standing(found, "needs restart", wanted, what, offer=offer, deeds=deeds)
        return Standing(found, "enabled" if loaded else "disabled", wanted, offer=offer, deeds=deeds)
