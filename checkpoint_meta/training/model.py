"""What the module that is trained is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from checkpoint_meta.evidence import FieldPath, JSONValue

COMPONENTS: Final = {
    "encoder": ("encoder", "backbone"),
    "decoder": ("decoder", "neck"),
    "head": ("head",),
    "loss": ("loss", "loss_fn", "criterion"),
}
"""Component -> the attributes that modules keep it under, the usual one first."""

HOLDERS: Final = ("model", "net", "network", "_orig_mod", "module")
"""Attributes under which a module keeps the model that it trains, or a wrapper what it wraps."""

NAMES: Final = ("model_name", "name", "arch", "architecture")
"""Attributes by which a component names itself, before its class does."""


def model_claims(module: object, state_dict: object) -> dict[FieldPath, JSONValue]:
    """Return the claims about `model`."""
    claims: dict[FieldPath, JSONValue] = {("model", "class"): class_name(module)}
    for component, attributes in COMPONENTS.items():
        part = _find_part(module, attributes)
        if part is not None:
            key = "model_name" if component == "encoder" else "name"
            claims["model", component, key] = _name(part)
        if part is not None and component == "encoder":
            claims |= _frozen(part)
    if isinstance(state_dict, Mapping):
        claims["model", "parameters"] = parameters(state_dict.values())
    return claims


def class_name(value: object) -> str:
    """Return the import path of an object's class."""
    return f"{type(value).__module__}.{type(value).__qualname__}"


def parameters(tensors: Iterable[object]) -> dict[str, JSONValue]:
    """Return count, bytes and data types of a state dict, tied tensors counted once."""
    seen: set[tuple[int, int]] = set()
    dtypes: dict[str, JSONValue] = {}
    count = size = 0
    for tensor in tensors:
        elements = getattr(tensor, "numel", None)
        if not callable(elements):
            continue
        number = int(elements())
        place = (_address(tensor), number)
        if place[0] and place in seen:
            continue
        seen.add(place)
        count += number
        size += number * int(getattr(tensor, "itemsize", 0))
        dtype = str(getattr(tensor, "dtype", "")).removeprefix("torch.")
        dtypes[dtype] = int(str(dtypes.get(dtype, 0))) + number
    return {"count": count, "bytes": size, "dtypes": dtypes}


def _address(tensor: object) -> int:
    """Return where the tensor lies; 0 where it does not say, as a sharded one."""
    data_ptr = getattr(tensor, "data_ptr", None)
    try:
        return int(data_ptr()) if callable(data_ptr) else 0
    except RuntimeError:
        return 0


def _find_part(module: object, attributes: Iterable[str]) -> object | None:
    """Return a component of the module itself, or of the model that it holds."""
    for holder in _holders(module):
        for attribute in attributes:
            part: object | None = getattr(holder, attribute, None)
            if part is not None and callable(part):
                return part
    return None


def _holders(module: object) -> Iterable[object]:
    held: object | None = module
    for _ in range(len(HOLDERS)):
        if held is None:
            return
        yield held
        parts: Mapping[str, object] = vars(held).get("_modules", {})
        held = next((parts[name] for name in HOLDERS if parts.get(name) is not None), None)


def _name(part: object) -> str:
    for attribute in NAMES:
        name = getattr(part, attribute, None)
        if isinstance(name, str) and name:
            return name
    # A timm model carries the name that it was made by.
    made_by = getattr(part, "default_cfg", None)
    if isinstance(made_by, Mapping) and isinstance(made_by.get("architecture"), str):
        return str(made_by["architecture"])
    return str(getattr(part, "__qualname__", type(part).__qualname__))


def _frozen(encoder: object) -> dict[FieldPath, JSONValue]:
    own = getattr(encoder, "parameters", None)
    needs = [bool(getattr(one, "requires_grad", True)) for one in own()] if callable(own) else []
    return {("model", "encoder", "frozen"): not any(needs)} if needs else {}
