"""Where in a YAML text a field stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checkpoint_meta.evidence import Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ruamel.yaml.nodes import Node

    from checkpoint_meta.evidence import FieldPath


def locate(text: str, fields: Iterable[FieldPath]) -> dict[FieldPath, Place]:
    """Return the place of each field's value; of what it would stand in where it is missing.

    The text is parsed anew, which costs more than reading it did: only findings ask.
    """
    root = _compose(text)
    return {} if root is None else {field: _place(_find(root, field)) for field in fields}


def _compose(text: str) -> Node | None:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        node: Node | None = YAML(typ="safe", pure=True).compose(text)
    except (YAMLError, ValueError, RecursionError):
        return None
    return node


def _find(root: Node, field: FieldPath) -> Node:
    """Return the node that stands for `field`: a scalar's value, a block's key."""
    shown = block = root
    for part in field:
        found = _child(block, part)
        if found is None:
            break
        key, block = found
        shown = key if isinstance(block.value, list) else block
    return shown


def _child(block: Node, part: str) -> tuple[Node, Node] | None:
    for place, child in enumerate(block.value if isinstance(block.value, list) else ()):
        if isinstance(child, tuple) and child[0].value == part:
            return child
        if not isinstance(child, tuple) and str(place) == part:
            return child, child
    return None


def _place(node: Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)
