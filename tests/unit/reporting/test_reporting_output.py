from __future__ import annotations

from pathlib import Path

import pytest

from ghostload.errors import OutputError, UsageError
from ghostload.reporting.output import MARK, check_target, default_path, write_html
from ghostload.reporting.page import data_block, origin, page, policy, script

OURS = f'<!DOCTYPE html>\n{MARK}map 0">\n'


def test_the_default_file_stands_in_the_current_directory_and_never_in_the_data_set(tmp_path: Path) -> None:
    assert default_path(tmp_path / "my data", "map") == Path("my data_map.html")
    assert default_path(Path("/"), "map") == Path("data_map.html")


def test_a_page_of_ours_is_written_over(tmp_path: Path) -> None:
    target = tmp_path / "m.html"
    assert write_html(target, OURS, force=False) == len(OURS)
    write_html(target, OURS + "é", force=False)
    assert target.read_text(encoding="utf-8") == OURS + "é"
    assert [p.name for p in tmp_path.iterdir()] == ["m.html"]


def test_a_file_of_other_make_is_kept_unless_forced(tmp_path: Path) -> None:
    target = tmp_path / "notes.html"
    target.write_text("mine")
    with pytest.raises(OutputError, match=r"notes\.html: exists and was not written by ghostload.*--force"):
        write_html(target, OURS, force=False)
    assert target.read_text() == "mine"
    write_html(target, OURS, force=True)
    assert target.read_text() == OURS


def test_a_folder_and_a_missing_folder_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is a folder"):
        check_target(tmp_path, force=True)
    with pytest.raises(OutputError, match="does not exist"):
        check_target(tmp_path / "no" / "m.html", force=True)


def test_a_failed_write_leaves_the_old_page_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "m.html"
    write_html(target, OURS, force=False)

    def full(self: Path, other: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match=r"m\.html: cannot be written \(No space left on device\)"):
        write_html(target, OURS + "new", force=False)
    assert target.read_text() == OURS
    assert [p.name for p in tmp_path.iterdir()] == ["m.html"]


def test_an_unreadable_file_counts_as_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "m.html"
    target.write_text(OURS)

    def denied(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(OutputError, match="was not written by ghostload"):
        check_target(target, force=False)


def test_a_page_carries_the_mark_where_it_is_looked_for() -> None:
    made = page(kind="map", title="<b>", body="", styles=("base.css",), content_policy=policy(scripts=False))
    assert MARK in made[:2048]
    assert "<title>&lt;b&gt;</title>" in made


def test_no_content_ends_a_script_early() -> None:
    assert script('a = "</script><!-- </ScRiPt>"').count("</") == 1
    block = data_block("x", '{"a": "</script><script>alert(1)//&"}')
    assert block.count("<") == 2
    assert "&" not in block


def test_the_policy_lets_pictures_in_from_the_given_host_alone() -> None:
    assert "img-src data: blob: https://t.example.org;" in policy(scripts=True, images_from="https://t.example.org")
    assert "script-src 'none'" in policy(scripts=False)


@pytest.mark.parametrize(
    "url", ["tiles", "ftp://x/y", "https://", "https://a b/x", "https://a;b/", "javascript:alert(1)"]
)
def test_what_is_no_tile_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="no tile address"):
        origin(url)


def test_the_origin_of_an_address_is_its_scheme_and_host() -> None:
    assert origin("https://tiles.example.org:8443/{Z}/{X}/{Y}.png") == "https://tiles.example.org:8443"
