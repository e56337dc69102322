"""Commands about this machine: ``model``, ``doctor``, ``completion``."""

from typing import Annotated

import typer

from cli.console import err, out, print_json

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.add_typer(_model, name="model", help="The models that run on this machine.")
    app.command(short_help="Check this machine, part by part.")(doctor)
    app.command(short_help="Print a completion script for a shell.")(completion)


_model = typer.Typer(no_args_is_help=True)


@_model.command("pull")
def pull_model(
    small: Annotated[bool, typer.Option("--small", help="The 0.5B model instead of the 1.5B.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch a model's weights, or resume; they are used only when their SHA-256 is right."""
    from cli.download import show_download
    from embedded.weights import DEFAULT_MODEL, SMALL_MODEL, ensure_model

    name = SMALL_MODEL if small else DEFAULT_MODEL
    with show_download("Model weights") as progress:
        path = ensure_model(name, progress)
    if as_json:
        print_json({"name": name, "path": str(path)})
    else:
        err.print(f"[green]✓[/] {name} is at {path}")


@_model.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the models that can be fetched, and whether they are here."""
    from embedded.paths import models_dir
    from embedded.weights import MODELS

    here = {model.name: (models_dir() / model.file).exists() for model in MODELS.values()}
    if as_json:
        print_json([{"name": m.name, "bytes": m.bytes, "here": here[m.name]} for m in MODELS.values()])
        return
    for model in MODELS.values():
        state = "here" if here[model.name] else "not fetched"
        out.print(f"{model.name:<40} {model.bytes / 1e6:>8,.0f} MB  {state}")


def doctor(as_json: AsJson = False) -> None:
    """Check this machine, part by part, and say what to do about what is wrong."""
    from cli.diagnosis import diagnose

    findings = diagnose()
    if as_json:
        print_json([finding.as_json() for finding in findings])
    else:
        for finding in findings:
            mark = "[green]✓[/]" if finding.ok else "[red]✗[/]" if finding.needed else "[yellow]·[/]"
            err.print(f"{mark} {finding.part:<22} {finding.state}")
            if not finding.ok and finding.hint:
                err.print(f"  [dim]→[/] {finding.hint}")
    raise typer.Exit(0 if all(finding.ok or not finding.needed for finding in findings) else 1)


def completion(
    shell: Annotated[str, typer.Argument(help="bash, zsh or fish.")] = "bash",
) -> None:
    """Print the completion script for a shell: eval "$(custard completion bash)"."""
    from typer._completion_shared import get_completion_script

    from cli.errors import UsageError

    if shell not in ("bash", "zsh", "fish"):
        raise UsageError(f"There is no completion for {shell}.", "Choose bash, zsh or fish.")
    typer.echo(get_completion_script(prog_name="custard", complete_var="_CUSTARD_COMPLETE", shell=shell))
