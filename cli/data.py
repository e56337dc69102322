"""Commands about questions and data: ``ask``, ``connect``, ``runs``, ``trace``, ``schema``."""

from pathlib import Path
from typing import Annotated

import typer

from cli.console import err, out, print_json

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Url = Annotated[str | None, typer.Option("--url", help="The backend's address; default CUSTARD_URL.")]
Connection = Annotated[str | None, typer.Option("--connection", "-d", help="Connection, by name or id.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command()(ask)
    app.command(short_help="Create a connection for a database.")(connect)
    app.add_typer(_runs, name="runs", help="Past and present runs.")
    app.command(short_help="What a run did, event by event.")(trace)
    app.add_typer(_schema, name="schema", help="What a connection's snapshot holds.")


_runs = typer.Typer(no_args_is_help=True)
_schema = typer.Typer(no_args_is_help=True)


def ask(
    question: Annotated[str, typer.Argument(help="The question, in plain language.")],
    connection: Connection = None,
    follow: Annotated[bool, typer.Option("--continue", "-c", help="Follow up on the latest thread.")] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Show the SQL as well.")] = False,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Ask a question and print the answer."""
    from cli.asking import ask as ask_backend
    from cli.errors import UsageError
    from cli.http import Backend, find_connection

    # Said before anything about connections, which is not what is wrong.
    if not question.strip():
        raise UsageError("The question is empty.", 'Ask one: custard ask "How many engineers are there?"')
    with Backend(url) as backend:
        connection_id = str(find_connection(backend, connection)["connection_id"])
        thread_id = None
        if follow:
            threads = backend.get("/api/v1/threads", connection_id=connection_id, limit=1)["threads"]
            thread_id = str(threads[0]["thread_id"]) if threads else None
        _, code = ask_backend(backend, connection_id, question, thread_id=thread_id, as_json=as_json, sql=sql)
    raise typer.Exit(code)


def connect(
    name: Annotated[str, typer.Argument(help="What to call the database.")],
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Create a connection, and print the command that joins its agent."""
    from cli.http import Backend

    with Backend(url) as backend:
        made = backend.post("/api/v1/connections", {"name": name})
    if as_json:
        print_json(made)
        return
    err.print(f"[green]✓[/] Connection {made['name']} is made. On the database's machine, within 15 minutes:")
    out.print(made["join_command"])


@_runs.command("ls")
def list_runs(
    connection: Connection = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 20,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """List the latest runs."""
    from rich.markup import escape

    from cli.http import Backend, find_connection

    with Backend(url) as backend:
        connection_id = str(find_connection(backend, connection)["connection_id"]) if connection else None
        runs = backend.get("/api/v1/runs", connection_id=connection_id, limit=limit)["runs"]
    if as_json:
        print_json(runs)
        return
    for run in runs:
        out.print(f"{run['run_id']}  {run['status']:<10} {escape(run['question'][:80])}")


@_runs.command("show")
def show_run(run_id: str, as_json: AsJson = False, url: Url = None) -> None:
    """Show a run: its steps and its ending."""
    from cli.errors import run_exit_code
    from cli.http import Backend, run_path
    from cli.transcript import Steps, show_ending

    with Backend(url) as backend:
        run = backend.get(run_path(run_id))
    if as_json:
        print_json(run)
    else:
        steps = Steps()
        for event in run["events"]:
            steps.show(event)
        show_ending(run, sql=True)
    raise typer.Exit(run_exit_code(run))


@_runs.command("export")
def export_run(
    run_id: str,
    format: Annotated[str, typer.Option("--format", "-f", help="csv, json, parquet, arrow or xlsx.")] = "csv",
    file: Annotated[Path | None, typer.Option("--out", "-o", help="The file; else standard output.")] = None,
    source: Annotated[
        str, typer.Option(help="auto; kept: the rows that were shown; live: the query run again.")
    ] = "auto",
    url: Url = None,
) -> None:
    """Save the whole result of a run as a file."""
    from cli.http import Backend
    from cli.saving import save_result

    with Backend(url) as backend:
        size = save_result(backend, run_id, format, file, source)
    if file is not None:
        err.print(f"[green]✓[/] {file}: {size:,} bytes, whole.")


@_runs.command("cancel")
def cancel_run(run_id: str, as_json: AsJson = False, url: Url = None) -> None:
    """Stop a run; its statement ends in PostgreSQL."""
    from cli.http import Backend, run_path

    with Backend(url) as backend:
        backend.post(run_path(run_id, "/cancel"))
        for _ in backend.events(run_id):
            pass
        run = backend.get(run_path(run_id))
    if as_json:
        print_json(run)
    else:
        err.print(f"The run is {run['status']}.")


def trace(run_id: str, as_json: AsJson = False, url: Url = None) -> None:
    """Print a run's events: position, seconds from its start, step, type and what it says."""
    from cli.http import Backend, run_path
    from cli.transcript import trace_lines

    with Backend(url) as backend:
        run = backend.get(run_path(run_id))
    if as_json:
        print_json(run["events"])
        return
    for line in trace_lines(run["events"]):
        out.print(line, markup=False)


@_schema.command("pull")
def pull_schema(connection: Connection = None, as_json: AsJson = False, url: Url = None) -> None:
    """Read the database's tables anew, and say what changed."""
    from cli.http import Backend, find_connection

    with Backend(url) as backend:
        connection_id = find_connection(backend, connection)["connection_id"]
        change = backend.post(f"/api/v1/{connection_id}/refresh-schema")
    if as_json:
        print_json(change)
        return
    err.print(f"{change['tables']} tables, fingerprint {change['fingerprint']}")
    for sign, names in (("+", change["added"]), ("~", change["changed"]), ("-", change["removed"])):
        for name in names:
            out.print(f"{sign} {name}")


@_schema.command("show")
def show_schema(connection: Connection = None, as_json: AsJson = False, url: Url = None) -> None:
    """List the tables and columns that may be asked about."""
    from rich.markup import escape

    from cli.http import Backend, find_connection

    with Backend(url) as backend:
        connection_id = find_connection(backend, connection)["connection_id"]
        snapshot = backend.get(f"/api/v1/connections/{connection_id}/schema")
    if as_json:
        print_json(snapshot)
        return
    for table in snapshot["tables"]:
        comment = f"  [dim]{escape(table['comment'])}[/]" if table["comment"] else ""
        out.print(f"[bold]{escape(table['schema_name'])}.{escape(table['name'])}[/]{comment}")
        for column in table["columns"]:
            out.print(f"  {escape(column['name']):<28} {escape(column['type'])}")
