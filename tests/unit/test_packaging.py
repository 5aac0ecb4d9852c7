"""What is installed is what is in the tree."""

from __future__ import annotations

import tomllib
from pathlib import Path


def test_every_package_of_the_tree_is_listed(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    listed = set(project["tool"]["setuptools"]["packages"])
    found = {
        ".".join(path.parent.relative_to(root).parts) for path in sorted((root / "ghostload").rglob("__init__.py"))
    }
    assert listed == found | {"ghostload_cli"}


def test_minimum_versions_are_those_that_ci_tries(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {}
    extras = project["optional-dependencies"]
    for line in [*project["dependencies"], *extras["duckdb"], *extras["dask"]]:
        name, bound = line.split(">=")
        declared[name] = bound.split(",")[0]
    tried = {}
    for line in (root / ".ci/minimum-versions.txt").read_text(encoding="utf-8").split():
        name, version = line.split("==")
        tried[name] = version.removesuffix(".*")
    assert tried == declared


def test_the_changelog_and_citation_name_the_version(root: Path) -> None:
    version = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"## {version}" in (root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"version: {version}\n" in (root / "CITATION.cff").read_text(encoding="utf-8")
    import ghostload

    assert ghostload.__version__ == version
