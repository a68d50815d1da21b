"""What a key needs to import and to export, at the start and again when applying starts."""

from collections.abc import Iterator

from sqlmodel import Session

from app.access.keyring import caller_of
from app.access.models import ApiKey
from app.access.rights import Caller, Rights
from app.core import time_and_random
from app.core.errors import Problem
from app.transfer.models import ImportJob
from app.transfer.service import ImportOptions


def require_import(rights: Rights, caller: Caller, options: ImportOptions) -> None:
    """Raise 404 for a bank that the caller does not see, 403 for what the key may not do."""
    for name in _scopes(options.target, create_terms=False):
        rights.require(caller, name, options.bank)
    if options.create_terms and not caller.may("taxonomy:write"):
        message = "`create_terms` needs the scope `taxonomy:write`."
        raise Problem("missing_scope", message, context={"scope": "taxonomy:write"})


def lost_right(session: Session, job: ImportJob) -> str | None:
    """Return a scope that the job's key had when it was sent and has no more; None for none."""
    if job.key_id is None:
        return None
    key = session.get(ApiKey, job.key_id)
    if key is None or _is_over(key):
        return "imports:write"
    caller = caller_of(key)
    wanted = _scopes(job.target, create_terms=job.create_terms)
    return next((name for name in wanted if not caller.may(name, job.bank)), None)


def _scopes(target: str, *, create_terms: bool) -> Iterator[str]:
    yield "imports:write"
    yield "questions:write"
    if target == "published":
        yield "questions:publish"
    if create_terms:
        yield "taxonomy:write"


def _is_over(key: ApiKey) -> bool:
    has_expired = key.expires_at is not None and key.expires_at <= time_and_random.now()
    return key.revoked_at is not None or has_expired
