"""The routes that merge two terms. They are part of editing because they change questions."""

from fastapi import APIRouter, Response

from app.access.deps import CallerDep
from app.core.errors import not_found
from app.core.fields import is_slug
from app.core.http.deps import SecretsDep, WriteSession
from app.core.http.idempotency_deps import IdempotencyDep
from app.core.http.json_route import JsonRoute
from app.core.http.query_string import reject_unknown
from app.core.http.request_inputs import JsonBody, QueryPairs, validated
from app.core.openapi.operation_docs import problems, scope
from app.questions.routes import examples
from app.questions.routes.request_bodies import request_body
from app.questions.routes.responses import IDEMPOTENCY_KEY, example_response, json_response
from app.questions.schemas import MergeRead, MergeRequest
from app.questions.term_merge import merge_terms
from app.questions.unit_of_work import UnitOfWork
from app.taxonomy.service import find_term

SINGULARS = {"categories": "category", "companies": "company", "tags": "tag"}

router = APIRouter(tags=["terms"], route_class=JsonRoute)


def _add_merge_route(vocabulary: str, singular: str) -> None:
    @router.post(
        f"/v1/editing/{vocabulary}/{{slug}}/merge",
        name=f"merge_{singular}",
        summary=f"Merge a {singular} into another",
        responses=problems(404, 413, 415) | {200: example_response(examples.MERGED, MergeRead)},
        openapi_extra=scope(
            "taxonomy:write",
            parameters=[IDEMPOTENCY_KEY],
            requestBody=request_body(MergeRequest, [examples.MERGE]),
        ),
    )
    def merge_term(  # noqa: PLR0913, PLR0917 - the parts of the service that it needs
        slug: str,
        body: JsonBody,
        pairs: QueryPairs,
        caller: CallerDep,
        idempotency: IdempotencyDep,
        session: WriteSession,
        secrets: SecretsDep,
    ) -> Response:
        """Replace a term by another in every question, in newest and live revisions.

        The replaced term is deleted; its slug, name and aliases become aliases of the other term.
        """
        recorded = idempotency.replay(session)
        if recorded is None:
            if not is_slug(slug):
                raise not_found()
            find_term(session, vocabulary, slug)
            reject_unknown(pairs, ())
            into = validated(MergeRequest, body).into
            count = merge_terms(UnitOfWork(session, secrets, caller.key_id), vocabulary, slug, into)
            idempotency.record(session, 200, f"{into} {count}")
        else:
            into, _, recorded_count = recorded.partition(" ")
            count = int(recorded_count)
        return json_response({"slug": slug, "into": into, "questions": count})


for _vocabulary, _singular in SINGULARS.items():
    _add_merge_route(_vocabulary, _singular)
