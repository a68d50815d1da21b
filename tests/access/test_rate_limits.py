"""Rate limits: a budget for each key and each client."""

import ipaddress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.delegation import exceeds_rate
from app.access.rate_limits import UNLIMITED, RateLimiter, client_of, trusted_addresses
from app.access.rights import ANONYMOUS, Caller
from tests.support.databases import make_settings

KEY = Caller(key_id=UUID(int=1), kind="secret", banks=None)
PAGE = Caller(key_id=UUID(int=2), kind="publishable", banks=frozenset({"a"}))


def _limiter(tmp_path: Path, **changes: object) -> RateLimiter:
    rates: dict[str, Any] = {"rate_anonymous": "5/minute", "rate_key": "10/minute"}
    return RateLimiter(make_settings(tmp_path, **(rates | changes)))


def _spend(limiter: RateLimiter, caller: Caller, client: str) -> int:
    count = 0
    while limiter.charge(caller, client).is_allowed:
        count += 1
    return count


def test_each_client_and_each_key_has_a_budget_of_its_own(tmp_path: Path) -> None:
    limiter = _limiter(tmp_path)
    assert [_spend(limiter, ANONYMOUS, client) for client in ("1.1.1.1", "2.2.2.2")] == [5, 5]
    assert _spend(limiter, KEY, "1.1.1.1") == 10
    assert not limiter.charge(KEY, "3.3.3.3").is_allowed
    # Many clients use a publishable key, each with its own budget.
    assert [_spend(limiter, PAGE, client) for client in ("1.1.1.1", "2.2.2.2")] == [10, 10]


def test_a_key_may_have_its_own_rate(tmp_path: Path) -> None:
    own = Caller(key_id=UUID(int=3), kind="secret", rate="3/hour")
    assert _spend(_limiter(tmp_path), own, "1.1.1.1") == 3
    unlimited = Caller(key_id=UUID(int=4), kind="secret", rate="off")
    assert _limiter(tmp_path).charge(unlimited, "1.1.1.1") is UNLIMITED


def test_workers_share_a_budget(tmp_path: Path) -> None:
    assert _spend(_limiter(tmp_path, workers=2), KEY, "1.1.1.1") == 5
    assert _spend(_limiter(tmp_path, workers=64), KEY, "1.1.1.1") == 1


def test_headers_report_what_is_left_of_the_budget(tmp_path: Path) -> None:
    allowance = _limiter(tmp_path).charge(ANONYMOUS, "1.1.1.1", 2)
    headers = dict(allowance.headers)
    assert headers[b"ratelimit"].startswith(b'"default";r=3;t=')
    assert headers[b"ratelimit-policy"] == b'"default";q=5;w=60'
    assert 1 <= allowance.reset_seconds <= 60
    off = _limiter(tmp_path, rate_anonymous="off").charge(ANONYMOUS, "1.1.1.1", 1000)
    assert (off.headers, off.is_allowed) == ([], True)


def _client(address: str, *forwarded: str, trusted: tuple[str, ...] = ()) -> str:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    scope = {"client": (address, 1), "headers": headers}
    return client_of(scope, trusted_addresses(trusted))


def test_forwarded_addresses_are_used_for_trusted_proxies_only() -> None:
    assert _client("9.9.9.9", "1.1.1.1") == "9.9.9.9"
    assert _client("9.9.9.9", "1.1.1.1", trusted=("8.8.8.8",)) == "9.9.9.9"
    assert _client("8.8.8.8", "1.1.1.1", trusted=("8.8.8.8",)) == "1.1.1.1"
    assert client_of({"headers": []}, ()) == "unknown"


def test_the_rightmost_address_that_is_not_trusted_is_the_client() -> None:
    trusted = ("8.8.8.8", "7.7.7.7", "2001:DB8::1")
    assert _client("8.8.8.8", "6.6.6.6, 1.1.1.1 , 7.7.7.7", trusted=trusted) == "1.1.1.1"
    assert _client("8.8.8.8", "6.6.6.6", "1.1.1.1", "7.7.7.7", trusted=trusted) == "1.1.1.1"
    assert _client("8.8.8.8", "1.1.1.1:8080", trusted=trusted) == "1.1.1.1"
    assert _client("8.8.8.8", "[2001:db8:1::9]:443", trusted=trusted) == "2001:db8:1::/64"
    assert _client("2001:db8:0::1", "1.1.1.1", trusted=trusted) == "1.1.1.1"
    assert _client("::ffff:8.8.8.8", "1.1.1.1", trusted=trusted) == "1.1.1.1"
    assert _client("8.8.8.8", "7.7.7.7", trusted=trusted) == "8.8.8.8"
    assert _client("8.8.8.8", "1.1.1.1, nonsense", trusted=trusted) == "unknown"


@given(st.ip_addresses(v=6))
def test_an_ipv6_network_is_one_client(address: ipaddress.IPv6Address) -> None:
    if address.ipv4_mapped is None:
        neighbour = ipaddress.IPv6Address(int(address) ^ 1)
        other = ipaddress.IPv6Address(int(address) ^ (1 << 64))
        assert _client(str(address)) == _client(str(neighbour)) != _client(str(other))
    else:
        assert _client(str(address)) == str(address.ipv4_mapped)


def test_a_zone_is_not_part_of_the_client() -> None:
    assert _client("fe80::1%eth0") == "fe80::/64"


@pytest.mark.parametrize(
    ("rate", "bound", "beyond"),
    [
        ("10/minute", "10/minute", False),
        ("11/minute", "10/minute", True),
        ("1/second", "60/minute", False),
        ("1/second", "59/minute", True),
        ("600/hour", "600/minute", False),
        ("601/hour", "600/minute", True),
        ("off", "600/minute", True),
        ("off", "off", False),
        ("1000000/second", "off", False),
    ],
)
def test_a_rate_is_compared_in_every_window(rate: str, bound: str, beyond: bool) -> None:
    assert exceeds_rate(rate, bound) is beyond
