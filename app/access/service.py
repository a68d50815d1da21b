"""What can be done with banks and keys, and who may do it."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from app.access import repository
from app.access.access_snapshot import rules_of
from app.access.delegation import opened, rate_is_beyond, scopes_beyond, time_is_beyond
from app.access.key_secrets import new_secret, shown_part
from app.access.keyring import digest_of, invalid_key
from app.access.models import ApiKey, Bank
from app.access.rights import BankRules, Caller
from app.access.schemas import ALL, BankWrite, KeyWrite
from app.access.scopes import GLOBAL_SCOPES
from app.core import time_and_random
from app.core.db.edition_clock import bump_config
from app.core.errors import FieldError, Problem, invalid, near_misses, not_found
from app.core.http.idempotency import Idempotency
from app.core.settings import Settings

ENV_NAME = "QUIZWELL_ADMIN_KEY"


def find_bank(session: Session, slug: str, *, lock: bool = False) -> Bank:
    """Return a bank; 404 where there is none."""
    bank = repository.find_bank(session, slug, lock=lock)
    if bank is None:
        raise not_found()
    return bank


def create_bank(session: Session, caller: Caller, wanted: BankWrite, once: Idempotency) -> Bank:
    """Make a bank; 409 name_taken, 403 where it tells more than a closed one without `admin`."""
    bank = Bank(**wanted.model_dump(), created_at=time_and_random.now())
    _refuse_opening(caller, None, rules_of(bank))
    taken = f"There is a bank `{wanted.slug}` already."
    if repository.find_bank(session, wanted.slug) is not None:
        raise Problem("name_taken", taken, context={"slug": wanted.slug})
    try:
        session.add(bank)
        session.flush()
    except IntegrityError as error:
        raise Problem("name_taken", taken, context={"slug": wanted.slug}) from error
    once.record(session, 201, bank.slug)
    bump_config(session)
    return bank


def update_bank(session: Session, caller: Caller, bank: Bank, wanted: BankWrite) -> Bank:
    """Give a locked bank new values; 403 where a rule is opened without `admin`."""
    before = rules_of(bank)
    for name, value in wanted.model_dump(exclude={"slug"}).items():
        setattr(bank, name, value)
    _refuse_opening(caller, before, rules_of(bank))
    session.flush()
    bump_config(session)
    return bank


def delete_bank(session: Session, bank: Bank) -> None:
    """Delete a locked bank; 409 in_use with the count of what belongs to it."""
    count = repository.count_bank_uses(session, bank.slug)
    if count:
        message = "Questions or other things belong to the bank."
        raise Problem("in_use", message, context={"count": count})
    repository.remove_bank(session, bank.slug)
    bump_config(session)


def find_key(session: Session, caller: Caller, key_id: UUID) -> ApiKey:
    """Return a key that is not revoked; 404 unless it is the caller's own or of its line."""
    among = visible_keys(session, caller)
    key = repository.find_key(session, key_id) if among is None or key_id in among else None
    if key is None:
        raise not_found()
    return key


def visible_keys(session: Session, caller: Caller) -> set[UUID] | None:
    """Return which keys exist for the caller: its own line, and for an admin any (None)."""
    if caller.is_admin:
        return None
    return set() if caller.key_id is None else repository.line_of(session, caller.key_id)


def create_key(
    session: Session, settings: Settings, caller: Caller, wanted: KeyWrite, once: Idempotency
) -> tuple[ApiKey, str]:
    """Make a lesser key and return it with its secret.

    Problem missing_scope for a scope that the caller lacks, invalid_request for what goes beyond
    it otherwise, exam_bank for a publishable key to one.
    """
    _refuse_revoked(session, caller)
    scopes = frozenset[str](wanted.scopes)
    beyond = scopes_beyond(caller, scopes)
    if beyond:
        message = "A key makes only lesser ones: it does not have that scope itself."
        raise Problem("missing_scope", message, context={"scope": beyond[0]})
    errors = [*_limits(settings, caller, wanted), *_banks(session, caller, wanted)]
    if errors:
        raise invalid(*errors)
    _refuse_exam_banks(session, wanted)
    secret = new_secret(wanted.kind)
    bound = None if caller.expires_at is None else round(caller.expires_at * 1000)
    inherited = None if bound is None else time_and_random.from_milliseconds(bound)
    key = ApiKey(
        id=time_and_random.uuid7(),
        prefix=shown_part(secret),
        digest=digest_of(secret),
        name=wanted.name,
        kind=wanted.kind,
        scopes=sorted(scopes),
        banks=sorted(set(wanted.banks)),
        origins=list(dict.fromkeys(wanted.origins)),
        expires_at=wanted.expires_at or inherited,
        rate=wanted.rate or caller.rate,
        made_by=caller.key_id,
        created_at=time_and_random.now(),
    )
    session.add(key)
    session.flush()
    once.record(session, 201, str(key.id))
    bump_config(session)
    return key, secret


def revoke_key(session: Session, key: ApiKey, *, descendants: bool) -> None:
    """Revoke a key, with its whole line if that is wanted."""
    moment = time_and_random.now()
    repository.revoke(session, {key.id}, moment)
    # Until nobody of the line is left: one of them may have made another meanwhile.
    while descendants and repository.revoke(session, repository.line_of(session, key.id), moment):
        continue
    bump_config(session)


def ensure_admin_key(session: Session, settings: Settings) -> str | None:
    """Let the admin key be as the settings say; return the secret of one that was made, once."""
    repository.lock_admin_keys(session)
    keys = repository.KEYS.c
    digest = digest_of(settings.admin_key) if settings.admin_key else ""
    former = repository.keys_where(
        session,
        keys.name == ENV_NAME,
        keys.made_by.is_(None),
        keys.revoked_at.is_(None),
        keys.digest != digest,
    )
    repository.revoke(session, {key.id for key in former}, time_and_random.now())
    if settings.admin_key:
        changed = _set_admin_key(session, settings.admin_key, digest)
        secret = None
    else:
        secret = None if _has_admin(session) else new_secret("secret")
        changed = secret is not None
        if secret is not None:
            session.add(_admin_key("admin", secret))
    session.flush()
    if changed or former:
        bump_config(session)
    return secret


def _refuse_opening(caller: Caller, before: BankRules | None, after: BankRules) -> None:
    rules = opened(before, after)
    if rules and not caller.is_admin:
        message = f"Opening a bank's rules ({', '.join(rules)}) needs the scope `admin`."
        raise Problem("missing_scope", message, context={"scope": "admin"})


def _refuse_revoked(session: Session, caller: Caller) -> None:
    # Held until the commit, so that whoever revokes the line sees this key's newest.
    if caller.key_id is None or not repository.find_key(session, caller.key_id, {"read": True}):
        raise invalid_key()


def _limits(settings: Settings, caller: Caller, wanted: KeyWrite) -> Sequence[FieldError]:
    errors = []
    if GLOBAL_SCOPES & set(wanted.scopes) and wanted.banks != ALL:
        named = ", ".join(sorted(GLOBAL_SCOPES & set(wanted.scopes)))
        errors.append(_wrong("banks", f'["*"]: {named} counts on all banks only.'))
    if wanted.expires_at is not None:
        if wanted.expires_at <= time_and_random.now():
            errors.append(_wrong("expires_at", "A time to come."))
        elif time_is_beyond(wanted.expires_at, caller.expires_at):
            errors.append(_wrong("expires_at", "Not after the key that makes it expires."))
    is_free = caller.is_admin and caller.rate is None
    bound = caller.rate or settings.rate_key
    if wanted.rate is not None and not is_free and rate_is_beyond(wanted.rate, bound):
        errors.append(_wrong("rate", "At most that of the key that makes it."))
    return errors


def _banks(session: Session, caller: Caller, wanted: KeyWrite) -> Sequence[FieldError]:
    if wanted.banks == ALL:
        return [_wrong("banks", "At most those of the key that makes it.")] if caller.banks else []
    known = set(repository.existing_banks(session, wanted.banks))
    seen = known if caller.banks is None else known & caller.banks
    names = repository.bank_slugs(session) if seen < set(wanted.banks) else []
    return [
        FieldError(
            "unknown_value",
            "There is no such bank.",
            pointer=f"/banks/{place}",
            suggestions=near_misses(slug, names),
        )
        for place, slug in enumerate(wanted.banks)
        if slug not in seen
    ]


def _refuse_exam_banks(session: Session, wanted: KeyWrite) -> None:
    if wanted.kind != "publishable":
        return
    exposures = repository.existing_banks(session, wanted.banks)
    exams = sorted(slug for slug, exposure in exposures.items() if exposure == "exam")
    if exams:
        message = f"A publishable key is for no exam bank: {', '.join(exams)}."
        raise Problem("exam_bank", message, context={"banks": exams})


def _wrong(field: str, detail: str) -> FieldError:
    return FieldError("invalid_value", detail, pointer=f"/{field}")


def _set_admin_key(session: Session, secret: str, digest: str) -> bool:
    """Let the secret of the settings be an admin key's; return whether anything was written."""
    wanted = _admin_key(ENV_NAME, secret)
    found = repository.keys_where(session, repository.KEYS.c.digest == digest)
    if not found:
        session.add(wanted)
        return True
    fields = ("name", "kind", "scopes", "banks", "origins", "expires_at", "rate", "made_by")
    changed = False
    for name in (*fields, "revoked_at"):
        if getattr(found[0], name) != getattr(wanted, name):
            setattr(found[0], name, getattr(wanted, name))
            changed = True
    return changed


def _has_admin(session: Session) -> bool:
    keys = repository.KEYS.c
    now = time_and_random.now()
    valid = keys.revoked_at.is_(None) & (keys.expires_at.is_(None) | (keys.expires_at > now))
    return any("admin" in key.scopes for key in repository.keys_where(session, valid))


def _admin_key(name: str, secret: str) -> ApiKey:
    return ApiKey(
        id=time_and_random.uuid7(),
        prefix=shown_part(secret),
        digest=digest_of(secret),
        name=name,
        kind="secret",
        scopes=["admin"],
        banks=["*"],
        origins=[],
        created_at=time_and_random.now(),
    )
