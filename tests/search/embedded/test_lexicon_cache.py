"""The words of banks are read in the background, whatever becomes of the banks meanwhile."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from app.search.embedded.lexicon_cache import Lexicons
from app.search.embedded.tables import add_bank, drop_bank, put
from tests.search.embedded.test_postings import bank_of, document, index

QUESTIONS = 600


def test_a_bank_that_went_before_its_words_were_read_is_passed_over(tmp_path: Path) -> None:
    jobs: list[Callable[[sqlite3.Connection], None]] = []
    lexicons = Lexicons(jobs.append)
    with index(tmp_path / "index.db") as connection:
        put(connection, bank_of(connection), [document(at) for at in range(1, QUESTIONS)], ())
        gone = bank_of(connection)
        assert not lexicons.of(connection, gone).fresh
        drop_bank(connection, gone)
        add_bank(connection, "one", answers=True)
        for job in jobs:
            job(connection)
        put(connection, bank_of(connection), [document(at) for at in range(1, QUESTIONS)], ())
        lexicons.of(connection, bank_of(connection))
        jobs[-1](connection)
        known = lexicons.of(connection, bank_of(connection))
        assert (known.fresh, known.lexicon.questions) == (True, QUESTIONS - 1)
