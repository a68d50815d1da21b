"""Make the tables of questions and of what is public.

Revision: 2026_11_25_0731_questions, after 2026_11_25_0730_keys_and_terms
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_0731_questions"
down_revision = "2026_11_25_0730_keys_and_terms"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "documents",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", "revision", name="pk_documents"),
    )
    op.create_table(
        "question_batches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("results", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_question_batches"),
    )
    op.create_index("ix_question_batches_created_at", "question_batches", ["created_at"])
    op.create_table(
        "answers",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["number", "revision"],
            ["documents.number", "documents.revision"],
            name="fk_answers_number_revision_documents",
        ),
        sa.PrimaryKeyConstraint("number", "revision", name="pk_answers"),
    )
    op.create_table(
        "published",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bank", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("categories", sa.Text(), nullable=False),
        sa.Column("companies", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("levels", sa.Text(), nullable=False),
        sa.Column("difficulty", sa.String(length=6), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("family", sa.String(length=64), nullable=True),
        sa.Column("translation_group", sa.String(length=64), nullable=True),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "difficulty IN ('easy', 'medium', 'hard')", name="ck_published_difficulty"
        ),
        sa.CheckConstraint("number >= 1 AND seq >= 1", name="ck_published_positive"),
        sa.ForeignKeyConstraint(["bank"], ["banks.slug"], name="fk_published_bank_banks"),
        sa.ForeignKeyConstraint(
            ["number", "revision"],
            ["documents.number", "documents.revision"],
            name="fk_published_number_revision_documents",
        ),
        sa.PrimaryKeyConstraint("number", name="pk_published"),
        sa.UniqueConstraint("id", name="uq_published_id"),
        sa.UniqueConstraint("seq", name="uq_published_seq"),
    )
    op.create_table(
        "questions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bank", sa.String(length=64), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("published_revision", sa.Integer(), nullable=True),
        sa.Column("published_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("difficulty", sa.String(length=6), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("levels", sa.String(length=64), nullable=False),
        sa.Column("family", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "(state = 'published') = (published_revision IS NOT NULL)",
            name="ck_questions_live_revision",
        ),
        sa.CheckConstraint(
            "difficulty IN ('easy', 'medium', 'hard')", name="ck_questions_difficulty"
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'in_review', 'published', 'archived')",
            name="ck_questions_state",
        ),
        sa.CheckConstraint(
            "revision >= 1 AND (published_revision IS NULL OR "
            "(published_revision BETWEEN 1 AND revision AND published_at IS NOT NULL))",
            name="ck_questions_revisions",
        ),
        sa.ForeignKeyConstraint(["bank"], ["banks.slug"], name="fk_questions_bank_banks"),
        sa.PrimaryKeyConstraint("id", name="pk_questions"),
        sa.UniqueConstraint("bank", "external_id", name="uq_questions_bank_external_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_questions_bank_state", "questions", ["bank", "state"])
    op.create_table(
        "question_categories",
        sa.Column("question_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("in_draft", sa.Boolean(), nullable=False),
        sa.Column("in_live", sa.Boolean(), nullable=False),
        sa.CheckConstraint("in_draft OR in_live", name="ck_question_categories_used"),
        sa.ForeignKeyConstraint(
            ["question_id"],
            ["questions.id"],
            name="fk_question_categories_question_id_questions",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["slug"],
            ["categories.slug"],
            name="fk_question_categories_slug_categories",
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("question_id", "slug", name="pk_question_categories"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_question_categories_slug", "question_categories", ["slug"])
    op.create_table(
        "question_companies",
        sa.Column("question_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("in_draft", sa.Boolean(), nullable=False),
        sa.Column("in_live", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(length=500), nullable=True),
        sa.Column("first_seen", sa.String(length=10), nullable=True),
        sa.Column("last_seen", sa.String(length=10), nullable=True),
        sa.Column("times_seen", sa.Integer(), nullable=True),
        sa.CheckConstraint("in_draft OR in_live", name="ck_question_companies_used"),
        sa.CheckConstraint(
            "times_seen IS NULL OR times_seen >= 0", name="ck_question_companies_times_seen"
        ),
        sa.ForeignKeyConstraint(
            ["question_id"],
            ["questions.id"],
            name="fk_question_companies_question_id_questions",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["slug"],
            ["companies.slug"],
            name="fk_question_companies_slug_companies",
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("question_id", "slug", name="pk_question_companies"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_question_companies_slug", "question_companies", ["slug"])
    op.create_table(
        "question_media",
        sa.Column("question_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(length=1000), nullable=False),
        sa.Column("in_draft", sa.Boolean(), nullable=False),
        sa.Column("in_live", sa.Boolean(), nullable=False),
        sa.CheckConstraint("in_draft OR in_live", name="ck_question_media_used"),
        sa.ForeignKeyConstraint(
            ["question_id"],
            ["questions.id"],
            name="fk_question_media_question_id_questions",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("question_id", "url", name="pk_question_media"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "question_tags",
        sa.Column("question_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("in_draft", sa.Boolean(), nullable=False),
        sa.Column("in_live", sa.Boolean(), nullable=False),
        sa.CheckConstraint("in_draft OR in_live", name="ck_question_tags_used"),
        sa.ForeignKeyConstraint(
            ["question_id"],
            ["questions.id"],
            name="fk_question_tags_question_id_questions",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["slug"], ["tags.slug"], name="fk_question_tags_slug_tags", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("question_id", "slug", name="pk_question_tags"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_question_tags_slug", "question_tags", ["slug"])
    op.create_table(
        "revisions",
        sa.Column("question_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint("number >= 1", name="ck_revisions_number"),
        sa.ForeignKeyConstraint(
            ["question_id"],
            ["questions.id"],
            name="fk_revisions_question_id_questions",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("question_id", "number", name="pk_revisions"),
    )


def downgrade() -> None:
    op.drop_table("revisions")
    op.drop_index("ix_question_tags_slug", table_name="question_tags")
    op.drop_table("question_tags")
    op.drop_table("question_media")
    op.drop_index("ix_question_companies_slug", table_name="question_companies")
    op.drop_table("question_companies")
    op.drop_index("ix_question_categories_slug", table_name="question_categories")
    op.drop_table("question_categories")
    op.drop_index("ix_questions_bank_state", table_name="questions")
    op.drop_table("questions")
    op.drop_table("published")
    op.drop_table("answers")
    op.drop_index("ix_question_batches_created_at", table_name="question_batches")
    op.drop_table("question_batches")
    op.drop_table("documents")
