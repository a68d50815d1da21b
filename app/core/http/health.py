"""What operators ask: is it alive, is it ready, what are its figures."""

from typing import Any, Protocol, cast

from fastapi import APIRouter, Request, Response

from app.core.http.json_route import JsonRoute
from app.core.http.replies import json_reply, reply_response
from app.core.metrics import CONTENT_TYPE, Metrics
from app.core.openapi.operation_docs import problems, scope

router = APIRouter(tags=["operations"], route_class=JsonRoute)

_STATUS = {"application/json": {"example": {"status": "ok"}}}


class Health(Protocol):
    """What the wiring tells of a worker."""

    def ready(self) -> bool:
        """Return whether the worker can serve."""

    def details(self) -> dict[str, object]:
        """Return what an operator wants to know."""


def _health(request: Request) -> Health:
    return cast(Health, request.app.state.health)


@router.get(
    "/healthz",
    summary="Is the process alive and has it loaded the bank once?",
    responses={200: {"content": _STATUS}, **problems(503)},
    openapi_extra=scope(None),
)
async def get_health(request: Request) -> Response:
    """Answer 200 once the tables are migrated and the bank was loaded once, else 503."""
    return _answer(request, loaded=_health(request).details()["loaded"] is True)


@router.get(
    "/readyz",
    summary="Can this worker serve?",
    responses={200: {"content": _STATUS}, **problems(503)},
    openapi_extra=scope(None),
)
async def get_readiness(request: Request) -> Response:
    """Answer 200 while the worker is at most 30 seconds behind; details with scope `operate`."""
    return _answer(request, loaded=_health(request).ready())


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
async def get_metrics(request: Request) -> Response:
    """Return the figures of all workers of this host."""
    metrics: Metrics = request.app.state.metrics
    return Response(metrics.text(), media_type=CONTENT_TYPE)


def _answer(request: Request, *, loaded: bool) -> Response:
    body: dict[str, Any] = {"status": "ok" if loaded else "starting"}
    if request.scope["state"]["caller"].may("operate"):
        body |= _health(request).details()
    headers = [] if loaded else [(b"retry-after", b"1")]
    return reply_response(json_reply(body, 200 if loaded else 503, headers))
