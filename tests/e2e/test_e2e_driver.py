"""What the other tests lean on: the driver notices requests and complaints, so that their absence means something."""

from __future__ import annotations

from pathlib import Path

from headless_chromium import Chromium


def test_an_outside_request_and_an_error_do_not_go_unnoticed(chromium: Chromium, tmp_path: Path) -> None:
    path = tmp_path / "loud.html"
    path.write_text(
        "<!DOCTYPE html><img src='https://example.org/x.png'>"
        "<script>console.error('loud'); setTimeout(() => nothere(), 0)</script>"
    )
    page = chromium.page()
    page.open(path)
    page.wait_for("performance.now() > 300")
    assert page.outside() == ["https://example.org/x.png"]
    assert any("loud" in line for line in page.complaints)
    assert any("nothere" in line for line in page.complaints)
    page.close()


def test_a_policy_violation_is_a_complaint(chromium: Chromium, tmp_path: Path) -> None:
    path = tmp_path / "refused.html"
    path.write_text(
        "<!DOCTYPE html><meta http-equiv='Content-Security-Policy' content=\"default-src 'none'\">"
        "<img src='https://example.org/x.png'>"
    )
    page = chromium.page()
    page.open(path)
    page.wait_for("performance.now() > 300")
    assert any("Content Security Policy" in line for line in page.complaints)
    page.close()
