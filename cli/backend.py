"""Commands that run the backend: ``up`` and ``studio``."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command()(up)
    app.command(short_help="Serve LangGraph Studio with the demo.")(studio)


def up(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; default CUSTARD_HOST, else loopback.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Port; default CUSTARD_PORT.")] = None,
    replicas: Annotated[
        int, typer.Option(min=1, max=64, help="Processes behind the one port; SIGHUP restarts them in turn.")
    ] = 1,
) -> None:
    """Run the backend. CUSTARD_* variables configure it; docs/settings.md lists them."""
    from api.server import serve
    from api.settings import load_settings

    chosen = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = load_settings(**chosen)
    if replicas == 1:
        serve(settings)
        return
    from cli.replicas import serve_replicas

    serve_replicas(settings, replicas)


def studio(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="The Studio server's port.")] = 2024,
) -> None:
    """Serve LangGraph Studio's API with the demo database and an agent attached."""
    from cli.studio import run_studio

    run_studio(port)
