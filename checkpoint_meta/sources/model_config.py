"""What a configuration says about the model and the training. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from checkpoint_meta.schema.fields import look_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeGuard

    from checkpoint_meta.evidence import FieldPath, JSONValue

_REFERENCE: Final = re.compile(r"\$\{([A-Za-z_][\w.]*)\}")

_ARCHITECTURE_KEYS: Final = ("architecture", "architecture_name", "architectures")

_PARAMETERS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "encoder": {
        "model_name": ("model_name",),
        "pretrained": ("pretrained",),
        "frozen": ("frozen", "freeze"),
    },
    "decoder": {
        "in_channels": ("in_channels",),
        "inner_channels": ("inner_channels",),
        "output_channels": ("output_channels", "out_channels"),
    },
    "head": {"in_channels": ("in_channels",)},
    "loss": {},
}
"""Part of the model -> field of the sidecar -> keys of a configuration."""


def model_claims(
    config: Mapping[str, JSONValue], canonical: Mapping[str, str]
) -> dict[FieldPath, JSONValue]:
    """Return what `config` claims of the model, the training and how checkpoints are chosen.

    `canonical` maps aliases of decoders, heads and losses to their names. A `${...}` that the
    configuration itself does not resolve claims nothing.
    """
    whole = dict(config)
    found = dict(_claims(whole, canonical))
    return {
        field: value
        for field, value in found.items()
        if value not in (None, "", [], {}) and "${" not in str(value)
    }


def _claims(
    config: dict[str, JSONValue], canonical: Mapping[str, str]
) -> Iterator[tuple[FieldPath, JSONValue]]:
    def at(*path: str) -> JSONValue:
        return interpolated(look_up(config, path), config)

    yield ("exp_name",), _name(at("exp_name"))
    yield ("training", "max_epochs"), _positive(at("trainer", "max_epochs"))
    model = at("model")
    if isinstance(model, dict):
        yield ("model", "class"), _text(at("model", "_target_"))
        architecture = (_text(at("model", key)) for key in _ARCHITECTURE_KEYS)
        yield ("model", "architecture"), next((name for name in architecture if name), None)
        for part in _PARAMETERS:
            yield from _part(part, model, config, canonical)
    yield from _choice(at("callbacks"), config)


def training_claims(hyper_parameters: Mapping[str, JSONValue]) -> dict[FieldPath, JSONValue]:
    """Return what hyper-parameters say of the training, at the top or below `trainer`."""
    for path in (("max_epochs",), ("trainer", "max_epochs")):
        epochs = _positive(look_up(hyper_parameters, path))
        if epochs is not None:
            return {("training", "max_epochs"): epochs}
    return {}


def _part(
    part: str,
    model: Mapping[str, JSONValue],
    config: Mapping[str, JSONValue],
    canonical: Mapping[str, str],
) -> Iterator[tuple[FieldPath, JSONValue]]:
    """Yield the claims about one part; an override that names another part replaces it whole."""
    base = _parameters(model.get(part))
    override = _parameters(look_up(model, ("component_overrides", part)))
    merged = override if "name" in override and part != "encoder" else base | override
    name = _text(interpolated(merged.get("name"), config)) or _class_name(merged, config)
    if part != "encoder":
        yield ("model", part, "name"), canonical.get(name, name) if name else None
    for field, keys in _PARAMETERS[part].items():
        given = (interpolated(merged[key], config) for key in keys if key in merged)
        yield ("model", part, field), next(given, None)


def _parameters(part: JSONValue) -> dict[str, JSONValue]:
    """Return a part's settings, those below its `params` included."""
    if not isinstance(part, dict):
        return {}
    inner = part.get("params")
    return {**part, **inner} if isinstance(inner, dict) else dict(part)


def _class_name(part: Mapping[str, JSONValue], config: Mapping[str, JSONValue]) -> str | None:
    target = _text(interpolated(part.get("_target_"), config))
    return target.rsplit(".", 1)[-1] if target else None


def _choice(
    callbacks: JSONValue, config: Mapping[str, JSONValue]
) -> Iterator[tuple[FieldPath, JSONValue]]:
    """Yield the settings of the only ModelCheckpoint; with several, nobody knows which one."""
    given = list(callbacks.values()) if isinstance(callbacks, dict) else callbacks
    settings = [one for one in given if _is_model_checkpoint(one)] if _is_list(given) else []
    if len(settings) != 1 or not isinstance(settings[0], dict):
        return
    for key in ("monitor", "mode", "save_top_k", "save_last"):
        yield ("checkpointing", key), interpolated(settings[0].get(key), config)


def _is_list(value: JSONValue) -> TypeGuard[list[JSONValue]]:
    return isinstance(value, list)


def _is_model_checkpoint(callback: JSONValue) -> bool:
    target = callback.get("_target_") if isinstance(callback, dict) else None
    return isinstance(target, str) and target.endswith("ModelCheckpoint")


def interpolated(value: JSONValue, config: Mapping[str, JSONValue], depth: int = 8) -> JSONValue:
    """Return `value` with each `${a.b}` replaced that `config` itself resolves.

    Resolvers such as `${oc.env:HOME}` are never called; they stay text.
    """
    if not isinstance(value, str) or "${" not in value or depth == 0:
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole:
        target = look_up(config, whole[1].split("."))
        return value if target is None else interpolated(target, config, depth - 1)

    def replacement(match: re.Match[str]) -> str:
        target = look_up(config, match[1].split("."))
        return match[0] if target is None or isinstance(target, (dict, list)) else str(target)

    replaced = _REFERENCE.sub(replacement, value)
    return value if replaced == value else interpolated(replaced, config, depth - 1)


def _text(value: JSONValue) -> str | None:
    return value if isinstance(value, str) and value else None


def _name(value: JSONValue) -> str | None:
    """Return a name, which YAML takes for a number where it is all digits."""
    return str(value) if type(value) is int else _text(value)


def _positive(value: JSONValue) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    return value if is_count and isinstance(value, int) else None
