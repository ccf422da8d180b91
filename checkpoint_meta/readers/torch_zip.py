"""The zip that `torch.save` writes since torch 1.6: a pickle, and a storage for each tensor."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from checkpoint_meta.readers.archive import HEADER_BYTES, Archive, first_entry
from checkpoint_meta.readers.assemble import assemble, unknown_scalars
from checkpoint_meta.readers.contents import CheckpointContents
from checkpoint_meta.readers.faults import CutOff, Fault
from checkpoint_meta.readers.limits import PICKLE_BYTES
from checkpoint_meta.readers.scalar_values import read_scalars
from checkpoint_meta.readers.unpickler import unpickle
from checkpoint_meta.readers.window import unpickle_from

if TYPE_CHECKING:
    from checkpoint_meta.readers.stream import Ranges

_STORAGES: Final = "data/"
FINGERPRINT: Final = ".data/serialization_id"
FINGERPRINT_SIZE: Final = 40


def read_torch_zip(ranges: Ranges) -> CheckpointContents:
    """Return everything but the tensors."""
    try:
        archive = Archive(ranges)
    except CutOff:
        return _read_cut_off(ranges)
    entry = archive.entries.get("data.pkl")
    if entry is None or "constants.pkl" in archive.entries:
        raise Fault(_name_other(archive))
    crcs = storage_crcs(archive)
    unpickled = unpickle(archive.read(entry, PICKLE_BYTES))
    if unpickled.fault:
        raise unpickled.fault.having_seen(unpickled.globals)
    base = CheckpointContents(
        format="torch-zip",
        size_bytes=ranges.size,
        mtime_ns=0,
        fingerprint=fingerprint_of(archive),
        storage_crcs=crcs,
        globals=unpickled.globals,
    )
    return assemble(base, unpickled.value, partial(read_scalars, archive))


def _read_cut_off(ranges: Ranges) -> CheckpointContents:
    """Return what the first part of a file tells: the pickle is the first that torch writes."""
    head = ranges.read(0, HEADER_BYTES)
    start, name = first_entry(head)
    if not name.endswith("/data.pkl"):
        raise CutOff("the zip is cut off before its pickle")
    unpickled = unpickle_from(ranges, start)
    if unpickled.fault and not isinstance(unpickled.fault, CutOff):
        raise unpickled.fault.having_seen(unpickled.globals)
    base = CheckpointContents(
        format="torch-zip",
        size_bytes=ranges.size,
        mtime_ns=0,
        incomplete=True,
        globals=unpickled.globals,
        problems=("the file is cut off",),
    )
    return assemble(base, unpickled.value, unknown_scalars)


def storage_crcs(archive: Archive) -> dict[str, int]:
    """Return the CRC of each storage by its key, where the archive records one."""
    skip = len(_STORAGES)
    return {
        name[skip:]: entry.crc
        for name, entry in archive.entries.items()
        if entry.crc and name.startswith(_STORAGES)
    }


def fingerprint_of(archive: Archive) -> str | None:
    """Return what tells the archive's contents from others'; `None` without CRCs.

    Torch records one since 2.1 (`torch:`); for older files it is made of the CRCs in the
    directory (`crc:`).
    """
    if not archive.entries["data.pkl"].crc:
        return None
    entry = archive.entries.get(FINGERPRINT)
    if entry is not None:
        return to_fingerprint(archive.read(entry, FINGERPRINT_SIZE))
    import hashlib

    digest = hashlib.blake2b(digest_size=16)
    for name, entry in sorted(archive.entries.items()):
        digest.update(f"{name}\0{entry.size}\0{entry.crc}\n".encode())
    return f"crc:{digest.hexdigest()}"


def to_fingerprint(record: bytes) -> str | None:
    """Return what torch recorded; `None` if it is not what torch records."""
    return f"torch:{record.decode('ascii')}" if record.isdigit() else None


def _name_other(archive: Archive) -> str:
    if "constants.pkl" in archive.entries:
        return "a TorchScript archive: a program, not a checkpoint"
    if any(name.endswith(".npy") for name in archive.entries):
        return "a numpy archive (.npz), not a checkpoint"
    return "a zip, but not one of torch (it has no data.pkl)"
