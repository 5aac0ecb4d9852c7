"""``ghostload``: finds the command, runs it, and turns errors into one line and an exit code."""

from __future__ import annotations

import atexit
import gc
import sys
import traceback
from importlib import import_module

import click

from ghostload import __version__
from ghostload.errors import GhostloadError, did_you_mean

COMMANDS = {
    "generate": "Make a data set.",
    "validate": "Check a data set and list what is wrong with it.",
    "benchmark": "Run anomaly detectors on a data set and score them honestly.",
    "score": "Score your own file of meter_id, score.",
    "map": "Draw a data set on a map, in one HTML file.",
    "report": "Describe a data set in one HTML page.",
    "readings": "Print readings in time of some meters.",
    "export": "Write a data set as CSV, DuckDB or Green Button.",
    "powerflow": "Solve the power flow of a grid.",
    "cases": "List the published grids that can be named.",
    "config": "Show, check and document settings.",
}
"""Commands and their one line of purpose, so that ``--help`` imports none of them."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are run, not when they are listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order a user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"ghostload_cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command when the given one is unknown."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"unknown command {args[0]}{did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="ghostload")
def root() -> None:
    """Make and study electricity-meter data in which theft and faults are known.

    \b
    Example:
      ghostload generate --num-meters 5000
      ghostload validate generated_data
    """  # noqa: D301


def main(args: list[str] | None = None) -> None:
    """Run the command line; exit code 0 done, 1 failed, 2 usage or config error, 3 validation found errors.

    Commands get as their ``obj`` whether the process is theirs alone, which it is when no ``args`` are given.
    """
    arguments = sys.argv[1:] if args is None else args
    if args is None:
        # What is left at the end goes with the process; to search it for cycles would take a tenth of a short run.
        atexit.register(gc.freeze)
    try:
        code = root.main(args=arguments, prog_name="ghostload", standalone_mode=False, obj=args is None)
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        code = 2
    except click.UsageError as error:
        where = f" (see {error.ctx.command_path} --help)" if error.ctx and error.ctx.parent else ""
        _fail(f"{error.format_message()}{where}", 2)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except click.Abort:
        _fail("interrupted", 130)
    except BrokenPipeError:
        _silence_stdout()
        sys.exit(0)
    except GhostloadError as error:
        if _wants_traceback(arguments):
            traceback.print_exc()
        _fail(str(error), error.exit_code)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int) -> None:
    """One line on stderr, and out."""
    line = " ".join(message.split())
    click.echo(f"ghostload: {line}", err=True)
    sys.exit(code)


def _wants_traceback(arguments: list[str]) -> bool:
    return any(argument in ("-v", "--verbose") for argument in arguments)


def _silence_stdout() -> None:
    """Keep the interpreter from complaining at exit that a pager went away."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
