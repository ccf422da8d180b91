"""The reference of a project's settings, from the class that they are read into."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Final

from checkpoint_meta.catalog.api import ROLL_OUT_VARIABLE
from checkpoint_meta.catalog.database import FOLDER_VARIABLE
from checkpoint_meta.settings import OWN_FILE, Ignored, Settings
from scripts.pages.docstrings import field_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = "reference/settings.md"

HEAD: Final = f"""\
# Settings

Settings stand in the table `[tool.checkpoint-meta]` of `pyproject.toml`, or at the top of a file
`{OWN_FILE}`. The nearest one at or above the PATH of a command counts; its folder is what relative
paths are relative to. An option on the command line wins. `--config FILE` names another file,
`--isolated` reads none. A key that does not exist is an error, and exit code 2.

```toml title="pyproject.toml"
[tool.checkpoint-meta]
policy = "ocr-detection"
patterns = ["*.weights"]
metrics = {{ hmean = "val/f1" }}

[tool.checkpoint-meta.validate]
ignore = [{{ rule = "CM402", reason = "our Enum in hyper_parameters", path = "outputs/2025-*" }}]
```

| setting | type | meaning |
| --- | --- | --- |
"""

IGNORED: Final = """
## validate.ignore

Each entry is a table; with `--verbose`, `ckpt-meta validate` names the entries that nothing met.

| key | needed | meaning |
| --- | --- | --- |
"""

VARIABLES: Final = {
    FOLDER_VARIABLE: "folder of the index; by default `checkpoint-meta` in `$XDG_CACHE_HOME`, "
    "`$LOCALAPPDATA` or `~/.cache`",
    ROLL_OUT_VARIABLE: "`0` switches sidecars and the index off in `build_catalog`; by default on",
    "XDG_CACHE_HOME": "folder of caches; by default `~/.cache`",
    "LOCALAPPDATA": "the same on Windows",
    "NO_COLOR": "any text: no colors; `--color always` wins",
    "WANDB_MODE": "`offline` or `disabled`: W&B's server is not asked, whatever the options say",
    "WANDB_BASE_URL": "address of W&B's server, as its client reads it; the cache keeps servers "
    "apart",
}
"""Variable of the environment -> what it does."""

_TYPES: Final = {
    "str | None": "text",
    "str": "text",
    "Path | None": "path",
    "tuple[str, ...]": "list of texts",
    "Mapping[str, str]": "table of texts",
    "tuple[Ignored, ...]": "list of tables",
}


def render() -> str:
    """Return the page."""
    return HEAD + "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    texts = field_texts(Settings)
    for field in fields(Settings):
        if field.name != "file":
            name = f"validate.{field.name}" if field.name == "ignore" else field.name
            yield f"| `{name}` | {_TYPES[str(field.type)]} | {_cell(texts[field.name])} |"
    yield IGNORED.rstrip("\n")
    texts = field_texts(Ignored)
    for field in fields(Ignored):
        needed = "yes" if field.default is MISSING else f"no: `{field.default}`"
        yield f"| `{field.name}` | {needed} | {_cell(texts[field.name])} |"
    yield "\n## Variables of the environment\n"
    yield "| variable | meaning |\n| --- | --- |"
    for name, meaning in VARIABLES.items():
        yield f"| `{name}` | {meaning} |"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").removesuffix(".")
