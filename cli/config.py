"""``ghostload config``: show, check and document settings."""

from __future__ import annotations

import json

import click

from .settings import layer_options, resolve_settings


@click.group(
    epilog="""\b
    Examples:
      ghostload config template > run.yaml
      ghostload config check run.yaml
      ghostload config schema > ghostload.schema.json"""
)
def command() -> None:
    """Show, check and document settings."""


@command.command(epilog="Example: ghostload config show --preset metro_manila --set num_meters=5000")
@layer_options
def show(preset: str | None, file: str | None, overrides: tuple[str, ...]) -> None:
    """Print every setting as it comes out of defaults, preset, file and --set."""
    from ghostload.config.loading import config_to_dict
    from ghostload.config.yamltext import dump_yaml

    click.echo(dump_yaml(config_to_dict(resolve_settings(preset, file, overrides))), nl=False)


@command.command(epilog="Example: ghostload config check run.yaml")
@click.argument("file")
def check(file: str) -> None:
    """Check a settings file; exit code 2 and one line when it is wrong."""
    resolve_settings(None, file, ())
    click.echo(f"{file}: ok")


@command.command(epilog="Example: ghostload config schema > ghostload.schema.json")
def schema() -> None:
    """Print the JSON Schema (draft 2020-12) of a settings file, for editors."""
    from ghostload.config.jsonschema import json_schema

    click.echo(json.dumps(json_schema(), ensure_ascii=False, indent=2))


@command.command(epilog="Example: ghostload config presets")
def presets() -> None:
    """List the presets."""
    from ghostload.config.presets import preset_names, preset_purpose

    width = max(len(name) for name in preset_names())
    for name in preset_names():
        click.echo(f"{name.ljust(width)}  {preset_purpose(name)}")


@command.command(epilog="Example: ghostload config template > run.yaml")
def template() -> None:
    """Print a settings file with every setting at its default, commented."""
    from ghostload.config.reference import template as text

    click.echo(text(), nl=False)


@command.command(epilog="Example: ghostload config reference")
def reference() -> None:
    """Print every setting with type, unit, default and range, as a Markdown table."""
    from ghostload.config.reference import reference_table

    click.echo(reference_table(), nl=False)
