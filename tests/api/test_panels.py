"""Add-ons' panels, reached by their titles as A1111's scripts are; and an engine that is still starting."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.api.conftest import CATALOGUE
from webui.api.sdapi.application import applications
from webui.api.sdapi.scripts import Panel, PanelField
from webui.app import App
from webui.engines.fake import FakeEngine
from webui.settings import Settings

GRAIN = Panel(
    "grain",
    "Film Grain",
    (
        PanelField("strength", "Strength", 0.5, 0, 1, 0.1),
        PanelField("kind", "Kind", "fine", choices=("fine", "coarse")),
    ),
)
GRID = Panel("grid", "Grid", (PanelField("columns", "Columns", 2),), always=False, image=False)
SMALL: dict[str, Any] = {"steps": 1, "width": 64, "height": 64}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    made = App(Settings(root=tmp_path), engine=FakeEngine(CATALOGUE, start_seconds=0.2))
    made.start()
    yield made
    made.close()


@pytest.fixture
def client(app: App) -> Iterator[TestClient]:
    made = applications(app.service, app.store, app.settings, lambda: (GRAIN, GRID))
    with TestClient(made["/sdapi/v1"]) as client:
        yield client


def test_values_come_from_the_left_and_missing_ones_keep_their_default(client: TestClient, app: App) -> None:
    given: dict[str, Any] = {
        "alwayson_scripts": {"film grain": {"args": [0.9]}},
        "script_name": "GRID",
        "script_args": [3, "too many"],
    }
    assert client.post("/txt2img", json={**SMALL, **given}).status_code == 200
    assert app.service.jobs()[0].recipe.extras == {"grain": {"strength": 0.9, "kind": "fine"}, "grid": {"columns": 3}}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"alwayson_scripts": {"Grid": {"args": []}}},
            "Cannot have a selectable script in the always on scripts params",
        ),
        ({"alwayson_scripts": {"Other": {}}}, "always on script Other not found"),
        ({"script_name": "Film Grain"}, "Script 'Film Grain' not found"),
    ],
)
def test_what_is_not_there_is_refused(client: TestClient, given: dict[str, Any], words: str) -> None:
    answer = client.post("/txt2img", json={**SMALL, **given})
    assert (answer.status_code, answer.json()["detail"]) == (422, words)


def test_panels_are_listed_with_their_controls(client: TestClient) -> None:
    assert client.get("/scripts").json() == {
        "txt2img": ["controlnet", "film grain", "grid"],
        "img2img": ["controlnet", "film grain"],
    }
    told = client.get("/script-info").json()
    assert [(entry["name"], entry["is_img2img"], entry["is_alwayson"]) for entry in told] == [
        ("film grain", False, True),
        ("film grain", True, True),
        ("grid", False, False),
    ]
    assert told[0]["args"][1] == {
        "label": "Kind",
        "value": "fine",
        "minimum": None,
        "maximum": None,
        "step": None,
        "choices": ["fine", "coarse"],
    }


def test_a_request_waits_for_an_engine_that_is_still_starting(client: TestClient) -> None:
    assert len(client.get("/sd-models").json()) == 2
