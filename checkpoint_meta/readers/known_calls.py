"""Calls whose meaning is known, as the plain value that a person would expect."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Final

from checkpoint_meta.readers.arrays import from_buffer, from_state, scalar
from checkpoint_meta.readers.inert import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PATH_PARTS: Final = 256
_PATH_LENGTH: Final = 4096

_SCALARS: Final = (type(None), bool, int, float, str)


def as_scalar(call: Call) -> object:
    """Return the value of an enum's member, which is pickled as its class called with it."""
    match call.args:
        case (value,) if isinstance(value, _SCALARS) and not (
            call.state or call.items or call.pairs or call.kwargs
        ):
            return value
    return NotImplemented


def _state(call: Call) -> object:
    return call.state if isinstance(call.state, dict) else NotImplemented


def _config(call: Call) -> object:
    """Return what an OmegaConf node holds; nothing is resolved."""
    match call.state:
        case {"_content": content}:
            return content
        case {"_val": value}:
            return value
    return NotImplemented


def _posix_path(call: Call) -> object:
    return str(PurePosixPath(*_texts(call))) if _texts(call) else NotImplemented


def _windows_path(call: Call) -> object:
    return str(PureWindowsPath(*_texts(call))) if _texts(call) else NotImplemented


def _texts(call: Call) -> list[str]:
    if not isinstance(call.args, tuple):
        return []
    texts = [arg for arg in call.args[:_PATH_PARTS] if isinstance(arg, str)]
    whole = len(texts) == len(call.args) and sum(map(len, texts)) <= _PATH_LENGTH
    return texts if whole else []


def _device(call: Call) -> object:
    match call.args:
        case (str(kind),):
            return kind
        case (str(kind), int(index)):
            return f"{kind}:{index}"
    return NotImplemented


def _uuid(call: Call) -> object:
    match call.state:
        case {"int": int(number)} if 0 <= number < 1 << 128:
            digits = f"{number:032x}"
            return "-".join(digits[a:b] for a, b in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32)))
    return NotImplemented


def _date(call: Call) -> object:
    match call.args:
        case (bytes() as raw,) if len(raw) == 4:  # noqa: PLR2004 - year, month, day
            return _iso(lambda: date(raw[0] << 8 | raw[1], raw[2], raw[3]))
    return NotImplemented


def _datetime(call: Call) -> object:
    match call.args:
        case (bytes() as raw, *zone) if len(raw) == 10:  # noqa: PLR2004 - down to microseconds
            # The highest bit of the month tells the second of two equal times in autumn.
            year, month, micro = raw[0] << 8 | raw[1], raw[2] & 0x7F, int.from_bytes(raw[7:])
            day, hour, minute, second = raw[3:7]
            at = _zone(zone[0]) if zone else None
            return _iso(lambda: datetime(year, month, day, hour, minute, second, micro, at))
    return NotImplemented


def _zone(value: object) -> timezone | None:
    match value:
        case Call(name="datetime.timezone", args=(Call(args=(int(d), int(s), int(u))), *_)):
            return timezone(timedelta(d, s, u))
    return UTC if isinstance(value, Call) and "utc" in value.name.lower() else None


def _iso(make: Callable[[], date]) -> object:
    try:
        return make().isoformat()
    except (ValueError, OverflowError):
        return NotImplemented


_PATHS: Final[Mapping[str, Callable[[Call], object]]] = {
    f"{module}.{pure}{kind}Path": view
    for module in ("pathlib", "pathlib._local")
    for pure in ("", "Pure")
    for kind, view in (("Posix", _posix_path), ("Windows", _windows_path), ("", _posix_path))
}

_NODES: Final = (
    "dictconfig.DictConfig",
    "listconfig.ListConfig",
    "nodes.AnyNode",
    "nodes.BooleanNode",
    "nodes.BytesNode",
    "nodes.EnumNode",
    "nodes.FloatNode",
    "nodes.IntegerNode",
    "nodes.PathNode",
    "nodes.StringNode",
    "nodes.InterpolationResultNode",
    "base.UnionNode",
)

KNOWN: Final[Mapping[str, Callable[[Call], object]]] = {
    **_PATHS,
    **{f"omegaconf.{node}": _config for node in _NODES},
    "argparse.Namespace": _state,
    "types.SimpleNamespace": _state,
    "datetime.date": _date,
    "datetime.datetime": _datetime,
    "uuid.UUID": _uuid,
    "torch.device": _device,
    "numpy.core.multiarray.scalar": scalar,
    "numpy._core.multiarray.scalar": scalar,
    "numpy.core.multiarray._reconstruct": from_state,
    "numpy._core.multiarray._reconstruct": from_state,
    "numpy.core.numeric._frombuffer": from_buffer,
    "numpy._core.numeric._frombuffer": from_buffer,
}
"""What each call stands for, by the name of what is called; `NotImplemented` if it does not fit."""
