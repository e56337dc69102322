"""One plant for all: processes are dear. A test leaves it as it found it, and every invariant is checked."""

from collections.abc import Generator, Iterator

import psycopg
import pytest

from embedded.postgres import EmbeddedPostgres, temporary_postgres
from tests.faults.plant import Plant
from tests.faults.proxy import Loop

TOLD_BYTES = 6000
FIRST = "How many staff have an id below 11?"


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A server of the tests' own: it is killed, restarted and filled up."""
    with temporary_postgres() as server:
        with psycopg.connect(server.dsn(), autocommit=True) as conn:
            conn.execute("ALTER SYSTEM SET log_line_prefix = '%m [%p] %a '")
            conn.execute("SELECT pg_reload_conf()")
        yield server


@pytest.fixture(scope="session")
def whole_plant(postgres: EmbeddedPostgres, loop: Loop) -> Iterator[Plant]:
    with Plant(postgres, loop) as plant:
        plant.teach()
        # The first question loads what later ones find loaded.
        assert plant.rows(plant.ask(FIRST)) == [[10]]
        yield plant


@pytest.fixture
def plant(whole_plant: Plant) -> Iterator[Plant]:
    """The plant, whole before and after: what a test broke is mended, then every invariant is checked."""
    before = whole_plant.at_rest()
    yield whole_plant
    whole_plant.mend()
    # The next question is answered; and it is the last word on tasks, files and memory.
    assert whole_plant.rows(whole_plant.ask(FIRST)) == [[10]]
    whole_plant.check(baseline=before)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What fails here once in a hundred times is understood from what the processes said, or not at all."""
    report = yield
    plant = getattr(item, "funcargs", {}).get("plant")
    if report.failed and isinstance(plant, Plant):
        for name in plant.processes:
            report.sections.append((f"what the {name} said last", plant.logs(name)[-TOLD_BYTES:]))
    return report
