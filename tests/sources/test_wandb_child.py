"""The process that W&B's client runs in, asked directly: requests in, answers out, then nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests.sources.wandb_server import WandbServer, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from checkpoint_meta.evidence import JSONValue

STEP: Final = {"epoch": 3, "trainer/global_step": 399}
TOGETHER: Final[list[JSONValue]] = [*STEP]


@pytest.fixture
def server() -> Iterator[WandbServer]:
    """Return a server that has the run `1a2b3c4d`, whose metrics were logged apart."""
    found = WandbServer()
    found.add_run(
        "1a2b3c4d",
        [{"val/hmean": 0.875, **STEP}, {"val_loss": 1.5, **STEP}],
        config={"lr": 0.1, "sizes": [1, 2], "nested": {"deep": None}},
    )
    httpd = serve(found)
    yield found
    httpd.shutdown()
    httpd.server_close()


def _ask(
    server: WandbServer, folder: Path, *requests: JSONValue
) -> tuple[subprocess.CompletedProcess[str], list[JSONValue]]:
    folder.mkdir()
    places = ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR", "NETRC", "HOME")
    env = os.environ | dict.fromkeys(places, str(folder))
    env |= {
        "WANDB_BASE_URL": server.url,
        "WANDB_API_KEY": "a" * 40,
        "WANDB_SILENT": "true",
        "WANDB_X_GRAPHQL_TIMEOUT_SECONDS": "5",
    }
    done = subprocess.run(
        [sys.executable, "-m", "checkpoint_meta.sources.wandb_child"],
        cwd=folder,
        env=env,
        input="".join(json.dumps(request) + "\n" for request in requests),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done, [json.loads(line) for line in done.stdout.splitlines()]


def test_each_request_has_one_answer(server: WandbServer, tmp_path: Path) -> None:
    """Runs by their ids, rows by their names, nothing for what is not there; then it leaves."""
    rows: dict[str, JSONValue] = {
        "path": "team/ocr",
        "others": [],
        "names": ["val/hmean"],
        "together": TOGETHER,
    }

    done, answers = _ask(
        server,
        tmp_path / "wandb",
        {"path": "team/ocr", "ids": ["1a2b3c4d", "gone"]},
        {**rows, "id": "1a2b3c4d"},
        {**rows, "id": "gone"},
        {"path": "team/other", "ids": ["1a2b3c4d"]},
    )

    described, found, nothing, no_project = answers
    assert done.returncode == 0, done.stderr
    assert described == [
        {
            "run_id": "1a2b3c4d",
            "entity": "team",
            "project": "ocr",
            "state": "finished",
            "url": f"{server.url}/team/ocr/runs/1a2b3c4d",
            "config": {"lr": 0.1, "sizes": [1, 2], "nested": {"deep": None}},
            "summary": {"val/hmean": 0.875, "val_loss": 1.5, **STEP},
        }
    ]
    assert found == [{"_step": 0, "val/hmean": 0.875, **STEP}]
    assert (nothing, no_project) == ([], [])
    assert not (tmp_path / "wandb").exists()


def test_names_logged_apart_are_asked_for_alone(server: WandbServer, tmp_path: Path) -> None:
    """The server has no row with both; each of them has its own."""
    request: dict[str, JSONValue] = {
        "path": "team/ocr",
        "id": "1a2b3c4d",
        "others": [],
        "names": ["val/hmean", "val_loss"],
        "together": TOGETHER,
    }

    done, answers = _ask(server, tmp_path / "wandb", request)

    assert done.returncode == 0, done.stderr
    first, second = {"_step": 0, "val/hmean": 0.875}, {"_step": 1, "val_loss": 1.5}
    assert answers == [[first | STEP, second | STEP]]
    assert server.asked.count("history") == 3


def test_what_it_cannot_read_ends_it_with_a_reason(server: WandbServer, tmp_path: Path) -> None:
    """The last line of stderr is what whoever asked will be told."""
    done, answers = _ask(server, tmp_path / "wandb", {"ids": ["1a2b3c4d"]})

    assert done.returncode != 0
    assert answers == []
    assert done.stderr.splitlines()[-1] == "KeyError: 'path'"
