"""The routes for operators: liveness, readiness, metrics."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from app.core.http.deps import provide
from app.core.http.json_route import JsonRoute
from app.core.http.replies import json_reply, reply_response
from app.core.http.request_context import admitted_caller
from app.core.metrics import CONTENT_TYPE, Metrics
from app.core.openapi.operation_docs import problems, scope

router = APIRouter(tags=["operations"], route_class=JsonRoute)

_STATUS = {"application/json": {"example": {"status": "ok"}}}


@dataclass(frozen=True, slots=True)
class HealthChecks:
    """What the wiring knows of a worker: whether it can serve, and details for operators."""

    is_ready: Callable[[], bool]
    details: Callable[[], dict[str, object]]


HealthDep = Annotated[HealthChecks, Depends(provide(HealthChecks))]
MetricsDep = Annotated[Metrics, Depends(provide(Metrics))]


@router.get(
    "/healthz",
    summary="Is the process alive and has it loaded the bank once?",
    responses={200: {"content": _STATUS}, **problems(503)},
    openapi_extra=scope(None),
)
async def get_health(request: Request, health: HealthDep) -> Response:
    """Answer 200 once the tables are migrated and the bank was loaded once, else 503."""
    return _status_response(request, health, ok=health.details()["loaded"] is True)


@router.get(
    "/readyz",
    summary="Can this worker serve?",
    responses={200: {"content": _STATUS}, **problems(503)},
    openapi_extra=scope(None),
)
async def get_readiness(request: Request, health: HealthDep) -> Response:
    """Answer 200 while the worker is at most 30 seconds behind; details with scope `operate`."""
    return _status_response(request, health, ok=health.is_ready())


@router.get(
    "/metrics",
    summary="Figures in Prometheus' text format",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"example": "quizwell_questions 97.0\n"}}},
        **problems(),
    },
    openapi_extra=scope("operate"),
)
async def get_metrics(metrics: MetricsDep) -> Response:
    """Return the figures of all workers of this host."""
    return Response(metrics.text(), media_type=CONTENT_TYPE)


def _status_response(request: Request, health: HealthChecks, *, ok: bool) -> Response:
    body: dict[str, Any] = {"status": "ok" if ok else "starting"}
    if admitted_caller(request).may("operate"):
        body |= health.details()
    headers = [] if ok else [(b"retry-after", b"1")]
    return reply_response(json_reply(body, 200 if ok else 503, headers))
