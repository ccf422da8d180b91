"""Print the figures of docs/architecture.md: scripts/style_figures.py."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("checkpoint_meta", "cli")
TESTS = ("tests",)

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

_NESTING = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match)


def files(folders: Iterable[str]) -> list[Path]:
    """Return every module below the folders."""
    return [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


def functions(trees: Iterable[ast.Module]) -> Iterator[Function]:
    """Yield every function and method, inner ones too."""
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield node


def length(function: Function) -> int:
    """Return the lines of a function from `def` on, without its docstring."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    has_docstring = ast.get_docstring(function) is not None
    return lines - ((first.end_lineno or 0) - first.lineno + 1 if has_docstring else 0)


def nesting(node: ast.AST) -> int:
    """Return how deep blocks stand in blocks; `elif` is no deeper than its `if`."""
    deepest = 0
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                continue
            is_elif = name == "orelse" and isinstance(node, ast.If) and isinstance(child, ast.If)
            deepest = max(deepest, nesting(child) + (isinstance(child, _NESTING) and not is_elif))
    return deepest


def is_typed(function: Function) -> bool:
    """Tell whether each parameter but self, and what is returned, has its type."""
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    named = [one for one in named if one.arg not in {"self", "cls"}]
    return function.returns is not None and all(one.annotation for one in named)


def is_broad(node: ast.AST) -> bool:
    """Tell whether a handler takes every exception."""
    if not isinstance(node, ast.ExceptHandler):
        return False
    return node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}


def spread(numbers: list[int]) -> str:
    """Return median, 90th percentile and maximum."""
    ordered = sorted(numbers)
    tenth = ordered[min(len(ordered) - 1, round(0.9 * len(ordered)))]
    return f"{statistics.median(ordered):.0f} / {tenth} / {ordered[-1]}"


def figures() -> dict[str, str]:
    """Return each figure by its name."""
    texts = [file.read_text(encoding="utf-8") for file in files(SOURCES)]
    tests = [file.read_text(encoding="utf-8") for file in files(TESTS)]
    trees = [ast.parse(text) for text in texts]
    found = list(functions(trees))
    nodes = [node for tree in trees for node in ast.walk(tree)]
    lines = sum(text.count("\n") for text in texts)
    anys = sum(isinstance(node, ast.Name) and node.id == "Any" for node in nodes)
    return {
        "module lines, median / p90 / max": spread([text.count("\n") for text in texts if text]),
        "function lines, median / p90 / max": spread([length(one) for one in found]),
        "nesting, maximum": str(max(nesting(one) for one in found)),
        "functions fully typed": f"{100 * sum(map(is_typed, found)) / len(found):.0f} %",
        "broad excepts": str(sum(map(is_broad, nodes))),
        "`Any` per 1,000 lines": f"{1000 * anys / lines:.1f}",
        "test lines per source line": f"{sum(text.count(chr(10)) for text in tests) / lines:.2f}",
    }


if __name__ == "__main__":
    for name, value in figures().items():
        print(f"{name}: {value}")
