"""Every table of the service in one metadata, for migrations and nothing else."""

from sqlmodel import SQLModel

import app.access.models
import app.core.clock
import app.core.idempotency
import app.core.leases
import app.published.models
import app.questions.models
import app.quizzes.models
import app.search.models
import app.taxonomy.models
import app.transfer.models  # noqa: F401 - importing a module registers its tables

METADATA = SQLModel.metadata
