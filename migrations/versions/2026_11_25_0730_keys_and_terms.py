"""Make the tables of keys, banks, terms and the clock.

Revision: 2026_11_25_0730_keys_and_terms, after nothing
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_0730_keys_and_terms"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=11), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("banks", sa.Text(), nullable=False),
        sa.Column("origins", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("rate", sa.String(length=40), nullable=True),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind = 'secret' OR scopes = '[]'", name="ck_api_keys_publishable_without_scopes"
        ),
        sa.CheckConstraint("kind IN ('secret', 'publishable')", name="ck_api_keys_kind"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
    )
    op.create_index("ix_api_keys_made_by", "api_keys", ["made_by"])
    op.create_table(
        "banks",
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("read", sa.String(length=10), nullable=False),
        sa.Column("answers", sa.String(length=10), nullable=False),
        sa.Column("exposure", sa.String(length=4), nullable=False),
        sa.Column("reveal", sa.String(length=5), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("answers IN ('public', 'restricted')", name="ck_banks_answers"),
        sa.CheckConstraint("exposure IN ('open', 'exam')", name="ck_banks_exposure"),
        sa.CheckConstraint("reveal IN ('never', 'score', 'key')", name="ck_banks_reveal"),
        sa.CheckConstraint("\"read\" IN ('public', 'restricted')", name="ck_banks_read"),
        sa.PrimaryKeyConstraint("slug", name="pk_banks"),
    )
    op.create_table(
        "categories",
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("aliases", sa.Text(), nullable=False),
        sa.Column("parent", sa.String(length=64), nullable=True),
        sa.CheckConstraint("parent <> slug", name="ck_categories_not_its_own_parent"),
        sa.ForeignKeyConstraint(
            ["parent"],
            ["categories.slug"],
            name="fk_categories_parent_categories",
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("slug", name="pk_categories"),
    )
    op.create_index("ix_categories_parent", "categories", ["parent"])
    op.create_table(
        "clock",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.String(length=16), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("terms", sa.BigInteger(), nullable=False),
        sa.Column("next_number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name="ck_clock_single_row"),
        sa.CheckConstraint("seq >= 0 AND terms >= 0 AND next_number >= 1", name="ck_clock_counts"),
        sa.PrimaryKeyConstraint("id", name="pk_clock"),
    )
    op.create_table(
        "companies",
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("aliases", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("slug", name="pk_companies"),
    )
    op.create_table(
        "idempotency_records",
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("route", sa.String(length=200), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("resource", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", "key", "route", name="pk_idempotency_records"),
    )
    op.create_index("ix_idempotency_records_created_at", "idempotency_records", ["created_at"])
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=32), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "tags",
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("aliases", sa.Text(), nullable=False),
        sa.Column("group", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("slug", name="pk_tags"),
    )
    op.create_table(
        "term_names",
        sa.Column("vocabulary", sa.String(length=10), nullable=False),
        sa.Column("folded", sa.String(length=200), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "vocabulary IN ('categories', 'companies', 'tags')",
            name="ck_term_names_vocabulary",
        ),
        sa.PrimaryKeyConstraint("vocabulary", "folded", name="pk_term_names"),
    )


def downgrade() -> None:
    op.drop_table("term_names")
    op.drop_table("tags")
    op.drop_table("leases")
    op.drop_index("ix_idempotency_records_created_at", table_name="idempotency_records")
    op.drop_table("idempotency_records")
    op.drop_table("companies")
    op.drop_table("clock")
    op.drop_index("ix_categories_parent", table_name="categories")
    op.drop_table("categories")
    op.drop_table("banks")
    op.drop_index("ix_api_keys_made_by", table_name="api_keys")
    op.drop_table("api_keys")
