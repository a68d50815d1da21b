"""The file formats of imports and exports, one module each."""

from app.transfer.formats.csv import CsvFormat
from app.transfer.formats.jsonl import JsonLinesFormat
from app.transfer.formats.rows import Format

FORMATS: dict[str, Format] = {"jsonl": JsonLinesFormat(), "csv": CsvFormat()}
