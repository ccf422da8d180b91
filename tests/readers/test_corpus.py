from __future__ import annotations

import json
import random
import zlib
from contextlib import suppress
from pathlib import Path

import pytest

from checkpoint_meta.errors import ReadError
from checkpoint_meta.readers.checkpoint import read_checkpoint_file
from checkpoint_meta.readers.globals import GlobalClass, classify_global

CORPUS = Path(__file__).parent.parent / "corpus" / "checkpoints"
CASES = sorted(file.with_suffix("") for file in CORPUS.glob("*.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_the_corpus_is_read_as_torch_reads_it(path: Path) -> None:
    """Every name, shape, dtype and value is what the torch that wrote the file loads."""
    expected = json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))

    contents = read_checkpoint_file(path)

    tensors = [[t.name, list(t.shape), t.dtype] for t in contents.tensors]
    assert tensors == expected.pop("tensors")
    assert {key: getattr(contents, key) for key in expected} == expected
    assert (contents.incomplete, contents.problems) == (False, ())


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_real_checkpoints_look_up_nothing_unknown(path: Path) -> None:
    """The list of safe names covers what torch and Lightning write."""
    kinds = {name: classify_global(name) for name in read_checkpoint_file(path).globals}

    assert set(kinds.values()) <= {GlobalClass.SAFE}, kinds


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_damage_is_a_read_error(tmp_path: Path, path: Path) -> None:
    """Whatever bytes are changed, the file is read or refused with a `ReadError`."""
    whole = path.read_bytes()
    chance = random.Random(zlib.crc32(whole))  # noqa: S311 - not for secrets
    damaged = tmp_path / path.name

    for _ in range(150):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 2, 8, 64))):
            data[chance.randrange(len(data))] = chance.choice(b"\x00\xff(}]tuqRb.\x80") or (
                chance.randrange(256)
            )
        # Without its CRC the pickle itself is reached.
        position = data.find(b"PK\x01\x02")
        if position > 0 and chance.random() < 0.7:
            data[position + 16 : position + 20] = bytes(4)
        damaged.write_bytes(data[: chance.choice((None, None, chance.randrange(len(data))))])
        with suppress(ReadError):
            read_checkpoint_file(damaged)
