"""Tokens can be opened only for their purpose, with any of the keys, and never when altered."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.secrets import Secrets, TokenError, load_secrets
from app.core.settings import Settings

OLD, NEW = "o" * 32, "n" * 32


@given(st.binary(max_size=300), st.text(max_size=20))
def test_a_token_can_be_opened(data: bytes, purpose: str) -> None:
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
def test_invalid_text_never_opens(text: str) -> None:
    with pytest.raises(TokenError):
        Secrets((NEW,)).open("cursor", text)


def test_a_token_does_not_open_for_another_purpose() -> None:
    secrets = Secrets((NEW,))
    with pytest.raises(TokenError):
        secrets.open("mark", secrets.seal("cursor", b"position"))


def test_an_older_key_opens_tokens_but_does_not_seal() -> None:
    token = Secrets((OLD,)).seal("cursor", b"position")
    ring = Secrets((NEW, OLD))
    assert ring.open("cursor", token) == b"position"
    assert ring.seal("cursor", b"position") != token
    with pytest.raises(TokenError):
        Secrets((NEW,)).open("cursor", token)


def test_an_embedded_database_has_one_generated_private_key(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url="", secret_keys=())
    token = load_secrets(settings).seal("cursor", b"position")
    assert load_secrets(settings).open("cursor", token) == b"position"
    key_file = tmp_path / "secret.key"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]
