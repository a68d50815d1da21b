"""Pairing: items that belong together in pairs. Its content does not fit into a CSV."""

from typing import Annotated, Any, Literal

from pydantic import Field

from app.kinds import limits
from app.kinds.content import Content, PublicPart
from app.kinds.declarations.items import ItemId, PublicItem, id_of
from app.kinds.declarations.text_type import TextType
from app.kinds.fields import Part, not_blank


class PairingItem(Part):
    """One item; `id` is given by the server."""

    id: ItemId | None = None
    text: Annotated[str, not_blank(limits.OPTION_TEXT), TextType.MARKDOWN]


class PairingAnswer(Part):
    """The pairs, each as two texts of items joined by a plus sign, and a note on them."""

    pairs: list[Annotated[str, not_blank(limits.OPTION_TEXT), TextType.DATA]] = Field(
        max_length=limits.OPTIONS
    )
    note: Annotated[str, not_blank(limits.EXPLANATION), TextType.MARKDOWN]


class PublicPairing(PublicPart):
    """The field that a pairing adds to a delivered question."""

    items: list[PublicItem]


class Pairing(Content):
    """Items to bring together."""

    kind: Literal["pairing"]
    items: list[PairingItem] = Field(min_length=2, max_length=limits.OPTIONS)
    answer: PairingAnswer

    def values(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return super().values() | {"items": [item.values() for item in self.items]}

    def public_part(self) -> PublicPairing:
        """Return the items."""
        return {"items": [{"id": id_of(item), "text": item.text} for item in self.items]}
