"""Runs migrations in one transaction on the connection that app.migrating hands over."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection

from app.tables import METADATA


def _render_item(kind: str, value: Any, _context: object) -> str | Literal[False]:  # noqa: ANN401
    # Columns of our own types are written as what they are in the database.
    if kind == "type" and type(value).__module__.startswith("app."):
        return f"sa.{type(value).impl.__name__}()"
    return False


def run(connection: Connection) -> None:
    """Run what Alembic was asked for."""
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        render_item=_render_item,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
