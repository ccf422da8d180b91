from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checkpoint_meta.masking import (
    cut_large_values,
    is_secret,
    is_secret_name,
    is_secret_text,
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
     "keys", "token_count", "passwords_seen", "pad_token", "model.tokenizer.BOS_token",
     "mask-token"],
)  # fmt: skip
def test_other_names(key: str) -> None:
    """A name that only contains such a word is none."""
    assert not is_secret_name(key)


@pytest.mark.parametrize("key", ["scratchpad_token", "my.eos_token_secret", "unk_token.api_key"])
def test_what_only_looks_like_a_tokenizers(key: str) -> None:
    """A tokenizer's name is a whole word at the end of the key."""
    assert is_secret_name(key)


@pytest.mark.parametrize(
    ("key", "value", "secret"),
    [
        ("num_token", 512, False),
        ("token", 0, False),
        ("ignore_token", -100, False),
        ("cost_per_token", 0.25, False),
        ("token", 9_999_999, False),
        ("token", 10_000_000, True),
        ("token", float("inf"), True),
        ("token", float("nan"), True),
        ("token", "512", True),
        ("password", 123456, True),
        ("api_key", 123456, True),
        ("use_token", True, False),
        ("password", False, False),
        ("pad_token", "<pad>", False),
        ("token", [1], True),
        ("token", None, False),
        ("token", "", False),
        ("token", "***", False),
    ],
)
def test_a_fact_is_no_secret(key: str, value: JSONValue, *, secret: bool) -> None:
    """Counts and indices of tokens, true and false are shown; what may be a password is not."""
    assert is_secret(key, value) is secret
    assert mask_secrets({key: value}) == {key: "***" if secret else value}
    if isinstance(value, (bool, int, float)):
        assert is_secret_text(key, str(value)) is secret


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
        ("{pad_token:<pad>,num_token:5}", "{pad_token:<pad>,num_token:5}"),
        ("{use_token:True,password:12}", "{use_token:True,password:***}"),
        ("{token:'5',hftoken:12345678}", "{token:***,hftoken:***}"),
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
