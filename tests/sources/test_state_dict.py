from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from checkpoint_meta.readers.contents import TensorInfo
from checkpoint_meta.sources.signatures import PartSignature, Signatures
from checkpoint_meta.sources.state_dict import recognise

NAMES = ("decoder.a.weight", "decoder.b.depthwise1.weight", "decoder.b.x", "head[0]", "z")


@pytest.mark.parametrize(
    "pattern",
    ["decoder.a.*", "decoder.b.*depthwise*", "decoder.?.x", "*", "*.x", "[z]", "head[[]0]", "z",
     "decoder", "decoder.c*", "zz*", "?", ""],
)  # fmt: skip
def test_a_part_fits_where_its_pattern_matches_a_name(pattern: str) -> None:
    """The patterns are those of `fnmatch`, wherever the first wildcard stands."""
    tensors = [TensorInfo(name, (1,), "float32") for name in NAMES]
    table = Signatures(decoders=[PartSignature(name="one", has=[pattern])])

    found = ("model", "decoder", "name") in recognise(tensors, table)

    assert found == any(fnmatchcase(name, pattern) for name in NAMES)
