"""Loads a bank from files: its terms first, then its questions by the very same import."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from sqlmodel import Session, select

from app.access.models import Bank
from app.core import time_and_random
from app.core.db.edition_clock import bump_config
from app.taxonomy import service as taxonomy
from app.taxonomy.vocabulary import VOCABULARIES, Term


def seed_files(folder: Path) -> list[tuple[str, Path]]:
    """Return the files of questions in a seed's folder, each with the bank that takes it."""
    banks = orjson.loads((folder / "terms.json").read_bytes())["banks"]
    return [(banks[0]["slug"], path) for path in sorted((folder / "questions").glob("*.jsonl"))]


def load_terms_file(session: Session, path: Path) -> None:
    """Make the banks and terms of a file that do not exist yet."""
    load_terms(session, orjson.loads(path.read_bytes()))


def load_terms(session: Session, given: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Make the banks, categories, companies and tags that do not exist.

    A category stands after its parent.
    """
    existing = set(session.exec(select(Bank.slug)).all())
    fresh = [bank for bank in given["banks"] if bank["slug"] not in existing]
    session.add_all(Bank(**bank, created_at=time_and_random.now()) for bank in fresh)
    session.flush()
    terms = [(name, _term(values)) for name in VOCABULARIES for values in given.get(name, ())]
    taxonomy.create_terms(session, terms)
    if fresh:
        bump_config(session)


def _term(values: Mapping[str, Any]) -> Term:
    return Term(**{**values, "aliases": tuple(values["aliases"])})
