"""Tabs of add-ons: built apart from the page and then put into it, so that a broken one is a sentence in its tab."""

import functools
import logging
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from inspect import iscoroutinefunction, isgeneratorfunction
from typing import Any, cast

import gradio as gr
from gradio.context import Context as Building

from webui.addons.loading import Trouble, told
from webui.addons.watching import Deed
from webui.extension import ConfigError
from webui.host.host import Tab
from webui.ui.markup import place

log = logging.getLogger(__name__)

Hear = Callable[[Trouble | Deed], None]


@dataclass(frozen=True)
class Part:
    """A tab's content; blocks is None where it could not be made, and `problem` says why."""

    tab: Tab
    blocks: gr.Blocks | None
    problem: str = ""


def build(tab: Tab, patience: float, hear: Hear) -> Part:
    """To be called before the page's own Blocks are begun. Never raises for what the add-on does."""
    made: list[gr.Blocks] = []
    wrong: list[Trouble] = []

    def work() -> None:
        try:
            with gr.Blocks() as part:
                tab.build(tab.context)
            _fence(part, tab, hear)
            made.append(part)
        except ConfigError as error:
            wrong.append(Trouble(tab.addon, "config error", str(error)))
        except BaseException as error:
            wrong.append(Trouble(tab.addon, "load error", told("its tab", error), traceback.format_exc()))

    thread = threading.Thread(target=work, name=f"tab of {tab.addon}", daemon=True)
    thread.start()
    thread.join(patience)
    Building.root_block = Building.block = None  # what a part that was not finished would leave behind
    if made:
        return Part(tab, made[0])
    late = Trouble(tab.addon, "load error", f"Its tab was not built after {patience:g} s.", grave=True)
    trouble = wrong[0] if wrong else late
    hear(trouble)
    return Part(tab, None, trouble.message)


def show(part: Part) -> None:
    """Put a part into the open tab."""
    place(f'<h1 class="sf-sr">{escape(part.tab.title)}</h1>')
    if part.blocks is not None:
        part.blocks.render()
        return
    place(
        '<section class="sf-card sf-empty"><i class="sf-i sf-i-puzzle" aria-hidden="true"></i>'
        f"<h2>{escape(part.tab.title)} cannot be shown</h2><p>{escape(part.problem)} "
        "The Extensions tab tells more.</p></section>"
    )


def _fence(part: gr.Blocks, tab: Tab, hear: Hear) -> None:
    """What an event's function raises, SystemExit too, is shown as a message that names the add-on."""
    for event in part.fns.values():
        event.api_visibility = "private"
        if event.fn is None:
            continue
        if iscoroutinefunction(event.fn):
            raise ConfigError(f"{event.name} has to be a plain function: an async one can stop the page.")
        event.fn = _fenced(cast("Callable[..., Any]", event.fn), tab, hear)


def _fenced(function: Callable[..., Any], tab: Tab, hear: Hear) -> Callable[..., Any]:
    def failed(error: BaseException) -> gr.Error:
        log.error("The tab of %s failed.", tab.addon, exc_info=error)
        return gr.Error(f"The add-on '{tab.addon}' failed. {told(function.__name__, error)}")

    if isgeneratorfunction(function):

        @functools.wraps(function)
        def generating(*values: Any, **named: Any) -> Any:
            try:
                yield from function(*values, **named)
            except (gr.Error, GeneratorExit):
                raise
            except BaseException as error:
                raise failed(error) from error

        return generating

    @functools.wraps(function)
    def plain(*values: Any, **named: Any) -> Any:
        try:
            return function(*values, **named)
        except gr.Error:
            raise
        except BaseException as error:
            raise failed(error) from error

    return plain
