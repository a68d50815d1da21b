"""Name the counter of writes to banks, keys, vocabularies and slugs `config_version`.

Revision: 2026_12_01_0800_config_version, after 2026_11_25_0733_search

Both databases rename the column inside CHECK constraints as well.
"""

from alembic import op

revision = "2026_12_01_0800_config_version"
down_revision = "2026_11_25_0733_search"
branch_labels = None
depends_on = None

TABLES = ("clock", "imports", "search_mirror")


def upgrade() -> None:
    for table in TABLES:
        op.alter_column(table, "terms", new_column_name="config_version")


def downgrade() -> None:
    for table in TABLES:
        op.alter_column(table, "config_version", new_column_name="terms")
