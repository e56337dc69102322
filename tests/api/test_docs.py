"""docs/http.md names every address and every problem code, and no others."""

import inspect
import re
from pathlib import Path
from typing import Any

from api import errors
from api.errors import ApiError

PAGE = Path(__file__).parents[2] / "docs" / "http.md"
_GENERAL = {"unavailable", "bad_request", "method_not_allowed", "internal"}
"""A base class nobody meets, and codes that are not errors of api.errors."""


def _first_cells(heading: str) -> list[str]:
    section = PAGE.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)


def test_every_address_is_told(app: Any) -> None:
    served = {
        f"{method.upper()} {path}"
        for path, methods in app.openapi()["paths"].items()
        for method in methods
        if f"{method.upper()} {path}" != "POST /api/v1/connections"  # told with its short form
    }
    assert set(_first_cells("Addresses")) == served | {"GET /metrics"}


def test_every_code_is_told_with_its_status() -> None:
    codes = {
        error.code: error.status
        for error in vars(errors).values()
        if inspect.isclass(error) and issubclass(error, ApiError) and error is not ApiError
    }
    assert set(_first_cells("Problems")) == (codes.keys() | _GENERAL) - {"unavailable"}
    for code, status in codes.items():
        if code not in _GENERAL:
            assert f"| `{code}` | {status} |" in PAGE.read_text()
