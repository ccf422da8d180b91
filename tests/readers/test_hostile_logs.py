"""Whatever stands in a log, a reader answers with rows or with a ReadError, and soon."""

from __future__ import annotations

import contextlib
import random
import struct
import zlib
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.crc32c import masked_crc32c
from checkpoint_meta.readers.event_files import read_event_files
from checkpoint_meta.readers.protobuf import WireError, fields_of
from checkpoint_meta.readers.scalars import read_metrics_csv
from checkpoint_meta.readers.wandb_log import read_wandb_log

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from checkpoint_meta.readers.scalar_table import ScalarTable

EVENT: Final = bytes.fromhex("09000000000000f03f10092a0c0a0a0a036c6f6f1500000040")


def _varint(number: int) -> bytes:
    parts = []
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def _block(tag: bytes, content: bytes) -> bytes:
    return tag + _varint(len(content)) + content


def _item(key: bytes, value: bytes) -> bytes:
    return _block(b"\x0a", _block(b"\x12", key) + _block(b"\x82\x01", value))


HISTORY: Final = _block(b"\x12", _item(b"loss", b"0.5") + _item(b"trainer/global_step", b"19"))


def _event_file(payload: bytes) -> bytes:
    length = struct.pack("<Q", len(payload))
    return length + struct.pack("<I", masked_crc32c(length)) + payload + bytes(4)


def _wandb_file(payload: bytes) -> bytes:
    crc = zlib.crc32(b"\x01" + payload)
    return b":W&B\xe1\xbe\x00" + struct.pack("<IHB", crc, len(payload), 1) + payload


READERS: Final[dict[str, tuple[Callable[[Path], ScalarTable], Callable[[bytes], bytes], bytes]]] = {
    "csv": (read_metrics_csv, bytes, b"epoch,step,loss\n0,9,0.5\n0,19,\n"),
    "events": (lambda path: read_event_files([path]), _event_file, EVENT),
    "wandb": (lambda path: read_wandb_log(path).history, _wandb_file, HISTORY),
}


def _mutated(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(changed))
        match chance.randrange(3):
            case 0:
                changed[place] = chance.randrange(256)
            case 1:
                del changed[place : place + chance.randint(1, 5)]
                changed = changed or bytearray(b"\0")
            case _:
                changed[place:place] = chance.randbytes(chance.randint(1, 5))
    return bytes(changed)


@pytest.mark.parametrize("kind", READERS)
def test_changed_bytes_are_rows_or_one_error(kind: str, tmp_path: Path) -> None:
    """Neither broken frames nor broken messages within whole frames raise anything else."""
    read, frame, payload = READERS[kind]
    chance = random.Random(7)  # noqa: S311 - the same files each time
    path = tmp_path / "log"
    path.write_bytes(frame(payload))
    assert len(read(path)) > 0

    for turn in range(600):
        mutated = _mutated(payload, chance)
        path.write_bytes(frame(mutated) if turn % 2 else _mutated(frame(payload), chance))
        with contextlib.suppress(ReadError):
            read(path)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_wire_error(message: bytes) -> None:
    """The walker never reads past the end, and always comes to it."""
    with contextlib.suppress(WireError):
        assert all(field >= 0 for field, _ in fields_of(message))


def test_deep_json_in_a_configuration_is_passed_over(tmp_path: Path) -> None:
    """A value nested a hundred thousand deep costs one value, not the stack."""
    config = _block(b"\x2a", _item(b"x", b"[" * 20_000))
    path = tmp_path / "run-x.wandb"
    path.write_bytes(_wandb_file(config))

    assert read_wandb_log(path).config == {"x": None}
