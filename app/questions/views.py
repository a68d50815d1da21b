"""The editing view of a question: what is delivered, where it stands, and its answers for some."""

from app.kinds import DETAILS
from app.questions.rendering import Renderer, document
from app.questions.state import Held, Saved, Values

# What the server decides; sent back unchanged it does no harm.
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

# What everyone may see who may do something to the question.
PLACE_FIELDS = (*SERVER_FIELDS, "external_id")


def editing_view(held: Held, renderer: Renderer, *, answers: bool) -> Values:
    """Return a question's newest revision as editors see it, with or without the answer side."""
    view = revision_view(held, held.newest, renderer, answers=answers)
    view |= {
        "external_id": held.external_id,
        "state": held.state,
        "published_revision": held.published_revision,
        "unpublished_changes": held.live is not None and held.live is not held.newest,
        "etag": held.etag,
    }
    return view


def live_view(held: Held, renderer: Renderer, *, answers: bool) -> Values:
    """Return the live revision alone: for those who may not see what is newer."""
    view = revision_view(held, held.live or held.newest, renderer, answers=answers)
    view |= {
        "external_id": held.external_id,
        "state": held.state,
        "published_revision": held.published_revision,
        "unpublished_changes": False,
        "etag": held.etag,
    }
    return view


def revision_view(held: Held, saved: Saved, renderer: Renderer, *, answers: bool) -> Values:
    """Return one revision's content, with or without the answer side."""
    values = saved.values
    view: Values = {**document(held.id, held.bank, saved, held.published_at)}
    view["family"] = values["family"]
    view["translation_group"] = values["translation_group"]
    view["review_by"] = values["review_by"]
    if answers:
        for name in DETAILS[values["kind"]].fields:
            view[name] = values[name]
        view["explanation"] = values["explanation"]
    else:
        view |= renderer.public_part(held.id, saved.content)
    return view
