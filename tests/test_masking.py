from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.masking import (
    cut_large_values,
    is_secret_name,
    mask_secrets,
    mask_text,
    mask_urls,
)

if TYPE_CHECKING:
    from checkpoint_meta.evidence import JSONValue


@pytest.mark.parametrize(
    "key",
    ["password", "db_passwd", "token", "HF_TOKEN", "client-secret", "api_key", "apikey",
     "wandb_api_key", "aws.access_key", "private_key", "credentials", "credential",
     "hftoken", "dbpassword", "dbPassword", "accessToken", "apiKey", "api-key", "secret_key",
     "SecretKey", "db.dbpassword", "num_token"],
)  # fmt: skip
def test_secret_names(key: str) -> None:
    """A key that is or ends in one of these names a secret, however its words are joined."""
    assert is_secret_name(key)


@pytest.mark.parametrize(
    "key",
    ["tokens", "max_tokens", "tokenizer", "keyboard", "monkey", "key",
     "keys", "token_count", "passwords_seen"],
)  # fmt: skip
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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://user:pass@host/db", "postgres://***@host/db"),
        ("postgres://user:p@ss@host/db", "postgres://***@host/db"),
        ("clone https://ghp_abc@github.com/x now", "clone https://***@github.com/x now"),
        ("https://host/path?at=a@b", "https://host/path?at=a@b"),
        ("a://b/c://d@e", "a://b/c://***@e"),
        ("me@example.org", "me@example.org"),
    ],
)
def test_credentials_in_urls_are_masked(text: str, shown: str) -> None:
    """What stands before the `@` of a URL's host goes, the rest of the URL stays."""
    assert mask_urls(text) == shown
    assert mask_secrets({"db": [text]}) == {"db": [shown]}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{api_key:SEC,name:n}", "{api_key:***,name:n}"),
        ("[{token:x},{hftoken: y}]", "[{token:***},{hftoken: ***}]"),
        ("{credentials:{user:a,pass:[b,c]},n:1}", "{credentials:***,n:1}"),
        ("{'token': 'a,b', n: 1}", "{'token': ***, n: 1}"),
        ('{"token":"a}b\\"c","n":1}', '{"token":***,"n":1}'),
        ('\'{"token":"x"}\'', "'{\"token\":***}'"),
        ("{token:a\\,b,n:1}", "{token:***,n:1}"),
        ("{max_tokens:5,tokenizer:bpe}", "{max_tokens:5,tokenizer:bpe}"),
        ("{token:'***',n:1}", "{token:'***',n:1}"),
        ("{token:,n:1}", "{token:,n:1}"),
        ("{token:[a,b", "{token:***"),
    ],
)
def test_secrets_inside_a_text_are_masked(text: str, shown: str) -> None:
    """Each `key: value` in a text whose key names a secret loses its value, once and for all."""
    assert mask_text(text) == shown
    assert mask_text(shown) == shown


def test_masking_takes_no_longer_than_the_text() -> None:
    """A text made to be slow to search is masked as fast as any other."""
    for hostile in ("token:[" * 50_000, "a://" * 50_000, "token " * 50_000, "token:'" * 50_001):
        assert len(mask_text(hostile)) <= len(hostile)


def test_bulk_is_cut_and_says_so() -> None:
    """A hyper-parameter of many kilobytes does not make a sidecar of many kilobytes."""
    cut = cut_large_values({"names": ["x" * 100] * 100, "lr": 0.1})

    assert cut["lr"] == 0.1
    assert str(cut["names"]).endswith("... (cut: 10400 characters)")
    assert len(str(cut["names"])) < 1100
