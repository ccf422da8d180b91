"""Examples of the rules laid out as real files.

A file `x.ckpt.make` is a recipe: the real checkpoint `x.ckpt` is made from it, since a binary
file in a repository shows nobody what is in it.
"""

from __future__ import annotations

import io
import json
import pickle
import shutil
import struct
import zipfile
from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.readers.yaml import read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Make = Callable[..., Path]


class _Name:
    """Pickles as a call of the global that it is named after; nothing is ever called here."""

    def __init__(self, name: str) -> None:
        self.name = name


class _Pickler(pickle._Pickler):
    """Writes `_Name("a.b")` as the global `a.b`, called without arguments."""

    def save(self, obj: object, save_persistent_id: bool = True) -> None:
        if isinstance(obj, _Name):
            module, _, name = obj.name.rpartition(".")
            self.write(b"c" + f"{module}\n{name}\n".encode() + b")R")  # type: ignore[attr-defined]
            return
        super().save(obj, save_persistent_id)  # type: ignore[misc]


def _calls(path: Path, name: str) -> None:
    """Write a torch zip whose pickle calls `name`, with `protocol=2` as `torch.save` has it."""
    stream = io.BytesIO()
    _Pickler(stream, protocol=2).dump({"epoch": 3, "global_step": 400, "hook": _Name(name)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", stream.getvalue())
        archive.writestr("archive/version", "3\n")


def _twice(path: Path) -> None:
    """Give the zip's pickle a second entry under its name, as a smuggler would."""
    with zipfile.ZipFile(path) as archive:
        name = next(one for one in archive.namelist() if one.endswith("data.pkl"))
        content = archive.read(name)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, content)


def _damage(path: Path) -> None:
    """Change one byte of a tensor."""
    with zipfile.ZipFile(path) as archive:
        entry = next(one for one in archive.infolist() if one.filename.endswith("data/0"))
    content = bytearray(path.read_bytes())
    names = struct.unpack_from("<HH", content, entry.header_offset + 26)
    content[entry.header_offset + 30 + sum(names)] ^= 1
    path.write_bytes(content)


def _safetensors(path: Path) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))


def _make(path: Path, recipe: Mapping[str, object], make_checkpoint: Make) -> None:
    match recipe.get("kind", "lightning"):
        case "link":
            path.symlink_to(str(recipe["to"]))
            return
        case "text":
            path.write_text(str(recipe["text"]), encoding="utf-8")
            return
        case "calls":
            _calls(path, str(recipe["name"]))
            return
        case "safetensors":
            _safetensors(path)
            return
    make_checkpoint(path, **{key: value for key, value in recipe.items() if key != "kind"})
    match recipe.get("kind"):
        case "truncated":
            path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
        case "twice":
            _twice(path)
        case "damaged":
            _damage(path)


@pytest.fixture
def lay_out(tmp_path: Path, make_checkpoint: Make) -> Callable[[Path], Path]:
    """Return a function that copies an example into a folder and makes its checkpoints."""

    def copy(example: Path) -> Path:
        folder = shutil.copytree(example, tmp_path / "example")
        for recipe_file in sorted(folder.rglob("*.make")):
            recipe = read_yaml(recipe_file)
            recipe_file.unlink()
            assert isinstance(recipe, dict), recipe_file
            _make(recipe_file.with_suffix(""), recipe, make_checkpoint)
        return folder

    return copy
