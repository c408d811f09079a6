"""The lists: models, samplers, schedules, upscalers and what else is here."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from pipelines.catalogue import AssetEntry, AssetKind, Catalogue
from pipelines.passes import LATENT_UPSCALERS
from webui.api.sdapi import names, scripts
from webui.api.sdapi.generation import Parts
from webui.store import styles

Entries = list[dict[str, Any]]

_SAMPLER_OPTIONS = {"Karras": {"scheduler": "karras"}, "Exponential": {"scheduler": "exponential"}}


def router(parts: Parts) -> APIRouter:
    routes = APIRouter(tags=["lists"])
    _add_models(routes, parts.catalogue)
    _add_samplers(routes, parts.catalogue)
    _add_upscalers(routes, parts.catalogue)
    _add_assets(routes, parts.catalogue)
    _add_words(routes, parts)
    _add_refreshing(routes, parts)
    return routes


def _add_models(routes: APIRouter, catalogue: Callable[[], Catalogue]) -> None:
    @routes.get("/sd-models")
    def sd_models() -> Entries:
        return [
            {
                "title": names.title(entry),
                "model_name": names.model_name(entry),
                "hash": entry.short_hash or None,
                "sha256": entry.sha256 or None,
                "filename": entry.path,
                "config": None,
            }
            for entry in catalogue().usable()
        ]

    @routes.get("/sd-vae")
    def sd_vae() -> Entries:
        return [{"model_name": entry.name, "filename": entry.path} for entry in catalogue().kind("vae")]


def _add_samplers(routes: APIRouter, catalogue: Callable[[], Catalogue]) -> None:
    @routes.get("/samplers")
    def samplers() -> Entries:
        return [
            {
                "name": entry.name,
                "aliases": list(entry.aliases),
                "options": _SAMPLER_OPTIONS.get(entry.schedule, {}),
            }
            for entry in catalogue().samplers
        ]

    @routes.get("/schedulers")
    def schedulers() -> Entries:
        return [
            {
                "name": names.schedule_key(label),
                "label": label,
                "aliases": None,
                "default_rho": -1.0,
                "need_inner_model": False,
            }
            for label in catalogue().schedules
        ]


def _add_upscalers(routes: APIRouter, catalogue: Callable[[], Catalogue]) -> None:
    @routes.get("/upscalers")
    def upscalers() -> Entries:
        """ "None" comes first: clients put the latent modes after it."""
        known = catalogue()
        files = {entry.name: entry for entry in known.kind("upscaler")}
        return [_upscaler(name, files.get(name)) for name in ("None", *names.upscalers(known))]

    @routes.get("/latent-upscale-modes")
    def latent_upscale_modes() -> Entries:
        return [{"name": name} for name in LATENT_UPSCALERS]

    @routes.get("/realesrgan-models")
    def realesrgan_models() -> Entries:
        return [
            {"name": entry.name, "path": entry.path, "scale": _scale(entry)} for entry in catalogue().kind("upscaler")
        ]

    @routes.get("/face-restorers")
    def face_restorers() -> Entries:
        return [{"name": entry.name, "cmd_dir": _folder(entry)} for entry in catalogue().kind("faces")]


def _upscaler(name: str, entry: AssetEntry | None) -> dict[str, Any]:
    return {
        "name": name,
        "model_name": entry.name if entry else None,
        "model_path": entry.path if entry else None,
        "model_url": None,
        "scale": _scale(entry) if entry else 4,
    }


def _scale(entry: AssetEntry) -> int:
    scale = entry.facts.get("scale")
    return int(scale) if isinstance(scale, int | float) else 4


def _folder(entry: AssetEntry) -> str:
    return Path(entry.path).parent.as_posix()


def _add_assets(routes: APIRouter, catalogue: Callable[[], Catalogue]) -> None:
    @routes.get("/loras")
    def loras() -> Entries:
        return [
            {
                "name": entry.name,
                "alias": str(entry.facts.get("alias") or entry.name),
                "path": entry.path,
                "metadata": dict(entry.facts),
            }
            for entry in catalogue().kind("lora")
        ]

    @routes.get("/hypernetworks")
    def hypernetworks() -> Entries:
        return [{"name": entry.name, "path": entry.path} for entry in catalogue().kind("hypernetwork")]

    @routes.get("/embeddings")
    def embeddings() -> dict[str, dict[str, dict[str, Any]]]:
        """`skipped` are those that cannot be used."""
        kind: AssetKind = "embedding"
        known = [entry for entry in catalogue().assets if entry.kind == kind]
        return {
            "loaded": {entry.name: _embedding(entry) for entry in known if not entry.problem},
            "skipped": {entry.name: _embedding(entry) for entry in known if entry.problem},
        }


def _embedding(entry: AssetEntry) -> dict[str, Any]:
    facts = entry.facts
    shape, vectors = facts.get("shape"), facts.get("vectors")
    return {
        "step": facts.get("step"),
        "sd_checkpoint": None,
        "sd_checkpoint_name": None,
        "shape": shape if isinstance(shape, int) else 0,
        "vectors": vectors if isinstance(vectors, int) else 0,
    }


def _add_words(routes: APIRouter, parts: Parts) -> None:
    @routes.get("/prompt-styles")
    def prompt_styles() -> Entries:
        found = styles.read(parts.styles)
        return [{"name": style.name, "prompt": style.prompt, "negative_prompt": style.negative} for style in found]

    @routes.get("/scripts")
    def known_scripts() -> dict[str, list[str]]:
        return scripts.titles(_panels(parts), bool(parts.catalogue().kind("controlnet")))

    @routes.get("/script-info")
    def script_info() -> Entries:
        return scripts.described(_panels(parts))

    @routes.get("/extensions")
    def extensions() -> Entries:
        """Add-ons that come from a repository; none so far."""
        return []


def _panels(parts: Parts) -> Sequence[scripts.Panel]:
    return parts.panels()


def _add_refreshing(routes: APIRouter, parts: Parts) -> None:
    def refresh() -> None:
        """Look at the models folder again. The answer is null."""
        parts.service.rescan()

    for what in ("checkpoints", "vae", "embeddings", "loras"):
        routes.add_api_route(f"/refresh-{what}", refresh, methods=["POST"], name=f"refresh_{what}")
