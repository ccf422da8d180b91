"""The house rules: what imports what, and what a command never imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "checkpoint_meta"

LAYERS = (
    {"errors", "evidence", "paths", "version"},
    {"schema", "resolve", "masking", "metric_names", "faults", "settings", "readers"}
    | {"worker", "worker_team", "workers"},
    {"rewriting"},
    {"store"},
    {"sources"},
    {"claims", "identity", "news"},
    {"drafts"},
    {"catalog"},
    {"rules"},
    {"convert", "validate", "reports", "training"},
    {"cli"},
)
"""From the bottom to the top; a module imports from its own layer and those below it."""

PURE = ("schema", "resolve.py", "masking.py", "metric_names.py", "evidence.py")
IMPURE_MODULES = {"os", "time", "random", "pathlib", "io", "subprocess", "socket"}

HEAVY = ("torch", "lightning", "pytorch_lightning", "wandb", "hydra", "omegaconf", "numpy")


def _rank(module: str) -> int | None:
    name = module.removeprefix("checkpoint_meta.").split(".")[0]
    return next((place for place, layer in enumerate(LAYERS) if name in layer), None)


def _imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _modules() -> list[Path]:
    return [file for file in sorted(PACKAGE.rglob("*.py")) if file.name != "__init__.py"]


@pytest.mark.parametrize("file", _modules(), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_point_down(file: Path) -> None:
    """No module of the package imports from a layer above its own."""
    own = _rank(file.relative_to(PACKAGE).parts[0].removesuffix(".py"))
    if file.name == "__main__.py":
        return

    upward = {
        module
        for module in _imports(file)
        if module.startswith("checkpoint_meta.")
        and (rank := _rank(module)) is not None
        and own is not None
        and rank > own
    }

    assert own is not None, f"{file.name} has no layer; give it one in LAYERS"
    assert upward == set()


@pytest.mark.parametrize("name", PURE)
def test_the_core_is_pure(name: str) -> None:
    """Schema and resolution touch no file, no clock and no environment."""
    place = PACKAGE / name
    files = sorted(place.glob("*.py")) if place.is_dir() else [place]

    touched = {module for file in files for module in _imports(file)} & IMPURE_MODULES

    assert touched == set()


def _loaded_after(code: str) -> set[str]:
    program = f"{code}\nimport sys\nprint(sorted({HEAVY!r} & sys.modules.keys()))".replace(
        f"{HEAVY!r} &", f"set({HEAVY!r}) &"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded: set[str] = set(ast.literal_eval(result.stdout.splitlines()[-1]))
    return loaded


def test_importing_the_package_imports_nothing_heavy() -> None:
    """`import checkpoint_meta` needs neither torch nor any of its friends."""
    assert _loaded_after("import checkpoint_meta") == set()


def _commands() -> list[list[str]]:
    return [
        ["--help"],
        ["--version"],
        ["schema"],
        ["convert", "outputs"],
        ["convert", "outputs", "--explain", "--diff", "--dry-run", "--overwrite"],
        ["validate", "outputs", "--allow-empty"],
        ["list", "outputs"],
        ["list", "outputs", "--format", "json"],
    ]


@pytest.mark.parametrize("arguments", _commands(), ids=" ".join)
def test_no_command_imports_anything_heavy(arguments: list[str], outputs: Path) -> None:
    """Every command works where torch, lightning, wandb, hydra and numpy are not installed."""
    code = (
        f"import sys, os; os.chdir({str(outputs.parent)!r})\n"
        f"sys.argv = ['ckpt-meta', *{arguments!r}]\n"
        "from checkpoint_meta.cli.main import run\n"
        "try: run()\n"
        "except SystemExit as stop: print(stop.code)\n"
    )

    assert _loaded_after(code) == set()


def _printed(code: str) -> list[str]:
    """Return the lines that a process of its own prints."""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return result.stdout.splitlines()


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_builds_no_model(option: str) -> None:
    """What every command starts with stays light: no pydantic, rich, YAML or SQL."""
    code = (
        "import sys\n"
        f"sys.argv = ['ckpt-meta', {option!r}]\n"
        "from checkpoint_meta.cli.main import run\n"
        "try: run()\n"
        "except SystemExit: pass\n"
        "print(sorted({'pydantic', 'ruamel.yaml', 'yaml_rs', 'sqlite3', 'xml'} & set(sys.modules)))"
    )

    assert _printed(code)[-1] == "[]"


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("command", ["convert", "list", "best", "diff"])
def test_valid_sidecars_build_no_model(command: str, outputs: Path) -> None:
    """The models take 15 MB and a tenth of a second; only what is wrong is judged by them."""
    code = (
        f"import sys, os; os.chdir({str(outputs.parent)!r})\n"
        f"sys.argv = ['ckpt-meta', {command!r}, 'outputs']\n"
        "from checkpoint_meta.cli.main import run\n"
        "try: run()\n"
        "except SystemExit as stop: print(stop.code)\n"
        "print('pydantic' in sys.modules)"
    )

    assert _printed(code)[-1] == "False"


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize(
    ("command", "others"),
    [("list", {"convert", "validate", "show"}), ("show", {"convert", "validate", "listing"})],
)
def test_a_command_does_not_wait_for_the_others(command: str, others: set[str]) -> None:
    """Making them takes half of a start; `--help` of one is still there."""
    code = (
        f"import sys; sys.argv = ['ckpt-meta', {command!r}, '--help']\n"
        "from checkpoint_meta.cli.main import run\n"
        "try: run()\n"
        "except SystemExit as stop: print(stop.code)\n"
        "print(sorted(name.rpartition('.')[2] for name in sys.modules if '.cli.' in name))"
    )

    usage, *_, stopped, loaded = _printed(code)
    assert stopped == "0"
    assert usage.startswith("Usage: ")
    assert f" {command} [OPTIONS]" in usage
    assert others.isdisjoint(ast.literal_eval(loaded))


def test_two_broad_excepts_in_the_package() -> None:
    """A sidecar is not worth a training run, and one bad file not the other ten thousand."""
    broad = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for folder in (PACKAGE, ROOT / "cli")
        for file in sorted(folder.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) == "Exception")
    ]

    assert len(broad) <= 2, broad
