"""The paths of Markdown in delivered questions of all kinds."""

from collections.abc import Iterable, Iterator

from app.kinds.content import AnswerPart, Content
from app.kinds.declarations.details import KindDetails
from app.kinds.declarations.leaves import Leaf, Path, leaves
from app.kinds.declarations.text_type import TextType


def markdown_paths(kinds: Iterable[KindDetails]) -> tuple[Path, ...]:
    """Return the paths of Markdown in delivered questions and in their answer sides.

    An answer side does not name its kind, so the paths of all kinds apply to it. Raises TypeError
    for a path that leads to Markdown in one kind and to another type of text in another kind.
    """
    found: dict[Path, TextType | None] = {}
    for leaf in _delivered_leaves(kinds):
        other = found.setdefault(leaf.path, leaf.text_type)
        if other is not leaf.text_type and TextType.MARKDOWN in {other, leaf.text_type}:
            message = f"{'/'.join(leaf.path)} is Markdown in one kind of question but not in all"
            raise TypeError(message)
    return tuple(path for path, text_type in found.items() if text_type is TextType.MARKDOWN)


def _delivered_leaves(kinds: Iterable[KindDetails]) -> Iterator[Leaf]:
    kinds = list(kinds)
    yield from (leaf for leaf in leaves(Content) if leaf.path != ("explanation",))
    for details in kinds:
        yield from details.public_texts
    for name in ("explanation", "feedback"):
        yield from leaves(AnswerPart.__annotations__[name], (name,))
    for details in kinds:
        yield from details.answer_texts
