"""Receiving the file of a multipart body, in chunks of any size."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Problem
from app.transfer.uploads import receive_file

CONTENT_TYPE = "multipart/form-data; boundary=b"


def body(*parts):
    encoded = [
        b'--b\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n\r\n%s\r\n' % part
        for part in parts
    ]
    return b"".join(encoded) + b"--b--\r\n"


def receive(path, data, chunk_bytes=7, content_type=CONTENT_TYPE):
    async def stream():
        for at in range(0, len(data), chunk_bytes):
            yield data[at : at + chunk_bytes]

    return asyncio.run(receive_file(stream(), content_type, path))


@given(data=st.binary(max_size=300), chunk_bytes=st.integers(1, 80))
def test_the_file_is_received_unchanged(tmp_path_factory, data, chunk_bytes):
    path = tmp_path_factory.mktemp("upload") / "file"
    upload = receive(path, body((b"file", b"questions.csv", data)), chunk_bytes)
    assert path.read_bytes() == data
    assert (upload.filename, upload.size) == ("questions.csv", len(data))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (body(), "invalid_request"),
        (body((b"other", b"x", b"data")), "invalid_request"),
        (body((b"file", b"x", b"1"), (b"file", b"x", b"2")), "invalid_request"),
        (body((b"file", b"x", b"1"))[:-8], "malformed_request"),
        (b"no multipart", "malformed_request"),
    ],
)
def test_invalid_bodies_are_refused(tmp_path, data, code):
    with pytest.raises(Problem) as refused:
        receive(tmp_path / "file", data)
    assert refused.value.code == code


def test_a_type_without_a_boundary_is_refused(tmp_path):
    with pytest.raises(Problem) as refused:
        receive(tmp_path / "file", body(), content_type="multipart/form-data")
    assert refused.value.code == "malformed_request"
