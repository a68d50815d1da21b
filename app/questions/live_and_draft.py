"""Applies one change to the live revision and to the draft, without publishing the draft."""

from collections.abc import Callable

from app.kinds import parse_content
from app.questions.state import QuestionState, Values

Change = Callable[[Values], Values]


def change_live_and_draft(
    question: QuestionState, change: Change, now: int, note: str, *, live: bool
) -> None:
    """Save `change(content)` of the newest revision and, with `live`, of the live one first.

    The changed live content is published as a new revision. If there is a newer draft, it is saved
    again after that, so it stays the newest revision.
    """
    draft, public = question.newest, question.live
    if live and public is not None:
        question.save(parse_content(change(public.values)), now, note)
        question.publish(question.newest, now)
    if not live or public is not draft:
        question.save(parse_content(change(draft.values)), now, note)
