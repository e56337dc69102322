"""The agent's image: built as `make image` builds it, looked into, and run against a real database."""

import asyncio
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wire.messages import End, Execute

ROOT = Path(__file__).parents[2]
PYTHON = "/opt/custard/bin/python"
ENVIRONMENT = {**os.environ, "STORAGE_DRIVER": "vfs"}

# The first build on a machine makes a Debian base, which takes minutes; later ones take the kept one.
pytestmark = [pytest.mark.system("buildah"), pytest.mark.timeout(900)]


def sources() -> str:
    """A name for the state of everything that the image is made of."""
    digest = hashlib.sha256()
    for folder in ("agent", "wire"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    digest.update((ROOT / "requirements" / "agent.txt").read_bytes())
    return digest.hexdigest()[:16]


def buildah(*arguments: str) -> str:
    done = subprocess.run(
        ["buildah", *arguments], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="session")
def container() -> Iterator[str]:
    """A container of the image; built unless one of exactly these sources is there."""
    tag = f"localhost/custard-agent-test:{sources()}"
    known = buildah("images", "--format", "{{.Name}}:{{.Tag}}").splitlines()
    if tag not in known:
        for old in known:
            if old.startswith("localhost/custard-agent-test:"):
                buildah("rmi", "--force", old)
        built = subprocess.run(
            ["deploy/image.sh"],
            cwd=ROOT,
            env={**ENVIRONMENT, "TAG": tag, "ENGINE": "buildah"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert built.returncode == 0, built.stderr
    name = buildah("from", "--pull-never", tag)
    yield name
    buildah("rm", name)


def run(container: str, *command: str) -> str:
    return buildah("run", "--isolation", "chroot", container, "--", *command)


def test_it_holds_the_agent_and_nothing_else_of_custards(container: str) -> None:
    program = (
        "import importlib.util as u, json, os, agent.client, agent.sandbox.gate;"
        "names = ['wire', 'agent', 'api', 'graph', 'prompts', 'evals', 'embedded', 'cli', 'fastapi',"
        " 'langgraph', 'langchain_core', 'typer', 'pip'];"
        "print(json.dumps({'uid': os.getuid(), 'found': [n for n in names if u.find_spec(n)]}))"
    )
    seen = json.loads(run(container, PYTHON, "-c", program))
    assert seen["found"] == ["wire", "agent"]
    assert seen["uid"] > 0


def test_nothing_of_it_can_be_written(container: str) -> None:
    program = (
        "import os; print([p for p in ('/', '/app', '/app/agent', '/opt/custard', '/etc')"
        " if os.access(p, os.W_OK)])"
    )
    assert run(container, PYTHON, "-c", program) == "[]"


def test_its_instructions_need_no_shell(container: str) -> None:
    config = json.loads(buildah("inspect", container))["Docker"]["config"]
    assert config["Entrypoint"] == [PYTHON, "-m", "agent"]
    assert config["Cmd"] == ["run"]
    assert config["Healthcheck"]["Test"] == ["CMD", PYTHON, "-m", "agent", "health"]
    assert config["User"] == "10001:10001"
    assert not config.get("ExposedPorts")


async def test_it_serves(container: str, backend: Any, place: Any, statement_id: Any, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('default = "deny"\n[tables."public.people"]\nallow = true\n')
    policy.chmod(0o644)
    settings = {
        "CUSTARD_AGENT_SERVER": backend.url,
        "CUSTARD_AGENT_TOKEN": "right",
        "CUSTARD_AGENT_DSN": place.dsn,
        "CUSTARD_AGENT_POLICY": "/policy.toml",
        "CUSTARD_AGENT_HEALTH_FILE": "/tmp/agent.health",
        "CUSTARD_AGENT_HOME": "/tmp",
    }
    child = await asyncio.create_subprocess_exec(
        "buildah",
        "run",
        "--isolation",
        "chroot",
        "--volume",
        f"{policy}:/policy.toml:ro",
        *(part for name, value in settings.items() for part in ("--env", f"{name}={value}")),
        container,
        "--",
        PYTHON,
        "-m",
        "agent",
        "run",
        env=ENVIRONMENT,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        peer = await backend.peer(90)
        sid = statement_id()
        await peer.tell(Execute(statement_id=sid, sql="SELECT count(*) FROM people"))
        frames, end = await peer.result(sid)
        assert isinstance(end, End), end
        assert frames[0].rows() == [["100"]]
        assert "Attached" in run(
            container,
            "/usr/bin/env",
            "CUSTARD_AGENT_HEALTH_FILE=/tmp/agent.health",
            PYTHON,
            "-m",
            "agent",
            "health",
        )
        # The backend shows it the door: that ends it, and with it the process that runs the image.
        await peer.socket.close(4403, "revoked")
        _, err = await asyncio.wait_for(child.communicate(), 30)
        assert b"revoked" in err
        assert child.returncode == 1
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
