"""The OpenAPI document: ``python -m api.openapi`` prints it. The frontend's types are made from it.

``--check FILE`` compares instead, for ``make check`` and the commit hook.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.bodies import ProblemDocument, Request
from graph.events import RUN_EVENT
from wire.policy import Exports, FunctionRules, Policy, SchemaRule, TableRule


def document(app: FastAPI) -> dict[str, Any]:
    """The application's document, with the union of events and the problem as named components."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        union = RUN_EVENT.json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
        for name, schema in union.pop("$defs", {}).items():
            schemas.setdefault(name, schema)
        schemas["RunEvent"] = {"title": "RunEvent", "description": "One fact about a run.", **union}
        problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
        for name, schema in problem.pop("$defs", {}).items():
            schemas.setdefault(name, schema)
        schemas["ProblemDocument"] = problem
        _state_presence(schemas)
        _name_streams(made)
        app.openapi_schema = made
    return app.openapi_schema


def _state_presence(schemas: dict[str, Any]) -> None:
    """What we send holds every field, defaults too: only bodies that a client sends may leave some out."""
    sent_by_clients = {model.__name__ for model in Request.__subclasses__()} | {"ProblemDocument"}
    # A policy comes in with the keys that its author wrote, and goes out again with all of them.
    sent_by_clients |= {model.__name__ for model in (Policy, SchemaRule, TableRule, FunctionRules, Exports)}
    for name, schema in schemas.items():
        if name not in sent_by_clients and "properties" in schema:
            schema["required"] = list(schema["properties"])


def _name_streams(made: dict[str, Any]) -> None:
    """Where events are streamed, each one's ``data`` is a ``RunEvent``."""
    stream = {"text/event-stream": {"schema": {"$ref": "#/components/schemas/RunEvent"}}}
    tail = made["paths"]["/api/v1/runs/{run_id}/events"]["get"]["responses"]["200"]
    tail["content"] = stream
    made["paths"]["/api/v1/query"]["post"]["responses"]["200"]["content"].update(stream)


def text() -> str:
    """The document of this code, as ``frontend/openapi.json`` holds it."""
    from api.app import create_app
    from api.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings(home=Path(folder), frontend_dir=Path(folder)))
        return json.dumps(document(app), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def stale(file: Path) -> str | None:
    """What is wrong with a file that should hold the document; None when nothing is."""
    try:
        held = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return f"{file} cannot be read ({type(error).__name__}). Run: make client"
    return None if held == text() else f"{file} is not what the code says. Run: make client"


def main(arguments: list[str] | None = None) -> int:
    """Print the document, or with ``--check FILE`` compare; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m api.openapi", description="Prints the OpenAPI document.")
    parser.add_argument(
        "--check", type=Path, metavar="FILE", help="compare with FILE; exit 1 when they differ"
    )
    check: Path | None = parser.parse_args(arguments).check
    if check is None:
        sys.stdout.write(text())
        return 0
    if (trouble := stale(check)) is not None:
        print(trouble, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
