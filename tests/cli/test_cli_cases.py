"""``ghostload cases``."""

from __future__ import annotations

import json

import pytest

from ghostload_cli.main import main


def _run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["cases", *args])
    captured = capsys.readouterr()
    return int(stop.value.code or 0), captured.out, captured.err


def test_all_cases_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys)
    assert (code, err) == (0, "")
    assert {"case14", "case118", "case9241pegase", "pglib:case118_ieee"} <= set(out.splitlines())


def test_a_part_of_the_name_narrows_them(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "CASE118", "--format", "json")
    assert code == 0
    names = json.loads(out)
    assert "case118" in names
    assert all("case118" in name for name in names)


def test_a_part_that_is_in_none_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, "atlantis")
    assert (code, out) == (2, "")
    assert err.startswith("ghostload: no case has 'atlantis' in its name; ghostload cases lists all")


def test_without_the_extra_there_is_a_hint(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import ghostload.grid.io.cases as cases

    monkeypatch.setattr(cases, "case_names", lambda: ())
    assert _run(capsys) == (2, "", 'ghostload: no cases are installed; pip install "ghostload[cases]"\n')
