"""What other programs write into their pictures: taken over, and said how faithfully."""

import json
import random
from typing import Any

import pytest

from webui.engines.fake import FAKE_CATALOGUE
from webui.store.fidelity import Restored
from webui.store.foreign.novelai import weighted
from webui.store.metadata import restored


def found(**texts: Any) -> Restored:
    result = restored({key: v if isinstance(v, str) else json.dumps(v) for key, v in texts.items()}, FAKE_CATALOGUE)
    assert result is not None
    return result


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


GRAPH: dict[str, Any] = {
    "3": node("KSampler", seed=156680208700286, steps=20, cfg=8, sampler_name="euler_ancestral", scheduler="karras",
              denoise=1, model=["4", 0], positive=["6", 0], negative=["7", 0], latent_image=["5", 0]),
    "4": node("CheckpointLoaderSimple", ckpt_name="sd/small.safetensors"),
    "5": node("EmptyLatentImage", width=768, height=512, batch_size=1),
    "6": node("CLIPTextEncode", text="a glass bottle", clip=["4", 1]),
    "7": node("CLIPTextEncode", text="text, watermark", clip=["4", 1]),
    "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
    "9": node("SaveImage", filename_prefix="ComfyUI", images=["8", 0]),
}  # fmt: skip


def test_comfyui() -> None:
    seed = dict(GRAPH["3"]["inputs"], seed=7)
    result = found(prompt={**GRAPH, "3": node("KSampler", **seed)})
    recipe = result.recipe
    assert (result.tool, recipe.prompt, recipe.negative) == ("ComfyUI", "a glass bottle", "text, watermark")
    assert (recipe.seed, recipe.steps, recipe.guidance, recipe.width, recipe.height) == (7, 20, 8.0, 768, 512)
    assert (recipe.sampler, recipe.schedule, recipe.checkpoint) == ("Euler a", "Karras", "small")
    assert result.fidelity["checkpoint"] == "nearest"
    assert {level for key, level in result.fidelity.items() if key != "checkpoint"} == {"exact"}
    assert "Sampler: Euler a, Schedule type: Karras, CFG scale: 8" in result.text


def test_comfyui_seeds_beyond_ours_are_said_to_be_lost() -> None:
    assert found(prompt=GRAPH).fidelity["seed"] == "lost"


def test_comfyui_numbers_and_texts_may_come_over_links_and_networks_are_named() -> None:
    graph = {
        **GRAPH,
        "3": node("KSampler", **dict(GRAPH["3"]["inputs"], seed=["20", 0], model=["10", 0], positive=["11", 0])),
        "10": node("LoraLoader", lora_name="x.safetensors", model=["4", 0], clip=["4", 1]),
        "11": node("ControlNetApplyAdvanced", positive=["6", 0], negative=["7", 0], strength=0.5),
        "6": node("CLIPTextEncode", text=["21", 0], clip=["10", 1]),
        "20": node("PrimitiveInt", value=11),
        "21": node("StringConstant", string="a (red:1.2) fox"),
    }
    result = found(prompt=graph)
    assert (result.recipe.seed, result.recipe.prompt) == (11, "a (red:1.2) fox")
    assert result.fidelity["LoraLoader"] == result.fidelity["ControlNetApplyAdvanced"] == "lost"
    assert result.fidelity["prompt"] == "nearest"


def test_comfyui_circles_end() -> None:
    graph = {**GRAPH, "6": node("Reroute", text=["6", 0]), "5": node("EmptyLatentImage", width=["5", 0], height=8)}
    assert found(prompt=graph).recipe.prompt == ""


def test_invokeai() -> None:
    record = {
        "app_version": "5.0.0", "generation_mode": "txt2img", "positive_prompt": "a fox", "negative_prompt": "ugly++",
        "width": 512, "height": 640, "seed": 3, "rand_device": "cpu", "cfg_scale": 6.5, "steps": 25,
        "scheduler": "dpmpp_2m_k", "clip_skip": 1, "model": {"name": "small", "hash": "blake3:00"},
        "loras": [{"model": {"name": "l"}, "weight": 0.7}],
    }  # fmt: skip
    result = found(invokeai_metadata=record)
    recipe = result.recipe
    assert (result.tool, recipe.prompt, recipe.seed, recipe.guidance) == ("InvokeAI", "a fox", 3, 6.5)
    assert (recipe.sampler, recipe.schedule, recipe.clip_skip) == ("DPM++ 2M", "Karras", 2)
    assert (result.fidelity["sampler"], result.fidelity["negative"], result.fidelity["loras"]) == (
        "nearest", "nearest", "lost",
    )  # fmt: skip


def test_invokeai_of_old() -> None:
    image = {
        "prompt": [{"prompt": "a fox [ugly]", "weight": 1}], "steps": 30, "cfg_scale": 7.5, "seed": 8, "width": 512,
        "height": 512, "sampler": "k_euler_a", "variations": [{"seed": 1, "weight": 0.1}],
    }  # fmt: skip
    result = found(**{"sd-metadata": {"model_weights": "small", "image": image}})
    assert (result.recipe.prompt, result.recipe.negative, result.recipe.sampler) == ("a fox", "ugly", "Euler a")
    assert result.fidelity["variations"] == "lost"
    dream = found(Dream='"a fox" -s 50 -S 123 -W 512 -H 640 -C 7.5 -A k_euler_a').recipe
    assert (dream.prompt, dream.steps, dream.seed, dream.height, dream.sampler) == ("a fox", 50, 123, 640, "Euler a")


def test_fooocus() -> None:
    record = {
        "adm_guidance": "(1.5, 0.8, 0.3)", "base_model": "juggernaut", "base_model_hash": "abababab00",
        "guidance_scale": 4, "loras": [["offset", 0.1, "4852686128"]], "metadata_scheme": "fooocus",
        "negative_prompt": "", "performance": "Speed", "prompt": "a fox", "resolution": "(1152, 896)",
        "sampler": "dpmpp_2m_sde_gpu", "scheduler": "karras", "seed": "123", "sharpness": 2, "steps": 30,
        "styles": "['Fooocus V2']", "version": "Fooocus v2.5.5",
    }  # fmt: skip
    result = found(parameters=record, fooocus_scheme="fooocus")
    recipe = result.recipe
    assert (result.tool, recipe.prompt, recipe.seed, recipe.steps) == ("Fooocus", "a fox", 123, 30)
    assert (recipe.width, recipe.height) == (1152, 896)
    assert (result.fidelity["prompt"], result.fidelity["sharpness"]) == ("nearest", "lost")
    assert result.fidelity["styles"] == result.fidelity["loras"] == "lost"


def test_swarmui() -> None:
    params = {
        "prompt": "a fox", "negativeprompt": "", "model": "SD/small", "seed": 5, "steps": 12, "cfgscale": 6.0,
        "aspectratio": "1:1", "width": 640, "height": 640, "sampler": "euler_ancestral", "scheduler": "simple",
        "swarm_version": "0.9.8", "refinerupscale": 1.5,
    }  # fmt: skip
    result = found(parameters={"sui_image_params": params})
    recipe = result.recipe
    assert (result.tool, recipe.seed, recipe.sampler, recipe.checkpoint) == ("SwarmUI", 5, "Euler a", "small")
    assert result.fidelity["refinerupscale"] == "lost"


def test_novelai() -> None:
    comment = {"steps": 28, "sampler": "k_euler_ancestral", "seed": 9, "scale": 11.0, "uc": "lowres", "strength": 0.7}
    result = found(Software="NovelAI", Description="a {{red}} fox (sitting)", Comment=comment)
    recipe = result.recipe
    assert recipe.prompt == r"a ((red:1.05):1.05) fox \(sitting\)"
    assert (recipe.negative, recipe.sampler, recipe.guidance, recipe.clip_skip) == ("lowres", "Euler a", 11.0, 2)
    assert (result.fidelity["checkpoint"], result.fidelity["strength"]) == ("lost", "lost")
    assert weighted("{open") == "{open"


def test_sdnext() -> None:
    text = (
        "a fox\nNegative prompt: ugly\nSteps: 20, Size: 512x512, Sampler: Euler a, Seed: 3, CFG scale: 6, "
        "App: SD.Next, Version: 1234abcd, Pipeline: StableDiffusionPipeline"
    )
    result = found(parameters=text)
    assert (result.tool, result.recipe.sampler) == ("SD.Next", "Euler a")
    assert result.fidelity["Pipeline"] == "lost"


@pytest.mark.parametrize("seed", range(30))
def test_damaged_records_never_raise(seed: int) -> None:
    drawn = random.Random(seed)
    odd: list[Any] = [None, "", [], {}, ["3", 0], ["3", 0, 1], -1, 1e400, True, "x" * 50, {"inputs": 3}]

    def damage(value: Any) -> Any:
        if isinstance(value, dict) and drawn.random() < 0.9:
            return {key: damage(inner) for key, inner in value.items() if drawn.random() < 0.9}
        return drawn.choice(odd) if drawn.random() < 0.4 else value

    keys = ("parameters", "prompt", "invokeai_metadata", "sd-metadata", "Comment")
    for record in (GRAPH, {"sui_image_params": {"seed": 1}}, {"base_model": 1, "guidance_scale": 2, "image": {}}):
        for key in keys:
            restored({key: json.dumps(damage(record)), "Software": "NovelAI"}, FAKE_CATALOGUE)
            restored({key: json.dumps(record)[:-3], "Dream": '"unclosed -s'}, FAKE_CATALOGUE)
