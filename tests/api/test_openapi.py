"""The document on disk is held to the code by ``python -m api.openapi --check``."""

import json
from pathlib import Path

import pytest

from api.openapi import main

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def printed() -> str:
    from api.openapi import text

    return text()


def test_the_frontends_document_is_the_codes(printed: str) -> None:
    assert (ROOT / "frontend" / "openapi.json").read_text(encoding="utf-8") == printed, "Run: make client"
    assert "RunEvent" in json.loads(printed)["components"]["schemas"]


def test_a_document_that_differs_is_told(
    printed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(printed, encoding="utf-8")
    assert main(["--check", str(file)]) == 0
    file.write_text(printed.replace('"Custard"', '"Pudding"'), encoding="utf-8")
    assert main(["--check", str(file)]) == 1
    assert main(["--check", str(tmp_path / "missing.json")]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert [line.endswith("Run: make client") for line in told.err.splitlines()] == [True, True]
