"""Items: parts with ids that the server gives, such as the options of a choice."""

from typing import Annotated, Protocol

from pydantic import StringConstraints
from typing_extensions import TypedDict

from app.core import time_and_random
from app.kinds import limits
from app.kinds.declarations.text_type import Data, Markdown, TextType

ID_BYTES = 8

ItemId = Annotated[str, StringConstraints(min_length=1, max_length=limits.ITEM_ID), TextType.DATA]


class Item(Protocol):
    """A part with an id, None until the server gives one."""

    id: str | None


class PublicItem(TypedDict):
    """An item as every reader sees it."""

    id: Data
    text: Markdown


def id_of(item: Item) -> str:
    """Return the item's id; raise ValueError if it has none yet."""
    if item.id is None:
        message = "the item has no id yet"
        raise ValueError(message)
    return item.id


def give_ids(items: list[Item]) -> None:
    """Give each item without an id a random one, in place."""
    without_id = [item for item in items if item.id is None]
    if without_id:
        fresh_ids = time_and_random.random_bytes(ID_BYTES * len(without_id)).hex()
        for index, item in enumerate(without_id):
            # Assigning the attribute through pydantic takes five times as long.
            vars(item)["id"] = fresh_ids[index * 2 * ID_BYTES : (index + 1) * 2 * ID_BYTES]
