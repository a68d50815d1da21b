"""The metadata of all tables, for migrations only."""

from sqlmodel import SQLModel

import app.access.models
import app.core.db.edition_clock
import app.core.db.leases
import app.core.http.idempotency
import app.published.models
import app.questions.models
import app.quizzes.models
import app.search.models
import app.taxonomy.models
import app.transfer.models  # noqa: F401 - importing a module registers its tables

METADATA = SQLModel.metadata
