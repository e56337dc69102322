"""``custard eval sync``: a run as a LangSmith dataset and experiment."""

from dataclasses import asdict
from typing import Annotated

import typer

from evals.commands.common import DEFAULT_OUT, AsJson, OutFolder, err, examples, out, print_json, stored

_SYNC = examples(
    ("custard eval sync --dataset billing-questions", "the latest run"),
    ("custard eval sync 20261123-0930 --dataset demo --with-gold", "with the accepted queries"),
)


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command("sync", epilog=_SYNC, short_help="Send a run to LangSmith, which nothing else does.")(
        sync_run
    )


def sync_run(
    dataset: Annotated[str, typer.Option("--dataset", help="Name of the dataset; made where there is none.")],
    name: Annotated[
        str, typer.Argument(metavar="RUN", help="Run id, its beginning, or 'latest'.")
    ] = "latest",
    with_gold: Annotated[
        bool, typer.Option("--with-gold", help="Send the accepted queries as well.")
    ] = False,
    folder: OutFolder = DEFAULT_OUT,
    as_json: AsJson = False,
) -> None:
    """Send a run to LangSmith: its cases as a dataset, its results as an experiment.

    Needs LANGSMITH_API_KEY. Questions and predicted queries go out, accepted ones only with --with-gold, rows
    of results never.
    """
    from evals.sync import open_client, sync

    run, results = stored(folder, name)
    client = open_client()

    def told(done: int, of: int) -> None:
        if done % 50 == 0 and done < of:
            err.print(f"{done} of {of} sent")

    done = sync(client, run, results, dataset=dataset, with_gold=with_gold, told=told)
    if as_json:
        print_json(asdict(done))
    else:
        out.print(
            f"{done.runs} results sent to {done.experiment}, {done.examples} new examples in {done.dataset}"
        )
        if done.url:
            out.print(done.url)
