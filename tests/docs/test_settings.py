"""docs/settings.md has every variable that the code reads, with the default that the code has."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic_settings import BaseSettings

from agent.settings import Settings as AgentSettings
from api.settings import Settings as BackendSettings

ROOMS = ("agent", "api", "cli", "embedded", "evals", "graph", "prompts", "wire", "frontend/src")
_VARIABLE = re.compile(r"\b((?:CUSTARD|VITE)_[A-Z][A-Z_]*[A-Z])\b")


@pytest.fixture(scope="module")
def docs(page: Callable[[str], Any]) -> Any:
    return page("docs/settings.md")


@pytest.mark.parametrize(
    ("heading", "settings"), [("Backend", BackendSettings), ("Agent", AgentSettings)], ids=["api", "agent"]
)
def test_every_setting_is_there_with_its_default(
    heading: str, settings: type[BaseSettings], docs: Any
) -> None:
    prefix = settings.model_config["env_prefix"]
    fields = {f"{prefix}{name.upper()}": field for name, field in settings.model_fields.items()}
    rows = {row[0].strip("`"): row[1] for row in docs[heading].rows()}
    assert list(rows)[: len(fields)] == list(fields)
    for variable, field in fields.items():
        default = field.get_default()
        if isinstance(default, str | int | float) and default != "":
            assert rows[variable] == f"`{default}`"


def test_every_variable_that_the_code_reads_is_there(docs: Any, root: Path) -> None:
    read: dict[str, str] = {}
    for room in ROOMS:
        for path in (root / room).rglob("*"):
            if path.suffix in {".py", ".ts", ".tsx"}:
                for variable in _VARIABLE.findall(path.read_text(errors="replace")):
                    read.setdefault(variable, str(path.relative_to(root)))
    told = {name for section in docs.sections.values() for name in section.names()}
    missing = {f"{variable} ({where})" for variable, where in read.items() if variable not in told}
    assert not missing
