"""The catalog: one worker's copy in memory of everything that was published."""

import logging
from collections.abc import Awaitable, Collection, Sequence
from typing import NamedTuple

from pyroaring import BitMap

from app.access.access_snapshot import AccessSnapshot
from app.access.rights import AnswerRight, Caller, Rights
from app.catalog.bodies.composer import ComposedQuestions, Composer
from app.catalog.bodies.process_memory import release_free_memory
from app.catalog.index.filtering import Matcher
from app.catalog.index.index import Index, IndexEntry
from app.catalog.index.row_batch import RowBatch
from app.catalog.index.row_validation import has_identity, invalid_rows, tombstone
from app.catalog.text.text_formats import MARKDOWN
from app.core.db.database import Database
from app.core.db.edition_clock import Mark
from app.core.errors import Problem
from app.core.secrets import Secrets
from app.core.settings import Settings
from app.published.feed_columns import PublishedColumns, PublishedRow, columns_of
from app.published.follower import NO_MARK
from app.published.question_filter import KnownNames, QuestionFilter
from app.taxonomy.vocabulary import Vocabularies
from app.taxonomy.vocabulary_snapshot import VocabularySnapshot

__all__ = ["Catalog", "IndexEntry", "ReadAccess"]

# The JSON pointer of a question in a list; {} stands for its index.
ITEM_POINTER = "/items/{}"

log = logging.getLogger(__name__)


class ReadAccess(NamedTuple):
    """What one request may read: the banks, and the right to their answers if it asks for them."""

    banks: frozenset[str]
    right: AnswerRight | None


class Catalog:
    """Applies the rows of the change feed to an index, and reads questions from memory.

    Call it on the event loop, where rows are applied too.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        secrets: Secrets,
        access: AccessSnapshot,
        vocabularies: VocabularySnapshot,
    ) -> None:
        """Start empty."""
        self.secrets = secrets
        self.database = database
        self.mark: Mark = NO_MARK
        self.dropped_rows = 0
        self._budget_mb = settings.body_budget_mb
        self._access = access
        self._vocabulary = vocabularies
        self._loading = False
        self._start_empty()

    def _start_empty(self) -> None:
        # Identifies the history to which question numbers belong: another object for each.
        self.history = object()
        self.index = Index()
        self._matcher = Matcher(self.index)
        self._composer = Composer(
            self.database, self._budget_mb, self.index.revision, self.index.bank
        )

    @property
    def size(self) -> int:
        """The number of live questions."""
        return self.index.live_count

    @property
    def largest_number(self) -> int:
        """The largest number that any question has had."""
        return self.index.largest_number

    @property
    def rights(self) -> Rights:
        """The current rules of every bank."""
        return self._access.rights

    @property
    def vocabularies(self) -> Vocabularies:
        """The current terms."""
        return self._vocabulary.current

    def reset(self, epoch: str) -> None:  # noqa: ARG002 - the follower's protocol
        """Drop everything, bodies too: in another history a number may be another question."""
        self._loading = True
        self._start_empty()

    def fill(self, columns: PublishedColumns) -> None:
        """Add a part of all rows, in any order, after a reset."""
        self._apply(columns)

    def apply(self, rows: Sequence[PublishedRow], mark: Mark) -> None:
        """Apply rows in the order of `seq`; no rows end a full load, or change `mark` only."""
        if rows:
            self._apply(columns_of(rows))
        elif self._loading:
            self.index.finish_load()
            self._loading = False
            release_free_memory()
        self.mark = mark

    async def warm(self) -> None:
        """Load bodies into the cache, after a full load."""
        await self._composer.warm(self.index.largest_number)

    def _apply(self, columns: PublishedColumns) -> None:
        batch = RowBatch(columns)
        replaced = {}
        for row, reason in invalid_rows(batch):
            replaced[row] = tombstone(row) if has_identity(row) else None
            self.dropped_rows += 1
            log.error("published row %r (seq %r) was dropped: %s", row.number, row.seq, reason)
        if replaced:
            rows = [replaced.get(row, row) for row in columns.rows()]
            valid_rows = [row for row in rows if row is not None]
            if not valid_rows:
                return
            batch = RowBatch(columns_of(valid_rows))
        self.index.apply(batch)
        self._composer.live_bodies.remove(batch.numbers.tolist())

    def nameable_values(self, caller: Caller) -> KnownNames:
        """Return the banks and terms that the caller's filters may name."""
        rights = self.rights
        banks = {slug: rights.banks[slug].name for slug in sorted(rights.readable(caller))}
        return KnownNames(banks, self.vocabularies)

    def read_access(
        self, caller: Caller, named: Collection[str] = (), answers: bool = False
    ) -> ReadAccess:
        """Return what a request may read; `named` are the banks that its filter names.

        With `answers` and no named bank, access narrows to the banks whose answers the caller may
        read. Problem answers_not_allowed if there is none, or a named bank is not one of them.
        """
        view = self.rights.view(caller)
        if not answers:
            return ReadAccess(view.readable, None)
        if not view.answerable.issuperset(named):
            message = "This caller may not read the answers of every requested bank."
            raise Problem("answers_not_allowed", message)
        banks = frozenset(named) or view.answerable
        return ReadAccess(banks, self.rights.answer_right(caller, banks))

    def has_restricted_answers(self, access: ReadAccess) -> bool:
        """Return whether the access includes answers that are not public: nobody may store them."""
        if access.right is None:
            return False
        banks = self.rights.banks
        return any(banks[slug].answers != "public" for slug in access.banks)

    def members(self, banks: frozenset[str], question_filter: QuestionFilter) -> BitMap:
        """Return the numbers of live questions of `banks` that match; never change the bitmap."""
        return self._matcher.members(self.mark, self.vocabularies, banks, question_filter)

    def category_members(self, slug: str) -> BitMap:
        """Return the numbers of live questions of a category and its subcategories."""
        return self._matcher.category(self.mark, self.vocabularies, slug)

    def find(self, question_id: bytes) -> IndexEntry | None:
        """Return a question that is or was public, of any bank, by the 16 bytes of its id."""
        return self.index.find(question_id)

    def entry(self, number: int) -> IndexEntry:
        """Return the question with a number; KeyError if there is none."""
        return self.index.entry(number)

    def live_keys(self, numbers: Sequence[int]) -> list[int]:
        """Return the body keys of live questions, in order."""
        return self.index.live_keys(numbers)

    def compose_live(
        self,
        numbers: Sequence[int],
        access: ReadAccess,
        text_format: str,
        pointer: str = ITEM_POINTER,
    ) -> ComposedQuestions | Awaitable[ComposedQuestions]:
        """Return the live revisions of questions by number, as `compose` does."""
        if access.right is None and text_format == MARKDOWN:
            bodies = self._composer.live_bodies.get_many(numbers)
            if bodies is not None:
                return ComposedQuestions(bodies)
        return self.compose(self.live_keys(numbers), access, text_format, pointer)

    def compose(
        self,
        keys: Sequence[int],
        access: ReadAccess,
        text_format: str,
        pointer: str = ITEM_POINTER,
    ) -> ComposedQuestions | Awaitable[ComposedQuestions]:
        """Return question revisions by body key, in order; immediately if all are in memory.

        Problem answers_not_allowed if a question's bank is not covered by the access's right.
        """
        return self._composer.compose(keys, access.right, text_format, pointer)
