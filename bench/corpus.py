"""Generates large banks for the search benchmarks, with realistic word frequencies."""

import random
import re
from bisect import bisect
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import orjson
from sqlmodel import Session

from app.access.service import ensure_admin_key
from app.core import time_and_random
from app.core.db.database import Database
from app.migrating import migrate
from app.published.feed_columns import facet_texts
from app.published.publishing import Publication, publish
from app.search.synonyms.service import load_synonyms_file
from app.starting import SEED_FOLDER
from app.transfer.seeding import load_terms
from bench.banks import CATEGORIES, COMPANIES, DIFFICULTIES, LEVELS, TAGS, terms
from bench.prepared import KEY, settings_of

RARE_WORDS = 100_000
# The fraction of all words that are rare ones.
RARE_FRACTION = 0.15
WORDS_PER_STEM = 16
QUESTIONS_PER_TRANSACTION = 5_000
SAMPLED_STEMS = 2_000
MIN_LETTERS_FOR_ERROR = 5
SYLLABLES = [a + b for a in "bdfgklmprstvz" for b in "aeiou"]
_WORD = re.compile("[a-z]{2,}")


@dataclass(frozen=True)
class SearchBank:
    """A published bank: its size and folder, and a sample of its stems to make queries from."""

    count: int
    folder: Path
    stems: list[str]

    @property
    def environment(self) -> dict[str, str]:
        """The settings of a server for this bank."""
        return {
            "QUIZWELL_DATA_DIR": str(self.folder),
            "QUIZWELL_ADMIN_KEY": KEY,
            "QUIZWELL_RATE_ANONYMOUS": "off",
            "QUIZWELL_RATE_KEY": "off",
        }


class _WordSource:
    """Draws words: those of the seed bank by their frequency there, and many rare ones."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        counts: Counter[str] = Counter()
        for path in sorted((SEED_FOLDER / "questions").glob("*.jsonl")):
            for question in map(orjson.loads, path.read_bytes().splitlines()):
                text = f"{question['stem']} {question['explanation'] or ''}"
                counts.update(_WORD.findall(text.lower()))
        self._common = list(counts)
        self._running_counts = list(accumulate(counts.values()))
        self._rare: list[str] = ["".join(chance.choices(SYLLABLES, k=4)) for _ in range(RARE_WORDS)]

    def text(self, count: int) -> str:
        return " ".join(self._word() for _ in range(count))

    def _word(self) -> str:
        if self._chance.random() < RARE_FRACTION:
            return self._chance.choice(self._rare)
        index: int = bisect(self._running_counts, self._chance.randrange(self._running_counts[-1]))
        return self._common[index]


def prepare_search(folder: Path, count: int) -> SearchBank:
    """Create a database in `folder` with a bank of `count` questions.

    It publishes directly, without drafts, because that is faster.
    """
    folder.mkdir(parents=True)
    settings = settings_of(folder)
    database = Database(settings)
    migrate(database)
    with database.write() as session:
        ensure_admin_key(session, settings)
    with database.write() as session:
        load_terms(
            session, terms() | {"banks": [bank | _PUBLIC_ANSWERS for bank in terms()["banks"]]}
        )
        load_synonyms_file(session, SEED_FOLDER / "synonyms.json")
    chance = random.Random(count)
    words = _WordSource(chance)
    sampled_stems: list[str] = []
    for start in range(0, count, QUESTIONS_PER_TRANSACTION):
        size = min(QUESTIONS_PER_TRANSACTION, count - start)
        stems = [words.text(WORDS_PER_STEM) for _ in range(size)]
        sampled_stems += chance.sample(stems, max(1, len(stems) * SAMPLED_STEMS // count))
        with database.write() as session:
            _publish(session, stems, words, chance)
    database.close()
    return SearchBank(count, folder, sampled_stems)


_PUBLIC_ANSWERS = {"answers": "public", "reveal": "key"}


def _publish(session: Session, stems: list[str], words: _WordSource, chance: random.Random) -> None:
    publish(session, list(_publications(stems, words, chance)))


def _publications(
    stems: list[str], words: _WordSource, chance: random.Random
) -> Iterator[Publication]:
    for stem in stems:
        facets = {
            "categories": [chance.choice(CATEGORIES)],
            "companies": [chance.choice(COMPANIES)] if chance.random() < 0.2 else [],
            "tags": chance.sample(TAGS, 2),
            "difficulty": chance.choice(DIFFICULTIES),
            "levels": chance.sample(LEVELS, chance.randint(1, 2)),
        }
        question_id = time_and_random.uuid7()
        document = {
            "id": str(question_id),
            "revision": 1,
            "bank": "bench",
            "kind": "single_choice",
            "stem": stem,
            "hints": [],
            **facets,
            "language": "en",
            "options": [{"id": str(index), "text": words.text(5)} for index in range(4)],
        }
        answers = {"answer": {"options": ["0"]}, "explanation": words.text(25), "feedback": {}}
        yield Publication(
            id=question_id,
            number=None,
            bank="bench",
            revision=1,
            facets=facet_texts(document),
            family=None,
            translation_group=None,
            document=orjson.dumps(document),
            answers=orjson.dumps(answers),
            published_at=0,
            updated_at=0,
        )


def keystrokes(bank: SearchBank, count: int) -> list[str]:
    """Return the queries that search-as-you-type sends while a user types `count` queries.

    Each typed query gives one for each letter, from the second letter on.
    """
    chance = random.Random(1)
    prefixes = []
    for query in queries(bank, count, chance):
        prefixes += [query[:end] for end in range(2, len(query) + 1) if query[end - 1] != " "]
    return prefixes


def queries(bank: SearchBank, count: int, chance: random.Random) -> list[str]:
    """Return queries of two to four neighbouring words of a stem; half have a typing error."""
    found = []
    for _ in range(count):
        words = chance.choice(bank.stems).split()
        length = chance.randint(2, 4)
        start = chance.randrange(len(words) - length)
        picked = words[start : start + length]
        if chance.random() < 0.5:
            picked[0] = with_typing_error(picked[0], chance)
        found.append(" ".join(picked))
    return found


def with_typing_error(word: str, chance: random.Random) -> str:
    """Return a word with two letters after the first swapped; a short word stays as it is."""
    if len(word) < MIN_LETTERS_FOR_ERROR:
        return word
    at = chance.randrange(1, len(word) - 1)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
