"""``custard demo``: the whole system on embedded parts, in the browser or for one question."""

from __future__ import annotations

import tempfile
import time
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import err

if TYPE_CHECKING:
    from cli.chain import Chain

DEFAULT_PORT = 8765
EXAMPLE = "How many engineers are there?"


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command(short_help="The whole system on this machine.")(demo)


def demo(
    ask: Annotated[
        str | None, typer.Option("--ask", help="Ask this, print the answer, stop everything.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --ask: print the run as JSON.")] = False,
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="The page's port.")] = None,
    small: Annotated[
        bool, typer.Option("--small", help="Use the 0.5B model: quicker, and wrong more often.")
    ] = False,
    model_path: Annotated[Path | None, typer.Option("--model-path", help="Use this GGUF file.")] = None,
    sql: Annotated[bool, typer.Option("--sql", help="With --ask: show the SQL as well.")] = False,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Start PostgreSQL with a demo company, a model, the backend and an agent; answer in the browser.

    Needs no key and no container; OPENAI_API_KEY or CUSTARD_MODEL_BASE_URL choose another model.
    """
    from cli.chain import Chain, ModelChoice
    from cli.stopping import stopped_in_order
    from embedded.paths import home

    model = ModelChoice(small=small, path=model_path)
    if ask is None:
        with stopped_in_order(), Chain(port=port or DEFAULT_PORT, model=model, folder=home()) as chain:
            _serve(chain, browser=browser)
        return
    # One question leaves nothing behind, and does not disturb a demo that is running.
    with (
        stopped_in_order(),
        tempfile.TemporaryDirectory(prefix="custard-") as folder,
        Chain(port=port, model=model, folder=Path(folder)) as chain,
    ):
        code = _answer(chain, ask, as_json=as_json, sql=sql)
    raise typer.Exit(code)


def _answer(chain: Chain, question: str, *, as_json: bool, sql: bool) -> int:
    from cli.asking import ask
    from cli.http import Backend

    with Backend(chain.url) as backend:
        _, code = ask(backend, chain.connection_id, question, as_json=as_json, sql=sql)
    return code


def _serve(chain: Chain, *, browser: bool) -> None:
    err.print(f"\n  Open [bold]{chain.url}[/] and ask: {EXAMPLE}")
    err.print(f'  Or in another terminal: [bold]custard ask "{EXAMPLE}"[/]')
    err.print("  [dim]Ctrl-C stops everything.[/]\n")
    if browser:
        webbrowser.open(chain.url)
    try:
        while True:
            chain.tend()
            time.sleep(1)
    except KeyboardInterrupt:
        err.print("Stopping …")
