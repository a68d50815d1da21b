"""Lists the leaves of a type: the paths of the texts, numbers and booleans in its JSON values."""

from collections.abc import Iterator
from decimal import Decimal
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    TypeAlias,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import BaseModel
from typing_extensions import is_typeddict

from app.kinds.declarations.text_type import TextType

# The names on the way to a value; EACH stands for every element of a list or mapping.
Path: TypeAlias = tuple[str, ...]

EACH = "*"

_SCALARS = (bool, int, float, Decimal)


class Leaf(NamedTuple):
    """A value without parts: its path, its Python type, and for texts its text type."""

    path: Path
    value_type: Any
    text_type: TextType | None = None


def leaves(shape: Any, path: Path = ()) -> Iterator[Leaf]:  # noqa: ANN401 - any annotation
    """Yield the leaves of a model, a TypedDict or any other annotation that content uses.

    Raises TypeError for a `str` without a TextType, and for types that are not supported.
    """
    yield from _leaves(shape, path, None)


def values_at(value: Any, path: Path) -> list[Any]:  # noqa: ANN401 - any JSON value
    """Return the values at a path of a JSON value, in order, without absent and null ones."""
    # Plain loops: indexing calls this several times for each question.
    found = [value]
    for step in path:
        parts, found = found, []
        for part in parts:
            if step == EACH:
                found.extend(part.values() if isinstance(part, dict) else part)
            elif (member := part.get(step)) is not None:
                found.append(member)
    return found


def _leaves(shape: Any, path: Path, text_type: TextType | None) -> Iterator[Leaf]:  # noqa: ANN401
    origin, arguments = get_origin(shape), get_args(shape)
    if origin is Annotated:
        named = [argument for argument in arguments[1:] if isinstance(argument, TextType)]
        yield from _leaves(arguments[0], path, named[0] if named else text_type)
    elif origin in {Union, UnionType}:
        for argument in arguments:
            if argument is not NoneType:
                yield from _leaves(argument, path, text_type)
    elif origin is Literal:
        yield Leaf(path, Literal, TextType.DATA)
    elif origin in {list, dict}:
        yield from _leaves(arguments[-1], (*path, EACH), text_type)
    elif shape is str and text_type is None:
        message = f"{'/'.join(path)}: a str needs a TextType in its annotation"
        raise TypeError(message)
    elif shape is str or shape in _SCALARS:
        yield Leaf(path, shape, text_type)
    else:
        for name, member in _members(shape, path).items():
            yield from _leaves(member, (*path, name), None)


def _members(shape: Any, path: Path) -> dict[str, Any]:  # noqa: ANN401 - any annotation
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        return {
            name: Annotated[(field.annotation, *field.metadata, None)]
            for name, field in shape.model_fields.items()
        }
    if is_typeddict(shape):
        return get_type_hints(shape, include_extras=True)
    message = f"{'/'.join(path)}: {shape!r} is not supported in the content of a question"
    raise TypeError(message)
