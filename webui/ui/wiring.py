"""What happens on the server when a control is used: jobs are queued and forms are filled, nothing else."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from time import time_ns
from typing import Any, cast

import gradio as gr

from pipelines.catalogue import Catalogue
from pipelines.recipe import Recipe, RecipeError, Task
from pipelines.recipe_json import from_json
from webui.jobs.series import recipes
from webui.jobs.service import JobService, QueueFull
from webui.settings import Settings
from webui.store import styles
from webui.store.images import BadPicture, ImageStore
from webui.store.styles import FILE
from webui.ui import form, styling
from webui.ui.controls import PREFIX, QUIET, Controls
from webui.ui.drawers import Drawer
from webui.ui.offers import offers, spelled
from webui.ui.several import Several, here

Queue = Callable[[Mapping[str, str]], JobService]


@dataclass(frozen=True)
class Forms:
    """The forms of the three tasks and the model picker above them.

    queue   -- the queue of the one who asks, by their cookies
    applied -- state of a visit: what the chosen model has proposed for the controls
    """

    service: JobService
    queue: Queue
    settings: Settings
    checkpoint: Any
    applied: Any
    tasks: Mapping[Task, Controls]

    @property
    def styles(self) -> Path:
        """The file of saved styles."""
        return self.settings.root / FILE

    @property
    def catalogue(self) -> Catalogue | None:
        return self.service.status.catalogue

    def generate(self, task: Task, button: Any, note: Any, pictures: Mapping[str, Any]) -> None:
        """Bind a Generate button: it queues a job and leaves its id, or a sentence, in `note`."""
        part = self.tasks[task]

        def submit(request: gr.Request, carried: str, **values: object) -> str:
            try:
                recipe = self._asked(task, carried, values)
                return queued(self.queue(request.cookies).submit(recipe).id)
            except RecipeError as error:
                return refused(_control(part, error.field), str(error))
            except QueueFull as error:
                return refused("", str(error))

        named = {**part.fields, "checkpoint": self.checkpoint, **pictures, "carried": part.carried}
        button.click(submit, None, note, inputs_kwargs=named, trigger_mode="multiple", **QUIET)

    def several(self, task: Task, note: Any, pictures: Mapping[str, Any], panel: Several, store: ImageStore) -> None:
        """Bind the button that draws a folder: a job for each picture, and a sentence in `note`."""
        part = self.tasks[task]

        def submit(request: gr.Request, folder: str, reuse: list[str], carried: str, **values: object) -> str:
            if not here(request):
                return refused("", "A folder can be named at the machine itself only, not from elsewhere.")
            if not (folder or "").strip():
                return refused(str(panel.folder.elem_id), "Name a folder first.")
            jobs: list[str] = []
            try:
                template = self._asked(task, carried, {**values, "source.image": "folder"})
                made = recipes(template, Path(folder.strip()).expanduser(), store, self.catalogue, reuse or ())
                spoilt: list[str] = []
                for recipe in made:
                    if isinstance(recipe, BadPicture):
                        spoilt.append(str(recipe))
                    else:
                        jobs.append(self.queue(request.cookies).submit(recipe).id)
            except RecipeError as error:
                return refused(_control(part, error.field), str(error))
            except QueueFull as error:
                return refused("", f"{len(jobs)} pictures wait. {error}")
            return taken(jobs, spoilt)

        named = {**part.fields, "checkpoint": self.checkpoint, **pictures, "carried": part.carried}
        named |= {"folder": panel.folder, "reuse": panel.reuse}
        panel.button.click(submit, None, note, inputs_kwargs=named, trigger_mode="once", **QUIET)

    def _asked(self, task: Task, carried: str, values: Mapping[str, object]) -> Recipe:
        """The recipe of a filled form, chosen styles in its prompts. Raises RecipeError."""
        fields = {**_carried(carried), **values}
        names = fields.pop(styling.CONTROL, [])
        return styling.styled(form.read(task, fields), names, self.styles)

    def titles(self) -> None:
        """Keep the accordions' titles true to what is in them."""
        for part in self.tasks.values():
            for drawer in part.drawers:

                def retitle(*held: object, drawer: Drawer = drawer) -> Any:
                    return drawer.update(dict(zip(drawer.names, held, strict=True)))

                watched = [part.fields[name] for name in drawer.names]
                gr.on([item.input for item in watched], retitle, watched, drawer.part, **QUIET)

    def edit_styles(self) -> None:
        """Bind what saves and deletes styles."""
        choices = [part.fields[styling.CONTROL] for part in self.tasks.values() if part.styling]

        def save(name: str, prompt: str, negative: str) -> list[Any]:
            told = styling.saved(self.styles, name or "", prompt or "", negative or "")
            gr.Info(told, duration=4)
            return [gr.update(choices=self._style_names()) for _ in choices]

        def remove(names: list[str]) -> list[Any]:
            gr.Info(styling.removed(self.styles, names), duration=4)
            return [gr.update(choices=self._style_names(), value=[]) for _ in choices]

        for part in self.tasks.values():
            editor = part.styling
            if editor is None:
                continue
            words = [editor.name, part.fields["prompt"], part.fields["negative"]]
            editor.save.click(save, words, choices, **QUIET)
            editor.remove.click(remove, part.fields[styling.CONTROL], choices, **QUIET)

    def _style_names(self) -> list[str]:
        return [style.name for style in styles.read(self.styles)]

    def remember(self) -> None:
        """Keep the chosen model for the next start."""

        def keep(checkpoint: str) -> None:
            self.settings.save(checkpoint=checkpoint)

        self.checkpoint.input(keep, self.checkpoint, None, **QUIET)

    def refresh(self, event: Callable[..., Any]) -> Any:
        """Bind an event (page opened, engine ready, model chosen) that fits the forms to the model; returns it."""

        def fitted(checkpoint: str | None, applied: dict[str, object], **values: object) -> dict[Any, Any]:
            catalogue = self.catalogue
            if catalogue is None:
                return {self.checkpoint: gr.skip()}
            names = [entry.name for entry in catalogue.usable()]
            first = catalogue.checkpoint("")
            wished = (checkpoint, self.settings.checkpoint, first.name if first else None)
            chosen = next((name for name in wished if name in names), None)
            proposed: dict[str, object] = {**catalogue.defaults(chosen)} if chosen else {}
            updates: dict[Any, Any] = {
                self.checkpoint: gr.update(choices=names, value=chosen),
                self.applied: proposed,
            }
            for task, part in self.tasks.items():
                held = {name: values[f"{PREFIX[task]}_{name}"] for name in _looked_at(part)}
                updates |= self._set(
                    task, held, form.fit(held, _suited(task, applied), _suited(task, proposed)), catalogue
                )
            return updates

        named: dict[str, Any] = {"checkpoint": self.checkpoint, "applied": self.applied}
        outputs: list[Any] = [self.checkpoint, self.applied]
        for task, part in self.tasks.items():
            named |= {f"{PREFIX[task]}_{name}": part.fields[name] for name in _looked_at(part)}
            outputs += [drawer.part for drawer in part.drawers]
            outputs += [
                item for name, item in part.fields.items() if name in (*form.FITTED, *offers(None), styling.CONTROL)
            ]
        # One after another: of two that cross, the later one tells what the forms are to show.
        in_turn: dict[str, Any] = {**QUIET, "concurrency_limit": 1, "concurrency_id": "fit"}
        return event(fitted, None, outputs, inputs_kwargs=named, **in_turn)

    def fill(self, bridge: Any) -> None:
        """Bind the hidden box in which the live client leaves a recipe to be shown in a form.

        What it leaves: {"form": "txt2img", "recipe": {…}}, or without a recipe to forget what is carried.
        """

        def filled(text: str) -> dict[Any, Any]:
            try:
                wish = json.loads(text)
                task: Task = next(task for task, prefix in PREFIX.items() if prefix == wish["form"])
                recipe = from_json(wish["recipe"]) if "recipe" in wish else None
            except (ValueError, KeyError, TypeError, StopIteration):
                return {bridge: gr.skip()}
            return self._kept(task, {}) if recipe is None else self._shown(task, recipe)

        bridge.change(filled, bridge, [self.checkpoint, self.applied, bridge, *self._everything()], **QUIET)

    def restore(self, ready: Any, box: Any) -> None:
        """Bind what follows once the forms are fitted to the model at the start of a visit.

        box -- hidden; the live client leaves in it what the controls held at the last visit,
        {"txt2img": {"steps": 20, …}}, and it is emptied once that is done
        """

        def restored(text: str) -> dict[Any, Any]:
            updates: dict[Any, Any] = {box: ""}
            try:
                held = json.loads(text) if text else {}
                for task, part in self.tasks.items():
                    if values := held.get(PREFIX[task]):
                        updates |= self._restored(task, part, values)
            except (ValueError, KeyError, TypeError, AttributeError):
                # Kept by another version, or damaged: the visit starts afresh.
                return {box: ""}
            return updates

        ready.then(restored, box, [box, *self._everything()], **QUIET)

    def _everything(self) -> list[Any]:
        items: list[Any] = []
        for part in self.tasks.values():
            items += [part.carried, part.carried_note, *(drawer.part for drawer in part.drawers)]
            items += part.fields.values()
        return items

    def _shown(self, task: Task, recipe: Recipe) -> dict[Any, Any]:
        """Updates after which a form asks for the recipe."""
        if task == "text":
            recipe = replace(recipe, source=None)
        if task != "finish" and recipe.finish is not None and recipe.finish.only:
            recipe = replace(recipe, finish=None)
        names = tuple(self.tasks[task].fields)
        recipe, chosen = styling.plain(recipe, self.styles)
        values = spelled(form.show(recipe, (*names, "checkpoint")), self.catalogue)
        values[styling.CONTROL] = chosen
        updates = self._set(task, values, values, self.catalogue)
        updates |= self._kept(task, form.carried(recipe, names))
        if "checkpoint" in values:
            updates[self.checkpoint] = values["checkpoint"]
            if self.catalogue is not None:
                updates[self.applied] = {**self.catalogue.defaults(str(values["checkpoint"]))}
        return updates

    def _restored(self, task: Task, part: Controls, values: Mapping[str, object]) -> dict[Any, Any]:
        known = {name: value for name, value in values.items() if name in part.fields}
        names = known.pop(styling.CONTROL, [])
        # Only what makes a recipe is taken back.
        form.read(task, {**known, "source.image": "?", "source.mask.image": "?"})
        here = self._style_names()
        known[styling.CONTROL] = [name for name in names if name in here] if isinstance(names, list) else []
        changed = spelled(known, self.catalogue)
        carried = _carried(str(values.get("carried", "")))
        return {**self._set(task, changed, changed, self.catalogue), **self._kept(task, carried)}

    def keep(self) -> None:
        """Have the browser keep what the controls hold: closed accordions are not in the page, only here."""
        for task, part in self.tasks.items():
            items = {**part.fields, "carried": part.carried}
            names = json.dumps(list(items))
            script = f"(...held) => {{ window.snowfox.keep({json.dumps(PREFIX[task])}, {names}, held); }}"
            gr.on([item.change for item in items.values()], None, list(items.values()), None, js=script, **QUIET)

    def _kept(self, task: Task, carried: Mapping[str, object]) -> dict[Any, Any]:
        part = self.tasks[task]
        return {part.carried: json.dumps(carried), part.carried_note: carrying(form.told(carried))}

    def _set(
        self, task: Task, held: Mapping[str, object], changed: Mapping[str, object], catalogue: Catalogue | None
    ) -> dict[Any, Any]:
        """Updates of a task's controls to `changed`, with its choices and titles."""
        part = self.tasks[task]
        updates: dict[Any, Any] = {
            part.fields[name]: gr.update(value=value) for name, value in changed.items() if name in part.fields
        }
        for name, offered in offers(catalogue).items():
            if name in part.fields:
                value: dict[str, Any] = {"value": changed[name]} if name in changed else {}
                updates[part.fields[name]] = gr.update(choices=list(offered), **value)
        chosen: dict[str, Any] = {"value": changed[styling.CONTROL]} if styling.CONTROL in changed else {}
        if styling.CONTROL in part.fields:
            updates[part.fields[styling.CONTROL]] = gr.update(choices=self._style_names(), **chosen)
        now = {**held, **changed}
        # What was held may be old by now: a title is told anew only with what it tells of.
        told = (drawer for drawer in part.drawers if changed.keys() & set(drawer.names))
        return updates | {drawer.part: drawer.update(now) for drawer in told}


def queued(job: str) -> str:
    """Where the live client finds the id of the job that was just queued."""
    return f'<span data-sf="answer" data-job="{escape(job)}"></span>'


def taken(jobs: Sequence[str], spoilt: Sequence[str]) -> str:
    """How many pictures of a folder were queued, and what could not be."""
    words = " ".join([f"{len(jobs)} pictures of the folder wait in the queue.", *spoilt[:5]])
    icon = '<i class="sf-i sf-i-info" aria-hidden="true"></i>'
    return f'{queued(jobs[0]) if jobs else ""}<p class="sf-note" role="status">{icon}<span>{escape(words)}</span></p>'


def refused(control: str, sentence: str) -> str:
    """A red note beside the form; everything typed stays where it is. control: id of the element at fault."""
    return (
        f'<p class="sf-note sf-bad" role="alert" data-sf="answer" data-field="{escape(control)}" data-n="{time_ns()}">'
        f'<i class="sf-i sf-i-warn" aria-hidden="true"></i><span>{escape(sentence)}</span></p>'
    )


def carrying(told: str) -> str:
    """A note on what the next pictures are made with that no control shows, with the way to drop it."""
    if not told:
        return ""
    return (
        '<p class="sf-note"><i class="sf-i sf-i-info" aria-hidden="true"></i>'
        f"<span>From the pasted settings: {escape(told)}.</span>"
        '<button type="button" class="sf-mini-btn" data-do="forget" title="Make pictures without it">Remove</button>'
        "</p>"
    )


def _carried(text: str) -> dict[str, object]:
    try:
        held = json.loads(text or "{}")
    except ValueError:
        return {}
    return cast("dict[str, object]", held) if isinstance(held, dict) else {}


def _suited(task: Task, proposed: Mapping[str, object]) -> Mapping[str, object]:
    """What a model proposes for a task: pictures made from others are not finished unasked."""
    if task == "text":
        return proposed
    return {name: value for name, value in proposed.items() if not name.startswith("finish.")}


def _control(part: Controls, field: str) -> str:
    """The element id of the control for a field, "" where there is none."""
    for name, item in part.fields.items():
        if field in (name, name.rpartition(".")[2]):
            return str(item.elem_id)
    return ""


def _looked_at(part: Controls) -> tuple[str, ...]:
    """The controls whose values decide what a new model changes, and what the titles say."""
    watched = (name for drawer in part.drawers for name in drawer.names)
    return tuple(name for name in dict.fromkeys((*form.FITTED, *watched)) if name in part.fields)
