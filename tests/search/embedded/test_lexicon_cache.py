"""Lexicons are loaded in the background, even if banks are dropped and added meanwhile."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from app.search.embedded.lexicon_cache import INLINE_LOAD_QUESTIONS, LexiconCache
from app.search.embedded.tables import add_bank, drop_bank
from tests.search.embedded.test_postings import bank_of, documents, index, write

QUESTIONS = range(1, INLINE_LOAD_QUESTIONS + 100)


def test_a_bank_that_was_dropped_before_its_lexicon_was_loaded_is_skipped(tmp_path: Path) -> None:
    jobs: list[Callable[[sqlite3.Connection], None]] = []
    lexicons = LexiconCache(jobs.append)
    with index(tmp_path / "index.db") as connection:
        write(connection, documents(QUESTIONS))
        dropped = bank_of(connection)
        assert not lexicons.get(connection, dropped).is_current
        drop_bank(connection, dropped)
        add_bank(connection, "one", with_answers=True)
        for job in jobs:
            job(connection)
        write(connection, documents(QUESTIONS))
        lexicons.get(connection, bank_of(connection))
        jobs[-1](connection)
        cached = lexicons.get(connection, bank_of(connection))
        assert (cached.is_current, cached.lexicon.questions) == (True, len(QUESTIONS))
