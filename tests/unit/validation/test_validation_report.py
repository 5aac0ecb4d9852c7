"""Findings, the report, and its text."""

from __future__ import annotations

import json

import pytest

from ghostload.validation import Finding, Severity, ValidationReport, error, info, warning
from ghostload.validation.render import WIDTH

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
IDS = tuple(f"MTR_{i:06d}" for i in range(50))


def _report(*findings: Finding, strict: bool = False) -> ValidationReport:
    return ValidationReport(findings, ("one", "two", "three"), strict)


def test_a_finding_keeps_twenty_ids_and_the_whole_count() -> None:
    finding = error("m", "c", table="meters", column="kVA", ids=IDS)
    assert finding.ids == IDS[:20]
    assert finding.count == 50
    assert error("m", "c", ids=IDS[:3], count=7).count == 7
    assert finding.place == "meters.kVA"
    assert info("m").place == ""


def test_a_finding_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        error("m", "c").message = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("findings", "strict", "ok"),
    [
        ((), False, True),
        ((info("m"),), True, True),
        ((warning("m", "c"),), False, True),
        ((warning("m", "c"),), True, False),
        ((error("m", "c"), warning("m", "c")), False, False),
    ],
)
def test_a_report_is_ok_without_errors_and_when_strict_without_warnings(
    findings: tuple[Finding, ...], strict: bool, ok: bool
) -> None:
    assert _report(*findings, strict=strict).ok is ok


def test_a_report_counts_and_sorts_out_its_findings() -> None:
    found = (Finding("one", ERROR, "a", "b"), Finding("two", INFO, "a"), Finding("two", INFO, "b"))
    report = _report(*found)
    assert report.counts == {ERROR: 1, WARNING: 0, INFO: 2}
    assert report.of(INFO) == found[1:]
    assert report.by_check("one") == found[:1]


def test_a_report_goes_through_json() -> None:
    report = _report(Finding("one", ERROR, "a", "b", "meters", "kVA", IDS, 99), strict=True)
    back = json.loads(json.dumps(report.to_dict()))
    assert back["ok"] is False
    assert back["strict"] is True
    assert back["checks"] == ["one", "two", "three"]
    assert back["counts"] == {"error": 1, "warning": 0, "info": 0}
    assert back["findings"] == [
        {
            "check": "one", "severity": "error", "table": "meters", "column": "kVA", "count": 99,
            "ids": list(IDS[:20]), "message": "a", "cure": "b",
        }
    ]  # fmt: skip


def test_text_begins_with_the_verdict() -> None:
    assert str(_report()) == "valid: 3 checks; 0 errors, 0 warnings, 0 notes"
    lines = str(_report(Finding("one", WARNING, "a", "b"), strict=True)).splitlines()
    assert lines[0] == "not valid: 3 checks, strict; 0 errors, 1 warning, 0 notes"


def test_text_is_aligned_and_narrow() -> None:
    long = "word " * 60
    report = _report(Finding("one", ERROR, long, long, "meters", "kVA", IDS, 50), Finding("two", INFO, long))
    lines = report.to_text(verbose=True).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert lines[1] == "error    one · meters.kVA"
    assert all(line.startswith((" " * 9, "error ", "info ", "fine ")) for line in lines[1:])
    assert any(line.startswith(" " * 9 + "cure: word") for line in lines)


def test_text_shows_a_few_ids_and_how_many_more() -> None:
    report = _report(Finding("one", ERROR, "a", "b", "meters", "kVA", IDS, 50))
    assert "MTR_000004 and 45 more" in str(report)
    assert "MTR_000019 and 30 more" in report.to_text(verbose=True)


def test_text_shows_what_many_checks_say_once() -> None:
    same = [Finding(name, ERROR, "could not run", "add it", "meters") for name in ("a", "b", "c", "d", "e")]
    other = Finding("f", ERROR, "could not run", "add it", "transformers")
    text = str(_report(*same, other))
    assert text.count("could not run") == 2
    assert "error    a, b, c and 2 more · meters" in text


def test_verbose_text_names_the_checks_that_found_nothing() -> None:
    text = _report(Finding("two", INFO, "a")).to_text(verbose=True)
    assert text.splitlines()[-1] == "fine     one, three"
