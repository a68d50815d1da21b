"""The rules of banks and keys: what can be done with them, and by whom."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from app.access import repository
from app.access.access_snapshot import rules_of
from app.access.delegation import exceeds_expiry, exceeds_rate, excess_scopes, opened_rules
from app.access.key_secrets import new_secret, shown_prefix
from app.access.keyring import digest_of, invalid_key
from app.access.models import ApiKey, Bank
from app.access.rights import BankRules, Caller
from app.access.schemas import WILDCARD, BankWrite, KeyWrite
from app.access.scopes import GLOBAL_SCOPES
from app.core import time_and_random
from app.core.db.edition_clock import bump_config
from app.core.errors import FieldError, Problem, invalid, near_misses, not_found
from app.core.http.idempotency import Idempotency
from app.core.settings import Settings

# The name of the admin key that the settings give.
ADMIN_KEY_NAME = "QUIZWELL_ADMIN_KEY"


def find_bank(session: Session, slug: str, *, lock: bool = False) -> Bank:
    """Return a bank; 404 if there is none."""
    bank = repository.find_bank(session, slug, lock=lock)
    if bank is None:
        raise not_found()
    return bank


def create_bank(
    session: Session, caller: Caller, values: BankWrite, idempotency: Idempotency
) -> Bank:
    """Create a bank; 409 name_taken, 403 for open rules without the scope `admin`."""
    bank = Bank(**values.model_dump(), created_at=time_and_random.now())
    _refuse_opening(caller, None, rules_of(bank))
    taken = f"There is a bank `{values.slug}` already."
    if repository.find_bank(session, values.slug) is not None:
        raise Problem("name_taken", taken, context={"slug": values.slug})
    try:
        session.add(bank)
        session.flush()
    except IntegrityError as error:
        raise Problem("name_taken", taken, context={"slug": values.slug}) from error
    idempotency.record(session, 201, bank.slug)
    bump_config(session)
    return bank


def update_bank(session: Session, caller: Caller, bank: Bank, values: BankWrite) -> Bank:
    """Update a locked bank; 403 if a rule becomes more open without the scope `admin`."""
    before = rules_of(bank)
    for name, value in values.model_dump(exclude={"slug"}).items():
        setattr(bank, name, value)
    _refuse_opening(caller, before, rules_of(bank))
    session.flush()
    bump_config(session)
    return bank


def delete_bank(session: Session, bank: Bank) -> None:
    """Delete a locked bank; 409 in_use with the number of references to it."""
    count = repository.count_bank_references(session, bank.slug)
    if count:
        message = "Questions or other things belong to the bank."
        raise Problem("in_use", message, context={"count": count})
    repository.remove_bank(session, bank.slug)
    bump_config(session)


def find_key(session: Session, caller: Caller, key_id: UUID) -> ApiKey:
    """Return a key that is not revoked; 404 unless it is the caller's own or a descendant of it."""
    visible = visible_keys(session, caller)
    key = repository.find_key(session, key_id) if visible is None or key_id in visible else None
    if key is None:
        raise not_found()
    return key


def visible_keys(session: Session, caller: Caller) -> set[UUID] | None:
    """Return the keys that the caller may see: its own and its descendants; None for all."""
    if caller.is_admin:
        return None
    return set() if caller.key_id is None else repository.with_descendants(session, caller.key_id)


def create_key(
    session: Session, settings: Settings, caller: Caller, values: KeyWrite, idempotency: Idempotency
) -> tuple[ApiKey, str]:
    """Create a key that may do at most what the caller may; return it with its secret.

    Problem missing_scope for a scope that the caller does not have, invalid_request for other
    values that exceed the caller's, exam_bank for a publishable key on an exam bank.
    """
    _check_maker(session, caller)
    scopes = frozenset[str](values.scopes)
    excess = excess_scopes(caller, scopes)
    if excess:
        message = "A key can only give scopes that it has itself."
        raise Problem("missing_scope", message, context={"scope": excess[0]})
    errors = [*_limit_errors(settings, caller, values), *_bank_errors(session, caller, values)]
    if errors:
        raise invalid(*errors)
    _refuse_exam_banks(session, values)
    secret = new_secret(values.kind)
    bound = None if caller.expires_at is None else round(caller.expires_at * 1000)
    inherited = None if bound is None else time_and_random.from_milliseconds(bound)
    key = ApiKey(
        id=time_and_random.uuid7(),
        prefix=shown_prefix(secret),
        digest=digest_of(secret),
        name=values.name,
        kind=values.kind,
        scopes=sorted(scopes),
        banks=sorted(set(values.banks)),
        origins=list(dict.fromkeys(values.origins)),
        expires_at=values.expires_at or inherited,
        rate=values.rate or caller.rate,
        made_by=caller.key_id,
        created_at=time_and_random.now(),
    )
    session.add(key)
    session.flush()
    idempotency.record(session, 201, str(key.id))
    bump_config(session)
    return key, secret


def revoke_key(session: Session, key: ApiKey, *, descendants: bool) -> None:
    """Revoke a key, and its descendants if `descendants` is true."""
    moment = time_and_random.now()
    repository.revoke(session, {key.id}, moment)
    # Repeated until no valid descendant is left: one of them may have made another key meanwhile.
    while descendants and repository.revoke(
        session, repository.with_descendants(session, key.id), moment
    ):
        continue
    bump_config(session)


def ensure_admin_key(session: Session, settings: Settings) -> str | None:
    """Create or update the admin key of the settings, else generate one if there is none.

    Return the secret of a generated key, which is not stored.
    """
    repository.lock_admin_keys(session)
    keys = repository.KEYS.c
    digest = digest_of(settings.admin_key) if settings.admin_key else ""
    former = repository.keys_where(
        session,
        keys.name == ADMIN_KEY_NAME,
        keys.made_by.is_(None),
        keys.revoked_at.is_(None),
        keys.digest != digest,
    )
    repository.revoke(session, {key.id for key in former}, time_and_random.now())
    if settings.admin_key:
        changed = _put_admin_key(session, settings.admin_key, digest)
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
    rules = opened_rules(before, after)
    if rules and not caller.is_admin:
        message = f"Opening a bank's rules ({', '.join(rules)}) needs the scope `admin`."
        raise Problem("missing_scope", message, context={"scope": "admin"})


def _check_maker(session: Session, caller: Caller) -> None:
    # The lock lasts until the commit: whoever revokes this key's descendants sees the new key.
    if caller.key_id is None or not repository.find_key(session, caller.key_id, {"read": True}):
        raise invalid_key()


def _limit_errors(settings: Settings, caller: Caller, values: KeyWrite) -> Sequence[FieldError]:
    errors = []
    global_scopes = sorted(GLOBAL_SCOPES & set(values.scopes))
    if global_scopes and values.banks != WILDCARD:
        names = ", ".join(global_scopes)
        errors.append(_invalid_value("banks", f'["*"]: {names} is for all banks only.'))
    if values.expires_at is not None:
        if values.expires_at <= time_and_random.now():
            errors.append(_invalid_value("expires_at", "A time in the future."))
        elif exceeds_expiry(values.expires_at, caller.expires_at):
            errors.append(_invalid_value("expires_at", "Not after the key that makes it expires."))
    is_unlimited = caller.is_admin and caller.rate is None
    bound = caller.rate or settings.rate_key
    if values.rate is not None and not is_unlimited and exceeds_rate(values.rate, bound):
        errors.append(_invalid_value("rate", "At most that of the key that makes it."))
    return errors


def _bank_errors(session: Session, caller: Caller, values: KeyWrite) -> Sequence[FieldError]:
    if values.banks == WILDCARD:
        if caller.banks is None:
            return []
        return [_invalid_value("banks", "At most those of the key that makes it.")]
    existing = set(repository.lock_banks(session, values.banks))
    visible = existing if caller.banks is None else existing & caller.banks
    names = repository.bank_slugs(session) if visible < set(values.banks) else []
    return [
        FieldError(
            "unknown_value",
            "There is no such bank.",
            pointer=f"/banks/{position}",
            suggestions=near_misses(slug, names),
        )
        for position, slug in enumerate(values.banks)
        if slug not in visible
    ]


def _refuse_exam_banks(session: Session, values: KeyWrite) -> None:
    if values.kind != "publishable":
        return
    exposures = repository.lock_banks(session, values.banks)
    exam_banks = sorted(slug for slug, exposure in exposures.items() if exposure == "exam")
    if exam_banks:
        message = f"A publishable key cannot be for an exam bank: {', '.join(exam_banks)}."
        raise Problem("exam_bank", message, context={"banks": exam_banks})


def _invalid_value(field: str, detail: str) -> FieldError:
    return FieldError("invalid_value", detail, pointer=f"/{field}")


def _put_admin_key(session: Session, secret: str, digest: str) -> bool:
    """Create or restore the admin key with this secret; return whether anything was written."""
    wanted = _admin_key(ADMIN_KEY_NAME, secret)
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
        prefix=shown_prefix(secret),
        digest=digest_of(secret),
        name=name,
        kind="secret",
        scopes=["admin"],
        banks=["*"],
        origins=[],
        created_at=time_and_random.now(),
    )
