"""The editing view of a question: content, state, and answers for those who may see them."""

from app.kinds import DETAILS
from app.questions.rendering import Renderer, document
from app.questions.state import QuestionState, RevisionContent, Values

# Fields that the server sets. A client may send them back unchanged.
SERVER_FIELDS = (
    "id",
    "revision",
    "bank",
    "kind",
    "state",
    "published_revision",
    "unpublished_changes",
    "etag",
    "published_at",
    "updated_at",
)

# Fields that every key with any scope on the bank may see.
STATUS_FIELDS = (*SERVER_FIELDS, "external_id")


def editing_view(question: QuestionState, renderer: Renderer, *, answers: bool) -> Values:
    """Return the newest revision as editors see it, with or without its answers."""
    view = revision_view(question, question.newest, renderer, answers=answers)
    view |= {
        "external_id": question.external_id,
        "state": question.state,
        "published_revision": question.published_revision,
        "unpublished_changes": question.live is not None and question.live is not question.newest,
        "etag": question.etag,
    }
    return view


def live_view(question: QuestionState, renderer: Renderer, *, answers: bool) -> Values:
    """Return only the live revision, for exports of published questions."""
    view = revision_view(question, question.live or question.newest, renderer, answers=answers)
    view |= {
        "external_id": question.external_id,
        "state": question.state,
        "published_revision": question.published_revision,
        "unpublished_changes": False,
        "etag": question.etag,
    }
    return view


def revision_view(
    question: QuestionState, revision: RevisionContent, renderer: Renderer, *, answers: bool
) -> Values:
    """Return the content of one revision, with or without its answers."""
    values = revision.values
    view: Values = {**document(question.id, question.bank, revision, question.published_at)}
    view["family"] = values["family"]
    view["translation_group"] = values["translation_group"]
    view["review_by"] = values["review_by"]
    if answers:
        for name in DETAILS[values["kind"]].fields:
            view[name] = values[name]
        view["explanation"] = values["explanation"]
    else:
        view |= renderer.public_part(question.id, revision.content)
    return view
