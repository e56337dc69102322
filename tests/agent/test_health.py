"""The health file."""

import json
from pathlib import Path

import pytest

from agent.health import Health, read_health


def test_alive_attached_and_gone(tmp_path: Path) -> None:
    path = tmp_path / "health"
    health = Health(path)
    health.attached(False)
    assert read_health(path)[0]
    health.attached(True)
    assert read_health(path) == (True, "Attached.")
    health.remove()
    health.remove()
    assert not read_health(path)[0]


@pytest.mark.parametrize(
    ("state", "healthy"),
    [
        ({"at": 100, "attached": True, "since": 0}, True),
        ({"at": 70, "attached": True, "since": 0}, False),
        ({"at": 100, "attached": False, "since": 50}, True),
        ({"at": 100, "attached": False, "since": -50}, False),
        ({"at": "x"}, False),
        ([], False),
    ],
)
def test_what_counts_as_healthy(tmp_path: Path, state: object, healthy: bool) -> None:
    path = tmp_path / "health"
    path.write_text(json.dumps(state))
    assert read_health(path, now=101.0)[0] is healthy


def test_a_folder_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    Health(tmp_path / "absent" / "health").attached(True)
