"""The commands of ``custard eval``, one a module; ``app`` holds them all."""

import typer

from evals.commands import asking, comparing, importing, recalling, serving, syncing

app = typer.Typer(
    name="eval",
    help="Score questions against gold SQL, on your own questions and databases.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for room in (asking, serving, comparing, importing, recalling, syncing):
    room.register(app)

__all__ = ["app"]
