"""The ``custard`` command. Every command imports what it needs when it runs, so that ``--help`` is quick."""

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli import agent, backend, data, demo, evaluation, machine, policy
from cli.console import complain, err, print_whatever_comes
from cli.errors import EXIT_STOPPED, exit_code
from wire.errors import CustardError


class Commands(TyperGroup):
    """The command tree, which turns what went wrong into a line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            err.print("Stopped.")
            raise typer.Exit(EXIT_STOPPED) from None
        except CustardError as error:
            complain(str(error), error.hint)
            raise typer.Exit(exit_code(error)) from error
        except BrokenPipeError:
            # Whoever read our output has gone (``| head``): nothing is left to say, not even at exit.
            sys.stdout = None  # what the interpreter itself does for a closed stream
            raise typer.Exit(0) from None


app = typer.Typer(
    name="custard",
    cls=Commands,
    help="Ask a PostgreSQL database questions in plain language, and get answers you can check.",
    no_args_is_help=True,
    add_completion=False,
    # A traceback of ours goes to the log or the terminal plainly: no frames, and never local values.
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for room in (demo, backend, data, agent, policy, machine, evaluation):
    room.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"custard {version('custard-sql')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """What stands before a command."""


def main() -> None:
    """Entry point of ``custard``."""
    print_whatever_comes()
    app()


if __name__ == "__main__":
    main()
