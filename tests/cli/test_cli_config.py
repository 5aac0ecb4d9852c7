"""`ghostload config`, as a user meets it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ghostload.config import GeneratorConfig, load_config
from ghostload.config.jsonschema import json_schema
from ghostload.config.loading import all_options, config_from_dict
from ghostload.config.presets import load_preset, preset_names
from ghostload.config.yamltext import parse_yaml
from ghostload_cli.lean import keep_pandas_out
from ghostload_cli.main import main


def _run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["config", *args])
    captured = capsys.readouterr()
    return (stop.value.code if isinstance(stop.value.code, int) else 1), captured.out, captured.err


def test_show_prints_what_the_layers_give(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("num_months: 5\n")
    code, out, err = _run(
        capsys, "show", "--preset", "metro_manila", "-c", str(tmp_path / "run.yaml"), "--set", "random_seed=1"
    )
    assert (code, err) == (0, "")
    assert config_from_dict(parse_yaml(out)) == load_preset("metro_manila").replace(num_months=5, random_seed=1)


def test_show_prints_a_file_that_can_be_loaded(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(_run(capsys, "show")[1])
    assert load_config(tmp_path / "run.yaml") == GeneratorConfig()


def test_check_says_ok_or_the_one_line_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("num_meters: 100\n")
    assert _run(capsys, "check", str(file)) == (0, f"{file}: ok\n", "")
    file.write_text("anomaly_rat: 0.1\n")
    message = f"ghostload: {file}: unknown option anomaly_rat, did you mean anomaly_rate?\n"
    assert _run(capsys, "check", str(file)) == (2, "", message)
    file.write_text("anomalies: {mix: {bypas: 1}}\n")
    assert _run(capsys, "check", str(file))[::2] == (
        2,
        "ghostload: anomalies.mix.bypas: unknown anomaly kind 'bypas', did you mean bypass?\n",
    )


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["check"], "Missing argument 'FILE'. (see ghostload config check --help)"),
        (["check", "none.yaml"], "none.yaml: no such file"),
        (["shwo"], "No such command 'shwo'"),
        (["show", "--set", "x"], "--set x: must be key.path=value"),
        (["show", "--preset", "x"], "unknown preset x"),
        (["schema", "extra"], "unexpected extra argument"),
    ],
)
def test_wrong_input_is_one_line(capsys: pytest.CaptureFixture[str], args: list[str], message: str) -> None:
    code, out, err = _run(capsys, *args)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_schema_prints_the_json_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(_run(capsys, "schema")[1]) == json_schema()


def test_presets_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    lines = _run(capsys, "presets")[1].splitlines()
    assert [line.split()[0] for line in lines] == list(preset_names())


def test_the_template_is_a_settings_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(_run(capsys, "template")[1])
    assert load_config(tmp_path / "run.yaml") == GeneratorConfig()


def test_the_reference_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    text = _run(capsys, "reference")[1]
    assert all(f"| `{path}` |" in text for path in all_options())


@pytest.mark.parametrize("name", ["", "show", "check", "schema", "presets", "template", "reference"])
def test_every_help_has_an_example(capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, out, _ = _run(capsys, *([name] if name else []), "--help")
    assert code == 0
    assert "ghostload config" in out.partition("Example")[2]


class _Pyarrow:
    """Stands in for pyarrow: looks for pandas when it is first asked to convert."""

    def __init__(self) -> None:
        self.found: list[bool] = []

    def array(self, values: list[int]) -> None:
        try:
            import pandas  # noqa: F401
        except ImportError:
            self.found.append(False)
        else:
            self.found.append(True)


@pytest.mark.parametrize(("groups", "looked"), [({"console_scripts"}, [False]), ({"ghostload.checks"}, [])])
def test_pandas_is_out_of_sight_while_pyarrow_looks_unless_others_extend_ghostload(
    monkeypatch: pytest.MonkeyPatch, groups: set[str], looked: list[bool]
) -> None:
    pyarrow, finders = _Pyarrow(), list(sys.meta_path)
    monkeypatch.delitem(sys.modules, "pandas", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", pyarrow)  # type: ignore[arg-type]
    monkeypatch.setattr("ghostload_cli.lean.entry_points", lambda: SimpleNamespace(groups=groups))
    keep_pandas_out()
    assert pyarrow.found == looked
    assert sys.meta_path == finders


def test_pandas_stays_when_it_is_there_already(monkeypatch: pytest.MonkeyPatch) -> None:
    import pandas as pd
    import pyarrow as pa

    keep_pandas_out()
    assert isinstance(pa.table({"a": [1]}).to_pandas(), pd.DataFrame)
