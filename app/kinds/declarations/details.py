"""The details of a kind that other packages need, derived from its content type."""

from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from app.kinds.content import Content
from app.kinds.declarations.csv_columns import CsvColumn, csv_columns
from app.kinds.declarations.leaves import EACH, Leaf, leaves
from app.kinds.declarations.text_type import TextType


@dataclass(frozen=True, slots=True)
class KindDetails:
    """The details of one kind of question, derived from the annotations in its content type.

    The paths of `public_texts` are paths in a delivered question, those of `answer_texts` in its
    answer side. Items are parts with an `id`, which the server gives.
    """

    content_type: type[Content]
    # The fields that the kind adds to those of every question.
    fields: tuple[str, ...]
    # Which of `fields` are lists of items.
    item_lists: tuple[str, ...]
    # A TypedDict of the fields that the kind adds to a delivered question.
    public_shape: Any
    # The lists of items in it, whose order must not reveal the answer.
    public_item_lists: tuple[str, ...]
    public_texts: tuple[Leaf, ...]
    answer_texts: tuple[Leaf, ...]
    # Whether its numbers may have more digits than a float.
    has_exact_numbers: bool
    # None: its content does not fit into a row of a CSV.
    csv_columns: tuple[CsvColumn, ...] | None


def kind_name(content_type: type[Content]) -> str:
    """Return the name of the kind, the value of its field `kind`."""
    return str(get_args(content_type.model_fields["kind"].annotation)[0])


def details_of(content_type: type[Content]) -> KindDetails:
    """Return the details of a kind.

    Raises TypeError for a `str` without a TextType, and for a CSV that would lose content.
    """
    fields = tuple(
        name
        for name in content_type.model_fields
        if name not in Content.model_fields and name != "kind"
    )
    own = [leaf for leaf in leaves(content_type) if leaf.path[0] in fields]
    public_shape = _returned_shape(content_type, "public_part")
    public = list(leaves(public_shape))
    answer = leaves(_answer_shape(content_type), ("answer",))
    return KindDetails(
        content_type=content_type,
        fields=fields,
        item_lists=_item_lists(own),
        public_shape=public_shape,
        public_item_lists=_item_lists(public),
        public_texts=tuple(leaf for leaf in public if leaf.text_type),
        answer_texts=tuple(leaf for leaf in answer if leaf.text_type),
        has_exact_numbers=any(leaf.text_type is TextType.DECIMAL for leaf in own),
        csv_columns=csv_columns(content_type, own),
    )


def _answer_shape(content_type: type[Content]) -> Any:  # noqa: ANN401 - an annotation
    if "answer" in content_type.model_fields:
        return content_type.model_fields["answer"].annotation
    return _returned_shape(content_type, "correct_answer")


def _returned_shape(content_type: type[Content], method: str) -> Any:  # noqa: ANN401 - an annotation
    return get_type_hints(getattr(content_type, method), include_extras=True)["return"]


def _item_lists(found: list[Leaf]) -> tuple[str, ...]:
    return tuple(leaf.path[0] for leaf in found if leaf.path[1:] == (EACH, "id"))
