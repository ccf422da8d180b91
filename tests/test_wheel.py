"""`scripts/test_wheel`: what is published is what was tested."""

from __future__ import annotations

import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from _pytest.tmpdir import TempPathFactory

ROOT: Final = Path(__file__).parent.parent

pytestmark = pytest.mark.install


@pytest.fixture(scope="module")
def built(tmp_path_factory: TempPathFactory) -> tuple[Path, str]:
    """Build, check and test a wheel, as CI does; some tests stand for all of them."""
    folder = tmp_path_factory.mktemp("dist")
    tests = (
        "tests/test_store.py",
        "tests/cli/test_show.py",
        "tests/schema",
        "tests/test_resolve.py",
    )

    made = subprocess.run(
        [str(ROOT / "scripts" / "test_wheel"), "--keep", str(folder), "-q", "-n", "0", *tests],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert made.returncode == 0, made.stdout + made.stderr
    return folder, made.stdout


def test_the_wheel_passes_the_tests(built: tuple[Path, str]) -> None:
    """Tests pass in a Python that has the wheel, and no sources of ours to fall back on."""
    _, printed = built

    assert " passed in " in printed
    assert "failed" not in printed


def test_the_archives_are_fit_to_be_published(built: tuple[Path, str]) -> None:
    """PyPI will show the page (`twine check --strict`), and no file is out of place."""
    folder, printed = built

    assert printed.count("PASSED") == len(list(folder.iterdir())) == 2
    assert ".whl: OK" in printed


def test_types_and_licence_are_in_both(built: tuple[Path, str]) -> None:
    """Type checkers find `py.typed`, and lawyers the licence, in the wheel and the sources."""
    folder, _ = built
    (wheel,), (sources,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    wheel_names = zipfile.ZipFile(wheel).namelist()
    with tarfile.open(sources) as archive:
        source_names = archive.getnames()

    for wanted in ("checkpoint_meta/py.typed", "LICENSE"):
        assert any(name.endswith(wanted) for name in wheel_names)
        assert any(name.endswith(wanted) for name in source_names)
    assert not [name for name in wheel_names if "tests/" in name or "scripts/" in name]
