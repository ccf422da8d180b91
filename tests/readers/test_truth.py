from __future__ import annotations

import collections
import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from checkpoint_meta.readers.checkpoint import read_checkpoint_file
from checkpoint_meta.readers.inert import Boxed
from checkpoint_meta.readers.unpickler import unpickle

DTYPES = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.uint16,
    torch.uint32,
    torch.uint64,
    torch.bool,
    torch.complex64,
    torch.complex128,
]
LEGACY = [dtype for dtype in DTYPES if dtype not in {torch.uint16, torch.uint32, torch.uint64}]


def _plain(value: object) -> object:
    """Return an inert value with its boxed keys unboxed where Python can hash them."""
    if isinstance(value, Boxed):
        return _plain(value.value)
    if isinstance(value, dict):
        return {_plain(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return type(value)(_plain(inner) for inner in value)
    return value


keys = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: st.tuples(inner, inner),
    max_leaves=4,
)
values = st.recursive(
    keys | st.complex_numbers(allow_nan=False) | st.binary(max_size=300).map(bytearray),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(keys, inner)
        | st.dictionaries(keys, inner).map(collections.OrderedDict)
        | st.tuples(inner, inner, inner)
        | st.sets(keys)
        | st.frozensets(keys)
    ),
    max_leaves=20,
)


@settings(max_examples=150)
@given(value=values, protocol=st.integers(0, 5))
def test_the_interpreter_agrees_with_pickle(value: object, protocol: int) -> None:
    """Plain values of every protocol are what `pickle.loads` makes of them."""
    data = pickle.dumps(value, protocol)

    unpickled = unpickle(data)

    assert unpickled.fault is None
    assert unpickled.end == len(data)
    assert _plain(unpickled.value) == pickle.loads(data)


@pytest.mark.parametrize(
    ("dtype", "legacy"),
    [(dtype, False) for dtype in DTYPES] + [(dtype, True) for dtype in LEGACY],
    ids=str,
)
def test_0_dim_values_are_those_of_torch(tmp_path: Path, dtype: torch.dtype, legacy: bool) -> None:
    """Each dtype's 0-dim values are equal to what torch loads, views into large storages too."""
    path = tmp_path / "x.ckpt"
    large = torch.arange(5000).to(dtype)
    saved = {"a": large[3], "far": large[4321], "new": torch.tensor(1).to(dtype)}
    torch.save({"metrics": saved}, path, _use_new_zipfile_serialization=not legacy)

    metrics = read_checkpoint_file(path).custom["metrics"]

    loaded = torch.load(path, weights_only=True)["metrics"]
    expected = {name: tensor.item() for name, tensor in loaded.items()}
    assert metrics == {
        name: str(value) if isinstance(value, complex) else value
        for name, value in expected.items()
    }


def test_flags_of_a_value_are_applied(tmp_path: Path) -> None:
    """Conjugated and negated views are pickled as flags."""
    path = tmp_path / "x.ckpt"
    number = torch.tensor([1 + 2j]).conj()[0]
    other = torch.tensor([3 + 4j]).conj()[0].imag
    torch.save({"metrics": {"conj": number, "neg": other}}, path)

    loaded = torch.load(path, weights_only=True)["metrics"]

    assert read_checkpoint_file(path).custom["metrics"] == {
        "conj": str(loaded["conj"].item()),
        "neg": loaded["neg"].item(),
    }


def test_a_hole_is_not_zero(tmp_path: Path) -> None:
    """`skip_data` leaves zeros that were never written: the value is unknown."""
    path = tmp_path / "x.ckpt"
    with torch.serialization.skip_data():
        torch.save({"metrics": {"hmean": torch.tensor(0.5)}}, path)

    assert read_checkpoint_file(path).custom["metrics"] == {"hmean": None}


def test_zero_without_crcs_is_zero(tmp_path: Path) -> None:
    """Where no CRC is recorded at all, zeros are values; such a file has no fingerprint."""
    path = tmp_path / "x.ckpt"
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({"metrics": {"hmean": torch.tensor(0.0)}}, path)
    finally:
        torch.serialization.set_crc32_options(True)

    contents = read_checkpoint_file(path)

    assert contents.custom["metrics"] == {"hmean": 0.0}
    assert (contents.fingerprint, contents.storage_crcs) == (None, {})


def test_values_of_the_state_dict_and_optimizers_stay_closed(tmp_path: Path) -> None:
    """0-dim tensors of weights and optimizers are named, not read."""
    path = tmp_path / "x.ckpt"
    state = {"bn.num_batches_tracked": torch.tensor(7), "w": torch.zeros(2)}
    torch.save({"state_dict": state, "optimizer_states": [{"step": torch.tensor(3.0)}]}, path)

    contents = read_checkpoint_file(path)

    assert [t.shape for t in contents.tensors] == [(), (2,)]
    assert contents.custom == {}


def test_a_few_hundred_values_and_no_more(tmp_path: Path) -> None:
    """Beyond the limit, values are unknown."""
    path = tmp_path / "x.ckpt"
    torch.save({"m": [torch.tensor(float(n)) for n in range(600)]}, path)

    values = read_checkpoint_file(path).custom["m"]

    assert values == [float(n) for n in range(512)] + [None] * 88


def _tensors(value: torch.Tensor) -> list[tuple[str, torch.Tensor]]:
    class Sub(torch.nn.Parameter):
        pass

    return [
        ("plain", value),
        ("view", value[1:, ::2]),
        ("transposed", value.t()),
        ("parameter", torch.nn.Parameter(value)),
        ("frozen", torch.nn.Parameter(value, requires_grad=False)),
        ("buffer", torch.nn.Buffer(value)),
        ("empty", torch.empty(0, 3)),
        ("expanded", torch.zeros(1).expand(5, 5)),
        ("meta", torch.empty(3, 4, device="meta")),
        ("sparse", value.to_sparse()),
        ("half", value.half()),
        ("float8", value.to(torch.float8_e4m3fn)),
        ("named", torch.zeros(2).as_subclass(Sub)),
        ("quantized", torch.quantize_per_tensor(value, 0.1, 0, torch.qint8)),
    ]


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.filterwarnings("ignore")
def test_every_kind_of_tensor_is_what_torch_loads(tmp_path: Path, legacy: bool) -> None:
    """Name, shape and dtype of each kind of tensor are those of `torch.load`."""
    path = tmp_path / "x.ckpt"
    state = collections.OrderedDict(_tensors(torch.ones(4, 6)))
    if legacy:
        del state["float8"]
    del state["named"]
    torch.save({"state_dict": state}, path, _use_new_zipfile_serialization=not legacy)

    told = [(t.name, t.shape, t.dtype) for t in read_checkpoint_file(path).tensors]

    loaded = torch.load(path, weights_only=False)["state_dict"]
    assert told == [
        (name, tuple(t.shape), str(t.dtype).removeprefix("torch.")) for name, t in loaded.items()
    ]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_of_torch_save(tmp_path: Path, protocol: int) -> None:
    """`pickle_protocol` may be any; frames and memoized names are followed."""
    path = tmp_path / "x.ckpt"
    saved = {"epoch": 3, "state_dict": torch.nn.Linear(2, 2).state_dict(), "a": np.arange(3)}
    torch.save(saved, path, pickle_protocol=protocol)

    contents = read_checkpoint_file(path)

    assert (contents.epoch, contents.custom) == (3, {"a": [0, 1, 2]})
    assert [t.name for t in contents.tensors] == ["weight", "bias"]


def test_a_stream_may_be_memory() -> None:
    """What is no file has no time, and reads the same."""
    stream = io.BytesIO()
    torch.save({"epoch": 1}, stream)

    from checkpoint_meta.readers.checkpoint import read_checkpoint

    assert read_checkpoint(stream, Path("memory")).epoch == 1
