"""The page used as people use it, in a real Chromium, against a stand-in for the backend that misbehaves on demand."""

import subprocess
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "frontend/e2e/behaviour.mjs"
HANG_SECONDS = 500


@pytest.mark.system("chromium")
@pytest.mark.system("node")
@pytest.mark.timeout(HANG_SECONDS + 60)
def test_every_behaviour_of_the_page() -> None:
    """Keyboard, cut streams, stopping, reloads, outages, refusals, keys, announcements: a line for each check."""
    done = subprocess.run(
        ["node", str(PROGRAM)], capture_output=True, text=True, check=False, timeout=HANG_SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok   ") > 40
