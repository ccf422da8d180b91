"""TensorBoard's event files: TFRecord frames around protobuf messages, read by hand."""

from __future__ import annotations

import os
import re
import struct
from typing import TYPE_CHECKING, BinaryIO, Final

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.crc32c import masked_crc32c
from checkpoint_meta.readers.protobuf import (
    WireError,
    WireValue,
    blocks_of,
    fields_of,
    read_varint,
    signed,
)
from checkpoint_meta.readers.scalar_table import NotALogError, ScalarTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

LAST_OF_ROW: Final = "epoch"
"""Lightning adds this name to each row that it logs, behind the others."""

_LONGEST_SCALAR: Final = 64 * 1024
"""Images and graphs are events too; they are passed over unread."""

_LONGEST_EVENT: Final = 2**40
_HEAD: Final = struct.Struct("<QI")
_FLOAT: Final = struct.Struct("<f")
_CRC_BYTES: Final = 4

_EVENT_STEP, _EVENT_SUMMARY = 2, 5
_SUMMARY_VALUE = 1
_VALUE_TAG, _VALUE_SIMPLE = 1, 2

_ONE_SCALAR: Final = re.compile(
    rb"\x09.{8}(?:\x10([\x80-\xff]{0,9}[\x00-\x7f]))?"  # wall time, step
    rb"\x2a([\x00-\x7f])\x0a([\x00-\x7f])\x0a([\x00-\x7f])(.*)\x15(.{4})",  # lengths, tag, number
    re.DOTALL,
)
"""An event with one scalar whose lengths take one byte each, as nearly all of them are."""

Scalars = list[tuple[str, float]]


def read_event_files(paths: Iterable[Path]) -> ScalarTable:
    """Return the scalars of a folder's event files, one row for each call that logged some.

    TensorBoard keeps the numbers of a row as separate events: those that follow each other with
    the same step are one row, up to `LAST_OF_ROW` or the first name that comes again. What the
    end of a file cuts off, as a run that was killed leaves it, is passed over.

    Raises:
        ReadError: if a file cannot be read, or is no event file.
    """
    table = ScalarTable()
    for path in paths:
        try:
            with path.open("rb") as stream:
                _fill(table, stream)
        except OSError as error:
            raise ReadError(path, f"cannot be read ({error.strerror})") from error
        except (WireError, NotALogError) as error:
            raise ReadError(path, f"not a TensorBoard event file ({error})") from error
    return table


def _fill(table: ScalarTable, stream: BinaryIO) -> None:
    step = 0
    row: dict[str, float] = {}
    for event in _records(stream):
        here, scalars = _parse_event(event)
        for name, value in scalars:
            if row and (here != step or name in row or LAST_OF_ROW in row):
                table.append(step, row)
                row = {}
            step = here
            row[name] = value
    if row:
        table.append(step, row)


def _records(stream: BinaryIO) -> Iterator[bytes]:
    """Yield each record of a TFRecord file that is whole and short enough to be a scalar.

    The length's own CRC is checked, so that no length is believed that was not written. The
    payload's is not: in pure Python that would take longer than all the rest.
    """
    any_record = False
    while len(head := stream.read(_HEAD.size)) == _HEAD.size:
        length, crc = _HEAD.unpack(head)
        if masked_crc32c(head[:8]) != crc or length > _LONGEST_EVENT:
            if any_record:
                # What a crash of the machine leaves behind the last whole record.
                return
            raise NotALogError("no TFRecord")
        any_record = True
        if length > _LONGEST_SCALAR:
            stream.seek(length + _CRC_BYTES, os.SEEK_CUR)
            continue
        payload = stream.read(length + _CRC_BYTES)
        if len(payload) == length + _CRC_BYTES:
            yield payload[:length]


def _parse_event(event: bytes) -> tuple[int, Scalars]:
    found = _ONE_SCALAR.fullmatch(event)
    if found is None:
        return _parse_any_event(event)
    varint, summary, value, tag, name, number = found.groups()
    size = len(name)
    if (tag[0], value[0], summary[0]) != (size, size + 7, size + 9):
        return _parse_any_event(event)
    step = signed(read_varint(varint, 0)[0]) if varint else 0
    return step, [(name.decode("utf-8", "replace"), _FLOAT.unpack(number)[0])]


def _parse_any_event(event: bytes) -> tuple[int, Scalars]:
    step = 0
    scalars: Scalars = []
    for number, value in fields_of(event):
        if number == _EVENT_STEP and isinstance(value, int):
            step = signed(value)
        elif number == _EVENT_SUMMARY and isinstance(value, bytes):
            scalars += _parse_summary(value)
    return step, scalars


def _parse_summary(summary: bytes) -> Iterator[tuple[str, float]]:
    for block in blocks_of(summary, _SUMMARY_VALUE):
        fields: dict[int, WireValue] = dict(fields_of(block))
        tag, number = fields.get(_VALUE_TAG), fields.get(_VALUE_SIMPLE)
        if isinstance(tag, bytes) and isinstance(number, bytes) and len(number) == _FLOAT.size:
            yield tag.decode("utf-8", "replace"), _FLOAT.unpack(number)[0]
