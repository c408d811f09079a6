"""What happens on the server when a control is used: jobs are queued and forms are filled, nothing else."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from time import time_ns
from typing import Any

import gradio as gr

from pipelines.catalogue import Catalogue
from pipelines.recipe import RecipeError, Task
from pipelines.recipe_json import from_json
from webui.jobs.service import JobService, QueueFull
from webui.settings import Settings
from webui.ui import controls, form
from webui.ui.controls import PREFIX, QUIET, Controls


@dataclass(frozen=True)
class Forms:
    """The forms of the three tasks and the model picker above them.

    applied -- state of a visit: what the chosen model has proposed for the controls
    """

    service: JobService
    settings: Settings
    checkpoint: Any
    applied: Any
    tasks: Mapping[Task, Controls]

    @property
    def catalogue(self) -> Catalogue | None:
        return self.service.status.catalogue

    def generate(self, task: Task, button: Any, note: Any, pictures: Mapping[str, Any]) -> None:
        """Bind a Generate button: it queues a job and leaves its id, or a sentence, in `note`."""

        def submit(**values: object) -> str:
            try:
                return queued(self.service.submit(form.read(task, values)).id)
            except RecipeError as error:
                return refused(error.field, str(error))
            except QueueFull as error:
                return refused("", str(error))

        named = {**self.tasks[task].fields, "checkpoint": self.checkpoint, **pictures}
        button.click(submit, None, note, inputs_kwargs=named, trigger_mode="multiple", **QUIET)

    def remember(self) -> None:
        """Keep the chosen model for the next start."""

        def keep(checkpoint: str) -> None:
            self.settings.save(checkpoint=checkpoint)

        self.checkpoint.input(keep, self.checkpoint, None, **QUIET)

    def refresh(self, event: Callable[..., Any]) -> None:
        """Bind an event (page opened, engine ready, model chosen) that fits the forms to the model."""

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
            for task in self.tasks:
                held = {name: values[f"{PREFIX[task]}_{name}"] for name in (*form.FITTED, "batch")}
                updates |= self._set(task, held, form.fit(held, applied, proposed), catalogue)
            return updates

        named: dict[str, Any] = {"checkpoint": self.checkpoint, "applied": self.applied}
        for task, part in self.tasks.items():
            named |= {f"{PREFIX[task]}_{name}": part.fields[name] for name in (*form.FITTED, "batch")}
        event(fitted, None, self._outputs(), inputs_kwargs=named, **QUIET)

    def fill(self, bridge: Any) -> None:
        """Bind the hidden box in which the live client leaves a recipe to be shown in a form."""

        def filled(text: str) -> dict[Any, Any]:
            try:
                wish = json.loads(text)
                recipe = from_json(wish["recipe"])
                task: Task = next(task for task, prefix in PREFIX.items() if prefix == wish["form"])
            except (ValueError, KeyError, TypeError, StopIteration):
                return {bridge: gr.skip()}
            values = self._known(form.show(recipe))
            updates = self._set(task, values, values, self.catalogue)
            if "checkpoint" in values:
                updates[self.checkpoint] = values["checkpoint"]
                if self.catalogue is not None:
                    updates[self.applied] = {**self.catalogue.defaults(str(values["checkpoint"]))}
            return updates

        bridge.change(filled, bridge, [*self._outputs(every=True), bridge], **QUIET)

    def _known(self, values: Mapping[str, object]) -> dict[str, object]:
        """Without the names that this installation does not have."""
        catalogue = self.catalogue
        kept = dict(values)
        if catalogue is None:
            return {name: value for name, value in kept.items() if name not in ("checkpoint", "sampler", "schedule")}
        sampler, schedule = catalogue.sampler(str(kept["sampler"])), catalogue.schedule(str(kept["schedule"]))
        entry = catalogue.checkpoint(str(kept["checkpoint"]))
        found = {
            "sampler": sampler.name if sampler else None,
            "schedule": schedule,
            "checkpoint": entry.name if entry and not entry.problem else None,
        }
        for name, value in found.items():
            if value is None:
                del kept[name]
            else:
                kept[name] = value
        return kept

    def _set(
        self, task: Task, held: Mapping[str, object], changed: Mapping[str, object], catalogue: Catalogue | None
    ) -> dict[Any, Any]:
        """Updates of a task's controls to `changed`, with its choices and titles."""
        part = self.tasks[task]
        updates: dict[Any, Any] = {
            part.fields[name]: gr.update(value=value) for name, value in changed.items() if name in part.fields
        }
        for name, offered in zip(("sampler", "schedule"), controls.choices(catalogue), strict=True):
            value: dict[str, Any] = {"value": changed[name]} if name in changed else {}
            updates[part.fields[name]] = gr.update(choices=offered, **value)
        now = {**held, **changed}
        updates[part.sampler] = gr.update(label=controls.sampler_title(now))
        updates[part.memory] = gr.update(label=controls.memory_title(now))
        return updates

    def _outputs(self, every: bool = False) -> list[Any]:
        outputs: list[Any] = [self.checkpoint, self.applied]
        for part in self.tasks.values():
            outputs += [part.sampler, part.memory]
            outputs += [item for name, item in part.fields.items() if every or name in form.FITTED]
        return outputs


def queued(job: str) -> str:
    """Where the live client finds the id of the job that was just queued."""
    return f'<span data-sf="answer" data-job="{escape(job)}"></span>'


def refused(field: str, sentence: str) -> str:
    """A red note beside the form; everything typed stays where it is."""
    return (
        f'<p class="sf-note sf-bad" role="alert" data-sf="answer" data-field="{escape(field)}" data-n="{time_ns()}">'
        f'<i class="sf-i sf-i-warn" aria-hidden="true"></i><span>{escape(sentence)}</span></p>'
    )
