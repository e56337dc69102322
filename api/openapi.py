"""The OpenAPI document: ``python -m api.openapi`` prints it. The frontend's types are made from it."""

import json
import sys
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.bodies import ProblemDocument, Request
from graph.events import RUN_EVENT


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
    for name, schema in schemas.items():
        if name not in sent_by_clients and "properties" in schema:
            schema["required"] = list(schema["properties"])


def _name_streams(made: dict[str, Any]) -> None:
    """Where events are streamed, each one's ``data`` is a ``RunEvent``."""
    stream = {"text/event-stream": {"schema": {"$ref": "#/components/schemas/RunEvent"}}}
    tail = made["paths"]["/api/v1/runs/{run_id}/events"]["get"]["responses"]["200"]
    tail["content"] = stream
    made["paths"]["/api/v1/query"]["post"]["responses"]["200"]["content"].update(stream)


def main() -> None:
    """Print the document."""
    import tempfile
    from pathlib import Path

    from api.app import create_app
    from api.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings(home=Path(folder), frontend_dir=Path(folder)))
    json.dump(document(app), sys.stdout, indent=2, sort_keys=True, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
