from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.masking import cut_large_values, is_secret_name, mask_secrets

if TYPE_CHECKING:
    from checkpoint_meta.evidence import JSONValue


@pytest.mark.parametrize(
    "key",
    ["password", "db_passwd", "token", "HF_TOKEN", "client-secret", "api_key", "apikey",
     "wandb_api_key", "aws.access_key", "private_key", "credentials", "credential"],
)  # fmt: skip
def test_secret_names(key: str) -> None:
    """A key that is or ends in one of these names a secret."""
    assert is_secret_name(key)


@pytest.mark.parametrize("key", ["tokens", "max_tokens", "tokenizer", "keyboard", "monkey", "key"])
def test_other_names(key: str) -> None:
    """A name that only contains such a word is none."""
    assert not is_secret_name(key)


def test_secrets_are_masked_at_every_depth() -> None:
    """The value of a secret key goes, whatever it is; the rest stays."""
    values: JSONValue = {
        "lr": 0.1,
        "logger": [{"token": "x", "name": "n"}],
        "secret": {"a": 1},
        "api_key": "",
    }

    assert mask_secrets(values) == {
        "lr": 0.1,
        "logger": [{"token": "***", "name": "n"}],
        "secret": "***",
        "api_key": "",
    }


def test_bulk_is_cut_and_says_so() -> None:
    """A hyper-parameter of many kilobytes does not make a sidecar of many kilobytes."""
    cut = cut_large_values({"names": ["x" * 100] * 100, "lr": 0.1})

    assert cut["lr"] == 0.1
    assert str(cut["names"]).endswith("... (cut: 10400 characters)")
    assert len(str(cut["names"])) < 1100
