"""What every room's tests share: what the machine must have, and the line that would install it."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from embedded import ports

# What stands still for a moment has not failed; a real hang meets pytest's own limit.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

FORBID_SKIPS = os.environ.get("CI") == "true"
"""In CI a missing part is a failure: nothing may be proved by being passed over."""


def _has_namespaces() -> bool:
    """Whether a network and mounts of a test's own can be made here, which takes root."""
    if os.getuid() != 0 or not all(map(shutil.which, ("ip", "nft", "setpriv", "unshare"))):
        return False
    return subprocess.run(["unshare", "--mount", "--net", "true"], capture_output=True).returncode == 0


LONGEST = (
    "frontend/test_behaviour.py",
    "faults/test_frames.py",
    "faults/test_replicas.py",
    "faults/test_backend.py",
    "faults/test_agent.py",
    "faults/test_store.py",
    "faults/test_pairs.py",
    "faults/test_standby.py",
    "agent/corpus/test_schemas.py",
    "agent/corpus/test_rules.py",
    "faults/test_model.py",
    "api/test_replicas.py",
    "cli/test_replicas.py",
    "faults/test_database.py",
    "agent/sandbox/test_check.py",
    "agent/corpus/test_corpus.py",
    "agent/servers/test_majors.py",
    "evals/test_faults.py",
    "agent/test_memory.py",
)
"""Files that take longest, by their place in ``tests/``: workers that begin with them end together."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, whatever their number of tests, and within a file nothing is moved."""
    here = Path(__file__).parent
    rank = {here / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


_PARTS: dict[str, tuple[Callable[[], bool], str]] = {
    "chromium": (
        lambda: bool(shutil.which("chromium") or shutil.which("chromium-browser")),
        "apt-get install chromium",
    ),
    "postgresql": (
        lambda: any(Path("/usr/lib/postgresql").glob("*/bin/postgres")),
        "apt-get install postgresql",
    ),
    "buildah": (
        lambda: bool(shutil.which("buildah") and shutil.which("debootstrap")),
        "apt-get install buildah debootstrap",
    ),
    "namespaces": (_has_namespaces, "apt-get install iproute2 nftables, and run the tests as root"),
    "strace": (lambda: bool(shutil.which("strace")), "apt-get install strace"),
    "node": (lambda: bool(shutil.which("node")), "install Node.js 20 or newer"),
}


def require(part: str) -> None:
    """Go on only where the machine has ``part``; elsewhere skip, naming the line that installs it.

    In CI it fails instead.
    """
    present, install = _PARTS[part]
    if present():
        return
    message = f"{part} is not installed; to have it: {install}"
    if FORBID_SKIPS:
        pytest.fail(message)
    pytest.skip(message)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("system"):
        require(mark.args[0])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> object:
    report = yield
    if FORBID_SKIPS and report.skipped:  # type: ignore[attr-defined]
        report.outcome = "failed"  # type: ignore[attr-defined]
        report.longrepr = f"skipped in CI: {report.longrepr}"  # type: ignore[attr-defined]
    return report


@pytest.fixture
def free_port() -> int:
    """A TCP port on loopback that nothing listens on, and that no other test is given."""
    return ports.free_port()
