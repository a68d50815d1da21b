"""Make the tables of quizzes and imports.

Revision: 2026_11_25_0732_quizzes_imports, after 2026_11_25_0731_questions
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_0732_quizzes_imports"
down_revision = "2026_11_25_0731_questions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("bank", sa.String(length=64), nullable=False),
        sa.Column("file_format", sa.String(length=16), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("target", sa.String(length=16), nullable=False),
        sa.Column("create_terms", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("of", sa.Integer(), nullable=True),
        sa.Column("created", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("next_line", sa.Integer(), nullable=False),
        sa.Column("unknown_terms", sa.Text(), nullable=False),
        sa.Column("error_count", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Text(), nullable=False),
        sa.Column("epoch", sa.String(length=16), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("terms", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'checking', 'applying', 'done', 'refused')",
            name="ck_imports_state",
        ),
        sa.CheckConstraint("target IN ('draft', 'published')", name="ck_imports_target"),
        sa.CheckConstraint(
            "done >= 0 AND next_offset >= 0 AND next_line >= 1", name="ck_imports_place"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
    )
    op.create_index("ix_imports_key_id", "imports", ["key_id"])
    op.create_index("ix_imports_state_created_at", "imports", ["state", "created_at"])
    op.create_table(
        "quizzes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=True),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("draw", sa.String(length=16), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("question_count", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("draw IN ('once', 'each_attempt')", name="ck_quizzes_draw"),
        sa.CheckConstraint("mode IN ('practice', 'assessed')", name="ck_quizzes_mode"),
        sa.CheckConstraint("question_count >= 1", name="ck_quizzes_question_count"),
        sa.PrimaryKeyConstraint("id", name="pk_quizzes"),
    )
    op.create_index("ix_quizzes_slug", "quizzes", ["slug"])
    op.create_table(
        "quiz_banks",
        sa.Column("quiz_id", sa.Uuid(), nullable=False),
        sa.Column("bank", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["bank"], ["banks.slug"], name="fk_quiz_banks_bank_banks"),
        sa.ForeignKeyConstraint(
            ["quiz_id"],
            ["quizzes.id"],
            name="fk_quiz_banks_quiz_id_quizzes",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("quiz_id", "bank", name="pk_quiz_banks"),
    )
    op.create_index("ix_quiz_banks_bank", "quiz_banks", ["bank"])
    op.create_table(
        "quiz_items",
        sa.Column("quiz_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint("position >= 0", name="ck_quiz_items_position"),
        sa.ForeignKeyConstraint(
            ["number", "revision"],
            ["documents.number", "documents.revision"],
            name="fk_quiz_items_number_revision_documents",
        ),
        sa.ForeignKeyConstraint(
            ["quiz_id"],
            ["quizzes.id"],
            name="fk_quiz_items_quiz_id_quizzes",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("quiz_id", "position", name="pk_quiz_items"),
        sa.UniqueConstraint("quiz_id", "number", name="uq_quiz_items_quiz_id_number"),
    )
    op.create_table(
        "quiz_slugs",
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("quiz_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["quiz_id"], ["quizzes.id"], name="fk_quiz_slugs_quiz_id_quizzes"),
        sa.PrimaryKeyConstraint("slug", name="pk_quiz_slugs"),
    )


def downgrade() -> None:
    op.drop_table("quiz_slugs")
    op.drop_table("quiz_items")
    op.drop_index("ix_quiz_banks_bank", table_name="quiz_banks")
    op.drop_table("quiz_banks")
    op.drop_index("ix_quizzes_slug", table_name="quizzes")
    op.drop_table("quizzes")
    op.drop_index("ix_imports_state_created_at", table_name="imports")
    op.drop_index("ix_imports_key_id", table_name="imports")
    op.drop_table("imports")
