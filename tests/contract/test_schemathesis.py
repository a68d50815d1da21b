"""Hostile and ordinary requests made from the OpenAPI document: no 5xx, nothing undocumented."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    negative_data_rejection,
    positive_data_acceptance,
    unsupported_method,
)

from app.documentation import build
from app.main import create_framework
from tests.support.databases import ADMIN_KEY, SqliteTemplate
from tests.support.hypothesis_profiles import scaled
from tests.support.serving import Service, serving

SCHEMA = schemathesis.openapi.from_dict(build(create_framework()))
# Tries each boundary of each parameter; to collect the tests then takes 500 MB and many seconds.
SCHEMA.config.phases.coverage.enabled = settings.get_current_profile_name() == "full"
# Values that keep to the schema may still name nothing that exists; keys are tested elsewhere, and
# OPTIONS answers browsers on every address.
EXCLUDED_CHECKS = [positive_data_acceptance, ignored_auth, unsupported_method]


@pytest.fixture(scope="module")
def changeable(
    sqlite_template: SqliteTemplate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Serve a bank of two questions that the requests of this module may change."""
    with serving(sqlite_template.fresh(tmp_path_factory.mktemp("schemathesis"))) as running:
        running.make_bank()
        running.make_question()
        running.make_question(stem="Sound travels faster in water than in air.")
        yield running


@pytest.mark.parametrize("key", [None, ADMIN_KEY], ids=["anonymous", "admin"])
@SCHEMA.parametrize()
@scaled(0.04, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
def test_no_request_breaks_the_document(
    case: schemathesis.Case[Any], key: str | None, changeable: Service
) -> None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    # A key that revokes itself would end the test.
    if case.path == "/v1/editing/keys/{key_id}" and case.method == "DELETE" and key:
        return
    response = case.call(base_url=changeable.url, headers=headers)
    # A stale If-Match is refused before the body is read; a batch reports on each row.
    judged_by_row = response.status_code == 412 or case.path.endswith("/batch")
    excluded = [*EXCLUDED_CHECKS, negative_data_rejection] if judged_by_row else EXCLUDED_CHECKS
    case.validate_response(response, excluded_checks=excluded)
