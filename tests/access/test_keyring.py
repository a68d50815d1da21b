"""From a header's bytes to the caller, and what refuses it."""

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


class Later(time_and_random.SystemSource):
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


def _refusal(keyring: Keyring, **headers: str) -> str | None:
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
def test_what_is_no_key_is_refused_and_never_anonymous(header: str) -> None:
    assert _refusal(Keyring([_key()]), authorization=header) == "invalid_key"


def test_a_key_ends_when_it_expires_though_it_was_used_before() -> None:
    keyring = Keyring([_key(expires_at=time_and_random.now() + timedelta(hours=1))])
    assert _refusal(keyring, authorization=f"Bearer {SECRET}") is None
    with time_and_random.overridden(Later(hours=1)):
        assert _refusal(keyring, authorization=f"Bearer {SECRET}") == "invalid_key"


def test_a_publishable_key_is_for_its_pages_only() -> None:
    key = _key(kind="publishable", scopes=[], banks=["a"], origins=["https://quiz.example"])
    keyring = Keyring([key])
    bearer = f"Bearer {SECRET}"
    assert _refusal(keyring, authorization=bearer, origin="https://quiz.example") is None
    assert _refusal(keyring, authorization=bearer, sec_fetch_site="same-origin") is None
    for origin in ("https://evil.example", "http://quiz.example", "null", ""):
        assert _refusal(keyring, authorization=bearer, origin=origin) == "origin_not_allowed"
    assert _refusal(keyring, authorization=bearer) == "origin_not_allowed"
    assert _refusal(keyring, authorization=bearer, sec_fetch_site="cross-site")
    native = Keyring([_key(kind="publishable", scopes=[], banks=["a"], origins=["*"])])
    assert _refusal(native, authorization=bearer) is None


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


def test_guessing_keys_costs_ten_and_then_comes_before_the_key(tmp_path: Path) -> None:
    admission = _admission(tmp_path, _key())
    assert [_admit(admission, key="wrong") for _ in range(3)] == [
        "invalid_key",
        "invalid_key",
        "rate_limited",
    ]
    assert _admit(admission) == "rate_limited"
    # The budget of a key is its own.
    assert [_admit(admission, key=SECRET) for _ in range(4)] == [None, None, None, "rate_limited"]


def test_a_refused_key_is_told_what_is_left(tmp_path: Path) -> None:
    admission = _admission(tmp_path)
    scope = {"path": "/v1/x", "headers": [], "client": ("1.1.1.1", 1)}
    with pytest.raises(Problem) as refused:
        admission.admit(scope, {b"authorization": b"Bearer x"})
    assert refused.value.headers["ratelimit"].startswith('"default";r=15;t=')
    assert refused.value.headers["WWW-Authenticate"] == "Bearer"


def test_health_is_asked_freely_but_not_with_a_wrong_key(tmp_path: Path) -> None:
    admission = _admission(tmp_path)
    assert {_admit(admission, "/healthz") for _ in range(100)} == {None}
    assert _admit(admission, "/readyz", key="wrong") == "invalid_key"
