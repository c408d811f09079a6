"""Requests that nobody thought of: no answer of 5xx, and every answer as the description says."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from webui.app import App

_LEFT_OUT = r"/events$|/share"
"""Streams that have no end; and what opens the program to others has tests of its own."""

_RAN_OUT = frozenset((501, 503))
"""What is not built in says 501; nothing here answers 503 once the engine runs."""

QUICK = settings(
    max_examples=12,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
CHECKS = (
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
)


@pytest.mark.parametrize("path", ["/api/v1/openapi.json", "/sdapi/v1/openapi.json"])
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fitting", "unfitting"])
def test_every_answer_is_as_described(address: str, app: App, path: str, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{address}{path}").exclude(path_regex=_LEFT_OUT)
    faults: list[str] = []
    for found in schema.get_all_operations():
        operation = found.ok()
        if mode is GenerationMode.NEGATIVE and not operation.body:
            continue  # hardly anything about it could be wrong, and looking for it takes long

        @QUICK
        @given(case=operation.as_strategy(generation_mode=mode))
        def attempt(case: schemathesis.Case) -> None:
            answer = case.call(timeout=30)
            told = f"{case.method} {case.path}: {answer.status_code} {answer.text[:300]}"
            assert answer.status_code < 500 or answer.status_code in _RAN_OUT, told
            case.validate_response(answer, checks=list(CHECKS))
            for job in app.service.jobs():
                app.service.cancel(job.id)

        try:
            attempt()
        except Unsatisfiable:
            continue  # any bytes fit
        except Exception as error:
            told = [str(one) for one in error.exceptions] if isinstance(error, BaseExceptionGroup) else [str(error)]
            faults.append(f"{operation.label}: {' '.join(told)}")
    assert not faults, "\n\n".join(faults)


def _shapes() -> Iterator[tuple[str, bytes]]:
    """Bodies that are hardly JSON."""
    yield "a deep list", b"[" * 100_000
    yield "a deep object", b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    yield "another encoding", '{"prompt": "ä", "width": 64, "height": 64}'.encode("utf-16")
    yield "broken utf-8", b'{"prompt": "\xff\xfe"}'
    yield "half a body", b'{"prompt": "a'
    yield "a number", b"3"
    yield "no object", b'"text"'
    yield "nothing", b""


def _values() -> Iterator[tuple[str, bytes]]:
    """Orders for a picture that nobody can mean."""
    numbers = ["NaN", "Infinity", "-Infinity", "1e308", "-1e308", "1e400", str(10**400), "9" * 5000, str(-(2**70))]
    small = '"width": 64, "height": 64, "steps": 1'
    for name in ("steps", "seed", "cfg_scale", "width", "subseed_strength", "batch_size", "guidance", "eta", "count"):
        for number in numbers:
            yield f"{name}={number[:12]}", f'{{{small}, "{name}": {number}}}'.encode()
    yield "a long prompt", f'{{"prompt": "{"x" * 1_000_000}", {small}}}'.encode()
    yield "a deep field", b'{"alwayson_scripts": {"x": ' + b"[" * 900 + b"]" * 900 + b"}}"
    yield "deep extras", b'{"extras": {"x": ' + b"[" * 900 + b"]" * 900 + b"}}"
    yield "the same key twice", b'{"steps": 1, "steps": "many"}'
    yield "half a character", f'{{"prompt": "\\ud83d", {small}}}'.encode()
    yield "half a character within", f'{{"extras": {{"x": "\\ud83d"}}, {small}}}'.encode()
    yield "a zero character", f'{{"prompt": "\\u0000", {small}}}'.encode()
    for wrong in ("null", "true", "[]", "[[]]", "{}", '"\\u0000"', "3.5"):
        for name in ("prompt", "styles", "override_settings", "alwayson_scripts", "script_args", "extras", "sampling"):
            yield f"{name}={wrong}", f'{{"{name}": {wrong}, {small}}}'.encode()


def send(client: httpx.Client, path: str, bodies: Iterator[tuple[str, bytes]]) -> None:
    for name, body in bodies:
        answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code < 500, f"{name}: {answer.status_code} {answer.text[:300]}"
        if answer.status_code >= 400:
            told: dict[str, Any] = answer.json()
            assert told.get("error") or told.get("detail"), name


@pytest.mark.parametrize(
    "path",
    [
        *(f"/sdapi/v1/{name}" for name in ("txt2img", "img2img", "extra-single-image", "extra-batch-images")),
        *(f"/sdapi/v1/{name}" for name in ("options", "png-info", "interrupt", "unload-checkpoint")),
        *("/internal/progress", "/api/v1/jobs", "/api/v1/presets/x", "/api/v1/parameters", "/api/v1/images"),
    ],
)
def test_bodies_that_are_hardly_json(client: httpx.Client, path: str) -> None:
    send(client, path, _shapes())


@pytest.mark.parametrize("path", ["/sdapi/v1/txt2img", "/api/v1/jobs", "/api/v1/presets/x"])
def test_values_that_nobody_can_mean(client: httpx.Client, path: str) -> None:
    send(client, path, _values())
    assert client.get("/api/v1/status").json()["engine"]["phase"] == "ready"
