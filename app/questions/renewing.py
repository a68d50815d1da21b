"""Changes what is live and what is drafted alike, without letting the draft go public."""

from collections.abc import Callable

from app.kinds import parse_content
from app.questions.state import Held, Values

Change = Callable[[Values], Values]


def renew(held: Held, change: Change, now: int, note: str, *, live: bool) -> None:
    """Save what `change` makes of the newest content and, with `live`, of the live one first.

    The live revision's successor is live at once; a draft that lay over the one lies over the
    other, saved once more.
    """
    draft, public = held.newest, held.live
    if live and public is not None:
        held.save(parse_content(change(public.values)), now, note)
        held.publish(held.newest, now)
    if not live or public is not draft:
        held.save(parse_content(change(draft.values)), now, note)
