"""The catalog: what one worker holds of everything that was published."""

import logging
from collections.abc import Awaitable, Collection, Sequence
from dataclasses import dataclass

from pyroaring import BitMap

from app.access.access_snapshot import AccessSnapshot
from app.access.rights import AnswerRight, Caller, Rights
from app.catalog.bodies.composer import Composed, Composer
from app.catalog.bodies.process_memory import release
from app.catalog.index.filtering import Matcher
from app.catalog.index.index import Entry, Index
from app.catalog.index.row_batch import Batch
from app.catalog.index.row_validation import complaints, has_place, tombstone
from app.catalog.text.text_formats import MARKDOWN
from app.core.db.database import Database
from app.core.db.edition_clock import Mark
from app.core.errors import Problem
from app.core.secrets import Secrets
from app.core.settings import Settings
from app.published.feed_columns import Columns, PublishedRow, columns_of
from app.published.follower import NO_MARK
from app.published.question_filter import Known, QuestionFilter
from app.taxonomy.vocabulary import Vocabularies
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot

__all__ = ["Catalog", "Entry", "Reading"]

ITEMS = "/items/{}"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one request may read."""

    banks: frozenset[str]
    right: AnswerRight | None


class Catalog:
    """Takes the rows of the change feed and answers from memory.

    To be asked on the event loop, where rows are applied too.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        secrets: Secrets,
        access: AccessSnapshot,
        glossary: VocabularySnapshot,
    ) -> None:
        """Start empty."""
        self.secrets = secrets
        self.database = database
        self.mark: Mark = NO_MARK
        self.dropped = 0
        self._budget_mb = settings.body_budget_mb
        self._access = access
        self._glossary = glossary
        self._loading = False
        self._start()

    def _start(self) -> None:
        self.index = Index()
        self._matcher = Matcher(self.index)
        self._composer = Composer(self.database, self._budget_mb, self.index.revision)

    @property
    def size(self) -> int:
        """How many questions are live."""
        return self.index.live

    @property
    def largest_number(self) -> int:
        """The largest number that a question ever had here."""
        return self.index.largest

    @property
    def rights(self) -> Rights:
        """The rules of every bank now."""
        return self._access.rights

    @property
    def vocabularies(self) -> Vocabularies:
        """The terms now."""
        return self._glossary.current

    def reset(self, epoch: str) -> None:  # noqa: ARG002 - the follower's protocol
        """Forget everything, bodies too: numbers may mean other questions now."""
        self._loading = True
        self._start()

    def fill(self, columns: Columns) -> None:
        """Take a part of everything, in any order, after a reset."""
        self._take(columns)

    def apply(self, rows: Sequence[PublishedRow], mark: Mark) -> None:
        """Take rows in the order of `seq`; none at the end of a full load."""
        if rows:
            self._take(columns_of(rows))
        elif self._loading:
            self.index.settle()
            self._loading = False
            release()
        self.mark = mark

    async def warm(self) -> None:
        """Read bodies ahead, after a full load."""
        await self._composer.warm(self.index.largest)

    def _take(self, columns: Columns) -> None:
        batch = Batch(columns)
        refused = {}
        for row, complaint in complaints(batch):
            refused[row] = tombstone(row) if has_place(row) else None
            self.dropped += 1
            log.error("published row %r (seq %r) was dropped: %s", row.number, row.seq, complaint)
        if refused:
            rows = [refused.get(row, row) for row in columns.rows()]
            kept = [row for row in rows if row is not None]
            if not kept:
                return
            batch = Batch(columns_of(kept))
        self.index.take(batch)
        self._composer.forget(batch.numbers.tolist())

    def known(self, caller: Caller) -> Known:
        """Return the banks and terms that the caller's filters may name."""
        rights = self.rights
        banks = {slug: rights.banks[slug].name for slug in sorted(rights.readable(caller))}
        return Known(banks, self.vocabularies)

    def reading(
        self, caller: Caller, named: Collection[str] = (), answers: bool = False
    ) -> Reading:
        """Return what a request may read; `named` are the banks that it asks for by name.

        Problem answers_not_allowed as api.md section 2 says.
        """
        view = self.rights.view(caller)
        if not answers:
            return Reading(view.readable, None)
        if not view.answerable.issuperset(named):
            message = "The answers of a bank concerned may not be read by this caller."
            raise Problem("answers_not_allowed", message)
        banks = frozenset(named) or view.answerable
        return Reading(banks, self.rights.answer_right(caller, banks))

    def is_secret(self, reading: Reading) -> bool:
        """Return whether answers are read that are not for everyone: nobody may keep them."""
        if reading.right is None:
            return False
        banks = self.rights.banks
        return any(banks[slug].answers != "public" for slug in reading.banks)

    def members(self, banks: frozenset[str], question_filter: QuestionFilter) -> BitMap:
        """Return the live questions of `banks` that match; never change the bitmap."""
        return self._matcher.members(self.mark, self.vocabularies, banks, question_filter)

    def category(self, slug: str) -> BitMap:
        """Return the live questions of a category and of everything below it."""
        return self._matcher.category(self.mark, self.vocabularies, slug)

    def find(self, question_id: bytes) -> Entry | None:
        """Return a question that is or was public, of any bank, by the 16 bytes of its id."""
        return self.index.find(question_id)

    def entry(self, number: int) -> Entry:
        """Return the question with a number; KeyError where there is none."""
        return self.index.entry(number)

    def live_keys(self, numbers: Sequence[int]) -> list[int]:
        """Return the keys of live questions, in order."""
        return self.index.keys(numbers)

    def compose_live(
        self, numbers: Sequence[int], reading: Reading, text_format: str, at: str = ITEMS
    ) -> Composed | Awaitable[Composed]:
        """Return live questions, as `compose` does."""
        if reading.right is None and text_format == MARKDOWN:
            bodies = self._composer.live(numbers)
            if bodies is not None:
                return Composed(bodies)
        return self.compose(self.live_keys(numbers), reading, text_format, at)

    def compose(
        self,
        keys: Sequence[int],
        reading: Reading,
        text_format: str,
        at: str = ITEMS,
    ) -> Composed | Awaitable[Composed]:
        """Return the questions of keys, in order, at once where memory holds them all.

        Problem answers_not_allowed when one lies in a bank outside the reading's right.
        """
        return self._composer.compose(keys, reading.right, text_format, self._bank, at)

    def _bank(self, number: int) -> str:
        return self.index.bank(number)
