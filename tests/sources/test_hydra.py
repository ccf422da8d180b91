from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.paths import CheckpointFile
from checkpoint_meta.sources.hydra import HydraSource, mask_override
from checkpoint_meta.sources.reading import read_config
from tests.conftest import make_run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("override", "shown"),
    [
        ("api_key=SEC", "api_key=***"),
        ("+api_key=SEC", "+api_key=***"),
        ("++token=SEC", "++token=***"),
        ("~token=SEC", "~token=***"),
        ("~api_key", "~api_key"),
        ("logger={api_key:SEC}", "logger={api_key:***}"),
        ("+logger=[{token:SEC},{name:n}]", "+logger=[{token:***},{name:n}]"),
        ("db.dbpassword=SEC", "db.dbpassword=***"),
        ("model.hftoken=SEC", "model.hftoken=***"),
        ("api_key = SEC", "api_key =***"),
        ("token@logger=SEC", "token@logger=***"),
        ("token=SEC1,SEC2", "token=***"),
        ("db.url=postgres://user:pass@host/db", "db.url=postgres://***@host/db"),
        ("{'token': 'SEC', 'url': 'a=b'}", "{'token': ***, 'url': 'a=b'}"),
        ("token=", "token="),
        ("model.tokenizer=bpe", "model.tokenizer=bpe"),
        ("data.max_tokens=5", "data.max_tokens=5"),
    ],
)
def test_secrets_in_overrides_are_masked(override: str, shown: str) -> None:
    """No secret of an override is shown, whatever Hydra's grammar puts around it."""
    assert mask_override(override) == shown
    assert mask_override(shown) == shown


def test_the_configuration_is_parsed_once_for_its_run(tmp_path: Path) -> None:
    """Each checkpoint and each source of a run gets the same; one that changed is read anew."""
    run = make_run(tmp_path / "run", "exp_name: demo\n")
    config = run / ".hydra" / "config.yaml"
    first = read_config(config)

    again = read_config(config)
    config.write_text("exp_name: other one\n", encoding="utf-8")

    assert again is first
    assert read_config(config) == {"exp_name": "other one"}


def test_overrides_are_claimed_without_their_secrets(tmp_path: Path) -> None:
    """What goes into a sidecar is what `mask_override` leaves."""
    run = make_run(tmp_path / "run", "exp_name: demo\n")
    (run / ".hydra" / "overrides.yaml").write_text("- +api_key=SEC\n- a=1\n- {token: x}\n")

    fragments = HydraSource().collect(CheckpointFile(run / "checkpoints" / "a.ckpt"))
    claims = {field: value for one in fragments for field, value in one.values.items()}

    assert claims["hydra_overrides",] == ["+api_key=***", "a=1", "{'token': ***}"]
