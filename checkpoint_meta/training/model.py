"""What the module that is trained is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from checkpoint_meta.readers.contents import TensorInfo
from checkpoint_meta.sources.signatures import load_signatures
from checkpoint_meta.sources.state_dict import recognise
from checkpoint_meta.training.interface import address_of

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
    """Return the claims about `model` that are as sure as the weights themselves."""
    claims: dict[FieldPath, JSONValue] = {("model", "class"): class_name(module)}
    parts = find_parts(module)
    for component, part in parts.items():
        name = _own_name(part)
        if name is not None:
            claims["model", component, _name_key(component)] = name
    if "encoder" in parts:
        claims |= _frozen(parts["encoder"])
    if isinstance(state_dict, Mapping):
        claims["model", "parameters"] = parameters(state_dict.values())
        # What the weights tell comes last: it outranks what a part calls itself.
        claims |= _recognised(_shapes(state_dict))
    return claims


def class_claims(module: object) -> dict[FieldPath, JSONValue]:
    """Return the classes of the components: weak claims, for want of a better name."""
    return {
        ("model", component, _name_key(component)): _class_of(part)
        for component, part in find_parts(module).items()
    }


def find_parts(module: object) -> dict[str, object]:
    """Return the components of the module itself, or of the model that it holds."""
    parts = {name: _find_part(module, attributes) for name, attributes in COMPONENTS.items()}
    return {name: part for name, part in parts.items() if part is not None}


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
        place = (address_of(tensor), number)
        if place[0] and place in seen:
            continue
        seen.add(place)
        count += number
        size += number * int(getattr(tensor, "itemsize", 0))
        dtype = str(getattr(tensor, "dtype", "")).removeprefix("torch.")
        dtypes[dtype] = int(str(dtypes.get(dtype, 0))) + number
    return {"count": count, "bytes": size, "dtypes": dtypes}


def _shapes(state_dict: Mapping[str, object]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    return tuple(
        (name, tuple(getattr(tensor, "shape", ())))
        for name, tensor in state_dict.items()
        if hasattr(tensor, "numel")
    )


@lru_cache(maxsize=4)
def _recognised(shapes: tuple[tuple[str, tuple[int, ...]], ...]) -> dict[FieldPath, JSONValue]:
    """Return what the rules for state dicts tell; the same model is asked at every save."""
    tensors = [TensorInfo(name, shape, dtype="") for name, shape in shapes]
    return recognise(tensors, load_signatures())


def _find_part(module: object, attributes: Iterable[str]) -> object | None:
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


def _name_key(component: str) -> str:
    return "model_name" if component == "encoder" else "name"


def _own_name(part: object) -> str | None:
    """Return the name that a component gives itself, or that its class is known by."""
    for attribute in NAMES:
        name = getattr(part, attribute, None)
        if isinstance(name, str) and name:
            return name
    # A timm model carries the name that it was made by.
    made_by = getattr(part, "default_cfg", None)
    if isinstance(made_by, Mapping) and isinstance(made_by.get("architecture"), str):
        return str(made_by["architecture"])
    return load_signatures().aliases.get(_class_of(part))


def _class_of(part: object) -> str:
    return str(getattr(part, "__qualname__", type(part).__qualname__))


def _frozen(encoder: object) -> dict[FieldPath, JSONValue]:
    own = getattr(encoder, "parameters", None)
    needs = [bool(getattr(one, "requires_grad", True)) for one in own()] if callable(own) else []
    return {("model", "encoder", "frozen"): not any(needs)} if needs else {}
