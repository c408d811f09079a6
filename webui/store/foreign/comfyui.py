"""ComfyUI: the graph that made the picture, as JSON in "prompt": node number -> class and inputs.

The node that samples is looked for upstream of the one that saves; from it the links lead to the texts, the model and
the size. Nodes that we do not know are passed through as long as their inputs lead on.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard, cast

from webui.store.fidelity import Fidelity
from webui.store.foreign import samplers
from webui.store.foreign.translation import Record, Translation, record, size, values
from webui.store.infotext import Infotext

_TEXTS = ("text", "text_g", "text_l", "prompt", "string", "value", "positive", "wildcard_text", "t5xxl", "clip_l")
_NUMBERS = ("value", "seed", "int", "float", "number", "Value")
_SAMPLING = ("KSampler", "SamplerCustom")
_PLAIN = frozenset(
    {"CheckpointLoaderSimple", "CLIPTextEncode", "EmptyLatentImage", "KSampler", "KSamplerAdvanced", "VAEDecode",
     "VAELoader", "SaveImage", "PreviewImage", "CLIPSetLastLayer"}
)  # fmt: skip
"""Nodes whose whole effect is in the fields that are taken over."""


def read(texts: Mapping[str, str]) -> Translation | None:
    graph = _graph(record(texts.get("prompt")))
    samplings = [key for key in _upstream(graph, _ends(graph)) if graph[key]["class_type"].startswith(_SAMPLING)]
    if not samplings:
        return None
    found = _Walk(graph, samplings[0])
    doubts: dict[str, Fidelity] = {}
    sampler, same = samplers.sampler(str(found.first("sampler_name")))
    schedule, same_schedule = samplers.schedule(str(found.first("scheduler")))
    doubts |= {} if same else {"sampler": "nearest"}
    doubts |= {} if same_schedule else {"schedule": "nearest"}
    stop = found.number("stop_at_clip_layer")
    model = found.first("ckpt_name") or found.first("unet_name")
    seed = found.number("seed")
    line = {
        **values(Steps=found.number("steps"), Sampler=sampler, Schedule_type=schedule, CFG_scale=found.number("cfg")),
        **values(Seed=found.number("noise_seed") if seed is None else seed, Clip_skip=-int(stop) if stop else None),
        **size(found.number("width"), found.number("height")),
        **values(Model=model, RNG="CPU"),
    }
    prompt, negative = found.text("positive"), found.text("negative")
    for field, text in (("prompt", prompt), ("negative", negative)):
        if any(mark in text for mark in "([<"):
            doubts[field] = "nearest"
    denoise = found.number("denoise")
    if denoise is not None and denoise < 1:
        doubts["denoise"] = "lost"
    others = {node["class_type"] for key, node in graph.items() if key in found.reach} - _PLAIN
    doubts |= {name: "lost" for name in sorted(others)}
    doubts |= {"KSampler": "lost"} if len(samplings) > 1 else {}
    return Translation("ComfyUI", Infotext(prompt, negative, line), doubts)


Graph = dict[str, Record]


class _Walk:
    """What can be found from one sampling node on."""

    def __init__(self, graph: Graph, start: str) -> None:
        self._graph = graph
        self._start = start
        self.reach = list(_upstream(graph, [start]))

    def first(self, name: str) -> Any:
        """The nearest input of that name that is not a link, or what its link leads to; "" where there is none."""
        for key in self.reach:
            inputs = self._graph[key]["inputs"]
            if name in inputs:
                value = self._resolved(inputs[name], _NUMBERS)
                if value is not None:
                    return value
        return ""

    def number(self, name: str) -> int | float | None:
        value = self.first(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        return None

    def text(self, side: str) -> str:
        """The words at the end of the link `side`."""
        for key in self.reach:
            inputs = self._graph[key]["inputs"]
            link = inputs.get(side) or (inputs.get("conditioning") if side == "positive" else None)
            if _linked(link):
                return next(self._words(str(link[0]), side), "")
        return ""

    def _words(self, start: str, side: str) -> Iterator[str]:
        other = "negative" if side == "positive" else "positive"
        for key in _upstream(self._graph, [start], without=(other, "model", "vae", "clip", "latent_image")):
            inputs = self._graph[key]["inputs"]
            for name in _TEXTS:
                value = inputs.get(name)
                if isinstance(value, str):
                    yield value

    def _resolved(self, value: Any, names: tuple[str, ...]) -> Any:
        for _ in range(len(self._graph)):
            if not _linked(value):
                return value
            inputs = self._graph.get(str(value[0]), {"inputs": {}})["inputs"]
            value = next((inputs[name] for name in names if name in inputs), None)
        return None


def _graph(whole: Record | None) -> Graph:
    """Only what has the form of a node."""
    graph: Graph = {}
    for key, node in (whole or {}).items():
        if isinstance(node, dict):
            fields = cast("Record", node)
            if isinstance(fields.get("class_type"), str) and isinstance(fields.get("inputs"), dict):
                graph[key] = fields
    return graph


def _ends(graph: Graph) -> list[str]:
    """Nodes that nothing leads on from; those that save come first."""
    used = {str(link[0]) for node in graph.values() for link in node["inputs"].values() if _linked(link)}
    ends = [key for key in graph if key not in used]
    return sorted(ends, key=lambda key: "Save" not in graph[key]["class_type"])


def _upstream(graph: Graph, starts: list[str], without: tuple[str, ...] = ()) -> Iterator[str]:
    """The nodes that lead to these, nearest first."""
    waiting, seen = deque(starts), set(starts)
    while waiting:
        key = waiting.popleft()
        if key not in graph:
            continue
        yield key
        for name, link in graph[key]["inputs"].items():
            if _linked(link) and name not in without and str(link[0]) not in seen:
                seen.add(str(link[0]))
                waiting.append(str(link[0]))


def _linked(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list) and len(cast("list[Any]", value)) == 2
