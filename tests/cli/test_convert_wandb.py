"""The options about W&B, as a user meets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.commands import ckpt_meta
from tests.sources.wandb_server import Fault, WandbServer, serve

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server() -> Iterator[WandbServer]:
    """Return a server with one run."""
    found = WandbServer()
    found.add_run("1a2b3c4d", config={"lr": 0.1})
    httpd = serve(found)
    yield found
    httpd.shutdown()
    httpd.server_close()


def _convert(
    outputs: Path, server: WandbServer, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return ckpt_meta(
        outputs.parent,
        "convert",
        "outputs",
        *arguments,
        WANDB_BASE_URL=server.url,
        WANDB_API_KEY="a" * 40,
        XDG_CACHE_HOME=str(outputs.parent / "cache"),
    )


def _sidecar(outputs: Path) -> str:
    return next(iter(sorted(outputs.rglob("*.metadata.yaml")))).read_text(encoding="utf-8")


def test_nobody_is_asked_unless_the_user_says_so(outputs: Path, server: WandbServer) -> None:
    """Without `--wandb` there is no network."""
    result = _convert(outputs, server, "--wandb-run", "1a2b3c4d")

    assert result.returncode == 0
    assert server.asked == []
    assert 'wandb_run_id: "1a2b3c4d"' in _sidecar(outputs)


def test_the_api_completes_what_stands_there(outputs: Path, server: WandbServer) -> None:
    """A sidecar that nothing else would change gets what the server knows; a second run nothing."""
    _convert(outputs, server)
    options = ("--wandb", "--wandb-run", "1a2b3c4d", "--wandb-project", "team/ocr")

    result = _convert(outputs, server, *options)
    again = _convert(outputs, server, *options)

    assert result.stderr.startswith("3 updated"), result.stderr
    assert "lr: 0.1" in _sidecar(outputs)
    assert server.asked.count("runs") == 1
    assert again.stderr.startswith("3 unchanged"), again.stderr


def test_an_outage_is_one_line_and_not_a_failure(outputs: Path, server: WandbServer) -> None:
    """The other sources go on: three sidecars, one sentence on stderr."""
    server.fault = Fault(status=401)

    result = _convert(
        outputs, server, "--wandb", "--wandb-run", "1a2b3c4d", "--wandb-project", "team/ocr"
    )

    assert result.returncode == 0
    assert len(result.stdout.splitlines()) == 3
    assert result.stderr.count("W&B API: ") == 1


def test_a_mapping_file_that_is_none_is_a_usage_error(outputs: Path, server: WandbServer) -> None:
    """Exit 2, with the file named."""
    (outputs.parent / "runs.yaml").write_text("- a\n", encoding="utf-8")

    result = _convert(outputs, server, "--wandb-map", "runs.yaml")

    assert result.returncode == 2
    assert "runs.yaml" in result.stderr


def test_each_process_has_its_own_client(outputs: Path, server: WandbServer) -> None:
    """Workers that are forked while a client runs neither wait for its answers nor end it."""
    (first, *_) = sorted(outputs.rglob("*.ckpt"))
    for number in range(80):
        copy = outputs / "ocr" / f"run{number % 4:05d}" / "checkpoints" / f"{number}.ckpt"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.hardlink_to(first)
    for number in range(4):
        server.add_run(f"run{number:05d}", config={"lr": 0.1})

    result = _convert(outputs, server, "--wandb", "--wandb-project", "team/ocr", "--jobs", "2")

    assert result.returncode == 0
    assert "W&B API" not in result.stderr
    sidecars = [one.read_text("utf-8") for one in outputs.rglob("ocr/**/*.metadata.yaml")]
    assert len(sidecars) == 80
    assert all("lr: 0.1" in text for text in sidecars)
