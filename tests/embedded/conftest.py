"""A data folder of its own for every test, and one demo database a server kind for all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from embedded.demo import DemoDatabase, create_demo
from embedded.postgres import EmbeddedPostgres, temporary_postgres

KINDS = ["embedded", pytest.param("debian", marks=pytest.mark.system("postgresql"))]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder, empty."""
    folder = tmp_path / "home"
    monkeypatch.setenv("CUSTARD_HOME", str(folder))
    monkeypatch.delenv("CUSTARD_DEMO_DSN", raising=False)
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """A server, empty at first, for the tests of one module."""
    with temporary_postgres() as postgres:
        yield postgres


@dataclass(frozen=True)
class Made:
    """A demo database and the server that it is on."""

    server: EmbeddedPostgres
    demo: DemoDatabase
    progress: list[tuple[int, int]]


@pytest.fixture(scope="session", params=KINDS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """The whole demo database; nobody changes it."""
    with temporary_postgres(request.param) as postgres:
        progress: list[tuple[int, int]] = []
        # Only while it is made: the fixture lives as long as the session, other packages' tests included.
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("CUSTARD_HOME", str(tmp_path_factory.mktemp("demo-home")))
            demo = create_demo(
                postgres.dsn(), lambda done, total: progress.append((done, total)), today=date(2026, 11, 23)
            )
        yield Made(postgres, demo, progress)
