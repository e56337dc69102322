"""Every error leaves as problem+json (RFC 9457): one place turns exceptions into documents."""

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from api.bodies import FieldError, ProblemDocument
from api.errors import ApiError
from api.logs import bare
from wire.errors import CustardError

MEDIA_TYPE = "application/problem+json"

_log = structlog.get_logger("api")

_HTTP = {
    400: ("bad_request", "The request cannot be taken", "The body cannot be read.", "Send one JSON object."),
    404: ("not_found", "Not found", "Nothing is served at this address.", "GET /docs lists every address."),
    405: (
        "method_not_allowed",
        "Method not allowed",
        "This address does not take that method.",
        "The Allow header names those that it takes.",
    ),
    413: ("body_too_large", "The body is too large", "The body is too large.", "Send less than 64 kB."),
}


def problem(
    status: int,
    code: str,
    title: str,
    detail: str,
    hint: str = "",
    *,
    run_id: str | None = None,
    errors: list[FieldError] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """The answer that carries one problem."""
    document = ProblemDocument(
        type=f"urn:custard:problem:{code}",
        title=title,
        status=status,
        detail=detail,
        code=code,
        hint=hint,
        run_id=run_id,
        errors=errors,
    )
    return Response(document.model_dump_json(exclude_none=True), status, headers, MEDIA_TYPE)


def api_problem(error: ApiError, run_id: str | None = None) -> Response:
    """The answer to one of our own errors."""
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return problem(
        error.status,
        error.code,
        error.title,
        str(error),
        error.hint,
        run_id=run_id or error.run_id,
        headers=headers,
    )


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These statuses as problem documents, for a route's OpenAPI entry."""
    return {
        status: {"description": "Problem", "content": {MEDIA_TYPE: {"schema": _REFERENCE}}}
        for status in statuses
    }


def default_response() -> dict[str, Any]:
    """What any route may answer besides what it lists."""
    return {"description": "Problem", "content": {MEDIA_TYPE: {"schema": _REFERENCE}}}


_REFERENCE = {"$ref": "#/components/schemas/ProblemDocument"}


def install(app: FastAPI) -> None:
    """Make the application answer every error with a problem."""

    @app.exception_handler(ApiError)
    async def _ours(request: Request, error: ApiError) -> Response:
        return api_problem(error, request.path_params.get("run_id"))

    @app.exception_handler(RequestValidationError)
    async def _validation(_: Request, error: RequestValidationError) -> Response:
        # pydantic's own input is left out: it may hold a secret sent to the wrong field.
        errors = [
            FieldError(field=".".join(str(part) for part in item["loc"]), message=item["msg"])
            for item in error.errors()
        ]
        detail = "; ".join(f"{item.field}: {item.message}" for item in errors[:5])
        return problem(
            422, "bad_request", "The request cannot be taken", detail, "Mend the fields named.", errors=errors
        )

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> Response:
        code, title, detail, hint = _HTTP.get(
            error.status_code,
            (f"http_{error.status_code}", "The request cannot be served", str(error.detail), ""),
        )
        return problem(
            error.status_code,
            code,
            title,
            detail,
            hint,
            headers=dict(error.headers) if error.headers else None,
        )

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> Response:
        if isinstance(error, CustardError):
            return problem(502, error.code, "A part behind the backend failed", str(error), error.hint)
        _log.error("unexpected error", path=request.url.path, kind=type(error).__name__, exc_info=bare(error))
        return problem(
            500,
            "internal",
            "Something went wrong",
            "The backend met an error of its own.",
            "Try again; if it stays, look into the backend's log.",
        )
