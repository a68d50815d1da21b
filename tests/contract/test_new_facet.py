"""A new facet takes the steps of docs/architecture.md, and then works wherever facets work."""

from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from app.migrating import SCRIPTS
from tests.support.modified_copy import PROJECT, Edit, modified_copy

# Each step adds text before or after a line that is there.
OLD_TYPE = 'Difficulty = Literal["easy", "medium", "hard"]\n'
NEW_TYPES = """\
Audience = Literal["children", "adults"]
Setting = Literal["exam", "interview"]
"""
OLD_FIELD = '    language: Language = Field(description="BCP 47 tag")\n'
NEW_FIELDS = """\
    audiences: Annotated[list[Audience], UNIQUE] = Field(default_factory=list, max_length=2)
    setting: Setting | None = None
"""
OLD_IMPORT = "from app.kinds.fields import Difficulty, Level\n"
NEW_IMPORT = "from app.kinds.fields import Audience, Difficulty, Level, Setting\n"
END_OF_FACETS = "\n\nFACETS: "
NEW_FACETS = """\
    audience: FacetChoice = field(
        default=ANY_VALUE,
        metadata=_declare(
            Facet("audiences", "whom it suits", many=True, values=get_args(Audience), ordered=True)
        ),
    )
    setting: FacetChoice = field(
        default=ANY_VALUE,
        metadata=_declare(
            Facet("setting", "where it is used", values=get_args(Setting), optional=True)
        ),
    )
"""
OLD_COLUMN = "    language: str = Field(sa_column=Column(String(35), nullable=False))\n"
NEW_COLUMNS = """\
    audiences: str = Field(sa_column=Column(Text, nullable=False, server_default=""))
    setting: str = Field(sa_column=Column(Text, nullable=False, server_default=""))
"""
MIGRATION = '''\
"""Add the columns of two facets.

Revision: new_facets, after {head}
"""

import sqlalchemy as sa
from alembic import op

revision = "new_facets"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("published", "questions"):
        for name in ("audiences", "setting"):
            op.add_column(table, sa.Column(name, sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    for table in ("published", "questions"):
        for name in ("audiences", "setting"):
            op.drop_column(table, name)
'''
EDITS: dict[str, Edit] = {
    "app/kinds/fields.py": [(OLD_TYPE, OLD_TYPE + NEW_TYPES)],
    "app/kinds/content.py": [
        ("    Difficulty,\n", "    Audience,\n    Difficulty,\n    Setting,\n"),
        (OLD_FIELD, NEW_FIELDS + OLD_FIELD),
    ],
    "app/published/facets.py": [
        (OLD_IMPORT, NEW_IMPORT),
        (END_OF_FACETS, NEW_FACETS + END_OF_FACETS),
    ],
    "app/published/models.py": [(OLD_COLUMN, OLD_COLUMN + NEW_COLUMNS)],
    "app/questions/models.py": [(OLD_COLUMN, OLD_COLUMN + NEW_COLUMNS)],
}


SECTION = "### A new facet\n"


def _migration() -> str:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    return MIGRATION.format(head=ScriptDirectory.from_config(config).get_current_head())


@pytest.mark.slow
def test_a_new_facet_works_wherever_facets_work(tmp_path: Path) -> None:
    migration: dict[str, Edit] = {"migrations/versions/new_facets.py": _migration()}
    copy = modified_copy(tmp_path / "copy", EDITS | migration)
    result = copy.run_tests(
        "tests/contract/new_facet_checks.py",
        "tests/published/test_facets.py",
    )
    assert result.returncode == 0, result.stdout


def test_the_documentation_names_each_edited_file() -> None:
    _, _, rest = (PROJECT / "docs" / "architecture.md").read_text().partition(SECTION)
    section, _, _ = rest.partition("\n### ")
    assert [path for path in EDITS if path not in section] == []
