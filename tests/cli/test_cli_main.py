"""What the command line does before a command runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ghostload_cli.main import COMMANDS, main


def _ends(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    return int(stop.value.code or 0)


@pytest.mark.parametrize("arguments", [[], ["config"]])
def test_without_arguments_the_help_is_shown(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert _ends(*arguments) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("Usage: ghostload")
    assert "\nCommands:\n" in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _ends(command, "--help") == 0
    text = capsys.readouterr().out
    assert f"\n    ghostload {command}" in text


def test_an_unknown_command_is_one_line_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert _ends("generat") == 2
    assert capsys.readouterr().err == "ghostload: unknown command generat, did you mean generate?\n"


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    from ghostload import __version__

    assert _ends("--version") == 0
    assert capsys.readouterr().out.strip() == f"ghostload, version {__version__}"


def test_help_loads_no_heavy_library() -> None:
    code = (
        "import sys; from ghostload_cli.main import root; root.main(['--help'], standalone_mode=False);"
        "sys.exit(any(m in sys.modules for m in ('numpy', 'pandas', 'pyarrow', 'sklearn', 'shapely', 'bokeh', 'yaml')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_importing_the_package_loads_no_heavy_library() -> None:
    code = "import sys, ghostload; sys.exit(any(m in sys.modules for m in ('numpy', 'pandas', 'pyarrow')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_public_names_are_there() -> None:
    import ghostload

    assert set(ghostload.__all__) <= set(dir(ghostload))
    for name in ghostload.__all__:
        assert getattr(ghostload, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ghostload.nothing
