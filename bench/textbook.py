"""The third baseline: a draw as tutorials write it, FastAPI with SQLModel and ORDER BY random()."""

import os
from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, FastAPI, Query
from sqlalchemy import func
from sqlmodel import Field, Session, SQLModel, create_engine, select


class TextbookQuestion(SQLModel, table=True):
    """A question in one table."""

    id: int | None = Field(default=None, primary_key=True)
    stem: str
    options: str
    category: str = Field(index=True)
    difficulty: str = Field(index=True)
    company: str | None = Field(default=None, index=True)


DATABASE = os.environ.get("BENCH_DATABASE", "textbook.db")
engine = create_engine(f"sqlite:///{DATABASE}", connect_args={"check_same_thread": False})
app = FastAPI()


def get_session() -> Iterator[Session]:
    """Yield a session that is closed after the request."""
    with Session(engine) as session:
        yield session


@app.get("/questions/random")
def draw(
    session: Annotated[Session, Depends(get_session)],
    count: Annotated[int, Query(ge=1, le=100)] = 10,
    difficulty: str | None = None,
) -> list[TextbookQuestion]:
    """Return random questions."""
    statement = select(TextbookQuestion)
    if difficulty is not None:
        statement = statement.where(TextbookQuestion.difficulty == difficulty)
    return list(session.exec(statement.order_by(func.random()).limit(count)))
