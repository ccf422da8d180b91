"""Each report as it is printed, held to a golden and to the shape that its readers demand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import xmlschema

from checkpoint_meta.errors import WriteError
from checkpoint_meta.evidence import Place, Problem, Severity
from checkpoint_meta.reports.files import open_report
from checkpoint_meta.reports.formats import new_report
from checkpoint_meta.reports.interface import ReportFormat
from checkpoint_meta.rules.findings import Finding, Verdict

GOLDENS: Final = Path(__file__).parent.parent / "goldens" / "reports"
SHAPES: Final = Path(__file__).parent / "shapes"
SCHEMAS: Final = Path(__file__).parent / "schemas"
ROOT: Final = Path("/project")

ENDINGS: Final = {
    ReportFormat.TEXT: "txt",
    ReportFormat.JUNIT: "xml",
    ReportFormat.GITHUB: "txt",
    ReportFormat.JSONL: "jsonl",
}

SIDECAR: Final = Path("outputs/a run/epoch=3,50%:x.metadata.yaml")
STRANGE: Final = Path("outputs/new\nline/<ü>&'\".ckpt")


def finding(path: Path, code: str, field: str, message: str, **more: object) -> Finding:
    """Return a finding; `more` goes to its problem."""
    parts = tuple(field.split(".")) if field else ()
    return Finding(path, Problem(code, parts, message, **more))  # type: ignore[arg-type]


VERDICTS: Final = (
    Verdict(
        Path("outputs/a run/epoch=3,50%:x.ckpt"),
        (
            finding(SIDECAR, "CM106", "metrics.precision", "expected finite", place=Place(6, 20)),
            finding(
                SIDECAR,
                "CM302",
                "training.epoch",
                "expected 3, as the file's name says, got 4",
                severity=Severity.WARNING,
                place=Place(5, 19),
            ),
        ),
    ),
    Verdict(Path("outputs/good.ckpt"), ()),
    Verdict(STRANGE, (finding(STRANGE, "CM201", "", "no sidecar <ü>&'\".metadata.yaml"),)),
    Verdict(
        ROOT / "outputs/twice.ckpt",
        (
            finding(ROOT / "outputs/twice.ckpt", "CM403", "", "a load would run os.system"),
            finding(ROOT / "outputs/twice.ckpt", "CM403", "", "a load would run os.system"),
        ),
    ),
)


def render(name: ReportFormat, verdicts: tuple[Verdict, ...] = VERDICTS) -> str:
    """Return a whole report."""
    report = new_report(name, ROOT)
    return report.begin() + "".join(map(report.add, verdicts)) + report.end()


@pytest.mark.parametrize("name", list(ReportFormat))
def test_report_is_as_the_golden(name: ReportFormat, request: pytest.FixtureRequest) -> None:
    """What programs read changes only on purpose; `--update-goldens` writes it anew."""
    golden = GOLDENS / f"{name.value}.{ENDINGS.get(name, 'json')}"
    text = render(name)
    if request.config.getoption("--update-goldens"):
        golden.write_text(text, encoding="utf-8")

    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("verdicts", [VERDICTS, VERDICTS[1:2], ()], ids=["some", "none", "empty"])
@pytest.mark.parametrize("name", [ReportFormat.SARIF, ReportFormat.GITLAB], ids=str)
def test_json_reports_have_their_shape(name: ReportFormat, verdicts: tuple[Verdict, ...]) -> None:
    """SARIF and GitLab's report are valid with findings, without, and without any checkpoint."""
    shape = json.loads((SHAPES / f"{name.value}.json").read_text(encoding="utf-8"))

    jsonschema.validate(json.loads(render(name, verdicts)), shape)


@pytest.mark.parametrize("verdicts", [VERDICTS, VERDICTS[1:2], ()], ids=["some", "none", "empty"])
def test_sarif_is_as_its_published_schema_says(verdicts: tuple[Verdict, ...]) -> None:
    """The report is valid by the schema of the standard itself, formats such as `uri` too."""
    schema = json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
    checker = jsonschema.Draft4Validator.FORMAT_CHECKER
    validator = jsonschema.Draft4Validator(schema, format_checker=checker)

    assert [error.message for error in validator.iter_errors(as_sarif(verdicts))] == []


def test_the_published_sarif_schema_refuses_what_is_none() -> None:
    """The schema has teeth: a severity that there is not is refused."""
    schema = json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
    log = as_sarif(VERDICTS)
    log["runs"][0]["results"][0]["level"] = "fatal"

    assert not jsonschema.Draft4Validator(schema).is_valid(log)


def as_sarif(verdicts: tuple[Verdict, ...]) -> dict[str, Any]:
    """Return the SARIF report as what its text says."""
    log = json.loads(render(ReportFormat.SARIF, verdicts))
    assert isinstance(log, dict)
    return log


@pytest.mark.parametrize("strict", [False, True], ids=["lax", "strict"])
@pytest.mark.parametrize("verdicts", [VERDICTS, VERDICTS[1:2], ()], ids=["some", "none", "empty"])
def test_junit_is_as_jenkins_schema_says(*, verdicts: tuple[Verdict, ...], strict: bool) -> None:
    """The report is valid by the schema that Jenkins' xunit plugin refuses reports with."""
    schema = xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd")
    report = new_report(ReportFormat.JUNIT, ROOT, strict=strict)
    text = report.begin() + "".join(map(report.add, verdicts)) + report.end()

    assert [error.reason for error in schema.iter_errors(text)] == []
    assert not schema.is_valid(text.replace("<testsuite ", "<testsuite unknown='1' "))


def test_fingerprints_are_unique() -> None:
    """GitLab drops the second of two issues with one fingerprint, so there are no two."""
    prints = [issue["fingerprint"] for issue in json.loads(render(ReportFormat.GITLAB))]

    assert len(set(prints)) == len(prints)


def test_sarif_results_point_to_their_rules() -> None:
    """`ruleIndex` leads to the rule that `ruleId` names."""
    (run,) = json.loads(render(ReportFormat.SARIF))["runs"]
    rules = run["tool"]["driver"]["rules"]

    assert [rules[one["ruleIndex"]]["id"] for one in run["results"]] == [
        one["ruleId"] for one in run["results"]
    ]


@pytest.mark.parametrize("verdicts", [VERDICTS, ()], ids=["some", "empty"])
def test_junit(verdicts: tuple[Verdict, ...]) -> None:
    """Suites count their cases; names, counts and kinds are where Jenkins demands them."""
    root = ET.fromstring(render(ReportFormat.JUNIT, verdicts))  # noqa: S314 - our own text
    (suite,) = root
    cases = suite.findall("testcase")
    failed = [case for case in cases if case.find("failure") is not None]

    assert (root.tag, suite.tag) == ("testsuites", "testsuite")
    assert all(key in suite.attrib for key in ("name", "tests", "failures", "errors"))
    assert (suite.get("tests"), suite.get("failures")) == (str(len(cases)), str(len(failed)))
    assert all(case.get("name") for case in cases)
    assert {child.tag for case in cases for child in case} <= {"failure", "system-out"}


def test_junit_fails_on_warnings_when_strict() -> None:
    """A case with nothing but warnings fails under `--strict` only."""
    only = (Verdict(VERDICTS[0].path, VERDICTS[0].findings[1:]),)
    strict = new_report(ReportFormat.JUNIT, ROOT, strict=True)
    text = strict.begin() + strict.add(only[0]) + strict.end()

    assert 'failures="1"' in text
    assert 'failures="0"' in render(ReportFormat.JUNIT, only)


def test_color_is_for_terminals_only() -> None:
    """Escapes come where they are asked for, and nothing else changes."""
    report = new_report(ReportFormat.TEXT, ROOT, color=True)
    colored = report.add(VERDICTS[0])

    assert "\x1b[1;31mCM106\x1b[0m" in colored
    assert "\x1b" not in render(ReportFormat.TEXT)


def test_a_report_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """What interrupts a report leaves the old file, and no other."""
    file = tmp_path / "report.json"
    file.write_text("old", encoding="utf-8")

    with pytest.raises(KeyboardInterrupt):
        _interrupted(file)

    assert [one.name for one in tmp_path.iterdir()] == ["report.json"]
    assert file.read_text(encoding="utf-8") == "old"


def _interrupted(file: Path) -> None:
    with open_report(file) as stream:
        stream.write("half")
        raise KeyboardInterrupt


@pytest.mark.parametrize("place", ["", "missing/report.json"], ids=["folder", "no-folder"])
def test_a_report_that_cannot_be_written_says_so(place: str, tmp_path: Path) -> None:
    """A folder in the way, or none to write into, is one line."""
    with pytest.raises(WriteError, match="cannot be written"), open_report(tmp_path / place):
        pass

    assert list(tmp_path.iterdir()) == []


def test_a_device_is_written_to_as_it_stands() -> None:
    """`-o /dev/null` replaces no device."""
    with open_report(Path("/dev/null")) as stream:
        stream.write("text")

    assert not Path("/dev/null").is_file()
