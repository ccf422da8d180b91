"""Sidecars on disk: read fast, written whole, with a person's comments and keys kept."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import ReadError, WriteError
from checkpoint_meta.readers.yaml import (
    SIDECAR_BYTES,
    checked_yaml,
    load_yaml,
    parse_yaml,
    read_text,
)
from checkpoint_meta.rewriting import is_same, rewrite_text
from checkpoint_meta.schema.text import SurrogateError, dump_text, without_surrogates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checkpoint_meta.evidence import JSONValue

_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz"


def read_sidecar(path: Path) -> dict[str, JSONValue]:
    """Return the plain document of a sidecar.

    Raises:
        ReadError: if it cannot be read, is over 1 MiB, or is no mapping.
        YamlError: if it is not YAML.
    """
    return as_sidecar(load_sidecar(path), path)


def load_sidecar(path: str | Path) -> object:
    """Return what a sidecar's file holds, whatever it is.

    Raises:
        ReadError: if it cannot be read, or is over 1 MiB.
        YamlError: if it is not YAML.
    """
    return load_yaml(read_text(path, SIDECAR_BYTES), path)


def as_sidecar(value: object, path: str | Path) -> dict[str, JSONValue]:
    """Return what a file holds as the plain document that it must be.

    Raises:
        ReadError: if it is no mapping.
        YamlError: if it holds what JSON has no name for.
    """
    document = checked_yaml(value, path)
    if not isinstance(document, dict):
        raise ReadError(path, "not a sidecar: no mapping of fields")
    return document


def render_sidecar(document: Mapping[str, JSONValue], existing: str | None = None) -> str:
    """Return the text of a sidecar; comments and the layout of `existing` are kept.

    Raises:
        YamlError: if `existing` is not YAML.
    """
    document, text = _writable(document)
    if existing is None or text == existing:
        return text
    said = parse_yaml(existing, Path("sidecar"))
    if is_same(said, document):
        return existing
    is_ours = isinstance(said, dict) and _writable(said)[1] == existing
    return text if is_ours else rewrite_text(existing, said, document)


def _writable(document: Mapping[str, JSONValue]) -> tuple[dict[str, JSONValue], str]:
    """Return a document as YAML can hold it, and its text."""
    plain = dict(document)
    try:
        return plain, dump_text(plain)
    except SurrogateError:
        plain = {
            str(without_surrogates(key)): without_surrogates(value) for key, value in plain.items()
        }
        return plain, dump_text(plain)


def write_sidecar(path: Path, document: Mapping[str, JSONValue]) -> bool:
    """Write a sidecar whole or not at all; return whether the file changed.

    A file that stands there keeps its comments, and gives way if it is not YAML. What it says
    beyond `document` goes: a caller that wants to keep unknown keys hands them over.

    Raises:
        WriteError: if the folder or the disk refuses, or the document is over 1 MiB.
    """
    existing = read_text_or_none(path)
    try:
        text = render_sidecar(document, existing)
    except ReadError:
        text = render_sidecar(document)
    if text == existing:
        return False
    replace_file(path, text.encode())
    return True


def link_sidecar(link: Path, target: Path) -> bool:
    """Make `link` a symbolic link to the sidecar `target`; a copy where links fail.

    Return whether it is one now: a sidecar that stands there and is no link stays.

    Raises:
        WriteError: if the folder or the disk refuses.
    """
    relative = os.path.relpath(target, link.parent)
    if link.is_symlink() and str(link.readlink()) == relative:
        return True
    if link.exists() and not link.is_symlink():
        return read_text_or_none(link) == read_text_or_none(target)
    temporary = link.with_name(f".{_random_letters()}.partial")
    try:
        temporary.symlink_to(relative)
        temporary.replace(link)
    except OSError:
        text = read_text_or_none(target)
        if text is not None:
            replace_file(link, text.encode())
    finally:
        _remove_if_there(temporary)
    return True


def replace_file(path: Path, raw: bytes) -> None:
    """Put `raw` at `path` so that nobody ever sees half of it.

    Raises:
        WriteError: if the folder or the disk refuses, or `raw` is over 1 MiB; what stood there
            stands.
    """
    if len(raw) > SIDECAR_BYTES:
        raise WriteError(path, f"{len(raw)} bytes, and a sidecar has {SIDECAR_BYTES} at most")
    # No digits and no `ckpt_`: Lightning reads a version number out of names that have them.
    temporary = path.with_name(f".{_random_letters()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as stream:
            stream.write(raw)
            stream.flush()
            os.fsync(stream.fileno())
        with contextlib.suppress(FileNotFoundError):
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        temporary.replace(path)
    except OSError as error:
        raise WriteError(path, str(error.strerror)) from error
    finally:
        _remove_if_there(temporary)


def _remove_if_there(temporary: Path) -> None:
    # Where it could not be made, it cannot be removed; the reason was told.
    with contextlib.suppress(OSError):
        temporary.unlink()


def remove_sidecar(path: Path) -> None:
    """Take the sidecar away; nothing happens where there is none.

    Raises:
        WriteError: if the folder refuses.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise WriteError(path, str(error.strerror)) from error


def read_text_or_none(path: Path) -> str | None:
    """Return the text of a sidecar, `None` where there is none or it is not text."""
    try:
        return read_text(path, SIDECAR_BYTES)
    except ReadError:
        return None


def _random_letters() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(12))
