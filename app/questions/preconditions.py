"""If-Match: a change names the state of the question that it was made for."""

from app.core.errors import Problem
from app.questions.held import Held

ANY = "*"


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
