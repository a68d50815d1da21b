"""Tokens open only for their purpose, by any key of the ring, and never when altered."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.secrets import Secrets, TokenError, load_secrets
from app.core.settings import Settings

OLD, NEW = "o" * 32, "n" * 32


@given(st.binary(max_size=300), st.text(max_size=20))
def test_what_was_sealed_opens_again(data: bytes, purpose: str) -> None:
    secrets = Secrets((NEW,))
    token = secrets.seal(purpose, data)
    assert secrets.open(purpose, token) == data
    assert token == secrets.seal(purpose, data)


@given(st.binary(min_size=1, max_size=40), st.data())
def test_an_altered_token_never_opens(data: bytes, drawn: st.DataObject) -> None:
    secrets = Secrets((NEW,))
    token = secrets.seal("cursor", data)
    at = drawn.draw(st.integers(0, len(token) - 2))
    other = "A" if token[at] != "A" else "B"
    with pytest.raises(TokenError):
        secrets.open("cursor", token[:at] + other + token[at + 1 :])


@given(st.text(max_size=60))
def test_rubbish_never_opens(rubbish: str) -> None:
    with pytest.raises(TokenError):
        Secrets((NEW,)).open("cursor", rubbish)


def test_a_token_does_not_open_for_another_purpose() -> None:
    secrets = Secrets((NEW,))
    with pytest.raises(TokenError):
        secrets.open("mark", secrets.seal("cursor", b"place"))


def test_an_older_key_of_the_ring_still_opens_and_no_longer_seals() -> None:
    token = Secrets((OLD,)).seal("cursor", b"place")
    ring = Secrets((NEW, OLD))
    assert ring.open("cursor", token) == b"place"
    assert ring.seal("cursor", b"place") != token
    with pytest.raises(TokenError):
        Secrets((NEW,)).open("cursor", token)


def test_an_embedded_database_keeps_one_private_key(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url="", secret_keys=())
    token = load_secrets(settings).seal("cursor", b"place")
    assert load_secrets(settings).open("cursor", token) == b"place"
    kept = tmp_path / "secret.key"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]
