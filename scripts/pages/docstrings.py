"""What a class says of its fields: the text on the line below each, which Python drops."""

from __future__ import annotations

import ast
import inspect
import textwrap


def field_texts(owner: type) -> dict[str, str]:
    """Return the text below each field of a class, by the field's name."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    assert isinstance(body, ast.ClassDef)  # noqa: S101 - what a class's source is
    texts: dict[str, str] = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                texts[name] = " ".join(text.split())
    return texts
