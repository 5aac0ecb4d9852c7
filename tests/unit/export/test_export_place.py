"""Writing into a folder: all or nothing, nothing of others' is lost, and what cannot be is one clear line."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from export_samples import Verdict, files_of, leftovers, sample, whole

from ghostload.config import GeneratorConfig
from ghostload.dataset import Dataset
from ghostload.errors import OutputError
from ghostload.export import Workspace, check_target, write_dataset
from ghostload.export import workspace as workspace_module
from ghostload.export.sink import FolderSink


def _write(dataset: Dataset, folder: Path, *, force: bool = False) -> Path:
    return write_dataset(dataset, folder, force=force, validation=Verdict())  # type: ignore[arg-type]


def _other() -> Dataset:
    return sample(meters=20, transformers=4)


def test_the_same_data_set_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    target = tmp_path / "set"
    _write(sample(), target)
    first = files_of(target)
    assert _write(sample(), target) == target
    assert files_of(target) == first
    assert leftovers(tmp_path) == []


def test_parents_are_made(tmp_path: Path) -> None:
    assert whole(_write(sample(), tmp_path / "a" / "b" / "set"))


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    assert whole(_write(sample(), tmp_path / "set"))


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    _write(sample(), tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert whole(tmp_path / "real")


def test_another_config_is_refused_and_says_what_differs(tmp_path: Path) -> None:
    target = tmp_path / "set"
    _write(sample(), target)
    before = files_of(target)
    message = (
        f"{target}: holds a data set of another config (num_transformers is 3 there, 4 here); "
        "choose another --output-dir, or replace it with --force"
    )
    with pytest.raises(OutputError) as caught:
        _write(_other(), target)
    assert str(caught.value) == message
    assert files_of(target) == before
    assert leftovers(tmp_path) == []


def test_force_replaces_another_data_set(tmp_path: Path) -> None:
    target = tmp_path / "set"
    _write(_other(), target)
    _write(sample(), target, force=True)
    assert files_of(target) == files_of(_write(sample(), tmp_path / "fresh"))
    assert leftovers(tmp_path) == []


def test_another_version_is_another_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "set"
    _write(sample(), target)
    monkeypatch.setattr("ghostload.export.metadata.__version__", "99.0")
    with pytest.raises(OutputError, match=r"of another version \(0\.1\.0 there, 99\.0 here\)"):
        _write(sample(), target)


def test_a_data_set_without_a_config_replaces_nothing_unasked(tmp_path: Path) -> None:
    target = tmp_path / "set"
    bare = replace(sample(), config=None)
    _write(bare, target)
    with pytest.raises(OutputError, match="holds a data set of another config; choose"):
        _write(bare, target)
    _write(bare, target, force=True)


@pytest.mark.parametrize("manifest", [None, "[]", "{}", '{"files": {}}', '{"files": 3, "ghostload_version": "1"}', "{"])
@pytest.mark.parametrize("force", [False, True])
def test_what_is_not_ours_is_never_replaced(tmp_path: Path, manifest: str | None, force: bool) -> None:
    target = tmp_path / "set"
    target.mkdir()
    (target / "notes.txt").write_text("mine")
    if manifest is not None:
        (target / "manifest.json").write_text(manifest)
    before = files_of(target)
    with pytest.raises(OutputError, match="holds something that is no ghostload data set"):
        _write(sample(), target, force=force)
    assert files_of(target) == before


def test_a_folder_of_empty_folders_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "set" / "inner").mkdir(parents=True)
    with pytest.raises(OutputError, match="holds something that is no ghostload data set; choose"):
        _write(sample(), tmp_path / "set")


def test_files_of_others_in_a_data_set_are_kept(tmp_path: Path) -> None:
    target = tmp_path / "set"
    _write(_other(), target)
    (target / "map.html").write_text("my map")
    (target / "sub").mkdir()
    (target / "sub" / "notes.txt").write_text("mine")
    (target / "link").symlink_to("nowhere")
    _write(sample(), target, force=True)
    assert (target / "map.html").read_text() == "my map"
    assert (target / "sub" / "notes.txt").read_text() == "mine"
    assert (target / "link").is_symlink()
    assert leftovers(tmp_path) == []


def test_a_file_of_others_is_not_covered_by_one_of_ours(tmp_path: Path) -> None:
    target = tmp_path / "set"
    _write(replace(sample(), region=None), target)
    (target / "region.geojson").write_text("mine")
    with pytest.raises(
        OutputError, match=r"holds region\.geojson, which is no part of the data set there; move it away"
    ):
        _write(sample(), target)
    assert (target / "region.geojson").read_text() == "mine"
    assert leftovers(tmp_path) == []


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set").write_text("mine")
    with pytest.raises(OutputError, match="set: is a file, must be a folder; choose another --output-dir"):
        _write(sample(), tmp_path / "set")
    with pytest.raises(OutputError, match=r"cannot be made: .*set is a file, not a folder"):
        _write(sample(), tmp_path / "set" / "inner")
    with pytest.raises(OutputError, match="/dev/null is a file, not a folder"):
        _write(sample(), Path("/dev/null/x"))
    assert (tmp_path / "set").read_text() == "mine"


@pytest.mark.parametrize("name", [".", "", "..", "/"])
def test_the_working_folder_and_what_holds_it_are_refused(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    with pytest.raises(OutputError, match="is the working folder or holds it"):
        _write(sample(), Path(name))


def test_a_mount_point_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "set").mkdir()
    monkeypatch.setattr(Path, "is_mount", lambda self: True)
    with pytest.raises(OutputError, match="is a mount point and cannot be replaced"):
        _write(sample(), tmp_path / "set")


def test_two_runs_at_once_are_told_apart(tmp_path: Path) -> None:
    target = tmp_path / "set"
    with Workspace(target), pytest.raises(OutputError, match="set: another run is writing to it; wait for its end"):
        _write(sample(), target)
    assert whole(_write(sample(), target))


def test_a_claim_survives_the_end_of_another_run_in_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run ends: between our making and opening the hidden folder, then opening and locking, then locking."""
    root = tmp_path / ".set.ghostload-partial"
    moments: list[str] = []
    real_open, real_lock = os.open, workspace_module.fcntl.flock

    def opening(path: object, *rest: int, **more: int) -> int:
        if path == root and not moments:
            moments.append("opening")
            root.rmdir()
        return real_open(path, *rest, **more)  # type: ignore[arg-type]

    def locking(number: int, how: int) -> None:
        if len(moments) < 3:
            moments.append("locking")
            root.rmdir()
            if len(moments) == 3:
                root.mkdir()
        real_lock(number, how)

    monkeypatch.setattr(workspace_module.os, "open", opening)
    monkeypatch.setattr(workspace_module.fcntl, "flock", locking)
    with Workspace(tmp_path / "set") as workspace:
        assert moments == ["opening", "locking", "locking"]
        assert os.path.samestat(os.fstat(workspace._lock), root.stat())


def test_a_claim_gives_up_when_the_folder_is_taken_away_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*args: object) -> int:
        raise FileNotFoundError

    monkeypatch.setattr(workspace_module.os, "open", gone)
    with pytest.raises(OutputError, match="another run is writing to it"), Workspace(tmp_path / "a" / "set"):
        pass


def test_a_lock_that_fails_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*args: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(workspace_module.fcntl, "flock", no_locks)
    with pytest.raises(OutputError, match="cannot be written: No locks available"), Workspace(tmp_path / "set"):
        pass


def test_a_repair_that_fails_is_reported_and_gives_the_claim_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Workspace) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Workspace, "_settle", fail)
    with pytest.raises(OutputError, match="Input/output error"), Workspace(tmp_path / "set"):
        pass
    monkeypatch.undo()
    with Workspace(tmp_path / "set"):
        pass


def test_early_and_late_refusals_agree(tmp_path: Path) -> None:
    target = tmp_path / "set"
    _write(sample(), target)
    same, other = sample().config, _other().config
    assert same is not None
    assert other is not None
    with Workspace(target) as workspace:
        check_target(workspace, same)
        check_target(workspace, other, force=True)
        with pytest.raises(OutputError, match="another config"):
            check_target(workspace, other)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "cannot be written: the disk is full; free some space"),
        (errno.EDQUOT, "cannot be written: the disk is full"),
        (errno.EFBIG, "a file grows beyond what is allowed here"),
        (errno.EROFS, "the file system is read-only; choose another --output-dir"),
        (errno.EACCES, "no permission for"),
        (errno.EPERM, "no permission for"),
        (errno.EIO, "cannot be written: Input/output error"),
    ],
)
def test_a_disk_that_fails_is_one_line_and_what_was_there_is_untouched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    target = tmp_path / "set"
    _write(sample(), target)
    before = files_of(target)
    written: list[int] = []

    def failing(file: int) -> None:
        written.append(file)
        if len(written) == 4:
            raise OSError(number, os.strerror(number), str(target / "x"))

    monkeypatch.setattr("ghostload.export.sink.os.fsync", failing)
    with pytest.raises(OutputError) as caught:
        _write(_other(), target, force=True)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert files_of(target) == before
    assert leftovers(tmp_path) == []


def test_a_swap_that_fails_takes_the_old_data_set_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "set"
    _write(sample(), target)
    before = files_of(target)
    real = Path.rename

    def failing(self: Path, place: Path) -> Path:
        if self.name == "data":
            raise OSError(errno.EIO, "Input/output error")
        return real(self, place)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OutputError, match="Input/output error"):
        _write(_other(), target, force=True)
    assert files_of(target) == before
    assert leftovers(tmp_path) == []


def test_parents_that_were_made_for_nothing_are_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: FolderSink, name: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(FolderSink, "_stream", full)
    with pytest.raises(OutputError, match="the disk is full"):
        _write(sample(), tmp_path / "a" / "b" / "set")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_takes_no_files_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *args: object, **kwargs: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(OutputError, match=r"set: cannot be written: no permission for .*; choose another"):
        _write(sample(), tmp_path / "set")


def test_a_limit_on_file_sizes_is_one_line(tmp_path: Path) -> None:
    target = tmp_path / "set"
    program = (
        "from export_samples import Verdict, sample\n"
        "from ghostload.errors import OutputError\n"
        "from ghostload.export import write_dataset\n"
        "try:\n"
        f"    write_dataset(sample(meters=2000), {str(target)!r}, validation=Verdict())\n"
        "except OutputError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert (
        done.stdout
        == f"{target}: cannot be written: a file grows beyond what is allowed here; raise the limit (ulimit -f)\n"
    )
    assert list(tmp_path.iterdir()) == []


def _small_disk(folder: Path) -> str:
    """Mount a disk of 256 kB, or say why that cannot be."""
    if os.geteuid() != 0:
        return "mounting needs root"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], capture_output=True, text=True
    )
    return done.stderr.strip() if done.returncode else ""


def test_a_disk_that_is_really_full_is_one_line_and_keeps_the_old_data_set(tmp_path: Path) -> None:
    problem = _small_disk(tmp_path)
    if problem:
        pytest.skip(f"no small disk: {problem}")
    try:
        target = tmp_path / "set"
        _write(sample(), target)
        before = files_of(target)
        with pytest.raises(OutputError, match="set: cannot be written: the disk is full; free some space"):
            _write(sample(meters=5000, transformers=200), target, force=True)
        assert files_of(target) == before
        assert leftovers(tmp_path) == []
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.parametrize("missing", ["transformers", "meters", "anomaly_labels"])
def test_a_data_set_without_a_core_table_is_refused(tmp_path: Path, missing: str) -> None:
    dataset = sample()
    few = replace(dataset, tables={n: t for n, t in dataset.tables.items() if n != missing})
    with pytest.raises(OutputError, match=f"the data set has no {missing} table"):
        _write(few, tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


def test_validation_is_run_when_its_result_is_not_given(tmp_path: Path) -> None:
    text = (write_dataset(sample(), tmp_path / "set") / "generation_report.txt").read_text()
    assert "checks" in text.partition("Validation")[2]


def test_a_manifest_that_lists_less_than_its_folder_holds_loses_nothing(tmp_path: Path) -> None:
    target = tmp_path / "set"
    _write(_other(), target)
    manifest = json.loads((target / "manifest.json").read_bytes())
    del manifest["files"]["transformers.csv"]
    (target / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(OutputError, match=r"holds transformers\.csv, which is no part of the data set there"):
        _write(sample(), target, force=True)


def test_config_and_data_set_are_the_same_to_check_and_write(tmp_path: Path) -> None:
    config = GeneratorConfig(num_meters=12, num_transformers=3)
    _write(sample(config=config), tmp_path / "set")
    with Workspace(tmp_path / "set") as workspace:
        check_target(workspace, config.replace(output_dir=Path("elsewhere")))


def test_a_folder_of_data_sets_with_a_readme_may_become_one_and_keeps_them(tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    _write(sample(), shelf / "sample")
    (shelf / "README.md").write_text("what lies here", encoding="utf-8")
    before = {path.name: path.read_bytes() for path in (shelf / "sample").iterdir()}
    _write(sample(), shelf)
    assert (shelf / "manifest.json").exists()
    assert (shelf / "README.md").read_text(encoding="utf-8") == "what lies here"
    assert {path.name: path.read_bytes() for path in (shelf / "sample").iterdir()} == before


def test_a_folder_with_anything_else_beside_data_sets_is_left_alone(tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    _write(sample(), shelf / "sample")
    (shelf / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="holds something that is no ghostload data set"):
        _write(sample(), shelf)
    assert not (shelf / "manifest.json").exists()
