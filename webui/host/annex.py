"""The annex: `python -m webui.host.annex`, a process beside the web process that add-ons may break.

Here they are tried before the web process loads any of them, and here their `prepare` and `saved` hooks run. It
speaks over stdin and stdout, and says whose code runs: so its end is that add-on's doing.
"""

import faulthandler
import logging
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from pipelines.recipe import Recipe
from pipelines.recipe_json import from_json, to_json
from webui.addons.found import Found
from webui.addons.loading import Broken, Trouble, load, offer, open_package, told
from webui.addons.watching import watch
from webui.channel import Channel, private_stdout
from webui.engines.messages import Inside
from webui.extension import Context, Registry
from webui.host.messages import Begin, Leave, Prepare, Prepared, Ready, Tell, Told

log = logging.getLogger(__name__)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    faulthandler.enable()
    channel = Channel(sys.stdin.buffer, private_stdout())
    begin = channel.receive()
    if not isinstance(begin, Begin):
        raise TypeError(f"Expected a Begin, got {type(begin).__name__}.")
    asked: queue.SimpleQueue[object] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(channel, asked), name="reader", daemon=True).start()
    _Annex(channel, begin).serve(asked)


def _read(channel: Channel, asked: "queue.SimpleQueue[object]") -> None:
    """Until the web process closes the pipe or is gone: then this program ends at once."""
    try:
        while not isinstance(message := channel.receive(), Leave):
            asked.put(message)
    finally:
        os._exit(0)


class _Annex:
    def __init__(self, channel: Channel, begin: Begin) -> None:
        self._channel = channel
        self._loaded: dict[str, tuple[Found, Registry]] = {}
        open_package(begin.extensions)
        watch(channel.send)
        for found in begin.addons:
            channel.send(Inside(found.name, begin.patience))
            try:
                extension, registry = load(found, Context(found.name, found.folder, begin.data / found.name))
                channel.send(offer(found, extension, registry))
                self._loaded[found.name] = found, registry
            except Broken as error:
                log.error("%s: %s\n%s", found.name, error, error.trouble.details)
                channel.send(error.trouble)
            channel.send(Inside(""))
        channel.send(Ready())

    def serve(self, asked: "queue.SimpleQueue[object]") -> None:
        while True:
            match asked.get():
                case Prepare(recipe=recipe, addons=addons):
                    self._channel.send(Prepared(self._prepared(recipe, addons)))
                case Tell(saved=saved, addons=addons):
                    for name in addons:
                        _, registry = self._loaded[name]
                        for listener in registry.listeners:
                            self._called(name, "saved", lambda listener=listener: listener(saved))
                    self._channel.send(Told())
                case other:
                    log.error("Unexpected: %r", other)

    def _prepared(self, recipe: Recipe, addons: Sequence[str]) -> tuple[Recipe, ...]:
        recipes = (recipe,)
        for name in addons:
            for hook in self._loaded[name][1].prepares:
                made: list[Recipe] = []
                for one in recipes:
                    answer = self._called(name, "prepare", lambda hook=hook, one=one: _recipes(hook(one)))
                    if answer is None:
                        return ()
                    made += answer
                recipes = tuple(made)
        return recipes

    def _called(self, name: str, hook: str, call: Callable[[], Any]) -> Any:
        """What the hook returns; None when it raised, which is told."""
        self._channel.send(Inside(name, self._loaded[name][0].patience))
        try:
            return call()
        except BaseException as error:
            details = traceback.format_exc()
            log.error("%s: %s", name, details)
            self._channel.send(Trouble(name, "failure", told(hook, error), details))
            return None
        finally:
            self._channel.send(Inside(""))


def _recipes(answer: object) -> tuple[Recipe, ...]:
    """Raises TypeError for what is neither a recipe nor recipes."""
    recipes = (answer,) if isinstance(answer, Recipe) else tuple(answer) if isinstance(answer, list | tuple) else ()
    if not recipes or not all(isinstance(one, Recipe) for one in recipes):
        raise TypeError(f"it returned {type(answer).__name__} where a Recipe, or several, were asked for")
    return tuple(from_json(to_json(one)) for one in recipes)  # plain values only: they go to another process


if __name__ == "__main__":
    main()
