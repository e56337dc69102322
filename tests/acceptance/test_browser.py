"""The page in a real Chromium, against the real chain with a scripted model."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.chain import Chain

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.system("chromium"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("chain"),
]

OFFICES = """
SELECT o.city, count(*) AS employees FROM people.employees e
JOIN people.offices o ON o.office_id = e.office_id GROUP BY o.city ORDER BY employees DESC
"""


@pytest.fixture(scope="module")
def seen(chain: Chain, script: Any, artifacts: Path) -> dict[str, Any]:
    """What a person would have seen, from one visit to the page."""
    script.says("Employees by office in the browser", OFFICES, "Most people work in the largest office.")
    script.replies["Employees by office in the browser"] *= 3
    script.says("Follow up in the browser", "SELECT count(*) AS offices FROM people.offices", "All of them.")
    script.says(
        "Take for ever in the browser",
        "SELECT count(*) FROM web.events a CROSS JOIN web.events b CROSS JOIN web.events c",
    )
    script.says(
        "Break in the browser",
        *[f"SELECT sum(department_name::integer + {n}) FROM people.departments" for n in range(8)],
    )
    script.piece_seconds = 0.03
    program = Path(__file__).with_name("browser.mjs")
    try:
        visited = subprocess.run(
            ["node", str(program), chain.url, str(artifacts)],
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )
    finally:
        script.piece_seconds = 0.0
    assert visited.returncode == 0, visited.stderr
    found: dict[str, Any] = json.loads(visited.stdout)
    return found


def test_a_question_is_answered_on_the_page(seen: dict[str, Any], look: Callable[[str], Any]) -> None:
    city = look(f"SELECT city FROM ({OFFICES}) AS o LIMIT 1")
    assert seen["answer"]
    assert city in seen["table"]
    assert "SELECT" in seen["sql"]
    assert "/t/" in seen["url"]


def test_a_follow_up_stays_in_the_thread(seen: dict[str, Any]) -> None:
    assert seen["turns"] == 2


def test_stop_says_that_postgres_has_stopped(seen: dict[str, Any]) -> None:
    assert "Cancelled in Postgres" in seen["cancelled"]


def test_a_question_goes_on_while_another_page_of_the_app_is_open(seen: dict[str, Any]) -> None:
    assert seen["whileAway"] == 1


def test_a_failure_says_what_to_do(seen: dict[str, Any]) -> None:
    assert "run_" in seen["failed"]


def test_the_thread_is_there_again_after_a_reload(seen: dict[str, Any]) -> None:
    assert seen["afterReload"] == 4


def test_nothing_is_wrong_by_axe_the_console_or_the_network(seen: dict[str, Any]) -> None:
    assert {name: found for name, found in seen["violations"].items() if found} == {}
    assert seen["faults"] == []
