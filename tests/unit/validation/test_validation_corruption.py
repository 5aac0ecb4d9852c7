"""No single broken cell and no broken file goes unnoticed, and none ends in a traceback."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import validation_samples as samples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ghostload.dataset import Dataset, load_dataset
from ghostload.errors import DataError
from ghostload.schema import TABLES
from ghostload.validation import Severity, validate, validate_folder

SOUND = samples.sound()
CELLS = [
    (table, column, kind)
    for table, found in SOUND.tables.items()
    for column in found.column_names
    for kind in ("null", "text", "negative", "nan", "infinite", "unknown", "repeated")
    if (column != "end" or kind == "unknown")
]
NUMBERS = {
    column
    for found in SOUND.tables.values()
    for column in found.column_names
    if not str(found.schema.field(column).type).startswith("string")
}
GAINS = {"lost_kwh", "severity"}
"""Negative where a bill settles what was estimated before; never for a theft, and those stand first."""


def _value(table: str, column: str, kind: str, row: int) -> object:
    """A wrong value of some kind, or the cell itself where there is none of that kind."""
    own = SOUND.tables[table][column][row].as_py()
    number = column in NUMBERS
    if kind == "null":
        return None
    if kind == "text":
        return "n/a" if number else own
    if kind == "negative":
        return -1000.5 if number and column != "anomaly_flag" else -1 if number else own
    if kind in ("nan", "infinite"):
        return float(kind[:3]) if number and column != "anomaly_flag" else own
    if kind == "unknown":
        return own if number else "?"
    if column == TABLES[table].primary_key:
        return SOUND.tables[table][column][row - 1].as_py()
    return own


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(CELLS), st.integers(0, 10_000))
def test_no_broken_cell_goes_unnoticed(cell: tuple[str, str, str], at: int) -> None:
    table, column, kind = cell
    row = at % SOUND.tables[table].num_rows
    if column in GAINS:
        row %= samples.THIEVES
    value = _value(table, column, kind, row)
    if value == SOUND.tables[table][column][row].as_py():
        return
    report = validate(samples.with_cell(SOUND, table, column, row, value))
    assert not any("Error:" in finding.message for finding in report.findings), "a check crashed"
    noticed = {f.place for f in report.findings if f.severity is not Severity.INFO}
    assert f"{table}.{column}" in noticed


GARBAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "one newline": lambda _: b"\n",
    "binary": lambda _: bytes(range(256)) * 20,
    "an image": lambda _: b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
    "utf-16": lambda text: text.decode().encode("utf-16"),
    "latin-1": lambda text: b"\xe9".join(text.rsplit(b"1", 1)),
    "cut in the middle": lambda text: text[: len(text) // 2],
    "cut in a quote": lambda text: text[: len(text) // 2] + b'"',
    "semicolons": lambda text: text.replace(b",", b";"),
    "tabs": lambda text: text.replace(b",", b"\t"),
    "a web page": lambda _: b"<!DOCTYPE html>\n<html><body>404</body></html>\n",
    "a json list": lambda _: b"[1, 2, 3]",
    "json numbers that are none": lambda _: b'{"type": NaN}',
    "deep json": lambda _: b'{"a":' * 100_000,
    "an empty object": lambda _: b"{}",
    "the wrong object": lambda _: b'{"type": "FeatureCollection", "features": [1, null, {"type": "Feature"}]}',
    "zero bytes in it": lambda text: text.replace(b"0", b"\0"),
    "one word": lambda _: b"meter_id",
}
JSON_FILES = ("transformers.geojson", "region.geojson", "manifest.json")
FILES = [*(TABLES[name].file for name in SOUND.tables), *JSON_FILES, "config.yaml"]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("kind", GARBAGE)
def test_a_garbage_file_gives_findings_and_one_line(folder: Path, file: str, kind: str) -> None:
    path = folder / file
    path.write_bytes(GARBAGE[kind](path.read_bytes()))
    report = validate_folder(folder)
    if file == "config.yaml" and kind in ("empty", "one newline", "an empty object"):
        return  # a config without settings is all defaults
    assert not report.ok
    assert len(str(report)) > 0
    _loads_or_says_why_in_one_line(folder)


@pytest.mark.parametrize("file", FILES)
def test_a_folder_in_place_of_a_file_is_a_finding(folder: Path, file: str) -> None:
    (folder / file).unlink()
    (folder / file).mkdir()
    report = validate_folder(folder)
    assert any(f.check == "files_can_be_read" and f.table == file for f in report.findings)
    with pytest.raises(DataError, match=file):
        load_dataset(folder)


@pytest.fixture(scope="module")
def kept_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return samples.write_folder(SOUND, tmp_path_factory.mktemp("kept") / "set", manifest=False)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(file=st.sampled_from(FILES[:-1]), at=st.floats(0, 1), noise=st.binary(min_size=1, max_size=30))
def test_random_bytes_in_a_file_never_end_in_a_traceback(kept_folder: Path, file: str, at: float, noise: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "set"
        shutil.copytree(kept_folder, folder)
        text = (folder / file).read_bytes() if (folder / file).exists() else b"{}"
        cut = int(at * len(text))
        (folder / file).write_bytes(text[:cut] + noise + text[cut:])
        report = validate_folder(folder)
        assert json.dumps(report.to_dict())
        _loads_or_says_why_in_one_line(folder)


def _loads_or_says_why_in_one_line(folder: Path) -> None:
    try:
        outcome: object = load_dataset(folder)
    except DataError as error:
        outcome = str(error)
    if isinstance(outcome, str):
        assert "\n" not in outcome
        assert outcome.startswith(str(folder))
    else:
        assert isinstance(outcome, Dataset)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def _put(value: object, steps: list[int], new: object) -> object:
    """Replace what lies some steps down in nested JSON."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    if not steps or not keys:
        return new
    key = keys[steps[0] % len(keys)]
    value[key] = _put(value[key], steps[1:], new)  # type: ignore[index]
    return value


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["geojson", "region", "manifest"]), st.lists(st.integers(0, 50), max_size=8), JSON)
def test_no_json_value_in_any_place_makes_a_check_crash(name: str, steps: list[int], new: object) -> None:
    entry = {"rows": samples.TRANSFORMERS, "sha256": "0" * 64}
    whole = {"geojson": SOUND.geojson, "region": SOUND.region, "manifest": {"files": {"transformers.csv": entry}}}
    changed = _put(json.loads(json.dumps(whole[name])), steps, new)
    if isinstance(changed, dict):
        report = validate(replace(SOUND, **{name: changed}, _frames={}))
        assert not [finding for finding in report.findings if "Error:" in finding.message]
