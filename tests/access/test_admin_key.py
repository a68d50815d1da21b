"""The admin key is that of the settings, else a generated one that is shown once."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import update
from sqlmodel import Session, select

from app.access.keyring import Keyring, digest_of
from app.access.models import ApiKey
from app.access.service import ensure_admin_key
from app.core import time_and_random
from app.core.db.database import Database
from app.core.db.edition_clock import read_mark
from app.core.settings import Settings

FIRST = "first_admin_key-0123456789"
SECOND = "second_admin_key-0123456789"


def _ensure(database: Database, settings: Settings, admin_key: str) -> str | None:
    with database.write() as session:
        return ensure_admin_key(session, settings.model_copy(update={"admin_key": admin_key}))


def _is_admin(database: Database, secret: str) -> bool:
    with database.read() as session:
        keys = session.exec(select(ApiKey)).all()
    keyring = Keyring(key for key in keys if key.revoked_at is None)
    return any(
        caller.is_admin
        for digest, caller in keyring._by_digest.items()
        if digest == digest_of(secret)
    )


def test_without_a_setting_one_key_is_generated_once(
    fresh_settings: Callable[..., Settings],
) -> None:
    settings = fresh_settings(admin_key="")
    database = Database(settings)
    secret = _ensure(database, settings, "")
    assert secret is not None
    assert secret.startswith("qw_sk_")
    assert _is_admin(database, secret)
    assert _ensure(database, settings, "") is None
    with database.write() as session:
        ended = time_and_random.now() - timedelta(seconds=1)
        session.connection().execute(update(ApiKey).values(expires_at=ended))
    assert _ensure(database, settings, "") is not None
    database.close()


def test_the_settings_key_is_the_admin_key_while_it_is_set(
    database: Database, settings: Settings
) -> None:
    assert _ensure(database, settings, FIRST) is None
    assert _is_admin(database, FIRST)
    with database.read() as session:
        before = read_mark(session)
    assert _ensure(database, settings, FIRST) is None
    with database.read() as session:
        assert read_mark(session) == before
    _ensure(database, settings, SECOND)
    assert (_is_admin(database, FIRST), _is_admin(database, SECOND)) == (False, True)
    _ensure(database, settings, FIRST)
    assert (_is_admin(database, FIRST), _is_admin(database, SECOND)) == (True, False)
    fresh = _ensure(database, settings, "")
    assert fresh is not None
    assert not _is_admin(database, FIRST)


def test_a_generated_key_can_become_the_key_of_the_settings(
    fresh_settings: Callable[..., Settings],
) -> None:
    settings = fresh_settings(admin_key="")
    database = Database(settings)
    secret = _ensure(database, settings, "") or ""
    _ensure(database, settings, secret)
    assert _is_admin(database, secret)
    _ensure(database, settings, FIRST)
    assert not _is_admin(database, secret)
    database.close()


def test_other_workers_read_the_new_key(database: Database, settings: Settings) -> None:
    def config_version() -> int:
        with database.read() as session:
            return read_mark(session).config_version

    before = config_version()
    _ensure(database, settings, SECOND)
    assert config_version() == before + 1


def test_keys_that_the_admin_key_made_stay_valid_after_a_change(
    database: Database, settings: Settings
) -> None:
    _ensure(database, settings, FIRST)
    with database.write() as session:
        _add_child(session)
    _ensure(database, settings, SECOND)
    assert _is_admin(database, "child")


def _add_child(session: Session) -> None:
    maker = session.exec(select(ApiKey).where(ApiKey.digest == digest_of(FIRST))).one()
    session.add(
        ApiKey(
            id=time_and_random.uuid7(),
            prefix="",
            digest=digest_of("child"),
            name="QUIZWELL_ADMIN_KEY",
            kind="secret",
            scopes=["admin"],
            banks=["*"],
            origins=[],
            made_by=maker.id,
            created_at=time_and_random.now(),
        )
    )
