"""Pure: the states of a question, and which action is allowed in which state."""

from app.core.errors import Problem
from app.questions.state import QuestionState, RevisionContent

STATES = ("draft", "in_review", "published", "archived")
ANY_TAG = "*"
ACTIONS = ("publish", "withdraw", "archive", "restore")


def allowed_actions(question: QuestionState) -> list[str]:
    """Return the actions that are allowed in the question's state."""
    if question.state == "archived":
        return ["restore"]
    if question.state != "published":
        return ["publish", "archive"]
    if question.live is question.newest:
        return ["withdraw", "archive"]
    return ["publish", "withdraw", "archive"]


def publish(question: QuestionState, revision: RevisionContent, now: int) -> None:
    """Publish a revision; Problem wrong_state if it is live already or archived."""
    if question.state == "archived":
        message = "The question is archived."
        raise wrong_state(question, message)
    if question.published_revision == revision.revision:
        message = f"Revision {revision.revision} is already published."
        raise wrong_state(question, message)
    question.publish(question.newest if revision.revision == question.revision else revision, now)


def withdraw(question: QuestionState) -> None:
    """Make a published question a draft; Problem wrong_state in any other state."""
    if question.state != "published":
        raise wrong_state(question, "Only a published question can be withdrawn.")
    question.unpublish_to("draft")


def archive(question: QuestionState) -> None:
    """Archive a question and take it offline; Problem wrong_state if it is archived."""
    if question.state == "archived":
        raise wrong_state(question, "The question is already archived.")
    question.unpublish_to("archived")


def restore(question: QuestionState) -> None:
    """Make an archived question a draft; Problem wrong_state in any other state."""
    if question.state != "archived":
        raise wrong_state(question, "Only an archived question can be restored.")
    question.unpublish_to("draft")


def check_deletable(question: QuestionState) -> None:
    """Raise 409 if the question was ever published: its number and documents must stay."""
    if question.published_at is not None:
        message = "The question has been published."
        raise Problem("was_published", message, context=_context(question))


def wrong_state(question: QuestionState, message: str) -> Problem:
    """Return a 409 problem that names the allowed actions."""
    return Problem("wrong_state", message, context=_context(question))


def _context(question: QuestionState) -> dict[str, object]:
    return {"state": question.state, "applicable": allowed_actions(question)}


def check_match(question: QuestionState, given: str | None, *, required: bool = True) -> None:
    """Raise 428 if an entity tag is required and missing, 412 if none of the given is current.

    `given` is the value of an If-Match header or a bare tag. Weak tags count as strong ones.
    """
    if given is None:
        if not required:
            return
        message = "Send `If-Match` with the question's etag, or `*`."
        raise Problem("precondition_required", message)
    parts = [part.strip() for part in given.split(",")]
    if ANY_TAG in parts or question.etag in (part.removeprefix("W/").strip('"') for part in parts):
        return
    message = "The question has changed since that etag was sent."
    raise Problem("revision_stale", message, context={"revision": question.revision})
