"""Pure: writes FTS5 query expressions. Tokens occur in them only as quoted strings."""

from collections.abc import Sequence

from app.search.embedded.interpretation import Interpretation
from app.search.text.token_phrase import FIELDS, FieldScope, TokenPhrase

# Tokens of a stem are near each other if at most this many other tokens are between them.
NEAR_DISTANCE = 6


def phrase_expression(phrase: TokenPhrase) -> str:
    """Return the expression that matches a phrase."""
    tokens, prefix, scope = phrase
    return f"{_column_filter(scope)}({_quoted_phrase(tokens, prefix=prefix)})"


def stem_phrase(interpretation: Interpretation) -> TokenPhrase:
    """Return the query as typed, as one phrase in the stem."""
    typed = [group.typed for group in interpretation.groups]
    tokens = [token for variant in typed for token in variant.tokens]
    return TokenPhrase(tuple(tokens), typed[-1].prefix, FieldScope.STEM)


def near_expression(interpretation: Interpretation) -> str:
    """Return the expression that matches the tokens as typed near each other in the stem."""
    parts = [
        _quoted_phrase((token,), prefix=variant.prefix and position == len(variant.tokens) - 1)
        for variant in (group.typed for group in interpretation.groups)
        for position, token in enumerate(variant.tokens)
    ]
    return f"{_column_filter(FieldScope.STEM)}NEAR({' '.join(parts)}, {NEAR_DISTANCE})"


def _column_filter(scope: FieldScope) -> str:
    # Without a column filter FTS5 searches all columns, and faster than with one that names all.
    return "" if scope is FieldScope.ALL else f"{{{' '.join(FIELDS[:scope])}}} : "


def _quoted_phrase(tokens: Sequence[str], *, prefix: bool) -> str:
    return f"{_quoted(' '.join(tokens))}{' *' if prefix else ''}"


def _quoted(text: str) -> str:
    # The tokenizer never yields a quote. Doubling makes one harmless all the same.
    return '"' + text.replace('"', '""') + '"'
