"""Reads a seed: its banks and terms, and the files of questions that are imported."""

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
    """Return the bank and the path of each question file in a seed's folder."""
    banks = orjson.loads((folder / "terms.json").read_bytes())["banks"]
    return [(banks[0]["slug"], path) for path in sorted((folder / "questions").glob("*.jsonl"))]


def load_terms_file(session: Session, path: Path) -> None:
    """Create the banks and terms of a file that do not exist yet."""
    load_terms(session, orjson.loads(path.read_bytes()))


def load_terms(session: Session, seed: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Create the banks, categories, companies and tags that do not exist.

    A category must follow its parent.
    """
    existing = set(session.exec(select(Bank.slug)).all())
    new_banks = [bank for bank in seed["banks"] if bank["slug"] not in existing]
    session.add_all(Bank(**bank, created_at=time_and_random.now()) for bank in new_banks)
    session.flush()
    terms = [(name, _term(values)) for name in VOCABULARIES for values in seed.get(name, ())]
    taxonomy.create_terms(session, terms)
    if new_banks:
        bump_config(session)


def _term(values: Mapping[str, Any]) -> Term:
    return Term(**{**values, "aliases": tuple(values["aliases"])})
