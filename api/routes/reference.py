"""``/docs``: every address with what it takes and gives, as one page that needs nothing from elsewhere."""

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.openapi import document

router = APIRouter(include_in_schema=False)

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 13px/1.5 ui-monospace, monospace; }
details { border-top: 1px solid #8885; padding: .5rem 0; }
summary { cursor: pointer; }
.method { display: inline-block; min-width: 4.5rem; font-weight: 600; }
pre { overflow-x: auto; padding: .75rem; border: 1px solid #8885; border-radius: 6px; }
"""


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """The reference, made from the OpenAPI document."""
    made = document(request.app)
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>{escape(made['info']['title'])} API</title><style>{_STYLE}</style>",
        f"<h1>{escape(made['info']['title'])} API <small>{escape(made['info']['version'])}</small></h1>",
        f"<p>{escape(made['info'].get('description', ''))} ",
        "The same as data: <a href='/openapi.json'>openapi.json</a>.</p>",
    ]
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            parts.append(_operation(made, path, method, operation))
    return HTMLResponse("".join(parts))


def _operation(made: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<li><code>{escape(item['name'])}</code> in {escape(item['in'])}"
        f"{' (required)' if item.get('required') else ''}</li>"
        for item in operation.get("parameters", [])
    )
    answers = "".join(
        f"<li><code>{escape(status)}</code> {escape(answer.get('description', ''))} {_names(answer)}</li>"
        for status, answer in operation["responses"].items()
    )
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return (
        f"<details><summary><span class=method>{escape(method.upper())}</span>"
        f"<code>{escape(path)}</code></summary>"
        f"<p>{escape(operation.get('description', ''))}</p>"
        + (f"<h4>Parameters</h4><ul>{rows}</ul>" if rows else "")
        + (f"<h4>Body</h4><pre>{escape(_shape(made, body))}</pre>" if body else "")
        + f"<h4>Answers</h4><ul>{answers}</ul></details>"
    )


def _names(answer: dict[str, Any]) -> str:
    kinds = [
        f"<code>{escape(media)}</code> {escape(content.get('schema', {}).get('$ref', '').rpartition('/')[2])}"
        for media, content in answer.get("content", {}).items()
    ]
    return ", ".join(kinds)


def _shape(made: dict[str, Any], schema: dict[str, Any]) -> str:
    name = schema.get("$ref", "").rpartition("/")[2]
    target = made["components"]["schemas"].get(name, schema)
    needed = set(target.get("required", []))
    lines = [
        f"{field}{'' if field in needed else '?'}: {_type(detail)}"
        for field, detail in target.get("properties", {}).items()
    ]
    return "\n".join(lines)


def _type(detail: dict[str, Any]) -> str:
    if "anyOf" in detail:
        return " | ".join(_type(option) for option in detail["anyOf"])
    if "$ref" in detail:
        return str(detail["$ref"].rpartition("/")[2])
    if detail.get("type") == "array":
        return f"[{_type(detail.get('items', {}))}]"
    return str(detail.get("type", "any"))
