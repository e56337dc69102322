"""The ``custard`` command. Every command imports what it needs when it runs, so that ``--help`` is quick."""

import sys
from typing import Annotated

import click
import typer

from cli import agent, backend, data, demo, evaluation, machine
from cli.console import complain, err
from cli.errors import EXIT_STOPPED, exit_code
from wire.errors import CustardError

app = typer.Typer(
    name="custard",
    help="Ask a PostgreSQL database questions in plain language, and get answers you can check.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for room in (demo, backend, data, agent, machine, evaluation):
    room.register(app)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)
    ] = False,
) -> None:
    if version:
        from importlib.metadata import version as distribution_version

        typer.echo(f"custard {distribution_version('custard-sql')}")
        raise typer.Exit


def main() -> None:
    """Entry point: runs the command and turns what went wrong into a line and an exit code."""
    try:
        code = app(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        err.print("Stopped.")
        code = EXIT_STOPPED
    except CustardError as error:
        complain(str(error), error.hint)
        code = exit_code(error)
    except BrokenPipeError:
        # Whoever read our output has gone (``| head``): nothing is left to say.
        sys.stderr.close()
        code = 0
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
