"""Streams the file in a multipart body to the disk."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.core.errors import FieldError, Problem, invalid

FILE_PART = "file"
WRITE_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Upload:
    """A received file: the name that the client gave it, its size in bytes, its SHA-256."""

    filename: str
    size: int
    sha256: bytes


class _PartReader:
    """Collects the bytes of the file in `pending` from the parser's callbacks."""

    def __init__(self) -> None:
        self.pending = bytearray()
        self.filename: str | None = None
        self.unknown: list[str] = []
        self.repeated = False
        self.ended = False
        self._headers: dict[bytes, bytes] = {}
        self._name = b""
        self._value = b""
        self._in_file = False

    def on_part_begin(self) -> None:
        self._headers = {}
        self._in_file = False

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode(errors="replace")
        if name != FILE_PART:
            self.unknown.append(name)
        elif self.filename is not None:
            self.repeated = True
        else:
            self.filename = options.get(b"filename", b"").decode(errors="replace")
            self._in_file = True

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self.pending += data[start:end]

    def on_end(self) -> None:
        self.ended = True


async def receive_file(stream: AsyncIterator[bytes], content_type: str, target: Path) -> Upload:
    """Write the part `file` of a multipart body to `target` and sync it to disk.

    Problem malformed_request for a body that is not multipart; invalid_request for a missing,
    repeated or unknown part.
    """
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise Problem("malformed_request", "The Content-Type has no multipart boundary.")
    parts = _PartReader()
    callbacks = {name: getattr(parts, name) for name in dir(parts) if name.startswith("on_")}
    digest = hashlib.sha256()
    size = 0
    with await asyncio.to_thread(target.open, "wb") as file:
        try:
            parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type] # a plain dict
            async for chunk in stream:
                parser.write(chunk)
                if len(parts.pending) >= WRITE_CHUNK_BYTES:
                    size += await _write(file, parts, digest)
            parser.finalize()
        except MultipartParseError as error:
            raise Problem("malformed_request", "The body is not well-formed multipart.") from error
        if not parts.ended:
            raise Problem("malformed_request", "The multipart body is incomplete.")
        _check_parts(parts)
        size += await _write(file, parts, digest)
        await asyncio.to_thread(_sync, file)
    return Upload(parts.filename or "", size, digest.digest())


async def _write(file: IO[bytes], parts: _PartReader, digest: "hashlib._Hash") -> int:
    data, parts.pending = parts.pending, bytearray()

    def hash_and_write() -> None:
        digest.update(data)
        file.write(data)

    await asyncio.to_thread(hash_and_write)
    return len(data)


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _check_parts(parts: _PartReader) -> None:
    errors = []
    if parts.filename is None:
        detail = "Send the file as the form field `file`."
        errors.append(FieldError("missing_value", detail, pointer=f"/{FILE_PART}"))
    if parts.repeated:
        errors.append(FieldError("invalid_value", "Send only one file.", pointer=f"/{FILE_PART}"))
    errors += [
        FieldError(
            "unknown_field",
            "The form has no such field.",
            pointer=f"/{name}",
            suggestions=[FILE_PART],
        )
        for name in parts.unknown[:10]
    ]
    if errors:
        raise invalid(*errors)
