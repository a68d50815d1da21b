"""The scopes that an import needs, checked when it is sent and again before it is applied."""

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
    """Check the caller's scopes.

    Problem not_found for a bank that the caller may not see, else missing_scope.
    """
    for scope in _required_scopes(options.target, create_terms=False):
        rights.require(caller, scope, options.bank)
    if options.create_terms and not caller.may("taxonomy:write"):
        message = "`create_terms` needs the scope `taxonomy:write`."
        raise Problem("missing_scope", message, context={"scope": "taxonomy:write"})


def lost_scope(session: Session, job: ImportJob) -> str | None:
    """Return a scope that the job needs and its key no longer has; None if it has all."""
    if job.key_id is None:
        return None
    key = session.get(ApiKey, job.key_id)
    if key is None or _has_ended(key):
        return "imports:write"
    caller = caller_of(key)
    scopes = _required_scopes(job.target, create_terms=job.create_terms)
    return next((scope for scope in scopes if not caller.may(scope, job.bank)), None)


def _required_scopes(target: str, *, create_terms: bool) -> Iterator[str]:
    yield "imports:write"
    yield "questions:write"
    if target == "published":
        yield "questions:publish"
    if create_terms:
        yield "taxonomy:write"


def _has_ended(key: ApiKey) -> bool:
    has_expired = key.expires_at is not None and key.expires_at <= time_and_random.now()
    return key.revoked_at is not None or has_expired
