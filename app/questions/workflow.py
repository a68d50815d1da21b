"""The states of a question and the ways between them, pure."""

from app.core.errors import Problem
from app.questions.state import Held, Saved

STATES = ("draft", "in_review", "published", "archived")
ANY = "*"
ACTIONS = ("publish", "withdraw", "archive", "restore")


def applicable(held: Held) -> list[str]:
    """Return the actions that the question's state allows."""
    if held.state == "archived":
        return ["restore"]
    if held.state != "published":
        return ["publish", "archive"]
    if held.live is held.newest:
        return ["withdraw", "archive"]
    return ["publish", "withdraw", "archive"]


def publish(held: Held, saved: Saved, now: int) -> None:
    """Make a revision live; Problem wrong_state where it is live already, or archived."""
    if held.state == "archived":
        message = "The question is archived."
        raise wrong_state(held, message)
    if held.published_revision == saved.revision:
        message = f"Revision {saved.revision} is live already."
        raise wrong_state(held, message)
    held.publish(held.newest if saved.revision == held.revision else saved, now)


def withdraw(held: Held) -> None:
    """Take a published question back to draft; Problem wrong_state for any other."""
    if held.state != "published":
        raise wrong_state(held, "Only a published question can be withdrawn.")
    held.leave("draft")


def archive(held: Held) -> None:
    """Put a question away, out of what is public; Problem wrong_state where it is already."""
    if held.state == "archived":
        raise wrong_state(held, "The question is archived already.")
    held.leave("archived")


def restore(held: Held) -> None:
    """Make a draft of an archived question; Problem wrong_state for any other."""
    if held.state != "archived":
        raise wrong_state(held, "Only an archived question can be restored.")
    held.leave("draft")


def check_deletable(held: Held) -> None:
    """Raise 409 for what was ever published: its number and its documents stay."""
    if held.published_at is not None:
        message = "The question was published once."
        raise Problem("was_published", message, context=_context(held))


def wrong_state(held: Held, message: str) -> Problem:
    """Return the 409 that says what would apply instead."""
    return Problem("wrong_state", message, context=_context(held))


def _context(held: Held) -> dict[str, object]:
    return {"state": held.state, "applicable": applicable(held)}


def check_match(held: Held, given: str | None, *, required: bool = True) -> None:
    """Raise 428 where a tag is required and absent, 412 where none of those given is current.

    `given` is a header's value or a bare tag; weak tags count as strong ones.
    """
    if given is None:
        if not required:
            return
        message = "The change needs `If-Match` with the question's etag, or `*`."
        raise Problem("precondition_required", message)
    parts = [part.strip() for part in given.split(",")]
    if ANY in parts or held.etag in (part.removeprefix("W/").strip('"') for part in parts):
        return
    message = "The question is not any more as the etag says."
    raise Problem("revision_stale", message, context={"revision": held.revision})
