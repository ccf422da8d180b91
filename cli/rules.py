"""`ckpt-meta rules`: what `validate` asks, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from .options import OutputFormat, TextFormat
from .output import Output

if TYPE_CHECKING:
    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.rules.rule import Rule


def rules_command(
    code: Annotated[
        Optional[str],  # noqa: UP045 - Typer reads it at run time
        typer.Argument(
            metavar="CODE",
            help="Rule whose page is printed; by default the list of all.",
            show_default=False,
        ),
    ] = None,
    *,
    output_format: OutputFormat = TextFormat.TEXT,
) -> None:
    """Print the rules of validate, or the page of one."""
    from checkpoint_meta.rules.rulebook import all_rules

    rules = all_rules()
    if code is not None and code.upper() not in rules:
        raise typer.BadParameter(f"no rule {code!r}", param_hint="CODE")
    chosen = [rules[code.upper()]] if code else list(rules.values())
    output = Output()
    match output_format:
        case TextFormat.JSON:
            output.json([as_json(rule) for rule in chosen])
        case TextFormat.JSONL:
            for rule in chosen:
                output.json_line(as_json(rule))
        case TextFormat.TEXT if code:
            output.block(page_of(chosen[0]))
        case TextFormat.TEXT:
            for rule in chosen:
                output.line(f"{rule.code}  {rule.severity:7}  {rule.name:24}  {rule.sentence}")


def page_of(rule: Rule) -> str:
    """Return a rule's page as text."""
    fix = {"safe": "yes, with --fix", "unsafe": "only with --fix --unsafe-fixes"}
    return (
        f"{rule.code} {rule.name} ({rule.severity})\n\n{rule.page}\n\n"
        f"To mend: {rule.mend}.\nMended by validate: {fix.get(rule.fix, 'no')}.\n"
    )


def as_json(rule: Rule) -> JSONValue:
    """Return a rule in the documented, stable shape."""
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity.value,
        "sentence": rule.sentence,
        "page": rule.page,
        "mend": rule.mend,
        "fix": rule.fix or None,
    }
