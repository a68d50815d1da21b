"""Make the tables of search.

Revision: 2026_11_25_0733_search, after 2026_11_25_0732_quizzes_imports
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_0733_search"
down_revision = "2026_11_25_0732_quizzes_imports"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "search_indexes",
        sa.Column("bank", sa.String(length=64), nullable=False),
        sa.Column("incarnation", sa.String(length=40), nullable=True),
        sa.Column("staging", sa.String(length=200), nullable=True),
        sa.Column("staging_incarnation", sa.String(length=40), nullable=True),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("compare", sa.Boolean(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bank", name="pk_search_indexes"),
    )
    op.create_table(
        "search_mirror",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("prefix", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=32), nullable=False),
        sa.Column("epoch", sa.String(length=16), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("terms", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=True),
        sa.Column("next_token", sa.String(length=32), nullable=True),
        sa.Column("clean", sa.Boolean(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("report", sa.Text(), nullable=True),
        sa.CheckConstraint("id = 1", name="ck_search_mirror_single_row"),
        sa.PrimaryKeyConstraint("id", name="pk_search_mirror"),
    )
    op.create_table(
        "search_quarantine",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("bank", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("signature", sa.String(length=16), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_search_quarantine"),
    )
    op.create_table(
        "synonyms",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_synonyms"),
    )


def downgrade() -> None:
    op.drop_table("synonyms")
    op.drop_table("search_quarantine")
    op.drop_table("search_mirror")
    op.drop_table("search_indexes")
