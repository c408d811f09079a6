"""Expert drawers: what most people leave alone, one accordion for each thing one would look for."""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from pipelines.recipe import Task
from webui.ui.canvas import well
from webui.ui.drawers import Drawer, Title, accordion, differing
from webui.ui.markup import place
from webui.ui.offers import offers
from webui.ui.widgets import checkbox, chips, choice, number, slider, switch

Fields = dict[str, Any]


def drawers(task: Task, prefix: str) -> tuple[Fields, tuple[Drawer, ...]]:
    """The controls by name, and their accordions."""
    fields: Fields = {}
    made = (
        _variation(prefix, fields),
        _guidance(prefix, fields),
        _noise(task, prefix, fields),
        _control(prefix, fields),
        _refiner(prefix, fields),
        _picture(prefix, fields),
    )
    return fields, made


def _variation(prefix: str, fields: Fields) -> Drawer:
    heading = "Seed variation"
    with accordion(heading, "None", f"{prefix}_subseed_show") as part:
        with gr.Row(elem_classes="sf-seed", equal_height=False):
            fields["sampling.variation_seed"] = number("sampling.variation_seed", f"{prefix}_subseed")
            place(_seed_tools(prefix), classes="sf-shrink")
        fields["sampling.variation"] = slider("sampling.variation", f"{prefix}_subseed_strength")
        fields["sampling.resize_width"] = slider("sampling.resize_width", f"{prefix}_seed_resize_from_w")
        fields["sampling.resize_height"] = slider("sampling.resize_height", f"{prefix}_seed_resize_from_h")
        fields["sampling.noise"] = chips("sampling.noise", f"{prefix}_randn_source")
    names = tuple(fields)
    return Drawer(part, heading, names, _variation_title)


def _variation_title(values: Mapping[str, object]) -> tuple[str, bool]:
    """The second seed counts only where some of it is mixed in."""
    quiet = {} if values.get("sampling.variation") else {"sampling.variation_seed": -1}
    names = (
        "sampling.variation",
        "sampling.variation_seed",
        "sampling.resize_width",
        "sampling.resize_height",
        "sampling.noise",
    )
    return differing(names, "None")({**values, **quiet})


def _guidance(prefix: str, fields: Fields) -> Drawer:
    heading = "Guidance and prompt"
    sliders = {
        "sampling.rescale": "cfg_rescale",
        "sampling.skip_early": "skip_early_cond",
        "sampling.min_uncond": "s_min_uncond",
    }
    with accordion(heading, "As usual") as part:
        made = {name: slider(name, f"{prefix}_{elem_id}") for name, elem_id in sliders.items()}
        made["sampling.min_uncond_all"] = checkbox("sampling.min_uncond_all", f"{prefix}_s_min_uncond_all")
        made["emphasis"] = chips("emphasis", f"{prefix}_emphasis")
        made["old_editing"] = checkbox("old_editing", f"{prefix}_use_old_scheduling")
    fields |= made
    return Drawer(part, heading, tuple(made), differing(made, "As usual"))


def _noise(task: Task, prefix: str, fields: Fields) -> Drawer:
    heading = "Noise and schedule"
    numbers = {
        "sampling.eta": "eta",
        "sampling.s_churn": "s_churn",
        "sampling.s_tmin": "s_tmin",
        "sampling.s_tmax": "s_tmax",
        "sampling.s_noise": "s_noise",
        "sampling.sigma_min": "sigma_min",
        "sampling.sigma_max": "sigma_max",
        "sampling.rho": "rho",
        "sampling.seed_delta": "eta_noise_seed_delta",
    }
    with accordion(heading, "As the sampler likes") as part:
        made = {name: number(name, f"{prefix}_{elem_id}") for name, elem_id in numbers.items()}
        made["sampling.extra_noise"] = slider("sampling.extra_noise", f"{prefix}_extra_noise")
        if task != "text":
            made["sampling.noise_multiplier"] = slider(
                "sampling.noise_multiplier", f"{prefix}_initial_noise_multiplier"
            )
        made["sampling.discard"] = checkbox("sampling.discard", f"{prefix}_always_discard_next_to_last_sigma")
        made["sampling.sgm_noise"] = checkbox("sampling.sgm_noise", f"{prefix}_sgm_noise_multiplier")
    fields |= made
    return Drawer(part, heading, tuple(made), differing(made, "As the sampler likes"))


def _control(prefix: str, fields: Fields) -> Drawer:
    """One control network and the picture that guides it."""
    heading = "ControlNet"
    where = f"{prefix}_controlnet"
    with accordion(heading, "Off", where) as part:
        made: Fields = {
            "controls.0.enabled": switch(
                f"{where}_enable", "Guide the picture", "A control network follows the shapes of another picture."
            ),
            "controls.0.image": well(where, mask=False).fields["source.image"],
            "controls.0.preprocessor": choice(
                "controls.0.preprocessor", f"{where}_preprocessor", offers(None)["controls.0.preprocessor"]
            ),
            "controls.0.model": choice("controls.0.model", f"{where}_model", offers(None)["controls.0.model"]),
            "controls.0.weight": slider("controls.0.weight", f"{where}_weight"),
            "controls.0.start": slider("controls.0.start", f"{where}_start"),
            "controls.0.end": slider("controls.0.end", f"{where}_end"),
            "controls.0.mode": chips("controls.0.mode", f"{where}_mode"),
            "controls.0.resize": chips("controls.0.resize", f"{where}_resize", without=("latent",)),
            "controls.0.low": slider("controls.0.low", f"{where}_threshold_a"),
            "controls.0.high": slider("controls.0.high", f"{where}_threshold_b"),
        }
        place(f'<div data-sf="hint" data-part="{where}" data-tab="{prefix}"></div>', elem_id=f"{where}_hint")
    fields |= made
    return Drawer(part, heading, ("controls.0.enabled", "controls.0.model", "controls.0.weight"), _control_title)


def _control_title(values: Mapping[str, object]) -> tuple[str, bool]:
    if not values.get("controls.0.enabled"):
        return "Off", False
    model = values.get("controls.0.model")
    if not model:
        return "Choose a model", True
    return f"{model}, weight {float(str(values.get('controls.0.weight', 1.0))):g}", True


def _refiner(prefix: str, fields: Fields) -> Drawer:
    heading = "Refiner"
    with accordion(heading, "Off") as part:
        fields["refiner.enabled"] = switch(
            f"{prefix}_enable", "Use a refiner", "A second model draws the last steps. It is loaded in addition."
        )
        fields["refiner.checkpoint"] = choice(
            "refiner.checkpoint", f"{prefix}_checkpoint", offers(None)["refiner.checkpoint"]
        )
        fields["refiner.switch_at"] = slider("refiner.switch_at", f"{prefix}_switch_at")
    names = ("refiner.enabled", "refiner.checkpoint", "refiner.switch_at")
    return Drawer(part, heading, names, _refiner_title)


def _refiner_title(values: Mapping[str, object]) -> tuple[str, bool]:
    if not values.get("refiner.enabled"):
        return "Off", False
    model = values.get("refiner.checkpoint")
    if not model:
        return "Choose a model", True
    return f"{model}, from {float(str(values.get('refiner.switch_at', 0.8))):.0%} of the steps", True


def _picture(prefix: str, fields: Fields) -> Drawer:
    heading = "VAE, tiling, token merging"
    with accordion(heading, "Off") as part:
        made: Fields = {
            "vae": choice("vae", f"{prefix}_vae", offers(None)["vae"]),
            "tiling": chips("tiling", f"{prefix}_tiling"),
            "sampling.token_merging": slider("sampling.token_merging", f"{prefix}_token_merging_ratio"),
        }
    fields |= made
    title: Title = differing(made, "Off")
    return Drawer(part, heading, tuple(made), title)


def _seed_tools(prefix: str) -> str:
    return (
        '<div class="sf-row">'
        f'<button type="button" class="sf-btn sf-sm" id="{prefix}_random_subseed" data-do="random-subseed" '
        'title="A new variation each time"><i class="sf-i sf-i-dice"></i>Random</button>'
        f'<button type="button" class="sf-btn sf-sm" id="{prefix}_reuse_subseed" data-do="last-subseed" '
        'title="Use the variation seed of the shown picture"><i class="sf-i sf-i-reuse"></i>Last</button></div>'
    )
