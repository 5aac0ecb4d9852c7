"""Finished blocks come back as they were, or not at all."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.config import GeneratorConfig
from ghostload.errors import OutputError
from ghostload.export import BlockStore, Workspace, block_store

ARRAYS = {
    "kwh": np.arange(12.0).reshape(3, 4),
    "flags": np.array([True, False]),
    "none": np.empty((0, 5), dtype=np.int32),
    "scalar": np.array(3.5),
    "text": np.array(["a", "ñandú"]),
    "turned": np.asfortranarray(np.arange(6).reshape(2, 3)),
}


def test_arrays_come_back_with_type_and_shape(tmp_path: Path) -> None:
    store = BlockStore(tmp_path / "blocks")
    store.put("meters-0-16384", ARRAYS)
    found = store.get("meters-0-16384")
    assert found is not None
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert np.array_equal(found[name], array)
    assert store.names() == ("meters-0-16384",)


def test_what_was_never_kept_is_none(tmp_path: Path) -> None:
    store = BlockStore(tmp_path / "blocks")
    assert store.get("x") is None
    assert store.names() == ()
    assert not (tmp_path / "blocks").exists()


@settings(deadline=None)
@given(cut=st.integers(0, 400), flip=st.integers(0, 10_000))
def test_a_damaged_block_is_as_good_as_none(tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int) -> None:
    store = BlockStore(tmp_path_factory.mktemp("store"))
    store.put("x", {"a": np.arange(50)})
    file = store.folder / "x.block"
    whole = file.read_bytes()
    file.write_bytes(whole[: min(cut, len(whole) - 1)])
    assert store.get("x") is None
    broken = bytearray(whole)
    broken[flip % len(whole)] ^= 1
    file.write_bytes(bytes(broken))
    assert store.get("x") is None
    file.write_bytes(whole)
    assert store.get("x") is not None


def test_a_block_that_was_half_written_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = BlockStore(tmp_path)

    def fail(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OutputError, match=r"x\.block: cannot keep a finished block: No space left on device"):
        store.put("x", ARRAYS)
    monkeypatch.undo()
    assert store.names() == ()
    assert store.get("x") is None


def test_a_later_block_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    store = BlockStore(tmp_path)
    store.put("x", {"a": np.zeros(3)})
    store.put("x", {"b": np.ones(2)})
    found = store.get("x")
    assert found is not None
    assert list(found) == ["b"]


@pytest.mark.parametrize("name", ["", "a/b", "../x", ".hidden"])
def test_a_name_that_is_no_plain_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="must be a plain file name"):
        BlockStore(tmp_path).put(name, ARRAYS)


def test_python_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="block 'x': a is object; keep plain numbers or text"):
        BlockStore(tmp_path).put("x", {"a": np.array([None, 1])})


def _fail(target: Path, config: GeneratorConfig, *, resume: bool = False) -> tuple[str, ...]:
    """Keep a block in a run that fails, and return the blocks that were there at its end."""
    names: tuple[str, ...] = ()
    with suppress(RuntimeError), Workspace(target) as workspace:
        store = block_store(workspace, config, resume=resume)
        if not resume:
            store.put("x", {"a": np.ones(2)})
        names = store.names()
        raise RuntimeError("killed")
    return names


def test_blocks_of_a_failed_run_are_found_by_the_same_config_that_resumes(tmp_path: Path) -> None:
    config, target = GeneratorConfig(), tmp_path / "set"
    assert _fail(target, config) == ("x",)
    assert _fail(target, config, resume=True) == ("x",)
    with Workspace(target) as workspace:
        assert block_store(workspace, config.replace(random_seed=1), resume=True).names() == ()
        assert block_store(workspace, config, resume=True).names() == ()
    assert list(tmp_path.iterdir()) == []


def test_without_resume_leftovers_are_thrown_away(tmp_path: Path) -> None:
    config, target = GeneratorConfig(), tmp_path / "set"
    _fail(target, config)
    with Workspace(target) as workspace:
        assert block_store(workspace, config).names() == ()


def test_blocks_of_other_versions_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, target = GeneratorConfig(), tmp_path / "set"
    _fail(target, config)
    monkeypatch.setattr("ghostload.export.identity.versions", lambda: {"numpy": "99"})
    with Workspace(target) as workspace:
        assert block_store(workspace, config, resume=True).names() == ()
