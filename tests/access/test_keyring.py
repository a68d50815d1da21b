"""The keyring finds the caller of a header, and refuses invalid keys."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.access.access_snapshot import AccessSnapshot
from app.access.admission import Admission
from app.access.keyring import Keyring, digest_of
from app.access.models import ApiKey
from app.access.rate_limits import RateLimiter
from app.access.rights import ANONYMOUS
from app.core import time_and_random
from app.core.errors import Problem
from tests.support.databases import make_settings

SECRET = "qw_sk_0123456789"


class FastClock(time_and_random.SystemSource):
    """A clock that is ahead."""

    def __init__(self, hours: int) -> None:
        self._ahead = hours * 3600 * 1000 + 1

    def milliseconds(self) -> int:
        return super().milliseconds() + self._ahead


def _key(**changes: object) -> ApiKey:
    given: dict[str, Any] = {
        "id": UUID(int=1),
        "prefix": "",
        "digest": digest_of(SECRET),
        "name": "test",
        "kind": "secret",
        "scopes": ["questions:read"],
        "banks": ["*"],
        "origins": [],
        "created_at": time_and_random.now(),
    }
    return ApiKey(**(given | changes))


def _problem_code(keyring: Keyring, **headers: str) -> str | None:
    raw = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    try:
        keyring.authenticate(raw)
    except Problem as refused:
        return refused.code
    return None


def test_a_caller_is_found_by_its_key_and_anonymous_without_one() -> None:
    keyring = Keyring([_key()])
    assert keyring.authenticate({}) is ANONYMOUS
    for header in (f"Bearer {SECRET}", f"bearer   {SECRET} "):
        assert keyring.authenticate({b"authorization": header.encode()}).key_id == UUID(int=1)


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer x", f"Basic {SECRET}", SECRET, "Bearer é"]
)
def test_an_invalid_header_is_refused_and_never_anonymous(header: str) -> None:
    assert _problem_code(Keyring([_key()]), authorization=header) == "invalid_key"


def test_an_expired_key_is_refused_although_it_is_cached() -> None:
    keyring = Keyring([_key(expires_at=time_and_random.now() + timedelta(hours=1))])
    assert _problem_code(keyring, authorization=f"Bearer {SECRET}") is None
    with time_and_random.overridden(FastClock(hours=1)):
        assert _problem_code(keyring, authorization=f"Bearer {SECRET}") == "invalid_key"


def test_a_publishable_key_is_for_its_pages_only() -> None:
    key = _key(kind="publishable", scopes=[], banks=["a"], origins=["https://quiz.example"])
    keyring = Keyring([key])
    bearer = f"Bearer {SECRET}"
    assert _problem_code(keyring, authorization=bearer, origin="https://quiz.example") is None
    assert _problem_code(keyring, authorization=bearer, sec_fetch_site="same-origin") is None
    for origin in ("https://evil.example", "http://quiz.example", "null", ""):
        assert _problem_code(keyring, authorization=bearer, origin=origin) == "origin_not_allowed"
    assert _problem_code(keyring, authorization=bearer) == "origin_not_allowed"
    assert _problem_code(keyring, authorization=bearer, sec_fetch_site="cross-site")
    native = Keyring([_key(kind="publishable", scopes=[], banks=["a"], origins=["*"])])
    assert _problem_code(native, authorization=bearer) is None


def _admission(tmp_path: Path, *keys: ApiKey) -> Admission:
    settings = make_settings(tmp_path, rate_anonymous="25/minute", rate_key="3/minute")
    access = AccessSnapshot(settings)
    access.keyring = Keyring(keys)
    return Admission(access, RateLimiter(settings), settings)


def _admit(admission: Admission, path: str = "/v1/questions", key: str | None = None) -> str | None:
    headers = {} if key is None else {b"authorization": f"Bearer {key}".encode()}
    try:
        admission.admit({"path": path, "headers": [], "client": ("1.1.1.1", 1)}, headers)
    except Problem as refused:
        return refused.code
    return None


def test_an_invalid_key_costs_ten_requests(tmp_path: Path) -> None:
    admission = _admission(tmp_path, _key())
    assert [_admit(admission, key="wrong") for _ in range(3)] == [
        "invalid_key",
        "invalid_key",
        "rate_limited",
    ]
    assert _admit(admission) == "rate_limited"
    # Each key has its own budget.
    assert [_admit(admission, key=SECRET) for _ in range(4)] == [None, None, None, "rate_limited"]


def test_an_invalid_key_gets_rate_limit_headers(tmp_path: Path) -> None:
    admission = _admission(tmp_path)
    scope = {"path": "/v1/x", "headers": [], "client": ("1.1.1.1", 1)}
    with pytest.raises(Problem) as refused:
        admission.admit(scope, {b"authorization": b"Bearer x"})
    assert refused.value.headers["ratelimit"].startswith('"default";r=15;t=')
    assert refused.value.headers["WWW-Authenticate"] == "Bearer"


def test_health_checks_are_free_except_with_an_invalid_key(tmp_path: Path) -> None:
    admission = _admission(tmp_path)
    assert {_admit(admission, "/healthz") for _ in range(100)} == {None}
    assert _admit(admission, "/readyz", key="wrong") == "invalid_key"
