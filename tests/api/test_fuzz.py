"""Requests that nobody thought of: no answer of 5xx, and every answer as the description says."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CHECKS

from webui.app import App

OWN = schemathesis.pytest.from_fixture("own")
A1111S = schemathesis.pytest.from_fixture("a1111s")
ENDLESS = r"/events$"
QUICK = settings(
    max_examples=12,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
LENIENT = ("negative_data_rejection", "positive_data_acceptance", "unsupported_method", "missing_required_header")
"""Checks that are not ours: A1111 takes nulls, fractions and unknown fields; names that are not here are refused."""


@pytest.fixture
def own(address: str) -> Any:
    return schemathesis.openapi.from_url(f"{address}/api/v1/openapi.json").exclude(path_regex=ENDLESS)


@pytest.fixture
def a1111s(address: str) -> Any:
    return schemathesis.openapi.from_url(f"{address}/sdapi/v1/openapi.json")


@OWN.parametrize()
@QUICK
def test_our_api(case: schemathesis.Case, app: App) -> None:
    case.call_and_validate(excluded_checks=CHECKS.get_by_names(LENIENT), timeout=30)
    cancel_all(app)


@A1111S.parametrize()
@QUICK
def test_a1111s_api(case: schemathesis.Case, app: App) -> None:
    case.call_and_validate(excluded_checks=CHECKS.get_by_names(LENIENT), timeout=30)


def cancel_all(app: App) -> None:
    for job in app.service.jobs():
        app.service.cancel(job.id)
