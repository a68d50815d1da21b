"""`quizwell keys`: creates, lists and revokes keys from the shell."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

import typer
from sqlmodel import Session, col, select

from app.core.db.database import Database
from app.core.settings import Settings

if TYPE_CHECKING:
    # Imported where they are used: they import FastAPI, and the command line must start fast.
    from app.access.models import ApiKey
    from app.access.rights import Caller


def key_commands(
    load_settings: Callable[[], Settings],
    open_database: Callable[[Settings], Database],
    say: Callable[[str], None],
) -> typer.Typer:
    """Return the commands; `say` writes a message to the terminal."""
    group = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)
    commands = _KeyCommands(load_settings, open_database, say)
    group.command("create")(commands.create)
    group.command("list")(commands.list)
    group.command("revoke")(commands.revoke)
    return group


class _KeyCommands:
    def __init__(
        self,
        load_settings: Callable[[], Settings],
        open_database: Callable[[Settings], Database],
        say: Callable[[str], None],
    ) -> None:
        self._load_settings = load_settings
        self._open_database = open_database
        self._say = say

    def create(  # noqa: PLR0913, PLR0917 - the options of the command
        self,
        name: Annotated[str, typer.Argument(help="What the key is for.")],
        scope: Annotated[
            list[str] | None, typer.Option(help="A scope, such as questions:write; repeatable.")
        ] = None,
        bank: Annotated[
            list[str] | None,
            typer.Option(help="A bank that it is for; repeatable; by default all."),
        ] = None,
        kind: Annotated[
            Literal["secret", "publishable"],
            typer.Option(help="publishable: for browsers and apps."),
        ] = "secret",
        origin: Annotated[
            list[str] | None,
            typer.Option(help="A page that may use a publishable key; repeatable."),
        ] = None,
        expires_at: Annotated[
            str, typer.Option(help="When it expires, such as 2027-01-31T12:00:00Z.")
        ] = "",
        rate: Annotated[str, typer.Option(help="Its own rate limit, such as 600/minute.")] = "",
    ) -> None:
        """Create a key and print its secret, which is shown only once."""
        from app.access.schemas import KeyWrite  # noqa: PLC0415
        from app.access.service import create_key  # noqa: PLC0415
        from app.core.http.idempotency import Idempotency  # noqa: PLC0415

        given = {
            "name": name,
            "kind": kind,
            "scopes": scope or [],
            "banks": bank or ["*"],
            "origins": origin or [],
            "expires_at": expires_at or None,
            "rate": rate or None,
        }
        values = KeyWrite.model_validate(given)
        settings = self._load_settings()
        database = self._open_database(settings)
        with database.write() as session:
            idempotency = Idempotency(None, None, "", b"")
            key, secret = create_key(session, settings, _admin(session), values, idempotency)
        database.close()
        self._say(f"Created key {key.id}. Its secret, which is shown only once:")
        typer.echo(secret)

    def list(self) -> None:
        """List the keys that are not revoked, newest first, without their secrets."""
        database = self._open_database(self._load_settings())
        with database.read() as session:
            for key in _valid_keys(session):
                typer.echo(_line(key))
        database.close()

    def revoke(
        self,
        key_id: Annotated[
            UUID, typer.Argument(help="The key's id, as `quizwell keys list` shows it.")
        ],
        descendants: Annotated[
            bool,
            typer.Option("--descendants", help="Also the keys it made, and the keys they made."),
        ] = False,
    ) -> None:
        """Revoke a key: every worker refuses it within a second."""
        from app.access.service import find_key, revoke_key  # noqa: PLC0415

        database = self._open_database(self._load_settings())
        with database.write() as session:
            key = find_key(session, _admin(session), key_id)
            revoke_key(session, key, descendants=descendants)
        database.close()
        self._say(f"Revoked key {key_id}.")


def _valid_keys(session: Session) -> "list[ApiKey]":
    from app.access.models import ApiKey  # noqa: PLC0415

    newest = col(ApiKey.id).desc()
    return list(
        session.exec(select(ApiKey).where(col(ApiKey.revoked_at).is_(None)).order_by(newest))
    )


def _admin(session: Session) -> "Caller":
    """Return the caller that commands act as: the newest admin key that never expires."""
    from app.access.keyring import caller_of  # noqa: PLC0415

    callers = map(caller_of, _valid_keys(session))
    admin = next((each for each in callers if each.is_admin and each.expires_at is None), None)
    if admin is None:
        sys.exit("quizwell: there is no admin key: `quizwell serve` creates one")
    return admin


def _line(key: "ApiKey") -> str:
    expires = f"until {key.expires_at:%Y-%m-%d %H:%M} UTC" if key.expires_at else "no expiry"
    used = f"{key.last_used_at:%Y-%m-%d %H:%M} UTC" if key.last_used_at else "never"
    scopes = " ".join(key.scopes) or key.kind
    banks = " ".join(key.banks)
    return (
        f"{key.id}  {key.prefix}…  {key.name}: {scopes}; banks {banks}; {expires}; last used {used}"
    )
