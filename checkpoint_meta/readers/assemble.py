"""From what a pickle holds to `CheckpointContents`: which key of a checkpoint means what."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from checkpoint_meta.errors import printable
from checkpoint_meta.readers.faults import Fault
from checkpoint_meta.readers.plain import View
from checkpoint_meta.readers.state_dict import add_up, describe_tensors, find_state_dict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from checkpoint_meta.evidence import JSONValue
    from checkpoint_meta.readers.contents import CheckpointContents
    from checkpoint_meta.readers.tensors import Tensor

_PLAIN: Final = (
    "hyper_parameters",
    "datamodule_hyper_parameters",
    "callbacks",
    "loops",
    "hparams",
    "module_arguments",
)
"""Parts that are shown as they are; the last two are hyper-parameters of old Lightning."""

_OPTIMIZERS: Final = ("optimizer_states", "optimizer", "optimizers", "optimizer_state_dict")
"""Parts whose tensors stay closed."""

_KNOWN: Final = frozenset(
    {
        *_PLAIN,
        *_OPTIMIZERS,
        "epoch",
        "global_step",
        "pytorch-lightning_version",
        "lr_schedulers",
        "hparams_name",
        "hparams_type",
        "datamodule_hparams_name",
        "datamodule_hparams_type",
    }
)
"""Every key at the top that is not custom, beside the state dict's."""

_VERSION: Final = 64
"""Characters of a version that are kept."""

_TOO_LARGE: Final = 3
"""Parts that may be too large before the rest is left out too."""


def unknown_scalars(tensors: Sequence[Tensor]) -> list[JSONValue]:
    """Return no value for any tensor: their numbers are out of reach."""
    return [None] * len(tensors)


def assemble(
    base: CheckpointContents,
    top: object,
    read_scalars: Callable[[Sequence[Tensor]], Sequence[JSONValue]],
) -> CheckpointContents:
    """Return `base` with everything that `top`, the value of a pickle, tells."""
    weights = find_state_dict(top)
    contents = base
    if weights is not None:
        sums = add_up(weights.tensors)
        contents = replace(
            contents,
            tensors=describe_tensors(weights.tensors, base.storage_crcs),
            parameter_count=sums.elements,
            parameter_bytes=sums.size_bytes,
            dtypes=sums.by_dtype,
        )
    if not isinstance(top, dict) or (weights is not None and weights.key is None):
        return contents
    return _with_parts(contents, top, weights.key if weights else None, read_scalars)


def _with_parts(
    contents: CheckpointContents,
    top: dict[object, object],
    weights: str | None,
    read_scalars: Callable[[Sequence[Tensor]], Sequence[JSONValue]],
) -> CheckpointContents:
    shown = {
        key: value
        for key, value in top.items()
        if isinstance(key, str) and (key in _PLAIN or key not in {*_KNOWN, weights})
    }
    plain, problems = _view(shown, read_scalars)
    custom = {key: value for key, value in plain.items() if key not in _PLAIN}
    version = top.get("pytorch-lightning_version")
    return replace(
        contents,
        epoch=_whole(top.get("epoch")),
        global_step=_whole(top.get("global_step")),
        lightning_version=printable(version[:_VERSION]) if isinstance(version, str) else None,
        hyper_parameters=_first_mapping(plain, "hyper_parameters", "hparams", "module_arguments"),
        datamodule_hyper_parameters=_first_mapping(plain, "datamodule_hyper_parameters"),
        callbacks=_first_mapping(plain, "callbacks") or {},
        loops=_first_mapping(plain, "loops"),
        custom=custom,
        weights_only=not any(key in top for key in _OPTIMIZERS),
        problems=(*contents.problems, *problems),
    )


def _view(
    parts: Mapping[str, object],
    read_scalars: Callable[[Sequence[Tensor]], Sequence[JSONValue]],
) -> tuple[dict[str, JSONValue], list[str]]:
    """Return parts as plain data, and which of them were too large and are left out."""
    view = View()
    plain: dict[str, JSONValue] = {}
    problems: list[str] = []
    # The known parts first: what is custom may be anything.
    for key in sorted(parts, key=lambda key: key not in _PLAIN):
        if len(problems) >= _TOO_LARGE:
            problems.append("the other parts are left out too")
            break
        try:
            view.section(plain, key, parts[key])
        except Fault as fault:
            problems.append(f"{view.safe(key)}: {fault}; left out")
    scalars = read_scalars([tensor for tensor, _ in view.pending])
    for (_, put), value in zip(view.pending, scalars, strict=True):
        put(value)
    return plain, problems


def _whole(value: object) -> int | None:
    return value if type(value) is int else None


def _first_mapping(parts: Mapping[str, JSONValue], *keys: str) -> dict[str, JSONValue] | None:
    for key in keys:
        value = parts.get(key)
        if isinstance(value, dict):
            return value
    return None
