"""The routes that merge two terms, which edits the questions of every bank."""

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
from app.questions.routes.responses import IDEMPOTENCY_KEY, reply, shows
from app.questions.schemas import MergeRead, MergeRequest
from app.questions.term_merge import merge_terms
from app.questions.unit_of_work import Ledger
from app.taxonomy.service import find_term

VOCABULARIES = {"categories": "category", "companies": "company", "tags": "tag"}

router = APIRouter(tags=["terms"], route_class=JsonRoute)


def _add(vocabulary: str, one: str) -> None:
    @router.post(
        f"/v1/editing/{vocabulary}/{{slug}}/merge",
        name=f"merge_{one}",
        summary=f"Merge a {one} into another",
        responses=problems(404, 413, 415) | {200: shows(examples.MERGED, MergeRead)},
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
        once: IdempotencyDep,
        session: WriteSession,
        secrets: SecretsDep,
    ) -> Response:
        """Give every question that has the term the other one, in newest and live revisions.

        The term is gone then; its slug, name and aliases are aliases of the other.
        """
        made = once.replay(session)
        if made is None:
            if not is_slug(slug):
                raise not_found()
            find_term(session, vocabulary, slug)
            reject_unknown(pairs, ())
            into = validated(MergeRequest, body).into
            count = merge_terms(Ledger(session, secrets, caller.key_id), vocabulary, slug, into)
            once.record(session, 200, f"{into} {count}")
        else:
            into, _, said = made.partition(" ")
            count = int(said)
        return reply({"slug": slug, "into": into, "questions": count})


for _vocabulary, _one in VOCABULARIES.items():
    _add(_vocabulary, _one)
